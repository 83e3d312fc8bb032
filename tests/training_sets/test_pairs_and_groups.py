"""Training sets: nothing held out leaks in, sources are named, groups keep their grades."""

from datetime import datetime

import polars as pl
import pytest

from roar.errors import InputError
from roar.parameters import BehaviourSource, Groups, PairSource, Splits, Stage1Sources
from roar.schemas import Grade
from roar.training_sets import Counts, graded_groups, limited, query_strata, query_variants, split_queries, stage1_pairs

LOG = {"query": pl.String, "product_id": pl.String, "clicked": pl.Boolean, "carted": pl.Boolean, "ordered": pl.Boolean}


@pytest.fixture
def variants(queries):
    extra = pl.Series(["RED memory card", "something nobody judged"])
    return query_variants(pl.concat([queries["query"], extra]))


@pytest.fixture
def splits(queries, variants):
    return split_queries(queries, variants, query_strata(queries), Splits(method="cross_fit"), seed=1)


@pytest.fixture
def search_log():
    rows = [
        ("RED memory card", "p00", True, True, True),
        ("something nobody judged", "p11", True, False, False),
        ("something nobody judged", "p12", False, False, False),
    ]
    return pl.DataFrame(rows, schema=LOG, orient="row").with_columns(timestamp=datetime(2026, 1, 1))


def test_no_pair_asks_a_held_out_question_under_any_spelling(queries, judgments, search_log, variants, splits):
    pairs = stage1_pairs(queries, judgments, search_log, variants, splits, seed=1)
    held_out = splits.filter(pl.col("split") != "train")
    assert pairs.join(held_out, on=["fold", "variant_group"]).is_empty() and pairs.height > 100
    logged = pairs.filter(pl.col("query") == "RED memory card")["fold"]
    trained = splits.filter((pl.col("query_id") == "q00") & (pl.col("split") == "train"))["fold"]
    assert sorted(logged) == sorted(trained) and 0 < len(trained) < 5


def test_sources_give_what_they_should(queries, judgments, search_log, variants, splits):
    pairs = stage1_pairs(queries, judgments, search_log, variants, splits, seed=1)
    annotated = (
        pairs.filter(pl.col("source") == "annotation")
        .join(queries, on="query")
        .join(judgments, on=["query_id", "product_id"])
    )
    assert set(annotated["grade"]) == {"exact", "substitute"}
    clicked = pairs.filter((pl.col("source") == "behaviour") & (pl.col("query") == "something nobody judged"))
    assert set(clicked["product_id"]) == {"p11"} and clicked["fold"].n_unique() == 5


def test_an_order_weighs_more_than_a_click(queries, judgments, search_log, variants, splits):
    behaviour = Stage1Sources(annotation=None)
    pairs = stage1_pairs(queries, judgments, search_log, variants, splits, behaviour, seed=1)
    weight = dict(pairs.select("query", "weight").iter_rows())
    assert 0 < weight["something nobody judged"] < weight["RED memory card"] <= 0.5


def test_limits_are_kept_per_fold_and_sources_can_be_switched_off(queries, judgments, search_log, variants, splits):
    config = Stage1Sources(annotation=PairSource(limit=20), behaviour=None)
    pairs = stage1_pairs(queries, judgments, search_log, variants, splits, config, seed=1)
    assert (pairs.group_by("fold").len()["len"] == 20).all() and set(pairs["source"]) == {"annotation"}


