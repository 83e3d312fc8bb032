"""Strata by cumulative traffic, and the slices that every data set has."""

import polars as pl

from roar.parameters import Slices
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
