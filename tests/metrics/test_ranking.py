"""Each metric against a library or a naive reference, and the policies on odd input."""

import math
from itertools import product

import ir_measures
import numpy as np
import polars as pl
import pytest
from ir_measures import AP, RR, Bpref, Judged, P, R, nDCG
from sklearn.metrics import roc_auc_score

from roar.errors import InputError
from roar.metrics import rank_products, score_queries
from roar.parameters import MetricSettings
from roar.schemas import GRADES, Grade

GAINS = {"exact": 7, "substitute": 3, "complement": 1, "irrelevant": 0}
Case = tuple[pl.DataFrame, pl.DataFrame]


def values(run: pl.DataFrame, judgments: pl.DataFrame, **settings: object) -> dict[tuple[str, str], float | None]:
    table = score_queries(run, judgments, MetricSettings(**settings))
    return {(query, metric): value for query, metric, value in table.iter_rows()}


def untied(run: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
    """The run with scores that say the order which our tie-breaking gives, so that a library cannot choose another."""
    ranked = rank_products(run, judgments).filter("retrieved")
    return ranked.select("query_id", "product_id", score=-pl.col("rank").cast(pl.Float64))


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("ndcg@8", nDCG @ 8),
        ("ndcg", nDCG),
        ("recall@10", R(rel=7) @ 10),
        ("recall@20", R(rel=7) @ 20),
        ("mrr@10", RR(rel=7) @ 10),
        ("precision@1", P(rel=7) @ 1),
        ("precision@8", P(rel=7) @ 8),
        ("judged@8", Judged @ 8),
        ("bpref", Bpref(rel=7)),
        ("condensed_ndcg@8", nDCG(judged_only=True) @ 8),
    ],
)
def test_standard_metrics_agree_with_ir_measures(case: Case, name: str, measure: ir_measures.Measure) -> None:
    """To 1e-6 for every query, with ties, holes, short runs and all-zero gains; ours is null where theirs says 0."""
    run, judgments = case
    qrels = judgments.with_columns(relevance=pl.col("grade").cast(pl.String).replace_strict(GAINS))
    theirs = {
        row.query_id: row.value
        for row in ir_measures.iter_calc(
            [measure],
            qrels.rename({"product_id": "doc_id"}).select("query_id", "doc_id", "relevance").to_pandas(),
            untied(run, judgments).rename({"product_id": "doc_id"}).to_pandas(),
        )
    }
    ours = {query: value for (query, _), value in values(run, judgments, names=(name,)).items()}
    assert len(theirs) > 30
    assert any(value for value in ours.values())
    for query, value in ours.items():
        assert (value or 0.0) == pytest.approx(theirs.get(query, 0.0), abs=1e-6), query


def test_map_agrees_with_ir_measures_where_the_definitions_meet() -> None:
    """map@k divides by min(k, exacts); with at most k exact products that is trec_eval's AP@k."""
    judgments = pl.DataFrame(
        {"query_id": "q", "product_id": [f"p{i}" for i in range(9)], "grade": ["exact"] * 5 + ["substitute"] * 4}
    )
    for seed in range(20):
        score = np.random.default_rng(seed).permutation(9).astype(float)
        run = judgments.select("query_id", "product_id", score=score)
        qrels = {"q": {f"p{i}": int(i < 5) for i in range(9)}}
        theirs = ir_measures.calc_aggregate([AP @ 8], qrels, {"q": dict(run.select("product_id", "score").iter_rows())})
        assert values(run, judgments, names=("map@8",))["q", "map@8"] == pytest.approx(theirs[AP @ 8], abs=1e-6)


