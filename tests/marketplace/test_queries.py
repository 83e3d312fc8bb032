"""Queries: Zipfian frequencies, variants with their truth, words that mean what the truth says."""

import numpy as np
import polars as pl
import pytest

from roar.marketplace.queries import KINDS, NOISES, zipf_frequencies
from roar.parameters import Simulation
from roar.schemas import Queries
from roar.training_sets import query_strata


def test_queries_follow_the_contract_and_are_as_many_as_asked(market, small):
    Queries.validate(market.queries)
    assert len(market.queries) == small.queries
    assert market.queries["query"].is_unique().all()


@pytest.mark.parametrize("exponent", [0.6, 0.7, 1.0])
def test_frequencies_fall_with_the_stated_exponent(exponent):
    frequency = zipf_frequencies(60_000, exponent, 0.3)
    ranks = np.arange(1, 2_001)
    slope = np.polyfit(np.log(ranks), np.log(frequency[:2_000]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.02)
    assert (frequency == 1).mean() == pytest.approx(0.3, abs=0.01)
    assert frequency.min() == 1


def test_all_strata_are_there_at_the_default_size():
    defaults = Simulation()
    frequency = zipf_frequencies(defaults.queries, defaults.zipf_exponent, defaults.once_only_share)
    queries = pl.DataFrame(
        {"query_id": [f"q{i}" for i in range(len(frequency))], "frequency": frequency, "vertical": "x"}
    )
    counts = dict(query_strata(queries)["stratum"].value_counts().iter_rows())
    assert min(counts[name] for name in ("HEAD", "TORSO HIGH", "TORSO LOW", "TAIL", "ONCE ONLY")) > 700


def test_every_kind_of_intent_and_noise_occurs(market, small):
    counts = market.query_intents.group_by("intent").len()
    assert set(counts["intent"]) == set(KINDS)
    assert set(market.query_intents["noise"]) == set(NOISES)
    assert market.query_intents["noisy"].mean() == pytest.approx(small.noisy_share, abs=0.01)


def test_noisy_queries_are_variants_of_a_logged_clean_query(market):
    truth = market.query_intents.join(market.queries, on="query_id")
    noisy = truth.filter(pl.col("noisy"))
    clean = truth.filter(~pl.col("noisy"))
    assert set(noisy["canonical"]) <= set(clean["query"])
    assert (noisy["canonical"] != noisy["query"]).all()
    assert (clean["canonical"] == clean["query"]).all()
    both = noisy.join(clean, left_on="canonical", right_on="query", suffix="_clean")
    assert (both["asked"] == both["asked_clean"]).all()
    assert (both["product_type"] == both["product_type_clean"]).all()


def test_ambiguous_queries_have_their_own_vertical_and_several_meanings(market):
    truth = market.query_intents.join(market.queries, on="query_id")
    ambiguous = truth.filter(pl.col("vertical") == "ambiguous")
    assert len(ambiguous) > 100
    assert (ambiguous["intent"] == "ambiguous").all()
    assert ambiguous["product_type"].str.contains("|", literal=True).all()


def test_popular_queries_are_short_and_plain(market):
    truth = market.query_intents.join(market.queries, on="query_id").sort("frequency", descending=True)
    words = truth["query"].str.count_matches(" ")
    assert words.head(300).mean() < words.tail(2_000).mean()
    assert (truth["intent"].head(300) == "type").mean() > (truth["intent"].tail(2_000) == "type").mean()
