"""Searchers in a test: routed by a hash of their id, they search, reword, click, cart and order.

Searchers differ in how often they search, and keep this habit from before the test: that is what the covariate
explains. Every draw is keyed by seed, name and row, so parts of any size give the same log.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from roar.marketplace.behaviour import SEARCHES
from roar.marketplace.catalogue import numbered
from roar.marketplace.draws import Draws
from roar.marketplace.experiment.shop import ARMS, EMPTY, RankedShop
from roar.parameters import Behaviour, SimulatedExperiment

SESSIONS = 1_000  # room for a searcher's sessions in the numbering of draws
DAY = 86_400


class Played(NamedTuple):
    """A test, or a part of it: tables under `roar.schemas.ExperimentLog` and `ExperimentUnits`."""

    log: pl.DataFrame
    units: pl.DataFrame


def play(shop: RankedShop, config: SimulatedExperiment, behaviour: Behaviour, *, seed: int) -> Played:
    """The whole test at once."""
    parts = list(play_parts(shop, config, behaviour, seed=seed))
    return Played(*(pl.concat(tables) for tables in zip(*parts, strict=True)))


def play_parts(
    shop: RankedShop, config: SimulatedExperiment, behaviour: Behaviour, *, seed: int, users: int = 100_000
) -> Iterator[Played]:
    """The test in parts of `users` searchers, so that a log of any length can be written.

    Cost: about a second and 300 MB for 100,000 searchers with four searches each.
    """
    for first in range(0, config.users, users):
        yield _part(shop, config, behaviour, np.arange(first, min(first + users, config.users)), Draws(seed))


def habits(users: np.ndarray, config: SimulatedExperiment, draws: Draws) -> np.ndarray:
    """How much more than the average each searcher searches; the mean is 1."""
    spread = config.activity_spread
    return np.exp(spread * draws.normal("experiment habit", users) - spread**2 / 2)


def sessions_of(name: str, users: np.ndarray, mean: np.ndarray, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Each searcher's sessions, at least one: their searchers, by place in `users`, and their numbers."""
    count = 1 + np.minimum(_poisson(draws.uniform(name, users), mean), SESSIONS - 1)
    user = np.repeat(np.arange(len(users)), count)
    within = np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count)
    return user, users[user] * SESSIONS + within


def _part(
    shop: RankedShop, config: SimulatedExperiment, behaviour: Behaviour, users: np.ndarray, draws: Draws
) -> Played:
    arm = (draws.uniform("experiment route", users) < config.treatment_share).astype(np.int64)
    habit = habits(users, config, draws)
    user, session = sessions_of("experiment sessions", users, (config.sessions - 1) * habit, draws)
    start = draws.uniform("experiment start", session) * (config.days * DAY - 600)
    searches = _sessions(shop, config, behaviour, arm[user], session, start, draws)
    return Played(_log(shop, config, users[0], searches), _units(shop, config, users, habit, draws))


def _sessions(
    shop: RankedShop,
    config: SimulatedExperiment,
    behaviour: Behaviour,
    arm: np.ndarray,
    session: np.ndarray,
    second: np.ndarray,
    draws: Draws,
) -> pl.DataFrame:
    """One row per search: arm, session, second, query, clicks, carts, orders, revenue, first_click_s."""
    following = Following(shop.need)
    query = draws.weighted("experiment query", session, shop.weight)
    found = []
    for turn in range(SEARCHES):
        key = session * SEARCHES + turn
        acted = _act(shop, config, arm, query, key, draws)
        found.append(pl.DataFrame({"arm": arm, "session": session, "second": second, "query": query} | acted))
        again = draws.uniform("experiment again", key) < behaviour.reformulation
        after = following.draw(query, draws.uniform("experiment reworded", key))
        stay = again & (after != EMPTY) & (acted["carts"] == 0)
        pause = 20 + 70 * draws.uniform("experiment pause", key)
        arm, session, second, query = arm[stay], session[stay], (second + pause)[stay], after[stay]
    return pl.concat(found)


def _act(
    shop: RankedShop, config: SimulatedExperiment, arm: np.ndarray, query: np.ndarray, key: np.ndarray, draws: Draws
) -> dict[str, np.ndarray]:
    """What searchers do with what their arm shows, added up."""
    did = engage(shop.click[arm, query], shop.cart[arm, query], shop.order, key, config, draws)
    counts = [acts.sum(axis=1).astype(np.int64) for acts in (did.clicked, did.carted, did.ordered)]
    clicks, carts, orders = counts
    revenue = (did.ordered * shop.price[arm, query]).sum(axis=1)
    first = np.where(clicks > 0, did.seconds, np.nan)
    return {"clicks": clicks, "carts": carts, "orders": orders, "revenue": revenue.round(2), "first_click_s": first}