def naive_metrics(ranking: list[str], retrieved: int, grades: dict[str, str]) -> dict[str, float | None]:
    """Ordering, average precision and grade shares by loops; the last of `ranking` were judged but not retrieved."""
    level = {grade: number for number, grade in enumerate(GRADES)}
    place = {item: rank for rank, item in enumerate(ranking)}
    right = {
        (a, b): [place[x] < place[y] for x, y in product(grades, grades) if (grades[x], grades[y]) == (a, b)]
        for a, b in product(GRADES, GRADES)
    }

    def share(pairs: list[tuple[str, str]]) -> float | None:
        hits = [hit for pair in pairs for hit in right[pair]]
        return sum(hits) / len(hits) if hits else None

    top = ranking[: min(8, retrieved)]
    exacts, hits, precision = sum(grade == "exact" for grade in grades.values()), 0, 0.0
    for rank, item in enumerate(top, start=1):
        if grades.get(item) == "exact":
            hits += 1
            precision += hits / rank
    return {
        "map@8": precision / min(8, exacts) if exacts else None,
        "grade_ordering": share([(a, b) for a, b in right if level[a] > level[b]]),
        "order_exact_substitute": share([("exact", "substitute")]),
        "order_substitute_complement": share([("substitute", "complement")]),
        "order_complement_irrelevant": share([("complement", "irrelevant")]),
        "share_substitute@8": sum(grades.get(x) == "substitute" for x in top) / len(top) if top else None,
    }


def test_own_metrics_agree_with_naive_loops(case: Case) -> None:
    """Average precision, grade ordering (all and by pair) and grade shares, query by query."""
    run, judgments = case
    ranked = rank_products(run, judgments)
    compared = 0
    for (query,), group in ranked.group_by("query_id", maintain_order=True):
        judged = judgments.filter(query_id=query).select("product_id", pl.col("grade").cast(pl.String))
        expected = naive_metrics(group["product_id"].to_list(), group["retrieved"].sum(), dict(judged.iter_rows()))
        ours = values(run.filter(query_id=query), judgments.filter(query_id=query), names=tuple(expected))
        for name, value in expected.items():
            assert ours[str(query), name] == (None if value is None else pytest.approx(value)), (query, name)
            compared += value is not None
    assert compared > 150


def test_auc_of_a_query_is_that_of_scikit_learn(case: Case) -> None:
    """Ties count half; products that the run does not return come last together."""
    run, judgments = case
    ours, compared = values(run, judgments, names=("auc_query",)), 0
    for (query,), group in judgments.join(run, on=["query_id", "product_id"], how="left").group_by("query_id"):
        exact = (group["grade"] == "exact").to_numpy()
        if exact.all() or not exact.any():
            assert ours[str(query), "auc_query"] is None
        else:
            score = group["score"].fill_null(-1e9).to_numpy()
            assert ours[str(query), "auc_query"] == pytest.approx(roc_auc_score(exact, score))
            compared += 1
    assert compared > 20


def test_ndcg_and_map_by_hand() -> None:
    """Two exacts, the run finds one at rank 2 under an unjudged product, and a substitute at rank 3."""
    run = pl.DataFrame({"query_id": "q", "product_id": ["hole", "a", "s"], "score": [3.0, 2.0, 1.0]})
    judgments = pl.DataFrame(
        {"query_id": "q", "product_id": ["a", "b", "s"], "grade": ["exact", "exact", "substitute"]}
    )
    found = values(run, judgments, names=("ndcg@8", "map@8", "condensed_map@8", "judged@8", "recall@100"))
    ideal = 7 + 7 / math.log2(3) + 3 / 2
    assert found["q", "ndcg@8"] == pytest.approx((7 / math.log2(3) + 3 / 2) / ideal)
    assert found["q", "map@8"] == pytest.approx(0.5 / 2)
    assert found["q", "condensed_map@8"] == pytest.approx(1.0 / 2)
    assert found["q", "judged@8"] == pytest.approx(2 / 3)
    assert found["q", "recall@100"] == pytest.approx(1 / 2)


def test_metrics_a_query_cannot_have_are_null_and_the_rest_are_there() -> None:
    """Without an exact: map, mrr, recall null; all gains zero: ndcg null. Every query has a row for every metric."""
    judgments = pl.DataFrame({"query_id": ["s", "i"], "product_id": "p", "grade": ["substitute", "irrelevant"]})
    run = pl.DataFrame({"query_id": ["s", "i"], "product_id": "p", "score": 1.0})
    names = ("ndcg@8", "map@8", "mrr@10", "recall@10", "bpref", "precision@1")
    found = values(run, judgments, names=names)
    assert [found["s", name] for name in names] == [1.0, None, None, None, None, 0.0]
    assert [found["i", name] for name in names] == [None, None, None, None, None, 0.0]


