"""Position bias: examinations are recovered from a log, and clicks weighed by them say what products are worth."""

import logging

import numpy as np
import polars as pl
import pytest

from roar.parameters import BehaviourSource, Debias, Splits, Stage1Sources
from roar.training_sets import engaged, propensities, query_strata, query_variants, split_queries, stage1_pairs


def played(examination: list[float], *, searches: int = 20_000, swap: bool = True) -> pl.DataFrame:
    """A log of the position-based model for one query; with `swap`, half of the searches show the products turned round."""
    random, depth = np.random.default_rng(3), len(examination)
    turned = (random.random(searches) < 0.5) & swap
    product = np.where(turned[:, None], np.arange(depth)[::-1], np.arange(depth))
    clicked = random.random((searches, depth)) < np.array(examination) * np.linspace(0.9, 0.3, depth)[product]
    position = np.tile(np.arange(1, depth + 1), searches)
    log = pl.DataFrame({"product_id": product.ravel(), "position": position, "clicked": clicked.ravel()})
    return log.with_columns(pl.col("product_id").cast(pl.String), query=pl.lit("q"), carted=False, ordered=False)


def test_examinations_are_those_that_made_the_log():
    """Only pairs of positions that swapped are linked: 1 with 4; 2 with 3, of which nothing is known."""
    truth = [1.0, 0.6, 0.4, 0.3]
    found = propensities(played(truth)).head(4)["propensity"].to_list()
    assert found == [1.0, 1.0, 1.0, pytest.approx(0.3, abs=0.02)]
    both = pl.concat([played(truth), played(truth[:3]).with_columns(query=pl.lit("another"))])
    found = propensities(both).head(4)["propensity"].to_numpy()
    assert np.abs(found - truth).max() < 0.03, "3 with 1 links them all"


def test_examinations_are_those_of_the_simulator(market):
    truth = market.click_model.filter(pl.col("ranker") == "lexical").select("position", "examination")
    both = truth.join(propensities(market.search_log), on="position")
    assert both.height == 10 and ((both["propensity"] - both["examination"]).abs() < 0.05).all()
    assert (both.sort("position")["propensity"].diff().drop_nulls() <= 0).all()


def test_click_rates_by_position_alone_would_be_wrong(market):
    """The estimate is better than the naive one, which takes what rankers put first for what is looked at first."""
    truth = market.click_model.filter(pl.col("ranker") == "lexical").sort("position")["examination"]
    naive = market.search_log.group_by("position").agg(pl.col("clicked").mean()).sort("position")["clicked"]
    found = propensities(market.search_log).head(10)["propensity"]
    assert (found - truth).abs().sum() < (naive / naive[0] - truth).abs().sum()


def test_a_log_without_variation_tells_nothing():
    assert propensities(played([1.0, 0.5, 0.2], swap=False)).is_empty()
    assert propensities(played([1.0, 0.5], searches=1).clear()).is_empty()


def test_order_of_the_rows_does_not_matter(market):
    shuffled = market.search_log.sample(fraction=1.0, shuffle=True, seed=1)
    assert propensities(shuffled).equals(propensities(market.search_log))


def test_debiased_weights_say_what_a_product_is_worth_wherever_it_stood():
    """Equal attraction at positions 1 and 3: raw clicks favour the first, debiased ones do not."""
    examined = pl.DataFrame({"position": [1, 2, 3], "propensity": [1.0, 0.5, 0.25]})
    rows = [("q", "top", 1)] * 4 + [("q", "low", 3)]
    log = pl.DataFrame(rows, schema=["query", "product_id", "position"], orient="row")
    log = log.with_columns(clicked=True, carted=False, ordered=False)
    raw, fair, clipped = (
        dict(engaged(log, table, config).select("product_id", "weight").iter_rows())
        for table, config in ((None, None), (examined, Debias()), (examined, Debias(clip=2.0)))
    )
    assert raw["top"] > raw["low"] and fair["top"] == pytest.approx(fair["low"])
    assert raw["low"] < clipped["low"] < fair["low"]


def test_debiasing_brings_weights_nearer_to_the_attraction(market):
    """Per impression, debiased clicks rank grades' products as often shown first and last alike."""
    log = market.search_log.with_columns(p=pl.lit(1.0))
    shown = (
        log.group_by("query", "product_id").agg(n=pl.len(), place=pl.col("position").mean()).filter(pl.col("n") > 20)
    )
    table = propensities(market.search_log)

    def bias(clicks: pl.DataFrame) -> float:
        rates = shown.join(clicks, on=["query", "product_id"], how="left").with_columns(
            rate=((8.0 ** pl.col("weight").fill_null(0.0)) - 1.0) / pl.col("n")
        )
        return abs(rates.select(pl.corr("rate", "place", method="spearman")).item())

    plain = market.search_log.with_columns(carted=False, ordered=False)
    assert shown.height > 100 and bias(engaged(plain, table, Debias())) < bias(engaged(plain))


def test_what_cannot_be_debiased_is_said_once_and_weighs_as_before(queries, judgments, caplog):
    log = pl.DataFrame({"query": ["red thing"], "product_id": ["p00"], "position": [2]}).with_columns(
        clicked=True, carted=False, ordered=False
    )
    variants = query_variants(pl.concat([queries["query"], log["query"]]))
    splits = split_queries(queries, variants, query_strata(queries), Splits(method="cross_fit"), seed=1)
    sources = [Stage1Sources(behaviour=BehaviourSource(debias=debias)) for debias in (None, Debias())]
    with caplog.at_level(logging.INFO, logger="roar"):
        before, after = (stage1_pairs(queries, judgments, log, variants, splits, config, seed=1) for config in sources)
    assert before.equals(after)
    assert sum("not debiased" in record.message for record in caplog.records) == 1
