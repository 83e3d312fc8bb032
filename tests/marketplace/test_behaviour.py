"""The search log: the click model's propensities, two rankers, sessions that make sense."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from roar.marketplace.behaviour import RANKERS, click_model, examination
from roar.parameters import Behaviour
from roar.schemas import SearchLog


def test_the_log_follows_the_contract_and_its_window(market, small):
    SearchLog.validate(market.search_log)
    log, behaviour = market.search_log, small.behaviour
    assert log["session_id"].n_unique() == behaviour.sessions
    assert log["timestamp"].min() >= behaviour.window_start
    assert log["timestamp"].max() < behaviour.window_start + dt.timedelta(days=behaviour.window_days)
    assert set(log["query"]) <= set(market.queries["query"])


def test_clicks_follow_examination_by_position(market, small):
    """Clicks divided by what attraction alone would give are the true propensities, at every position, within noise."""
    truth = market.query_intents.join(market.queries, on="query_id").select("query", "product_type", "asked")
    sold = market.items.select("product_id", "product_type")
    plain = market.search_log.join(truth.filter(pl.col("asked") == ""), on="query").join(
        sold, on="product_id", suffix="_sold"
    )
    exact = plain.filter(pl.col("product_type") == pl.col("product_type_sold"))
    rates = exact.group_by("position").agg(pl.col("clicked").mean(), pl.len()).sort("position")
    expected = small.behaviour.attraction.exact * examination(small.behaviour)[rates["position"].to_numpy() - 1]
    error = np.sqrt(expected * (1 - expected) / rates["len"].to_numpy())
    assert rates["len"].min() > 100
    assert (abs(rates["clicked"].to_numpy() - expected) < 4 * error).all()


def test_both_rankers_show_the_same_products_at_different_positions(market):
    """What makes propensities identifiable: pairs shown by both, at positions that differ."""
    shown = market.search_log.group_by("query", "product_id", "ranker").agg(pl.col("position").first())
    both = shown.pivot("ranker", index=["query", "product_id"], values="position").drop_nulls()
    assert set(market.search_log["ranker"]) == set(RANKERS)
    assert len(both) > 500
    assert (both[RANKERS[0]] != both[RANKERS[1]]).mean() > 0.5


def test_orders_are_carted_and_carts_are_clicked(market):
    log = market.search_log
    assert log["ordered"].sum() > 50
    assert log.filter(pl.col("ordered") & ~pl.col("carted")).is_empty()
    assert log.filter(pl.col("carted") & ~pl.col("clicked")).is_empty()


def test_sessions_reformulate_and_stop_after_a_cart(market):
    searches = market.search_log.group_by("session_id", "timestamp", "query").agg(
        pl.col("carted").any(), pl.col("ranker").first()
    )
    sessions = (
        searches.sort("session_id", "timestamp")
        .group_by("session_id", maintain_order=True)
        .agg(pl.col("query"), pl.col("carted"), pl.col("ranker").n_unique(), pl.len())
    )
    several = sessions.filter(pl.col("len") > 1)
    assert len(several) > 300
    assert sessions["len"].max() <= 3
    assert (several["query"].list.get(0) != several["query"].list.get(1)).all()
    assert not several["carted"].list.slice(0, 1).list.any().any()
    assert (sessions["ranker"] == 1).all()


def test_the_click_model_table_states_the_truth():
    table = click_model(Behaviour(results=5, examination_decay=1.0))
    assert table.filter(pl.col("ranker") == "lexical")["examination"].to_list() == pytest.approx(
        [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    )
    assert len(table) == 5 * len(RANKERS)