def test_what_limits_leave_out_is_said_with_the_parameter(queries, judgments, search_log, variants, splits):
    counts = Counts()
    config = Stage1Sources(annotation=PairSource(per_query=1), behaviour=BehaviourSource(relative=0.03))
    pairs = stage1_pairs(queries, judgments, search_log, variants, splits, config, seed=1, counts=counts)
    folds = pairs.group_by("fold").agg((pl.col("source") == "annotation").sum(), all=pl.len())
    assert (folds["all"] <= (1.03 * folds["source"]).floor()).all(), "3% of the annotated pairs at most"
    per_query, relative = limited(counts.table())
    found = counts.table().filter(source="annotation", step="found")["rows"].sum()
    kept = (pairs["source"] == "annotation").sum()
    assert f"annotation.per_query leaves out {found - kept:,} of {found:,} rows" in per_query
    assert "stage1_sources.behaviour.relative leaves out" in relative
    none = Stage1Sources(annotation=PairSource(), behaviour=BehaviourSource())
    stage1_pairs(queries, judgments, search_log, variants, splits, none, seed=1, counts=(quiet := Counts()))
    assert not list(limited(quiet.table()))


def test_a_relative_limit_keeps_all_where_nothing_is_annotated(queries, judgments, search_log, variants, splits):
    all_, few = (
        stage1_pairs(
            queries,
            judgments.clear(),
            search_log,
            variants,
            splits,
            Stage1Sources(behaviour=BehaviourSource(relative=r)),
            seed=1,
        )
        for r in (None, 0.1)
    )
    assert few.equals(all_)


def test_no_source_at_all_is_an_error(queries, judgments, search_log, variants, splits):
    with pytest.raises(InputError, match="no source"):
        stage1_pairs(queries, judgments, search_log.clear(), variants, splits, Stage1Sources(annotation=None), seed=1)


def test_groups_hold_train_queries_with_two_grades_best_first(queries, judgments, catalogue, splits):
    alone = catalogue.select("product_id", cluster_id="product_id")
    groups = graded_groups(queries, judgments, alone, splits, seed=1)
    train = splits.filter(pl.col("split") == "train")
    assert groups.select("fold", "query_id").unique().height == train.height
    ordered = groups.group_by("fold", "query_id", maintain_order=True).agg(pl.col("grade").to_physical())
    assert all(g == sorted(g, reverse=True) and len(set(g)) > 1 for g in ordered["grade"].to_list())


def test_near_duplicates_are_dropped_only_where_grades_agree(queries, judgments, catalogue, splits):
    pair = ["p00", "p01"]  # exact and substitute of q00: said to be listings of one item
    clusters = catalogue.select(
        "product_id", cluster_id=pl.when(pl.col("product_id").is_in(pair)).then(pl.lit("item")).otherwise("product_id")
    )
    groups = graded_groups(queries, judgments, clusters, splits, seed=1).filter(pl.col("query_id") == "q00")
    assert set(groups.filter(pl.col("product_id").is_in(pair))["grade"]) == {"exact", "substitute"}
    agreed = judgments.with_columns(
        grade=pl.when(pl.col("product_id").is_in(pair))
        .then(pl.lit("substitute"))
        .otherwise(pl.col("grade").cast(pl.String))
    ).cast({"grade": judgments.schema["grade"]})
    groups = graded_groups(queries, agreed, clusters, splits, seed=1).filter(pl.col("query_id") == "q00")
    assert groups.filter(pl.col("product_id").is_in(pair)).group_by("fold").len()["len"].max() == 1


def test_cutting_keeps_every_grade(queries, catalogue, splits):
    many = pl.DataFrame(
        {
            "query_id": ["q00"] * 40,
            "product_id": catalogue["product_id"],
            "grade": ["irrelevant"] * 37 + ["exact", "substitute", "complement"],
            "weight": [1.0] * 40,
        }
    ).with_columns(pl.col("grade").cast(Grade))
    alone = catalogue.select("product_id", cluster_id="product_id")
    groups = graded_groups(queries, many, alone, splits, Groups(max_size=5), seed=1)
    fold = groups.filter(pl.col("fold") == groups["fold"][0])
    assert fold.height == 5 and fold["grade"].n_unique() == 4


def test_queries_with_one_grade_give_no_group(queries, judgments, catalogue, splits):
    alone = catalogue.select("product_id", cluster_id="product_id")
    assert graded_groups(queries, judgments.filter(pl.col("grade") == "exact"), alone, splits, seed=1).is_empty()
