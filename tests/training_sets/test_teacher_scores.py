"""A table of scores from anywhere: bad rows are named, a fold hears nothing of what it holds out, and the scale means nothing."""

import polars as pl
import pytest

from roar.errors import InputError
from roar.parameters import Teacher
from roar.schemas import Grade, TeacherScores
from roar.training_sets.teacher_scores import (
    no_scores,
    of_fold,
    read_scores,
    rejected_pairs,
    standardised,
    taught_grades,
)

QUERIES = pl.DataFrame({"query_id": ["q1", "q2", "q3"], "query": ["red shoe", "blue shoe", "red shoes"]})
PRODUCTS = pl.DataFrame({"product_id": ["p1", "p2", "p3"]})
VARIANTS = pl.DataFrame({"query": ["red shoe", "blue shoe", "red shoes"], "variant_group": ["g1", "g2", "g1"]})
SCORES = pl.DataFrame({"query_id": ["q1", "q1", "q2"], "product_id": ["p1", "p2", "p1"], "score": [2.0, -1.0, 0.5]})


def read(table, **config):
    return read_scores(table, QUERIES, PRODUCTS, VARIANTS, Teacher(**config))


def test_three_columns_are_enough_and_serve_all_folds():
    scores = read(SCORES)
    assert scores.columns == no_scores().columns and scores.schema == no_scores().schema
    assert scores["fold"].null_count() == 3 and scores["query"].to_list() == ["red shoe", "red shoe", "blue shoe"]
    TeacherScores.validate(scores)


def test_no_table_is_an_empty_one():
    assert read(pl.DataFrame()).equals(no_scores())
    assert read(SCORES.clear()).is_empty()


def test_columns_of_a_file_are_read_as_the_mapping_says():
    """An LLM judge's export: text files hold texts alone, labels for scores, queries by their text."""
    judged = pl.DataFrame({"q": ["red shoe", "blue shoe"], "sku": ["p1", "p3"], "verdict": ["yes", "Partly"]})
    columns = {
        "query": "q",
        "product_id": "sku",
        "score": {"translate": "verdict", "to": {"yes": "1", "partly": "0.5", "no": "0"}},
        "teacher": {"constant": "llm"},
    }
    scores = read(judged, columns=columns)
    assert scores.select("query_id", "product_id", "score", "teacher").rows() == [
        ("q1", "p1", 1.0, "llm"),
        ("q2", "p3", 0.5, "llm"),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.col("score").cast(pl.String).replace("0.5", "good"), "column score, row 3: 'good' is no finite number"),
        (pl.lit(float("nan")).alias("score"), r"column score, row 1: nan is no finite number \(3 rows of 3\)"),
        (pl.lit(None, pl.Float64).alias("score"), "column score, row 1: None"),
        (
            pl.col("query_id").replace("q2", "q22"),
            r"column query_id, row 3: 'q22' is not in table queries .*did you mean q2",
        ),
        (pl.col("product_id").replace("p2", "x"), "column product_id, row 2: 'x' is not in table products"),
        (pl.lit("p1").alias("product_id"), "query 'q1' with product 'p1' has several scores in one fold"),
        (pl.lit("q1").alias("query_id"), "several scores"),
    ],
)
def test_a_bad_row_is_one_line_that_names_it(change, message):
    with pytest.raises(InputError, match=message) as raised:
        read(SCORES.with_columns(change))
    assert "\n" not in str(raised.value)


def test_a_missing_column_and_an_unknown_query_text_are_named():
    with pytest.raises(InputError, match="Table teacher_scores lacks the column"):
        read(SCORES.drop("product_id"))
    with pytest.raises(InputError, match="'green shoe' is not in table queries"):
        read(pl.DataFrame({"query": ["green shoe"], "product_id": ["p1"], "score": [1.0]}))


def splits(**sides):
    groups = dict(zip(QUERIES["query_id"], ["g1", "g2", "g1"], strict=True))
    rows = [("f", query, side, groups[query]) for query, side in sides.items()]
    return pl.DataFrame(rows, schema=["fold", "query_id", "split", "variant_group"], orient="row")


