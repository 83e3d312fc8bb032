"""The Shopping Queries Dataset's measures against loops over its published formulas; nothing learned from a test query."""

import itertools
import math

import numpy as np
import polars as pl
import pytest

from roar.metrics.published import EVERYTHING_EXACT, published_results
from roar.parameters import MetricSettings
from roar.schemas import GRADES, Grade

SETTINGS = MetricSettings(resamples=100)
PUBLISHED = {"exact": 1.0, "substitute": 0.1, "complement": 0.01, "irrelevant": 0.0}


@pytest.fixture
def data() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Scores of 30 queries with up to 40 products each, their grades, and two folds that each test ten and validate five."""
    rng = np.random.default_rng(5)
    rows = []
    for query in range(30):
        for product in range(int(rng.integers(3, 40))):
            grade = int(rng.integers(0, 4)) if query else 0
            rows.append((f"q{query}", f"p{product}", GRADES[grade], grade / 4 + float(rng.normal(scale=0.5))))
    table = pl.DataFrame(rows, schema=["query_id", "product_id", "grade", "score"], orient="row")
    places = [(f"fold_{place // 15}", f"q{place}", "test" if place % 15 < 10 else "validation") for place in range(30)]
    splits = pl.DataFrame(places, schema=["fold", "query_id", "split"], orient="row")
    graded = table.select("query_id", "product_id", pl.col("grade").cast(Grade))
    return table.select("query_id", "product_id", "score"), graded, splits


def parts(scores: pl.DataFrame, splits: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    tested, validated = (splits.filter(pl.col("split") == side) for side in ("test", "validation"))
    validation = scores.join(validated.select("query_id", "fold"), on="query_id")
    return scores.join(tested, on="query_id", how="semi"), validation


def value(results: pl.DataFrame, system: str, measure: str) -> float:
    return results.filter(system=system, measure=measure)["value"].item()


def naive_ndcg(scores: pl.DataFrame, graded: pl.DataFrame, gains: dict[str, float]) -> float:
    """The mean over queries, every product of a query in it, 0 where all gains are 0."""
    values = []
    for _, own in scores.join(graded, on=["query_id", "product_id"]).group_by("query_id"):
        listed = [gains[grade] for grade in own.sort("score", descending=True)["grade"]]
        dcg, best = (
            sum(gain / math.log2(rank + 2) for rank, gain in enumerate(order))
            for order in (listed, sorted(listed, reverse=True))
        )
        values.append(dcg / best if best else 0.0)
    return sum(values) / len(values)


def test_ndcg_is_the_published_one_over_the_whole_list(data) -> None:
    scores, graded, splits = data
    tested, _ = parts(scores, splits)
    results = published_results({"ours": tested}, {}, graded, splits, SETTINGS)
    assert value(results, "ours", "ndcg") == pytest.approx(naive_ndcg(tested, graded, PUBLISHED), abs=1e-9)
    assert tested.group_by("query_id").len()["len"].max() > 30, "far beyond any usual cut-off"
    swapped = PUBLISHED | {"substitute": 0.01, "complement": 0.1}
    assert abs(value(results, "ours", "ndcg") - naive_ndcg(tested, graded, swapped)) > 1e-3


def test_a_query_of_irrelevant_products_counts_and_counts_nothing(data) -> None:
    scores, graded, splits = data
    tested, _ = parts(scores, splits)
    without = tested.filter(pl.col("query_id") != "q0")
    kept = graded.filter(pl.col("query_id") != "q0")
    one, other = (
        published_results({"ours": t}, {}, g, splits, SETTINGS) for t, g in ((tested, graded), (without, kept))
    )
    assert one.filter(measure="ndcg")["queries"].item() == 20 == other.filter(measure="ndcg")["queries"].item() + 1
    assert value(one, "ours", "ndcg") == pytest.approx(value(other, "ours", "ndcg") * 19 / 20)


def test_micro_f1_is_that_of_the_best_cut_offs_of_each_fold_s_validation_queries(data) -> None:
    """Scores rounded to a few values, so that the reference can try every combination of cut-offs."""
    scores, graded, splits = data
    tested, validation = parts(scores.with_columns(pl.col("score").round(0)), splits)
    results = published_results({"ours": tested}, {"ours": validation}, graded, splits, SETTINGS)
    row = results.filter(system="ours", measure="micro_f1").row(0, named=True)
    assert (row["queries"], row["products"]) == (20, len(tested))
    assert row["low"] <= row["value"] <= row["high"]
    learned = validation.join(graded, on=["query_id", "product_id"])
    right = 0
    for fold in ("fold_0", "fold_1"):
        known = learned.filter(fold=fold)
        places = [-math.inf, *(s - 0.5 for s in known["score"].unique().sort()), math.inf]
        hits = {
            cut_offs: sum(
                sum(s >= c for c in cut_offs) == g
                for s, g in zip(known["score"], known["grade"].to_physical(), strict=True)
            )
            for cut_offs in itertools.combinations_with_replacement(places, 3)
        }
        best = [cut_offs for cut_offs, count in hits.items() if count == max(hits.values())]
        asked = tested.join(splits.filter(fold=fold, split="test"), on="query_id", how="semi")
        asked = asked.join(graded, on=["query_id", "product_id"])
        pairs = list(zip(asked["score"], asked["grade"].to_physical(), strict=True))
        right += sum(sum(s >= c for c in best[0]) == g for s, g in pairs)
        assert len({tuple(sum(s >= c for c in b) for s, _ in pairs) for b in best}) == 1, "one best classifier"
    assert row["value"] == pytest.approx(right / len(tested))


def test_grades_of_test_queries_move_no_cut_off(data) -> None:
    """With all test grades exact, the share of right ones is that of products above the highest cut-off, wherever it lay before."""
    scores, graded, splits = data
    tested, validation = parts(scores, splits)
    is_tested = pl.col("query_id").is_in(tested["query_id"].unique().implode())
    shares = []
    for grade in GRADES:
        told = pl.when(is_tested).then(pl.lit(grade)).otherwise(pl.col("grade").cast(pl.String)).cast(Grade)
        results = published_results({"o": tested}, {"o": validation}, graded.with_columns(grade=told), splits, SETTINGS)
        shares.append(value(results, "o", "micro_f1"))
    assert sum(shares) == pytest.approx(1.0), "the same classifier divides the products among the four grades"
    assert sorted(shares)[-2] > 0.05


def test_the_floor_is_the_share_of_exact_products(data) -> None:
    scores, graded, splits = data
    tested, _ = parts(scores, splits)
    results = published_results({"ours": tested}, {}, graded, splits, SETTINGS)
    exact = tested.join(graded, on=["query_id", "product_id"]).select((pl.col("grade") == "exact").mean()).item()
    assert value(results, EVERYTHING_EXACT, "micro_f1") == pytest.approx(exact)


def test_a_fold_without_validation_queries_is_left_out_and_said(data, caplog) -> None:
    scores, graded, splits = data
    tested, validation = parts(scores, splits)
    results = published_results({"o": tested}, {"o": validation.filter(fold="fold_0")}, graded, splits, SETTINGS)
    assert results.filter(system="o", measure="micro_f1")["queries"].item() == 10 and "fold_1" in caplog.text
    nothing = published_results({"o": tested}, {"o": validation.clear()}, graded, splits, SETTINGS)
    assert nothing.filter(system="o", measure="micro_f1")["value"].item() is None