def test_unanswered_queries_score_zero_and_unjudged_ones_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    judgments = pl.DataFrame({"query_id": ["answered", "silent"], "product_id": "p", "grade": "exact"})
    run = pl.DataFrame({"query_id": ["answered", "unknown"], "product_id": "p", "score": 1.0})
    found = values(run, judgments, names=("ndcg@8",))
    assert found == {("answered", "ndcg@8"): 1.0, ("silent", "ndcg@8"): 0.0}
    assert "1 of 2 judged queries have no row" in caplog.text


def test_ties_follow_neither_id_nor_position() -> None:
    """With all scores equal, row order changes nothing, and the first product is the smallest id about half the time."""
    queries = [f"q{number}" for number in range(400)]
    run = pl.DataFrame({"query_id": np.repeat(queries, 2), "product_id": ["a", "b"] * 400, "score": 0.5})
    judgments = pl.DataFrame({"query_id": queries, "product_id": "a", "grade": "exact"})
    found = score_queries(run, judgments, MetricSettings(names=("precision@1",)))
    shuffled = score_queries(
        run.sample(fraction=1, shuffle=True, seed=1), judgments, MetricSettings(names=("precision@1",))
    )
    assert found.equals(shuffled)
    assert 0.4 < found["value"].mean() < 0.6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: run.drop("score"), "Table run lacks the column"),
        (lambda run: pl.concat([run, run[:1]]), r"Table run repeats 1 combination"),
        (lambda run: run.with_columns(score=pl.lit(float("nan"))), "column score: 3 value"),
        (lambda run: run.with_columns(score=pl.lit(None, dtype=pl.Float64)), "column score: 3 value"),
        (lambda run: run.with_columns(score=pl.lit(float("inf"))), "column score: 3 value"),
    ],
)
def test_bad_runs_are_one_line_errors(change: object, message: str) -> None:
    run = pl.DataFrame({"query_id": "q", "product_id": ["a", "b", "c"], "score": [1.0, 2.0, 3.0]})
    judgments = pl.DataFrame({"query_id": "q", "product_id": ["a"], "grade": ["exact"]})
    with pytest.raises(InputError, match=message) as error:
        score_queries(change(run), judgments)  # type: ignore[operator]
    assert "\n" not in str(error.value)


def test_bad_judgments_are_one_line_errors() -> None:
    run = pl.DataFrame({"query_id": "q", "product_id": ["a"], "score": [1.0]})
    good = pl.DataFrame({"query_id": "q", "product_id": ["a"], "grade": ["exact"]})
    with pytest.raises(InputError, match=r"grade: 1 value.*'Exactly'"):
        score_queries(run, good.with_columns(grade=pl.lit("Exactly")))
    with pytest.raises(InputError, match="judgments repeats 1"):
        score_queries(run, pl.concat([good, good]))
    with pytest.raises(InputError, match="judgments is empty"):
        score_queries(run, good.clear().with_columns(pl.col("grade").cast(Grade)))


def test_an_empty_run_scores_zero() -> None:
    """A system that returns nothing is scored, not refused."""
    judgments = pl.DataFrame({"query_id": "q", "product_id": ["a"], "grade": ["exact"]})
    empty = pl.DataFrame(schema={"query_id": pl.String, "product_id": pl.String, "score": pl.Float32})
    found = values(empty, judgments, names=("ndcg@8", "judged@8"))
    assert found == {("q", "ndcg@8"): 0.0, ("q", "judged@8"): None}


@pytest.mark.parametrize("name", ["map", "ndgc@8", "ndcg@0", "condensed_bpref", "share_good@8"])
def test_unknown_metric_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="names"):
        MetricSettings(names=(name,))


def test_gains_must_fall_with_the_grade() -> None:
    with pytest.raises(ValueError, match="no grade may gain more than a better one"):
        MetricSettings(gains={"exact": 1, "substitute": 3, "complement": 0, "irrelevant": 0})