class Engagement(NamedTuple):
    """What n searchers do with k shown products.

    clicked, carted, ordered: (n, k) bool; seconds: (n,) to the first click, where there is one.
    """

    clicked: np.ndarray
    carted: np.ndarray
    ordered: np.ndarray
    seconds: np.ndarray


def engage(
    click: np.ndarray, cart: np.ndarray, order: float, key: np.ndarray, config: SimulatedExperiment, draws: Draws
) -> Engagement:
    """Play searchers, each by draws of its own; those after the click are made for clicked products alone.

    Args:
        click: (n, k) probability of a click on each shown product; 0 where none is shown.
        cart: (n, k) of putting it in the cart, once clicked.
        order: of ordering it then.
        key: (n,) numbers of the searches.
        config: seconds to a click.
        draws: of the experiment.
    """
    positions = click.shape[1]
    clicked = draws.uniform("experiment click", key, positions) < click
    row, place = np.nonzero(clicked)
    keys = key[row] * positions + place
    carted, ordered = np.zeros_like(clicked), np.zeros_like(clicked)
    carted[row, place] = draws.uniform("experiment cart", keys) < cart[row, place]
    ordered[row, place] = carted[row, place] & (draws.uniform("experiment order", keys) < order)
    haste = 0.5 + draws.uniform("experiment haste", key)
    return Engagement(
        clicked, carted, ordered, haste * (config.first_click_s + config.position_s * clicked.argmax(axis=1))
    )


class Following:
    """Draws another query of the same need, each as likely as the others."""

    def __init__(self, need: np.ndarray) -> None:
        self.order = np.argsort(need, kind="stable")
        _, start, group, size = np.unique(need[self.order], return_index=True, return_inverse=True, return_counts=True)
        self.start, self.size = np.empty_like(need), np.empty_like(need)
        self.start[self.order], self.size[self.order] = start[group], size[group]
        self.place = np.empty_like(need)
        self.place[self.order] = np.arange(len(need)) - start[group]

    def draw(self, query: np.ndarray, u: np.ndarray) -> np.ndarray:
        """By the uniform draw u; `EMPTY` where there is no other."""
        size = self.size[query]
        step = 1 + (u * (size - 1)).astype(np.int64)
        place = (self.place[query] + step) % size
        return np.where(size > 1, self.order[self.start[query] + place], EMPTY)


def _log(shop: RankedShop, config: SimulatedExperiment, first: int, searches: pl.DataFrame) -> pl.DataFrame:
    arm, query = searches["arm"].to_numpy(), searches["query"].to_numpy()
    session = searches["session"].to_numpy()
    start = pl.lit(config.start, dtype=pl.Datetime("us"))
    return searches.select(
        numbered("u", session // SESSIONS).alias("unit_id"),
        numbered("s", session, width=10).alias("session_id"),
        pl.Series(ARMS).gather(arm).alias("variant"),
        (start + pl.duration(milliseconds=(pl.col("second") * 1000).cast(pl.Int64))).alias("timestamp"),
        shop.query.gather(query).alias("query"),
        pl.Series("results", shop.found[arm, query], dtype=pl.Int64),
        pl.Series("impressions", (shop.product != EMPTY).sum(axis=2)[arm, query], dtype=pl.Int64),
        "clicks",
        "carts",
        "orders",
        "revenue",
        pl.col("first_click_s").fill_nan(None).round(3),
    ).sort("unit_id", "timestamp", "session_id")


def _units(
    shop: RankedShop, config: SimulatedExperiment, users: np.ndarray, habit: np.ndarray, draws: Draws
) -> pl.DataFrame:
    """Clicks before the test, under the control; unknown for searchers without a history."""
    a_session = float(np.average(shop.click[0].sum(axis=1), weights=shop.weight))
    mean = config.sessions * config.history_days / config.days * a_session * habit
    clicks = _poisson(draws.uniform("experiment history", users), mean).astype(np.float64)
    unknown = draws.uniform("experiment no history", users) < config.covariate_missing
    covariate = pl.Series("covariate", np.where(unknown, np.nan, clicks)).fill_nan(None)
    return pl.DataFrame({"unit_id": numbered("u", users), "covariate": covariate})


def _poisson(u: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Poisson numbers out of uniform ones."""
    return np.maximum(stats.poisson.ppf(u, np.maximum(mean, 1e-12)), 0).astype(np.int64)
