"""Tuned BM25 and fused runs, against loops over a handful of products."""

import numpy as np
import polars as pl
import pytest

from roar.metrics import mean_value
from roar.retrieval import (
    LexicalIndex,
    Setting,
    bm25_runs,
    reciprocal_ranks,
    tune_bm25,
    tune_weight,
    weighted_sum,
)

IDS = pl.Series("product_id", [f"p{i}" for i in range(40)])


def run_of(seed: int, queries: int = 6, products: int = 12) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (f"q{q}", f"p{p}", float(rng.normal())) for q in range(queries) for p in rng.choice(40, products, replace=False)
    ]
    return pl.DataFrame(rows, schema=["query_id", "product_id", "score"], orient="row")


def judged(seed: int, queries: int = 6) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [(f"q{q}", f"p{p}", str(rng.choice(["exact", "irrelevant"]))) for q in range(queries) for p in range(40)]
    return pl.DataFrame(rows, schema=["query_id", "product_id", "grade"], orient="row")


def scores(run: pl.DataFrame) -> dict[tuple[str, str], float]:
    return {
        (query, product): score for query, product, score in run.select("query_id", "product_id", "score").iter_rows()
    }


def test_reciprocal_ranks_are_those_of_a_loop() -> None:
    """1 / (60 + rank) in each run; a product that one run lacks gets nothing from it."""
    a, b = run_of(1), run_of(2)
    expected: dict[tuple[str, str], float] = {}
    for run in (a, b):
        for (query,), own in run.group_by("query_id"):
            ordered = own.sort("score", descending=True)["product_id"]
            for rank, product in enumerate(ordered, start=1):
                expected[str(query), product] = expected.get((str(query), product), 0.0) + 1 / (60 + rank)
    assert scores(reciprocal_ranks([a, b])) == pytest.approx(expected)


def test_weighted_sum_scales_each_query_first_and_ends_at_either_system() -> None:
    """Units of the scores do not matter; weight 0 and 1 rank as one system alone does."""
    a, b = run_of(3), run_of(4)
    stretched = a.with_columns(pl.col("score") * 1000 + 5)
    assert scores(weighted_sum(stretched, b, 0.3)) == pytest.approx(scores(weighted_sum(a, b, 0.3)))
    for weight, alone in ((0.0, a), (1.0, b)):
        fused = weighted_sum(a, b, weight).join(
            alone.select("query_id", "product_id", own="score"), on=["query_id", "product_id"]
        )
        ranks = fused.select(pl.col("score").rank().over("query_id"), own=pl.col("own").rank().over("query_id"))
        assert ranks["score"].equals(ranks["own"].alias("score"))


def test_equal_scores_of_a_query_are_no_evidence() -> None:
    flat = run_of(5).with_columns(score=pl.lit(3.0))
    assert set(weighted_sum(flat, flat, 0.5)["score"]) == {0.0}


def test_the_weight_is_the_one_that_validates_best() -> None:
    """b ranks by the truth: all weight goes to it, in every fold; and the value is that of the fused run."""
    judgments = judged(6)
    truth = judgments.select("query_id", "product_id", score=(pl.col("grade") == "exact").cast(pl.Float64))
    noise = truth.with_columns(score=pl.Series(np.random.default_rng(7).random(truth.height)))
    folds = [
        pl.concat([run.select(pl.lit(fold).alias("fold"), pl.all()) for fold in ("a", "b")]) for run in (noise, truth)
    ]
    tried = tune_weight(folds[0], folds[1], judgments, (0.0, 0.2, 1.0))
    best = tried.filter("best")
    assert best["fold"].to_list() == ["a", "b"]
    assert best["value"].to_list() == pytest.approx([1.0, 1.0])
    alone = tried.filter(weight=0.0)["value"][0]
    assert alone == pytest.approx(mean_value(noise, judgments, judgments["query_id"].unique(), "ndcg@8"))


def test_bm25_is_tuned_by_fold_and_runs_as_its_setting_says() -> None:
    """Each fold's best is its highest validation ndcg@8; the tuned index scores as a fresh one does."""
    rng = np.random.default_rng(8)
    words = ["red", "shoe", "tea", "8", "blue", "x", "long", "cup"]
    texts = pl.Series([" ".join(rng.choice(words, rng.integers(1, 12))) for _ in range(40)])
    queries = pl.DataFrame(
        {"fold": ["a"] * 3 + ["b"] * 3, "query_id": [f"q{i}" for i in range(6)],
         "query": ["red shoe", "tea cup", "blue x", "long tea", "8", "red x"]}
    )  # fmt: skip
    judgments = judged(9)
    index = LexicalIndex(IDS, texts)
    tried = tune_bm25(index, queries, judgments, (0.2, 2.0), (0.0, 1.0))
    assert tried.height == 8
    for fold in ("a", "b"):
        own = tried.filter(fold=fold)
        assert own.filter("best")["value"].to_list() == [own["value"].max()]
        k1, b = own.filter("best").select("k1", "b").row(0)
        fresh = bm25_runs(queries, IDS, texts, judgments, 5, k1=k1, b=b)
        again = index.runs(queries, judgments, 5, Setting(k1, b))
        assert again.judged.equals(fresh.judged)
        assert again.catalogue.equals(fresh.catalogue)
        ids = queries.filter(fold=fold)["query_id"]
        assert own["value"].max() == pytest.approx(mean_value(fresh.judged, judgments, ids, "ndcg@8"))


def test_nothing_to_validate_on_is_nothing_tried() -> None:
    index = LexicalIndex(IDS, pl.Series(["red shoe"] * 40))
    none = pl.DataFrame(schema={"fold": pl.String, "query_id": pl.String, "query": pl.String})
    assert tune_bm25(index, none, judged(1), (1.0,), (0.5,)).is_empty()
    runs = pl.DataFrame(schema={"fold": pl.String, "query_id": pl.String, "product_id": pl.String, "score": pl.Float64})
    assert tune_weight(runs, runs, judged(1), (0.5,)).is_empty()
