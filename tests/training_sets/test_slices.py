"""Strata by cumulative traffic, and the slices that every data set has."""

import time

import polars as pl
import pytest

from roar.errors import InputError
from roar.marketplace import simulate
from roar.parameters import Simulation, Slices
from roar.training_sets import query_slices, query_strata


def strata(frequencies: list[int | None]) -> list[str]:
    queries = pl.DataFrame(
        {
            "query_id": [str(i) for i in range(len(frequencies))],
            "frequency": frequencies,
            "vertical": [None] * len(frequencies),
        }
    )
    return query_strata(queries.with_columns(pl.col("vertical").cast(pl.String), pl.col("frequency").cast(pl.Int64)))[
        "stratum"
    ].to_list()


def test_cuts_are_by_cumulative_traffic():
    # 100 searches: the first query starts at 0 %, the second at 40, the third at 60, the rest beyond 79.
    assert strata([40, 20, 19, 11, 9, 1]) == ["HEAD", "TORSO HIGH", "TORSO LOW", "TAIL", "TAIL", "ONCE ONLY"]


def test_equal_frequencies_share_a_stratum_and_once_is_once():
    found = strata([10] * 10 + [1, 1])
    assert set(found[:10]) == {"HEAD"} and set(found[10:]) == {"ONCE ONLY"}


def test_unknown_and_zero_frequencies_are_unknown():
    assert strata([None, 0, 5]) == ["UNKNOWN", "UNKNOWN", "HEAD"]


def test_order_of_the_rows_does_not_matter():
    assert strata([1, 5, 40, 54]) == strata([54, 40, 5, 1])[::-1]


def test_slices_leave_out_what_does_not_tell_and_take_columns_of_the_user(queries, catalogue):
    judged = queries.with_columns(negated=pl.col("query").str.contains("red"))
    table = query_slices(judged, query_strata(queries), catalogue, Slices(columns=("negated",)))
    assert {"vertical", "stratum", "vertical x stratum", "negated"} <= set(table["slice"])
    assert "query length" not in set(table.filter(pl.col("level") == "none")["slice"])
    once = table.group_by("slice", "query_id").len()
    assert once["len"].max() == 1
    plain = query_slices(
        queries.with_columns(frequency=pl.lit(None, pl.Int64), vertical=pl.lit(None, pl.String)),
        query_strata(queries.with_columns(frequency=pl.lit(None, pl.Int64), vertical=pl.lit(None, pl.String))),
        catalogue,
    )
    assert not {"vertical", "stratum"} & set(plain["slice"]) and "weight" not in plain.columns


def test_rarity_is_that_of_the_rarest_word(catalogue):
    queries = pl.DataFrame(
        {"query_id": ["a", "b", "c"], "query": ["zzz memory", "gold memory", "memory card"], "frequency": [1, 1, 1]}
    )
    found = query_slices(queries, query_strata(queries.with_columns(vertical=pl.lit("x"))), catalogue)
    levels = dict(found.filter(pl.col("slice") == "rarest word").select("query_id", "level").iter_rows())
    assert levels == {"a": "rare", "b": "medium", "c": "common"}


def spelling(texts: list[str], products: pl.DataFrame) -> list[str]:
    queries = pl.DataFrame({"query_id": [str(i) for i in range(len(texts))], "query": texts, "frequency": 1})
    table = query_slices(queries, query_strata(queries.with_columns(vertical=pl.lit("x"))), products)
    levels = dict(table.filter(pl.col("slice") == "spelling").select("query_id", "level").iter_rows())
    return [levels[str(i)] for i in range(len(texts))]


def test_slips_are_noisy_and_other_unknown_words_are_not(catalogue):
    """A letter's edit away, or two words without their space; a word that is merely absent is how people speak."""
    texts = [
        "running shoe",
        "runing shoe",
        "memorycard red",
        "somthing warm",
        "memory cards",
        "cofee maker",
        "gift for him",
    ]
    expected = ["clean", "noisy", "noisy", "clean", "clean", "noisy", "clean"]
    assert spelling(texts, catalogue) == expected


def test_a_word_of_many_queries_is_no_slip(catalogue):
    assert spelling(["runing shoe", "x", "y"], catalogue)[0] == "noisy"
    assert spelling(["runing shoe", "runing", "blue runing", "cofee"], catalogue) == ["clean"] * 3 + ["noisy"]


def test_most_noisy_queries_of_the_simulated_shop_are_noise():
    """Of those called noisy the simulator misspelt at least three in four, and far fewer of those called clean."""
    market = simulate(Simulation(products=3000, queries=4000, judged_queries=500, judged_per_query=6), seed=7)
    judged = market.queries.join(market.judgments, on="query_id", how="semi", maintain_order="left")
    table = query_slices(judged, query_strata(market.queries), market.products).filter(pl.col("slice") == "spelling")
    truth = table.join(market.query_intents.select("query_id", "noise"), on="query_id")
    share = dict(truth.group_by("level").agg((pl.col("noise") != "none").mean()).iter_rows())
    assert truth.filter(level="noisy").height > 50
    assert share["noisy"] > 0.75
    assert share["clean"] < 0.35


def test_length_and_spelling_read_every_script_and_are_bounded():
    """Words of scripts without blanks count; a word of 20,000 letters is no slip, and costs no square of them."""
    queries = pl.DataFrame(
        {
            "query_id": ["a", "b", "c"],
            "query": ["iphone手机壳红色", "shoe", "x" * 20_000],
            "frequency": [1, 1, 1],
            "vertical": [None] * 3,
        },
        schema_overrides={"vertical": pl.String},
    )
    products = pl.DataFrame({"title": ["shoe 手机壳"]})
    start = time.perf_counter()
    slices = query_slices(queries, query_strata(queries), products)
    assert time.perf_counter() - start < 2
    lengths = dict(slices.filter(slice="query length").select("query_id", "level").iter_rows())
    assert lengths["a"] == "5+ words" and lengths["b"] == "1-2 words"


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    queries = pl.DataFrame({"query_id": ["a"], "query": ["x"], "frequency": [1], "negated": [True]})
    with pytest.raises(InputError, match=r"slices\.columns: negatd is no column .*did you mean negated\?"):
        query_slices(queries, queries, queries, Slices(columns=("negatd",)))
