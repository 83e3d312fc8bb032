"""Splits: variants on one side, every query tested once, strata spread evenly, upstream honoured."""

import polars as pl
import pytest

from roar.errors import InputError
from roar.parameters import Splits
from roar.training_sets import query_variants, split_queries


@pytest.fixture
def many() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """1,200 queries, a third of them a second spelling of another, in two strata."""
    texts = [f"thing{chr(97 + i % 26)}{chr(97 + i // 26)} number {i}" for i in range(800)] + [
        f"NUMBER {i} thing{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(400)
    ]
    queries = pl.DataFrame({"query_id": [f"q{i}" for i in range(1200)], "query": texts})
    strata = queries.select(
        "query_id",
        vertical=pl.lit("all"),
        stratum=pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("HEAD")).otherwise(pl.lit("TAIL")),
    )
    return queries, query_variants(queries["query"]), strata


@pytest.mark.parametrize("method", ["holdout", "cross_fit"])
def test_variants_of_a_query_stay_on_one_side(many, method):
    splits = split_queries(*many, Splits(method=method), seed=1)
    sides = splits.group_by("fold", "variant_group").agg(pl.col("split").n_unique(), pl.len())
    assert sides["split"].max() == 1 and sides["len"].max() > 1


def test_cross_fitting_tests_every_query_exactly_once(many):
    splits = split_queries(*many, Splits(method="cross_fit", folds=5), seed=1)
    tested = splits.filter(pl.col("split") == "test")
    assert tested.height == tested["query_id"].n_unique() == 1200
    assert set(tested["fold"]) == {f"fold_{i}" for i in range(5)}
    assert (splits.group_by("fold").len()["len"] == 1200).all()


def test_holdout_has_the_shares_asked_for_in_every_stratum(many):
    splits = split_queries(*many, Splits(method="holdout", test=0.3, validation=0.1), seed=1).join(
        many[2], on="query_id"
    )
    shares = (
        splits.group_by("stratum", "split")
        .len()
        .with_columns(share=pl.col("len") / pl.col("len").sum().over("stratum"))
    )
    wanted = {"test": 0.3, "validation": 0.1, "train": 0.6}
    assert all(abs(share - wanted[split]) < 0.04 for _, split, _, share in shares.iter_rows())


def test_another_seed_gives_another_split_and_the_same_seed_the_same(many):
    first, again, other = (split_queries(*many, Splits(method="holdout"), seed=seed) for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)


def test_auto_cross_fits_small_sets_holds_out_large_ones_and_honours_upstream(many):
    queries, variants, strata = many
    assert split_queries(queries, variants, strata, Splits(cross_fit_below=2000), seed=1)["fold"].n_unique() == 5
    assert split_queries(queries, variants, strata, Splits(cross_fit_below=1000), seed=1)[
        "fold"
    ].unique().to_list() == ["holdout"]
    upstream = queries.with_columns(
        upstream_split=pl.when(pl.int_range(pl.len()) < 100).then(pl.lit("test")).otherwise(pl.lit("train"))
    )
    splits = split_queries(upstream, variants, strata, Splits(), seed=1)
    tested = set(splits.filter(pl.col("split") == "test")["query_id"])
    assert tested == {f"q{i}" for i in range(100)}
    assert not set(splits.filter(pl.col("split") != "test")["query_id"]) & {f"q{i}" for i in range(800, 900)}, (
        "variants of test queries train"
    )


def test_an_upstream_split_with_one_side_cannot_be_honoured(many):
    queries, variants, strata = many
    with pytest.raises(InputError, match="upstream_split"):
        split_queries(
            queries.with_columns(upstream_split=pl.lit("test")), variants, strata, Splits(method="upstream"), seed=1
        )


def test_too_few_queries_are_an_error(many):
    queries, variants, strata = many
    with pytest.raises(InputError, match="too few"):
        split_queries(queries.head(3), variants, strata, Splits(method="cross_fit"), seed=1)


@pytest.mark.parametrize(
    ("other", "said"), [("dev", "'dev'"), ("Test", r"did you mean test\?"), (None, "nothing for 1 q")]
)
def test_an_upstream_split_that_says_something_else_is_refused(many, other, said):
    """It would have trained, unsaid."""
    queries, variants, strata = many
    sides = ["train", "test", *["train"] * 1197, other]
    with pytest.raises(InputError, match=said):
        split_queries(queries.with_columns(upstream_split=pl.Series(sides)), variants, strata, seed=1)


def test_upstreams_own_validation_side_is_honoured(many):
    queries, variants, strata = many
    place = pl.int_range(pl.len())
    sides = pl.when(place < 700).then(pl.lit("train")).when(place < 750).then(pl.lit("validation"))
    splits = split_queries(
        queries.head(800).with_columns(upstream_split=sides.otherwise(pl.lit("test"))), variants, strata, seed=1
    )
    assert splits.filter(pl.col("split") == "validation")["query_id"].to_list() == [f"q{i}" for i in range(700, 750)]