def test_a_fold_hears_nothing_of_questions_that_it_holds_out_under_any_spelling():
    scores = read(pl.concat([SCORES, SCORES.head(1).with_columns(query_id=pl.lit("q3"))]))
    assert set(of_fold(scores, splits(q1="test", q2="train"), "f")["query_id"]) == {"q2"}
    assert set(of_fold(scores, splits(q1="train", q2="validation"), "f")["query_id"]) == {"q1", "q3"}


def test_a_fold_takes_its_own_scores_and_an_encoder_of_all_queries_the_mean():
    both = pl.concat(
        [SCORES.with_columns(fold=pl.lit(fold), score=pl.col("score") + i) for i, fold in enumerate(["f", "g"])]
    )
    scores = read(both)
    assert of_fold(scores, splits(q1="train", q2="train"), "f")["score"].to_list() == [2.0, -1.0, 0.5]
    every = splits(q1="train", q2="train").with_columns(fold=pl.lit("all"))
    assert of_fold(scores, every, "all")["score"].to_list() == [2.5, -0.5, 1.0]
    assert of_fold(scores, splits(q1="test", q2="train").with_columns(fold=pl.lit("h")), "h").is_empty()


def scored(values, grades, scale=1.0):
    ids = [f"p{i}" for i in range(len(values))]
    scores = pl.DataFrame(
        {"query_id": "q1", "query": "red shoe", "product_id": ids, "score": [v * scale for v in values]}
    )
    known = [(f"p{i}", grade) for i, grade in enumerate(grades) if grade]
    judged = pl.DataFrame(known, schema=["product_id", "grade"], orient="row").with_columns(query_id=pl.lit("q1"))
    return scores, judged.with_columns(pl.col("grade").cast(Grade))


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_what_scores_below_nearly_all_answers_is_rejected(scale):
    values, grades = (
        [9, 8, 7, 6, 5, 1, 6.5, 4, 2],
        ["exact", "exact", "substitute", "exact", "substitute", "irrelevant", "", "", ""],
    )
    scores, judged = scored(values, grades, scale)
    assert set(rejected_pairs(scores, judged, 0.01)["product_id"]) == {"p5", "p7", "p8"}
    assert set(rejected_pairs(scores, judged, 0.5)["product_id"]) == {"p3", "p4", "p5", "p6", "p7", "p8"}


def test_grades_are_given_as_often_as_raters_gave_them():
    grades = ["exact"] * 2 + ["substitute"] * 3 + ["complement"] * 1 + ["irrelevant"] * 4
    scores, judged = scored([10.0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 9.5, 5.5, 0], [*grades, "", "", ""])
    given = dict(taught_grades(scores, judged).select("product_id", pl.col("grade").cast(pl.String)).iter_rows())
    assert [given[f"p{i}"] for i in range(10)] == grades
    assert (given["p10"], given["p11"], given["p12"]) == ("exact", "substitute", "irrelevant")


def test_a_teacher_that_scored_no_judged_pair_cannot_set_a_cut():
    scores, judged = scored([1.0, 2.0], ["exact", "irrelevant"])
    others = judged.with_columns(product_id=pl.lit("elsewhere"))
    with pytest.raises(InputError, match=r"hard_negatives\.teacher: .* scores no judged answer"):
        rejected_pairs(scores, others, 0.1)
    with pytest.raises(InputError, match=r"fill\.graded: .* scores no judged pair"):
        taught_grades(scores, others)


def test_targets_do_not_depend_on_the_scale():
    scores = read(SCORES)
    one, other = (standardised(scores.with_columns(pl.col("score") * a + b))["score"] for a, b in ((1, 0), (40, 7)))
    assert one.to_list() == pytest.approx(other.to_list()) and one.std() == pytest.approx(1)
    assert standardised(scores.with_columns(score=pl.lit(3.0)))["score"].to_list() == [0, 0, 0]
