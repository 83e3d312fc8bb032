"""Weights fitted to labelled pairs: what labels say, and no more."""

import numpy as np
import polars as pl
import pytest

from roar.errors import InputError
from roar.marketplace import simulate
from roar.near_duplicates import find_pairs, verify
from roar.near_duplicates.supervision import fit
from roar.parameters import NearDuplicates, Simulation

WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heath",
    "islet",
    "jade",
    "knoll",
    "larch",
    "mesa",
    "north",
    "opal",
    "pine",
    "quartz",
    "ridge",
]


def labelled(size: int = 120) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs alike in half of their words; those of one price, two in three, are one item, and only the labels say so."""
    random = np.random.default_rng(0)
    rows, pairs = [], []
    for i in range(size):
        words = random.permutation(WORDS)
        same = int(i % 3 > 0)
        first, second = " ".join(words[:6]), " ".join([*words[:3], *words[6:9]])
        rows += [(f"a{i:03}", first, 20.0), (f"b{i:03}", second, 20.0 if same else 30.0)]
        pairs.append((f"a{i:03}", f"b{i:03}", same))
    return (
        pl.DataFrame(rows, schema=["product_id", "title", "price"], orient="row"),
        pl.DataFrame(pairs, schema=["product_id_a", "product_id_b", "label"], orient="row"),
    )


def test_labels_teach_what_the_default_cannot_know() -> None:
    """Scores are those of pairs that were not seen, and the fitted configuration is one that `verify` takes."""
    products, pairs = labelled()
    fitted = fit(products, pairs)
    assert fitted.cross_validated.f1 > 0.95 > fitted.unsupervised.f1
    verdict = verify(products, pairs, fitted.config)
    assert (verdict["accepted"] == (verdict["label"] == 1)).mean() > 0.95


def test_labels_without_meaning_teach_nothing() -> None:
    """Cross-validation does not reward what cannot be learned."""
    products, pairs = labelled()
    noise = pairs.with_columns(label=pl.Series(np.random.default_rng(1).integers(0, 2, len(pairs))))
    fitted = fit(products, noise)
    assert 0.3 < fitted.cross_validated.precision < 0.7 or fitted.cross_validated.recall < 0.3


def test_the_default_is_left_alone() -> None:
    before = NearDuplicates().model_dump()
    fit(*labelled())
    assert NearDuplicates().model_dump() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [(pl.lit(2).alias("label"), "expected 1"), (pl.lit(1).alias("label"), "20 pairs of either kind")],
)
def test_labels_that_cannot_teach_are_named(change, named) -> None:
    products, pairs = labelled()
    with pytest.raises(InputError, match=named):
        fit(products, pairs.with_columns(change))


def test_what_few_labels_do_not_tell_of_stays_as_it_was() -> None:
    """Forty labels that know prices alone: as many pairs of another kind are found as before, by half or twice."""
    products, pairs = labelled(60)
    shop = simulate(Simulation(products=600, queries=50, judged_queries=10), seed=2).products.select(
        "product_id", "title", "price"
    )
    fitted = fit(pl.concat([products, shop]), pairs)
    before, after = (find_pairs(shop, config).height for config in (NearDuplicates(), fitted.config))
    assert before / 2 < after < 2 * before
