"""The uplift that an estimator should find: expectations under the click model, without a draw.

A searcher's number of sessions does not depend on the ranker, so that per-searcher uplifts are those of a session.
A session's expected searches of each query follow from its weight and from who rewords; measures add up over them.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from roar.marketplace.behaviour import SEARCHES
from roar.marketplace.experiment.shop import ARMS, EMPTY, RankedShop
from roar.parameters import Behaviour, OnlineMetric, SimulatedExperiment

_MEANS = ("control", "treatment", "relative")


def true_uplifts(
    shop: RankedShop,
    config: SimulatedExperiment,
    behaviour: Behaviour,
    metrics: Mapping[str, OnlineMetric],
    levels: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Expected uplift of every metric, overall and in the slices of the queries.

    Args:
        shop: what the rankers show.
        config: seconds to a click.
        behaviour: who rewords.
        metrics: by name; without a denominator, per session (which has the uplift of per searcher).
        levels: query (lower case) and a column for each slice.

    Returns:
        slice, level, metric, control, treatment (expected means), relative (null where the control's is 0). Revenue is
        not capped here.
    """
    expected = [_expected(shop, config, behaviour, arm) for arm in range(len(ARMS))]
    sessions = float(shop.weight.sum())
    rows = []
    for slice_, level, chosen in _slices(shop, levels):
        for name, metric in metrics.items():
            tops = [float(arm[metric.numerator][chosen].sum()) for arm in expected]
            bottoms = [
                float(arm[metric.denominator][chosen].sum()) if metric.denominator else sessions for arm in expected
            ]
            a, b = (top / bottom if bottom else 0.0 for top, bottom in zip(tops, bottoms, strict=True))
            rows.append((slice_, level, name, a, b, b / a - 1 if a else None))
    schema = {**dict.fromkeys(("slice", "level", "metric"), pl.String), **dict.fromkeys(_MEANS, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _slices(shop: RankedShop, levels: pl.DataFrame | None) -> list[tuple[str, str, np.ndarray]]:
    """Slice, level, and which queries are in it."""
    found = [("overall", "all", np.ones(len(shop.query), dtype=bool))]
    if levels is None:
        return found
    named = shop.query.str.to_lowercase().to_frame("query").join(levels, on="query", how="left", maintain_order="left")
    for slice_ in (name for name in levels.columns if name != "query"):
        values = named[slice_].fill_null("unknown")
        found += [(slice_, level, (values == level).to_numpy()) for level in values.unique().sort()]
    return found


def _expected(shop: RankedShop, config: SimulatedExperiment, behaviour: Behaviour, arm: int) -> dict[str, np.ndarray]:
    """Expected sum of each measure by query (Q,), over as many sessions as the weights say."""
    click, there = shop.click[arm], shop.product[arm] != EMPTY
    cart = click * shop.cart[arm]
    missed = np.cumprod(1 - click, axis=1)
    first = click * np.column_stack([np.ones(len(click)), missed[:, :-1]])
    seconds = config.first_click_s + config.position_s * np.arange(click.shape[1])
    searches, reworded = _visits(shop, behaviour, (1 - cart).prod(axis=1))
    a_search = {
        "searches": np.ones(len(click)),
        "clicked_searches": 1 - missed[:, -1],
        "zero_results": (shop.found[arm] == 0).astype(np.float64),
        "impressions": there.sum(axis=1),
        "clicks": click.sum(axis=1),
        "carts": cart.sum(axis=1),
        "orders": shop.order * cart.sum(axis=1),
        "revenue": shop.order * (cart * shop.price[arm]).sum(axis=1),
        "first_clicks": 1 - missed[:, -1],
        "first_click_s": first @ seconds,
    }
    return {name: searches * each for name, each in a_search.items()} | {"reformulations": reworded}


def _visits(shop: RankedShop, behaviour: Behaviour, uncarted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected searches of each query and those that are reworded, over all turns of a session."""
    group = np.unique(shop.need, return_inverse=True)[1]
    others = np.bincount(group)[group] - 1
    leaving = behaviour.reformulation * uncarted * (others > 0)
    visits, searches, reworded = shop.weight, np.zeros(len(group)), np.zeros(len(group))
    for turn in range(SEARCHES):
        searches = searches + visits
        if turn < SEARCHES - 1:
            gone = leaving * visits
            reworded = reworded + gone
            shares = np.divide(gone, others, out=np.zeros_like(gone), where=others > 0)
            visits = np.bincount(group, shares)[group] - shares
    return searches, reworded
