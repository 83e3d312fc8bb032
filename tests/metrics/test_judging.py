"""First pages, contradictions on them, coverage, scores by grade, robustness: against loops over small tables."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from roar.metrics import (
    aggregate,
    compare,
    compare_pairs,
    conflict_shares,
    coverage,
    first_page,
    rank_products,
    score_bins,
    score_queries,
)
from roar.metrics.judging import Yardstick, judge, robustness
from roar.metrics.spread import seed_spread
from roar.parameters import MetricSettings

FAST = MetricSettings(resamples=300, permutations=300, auc_resamples=100)
NONE = pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})
FACTS = {"dimension": pl.String, "value": pl.String, "shown": pl.String}


def test_the_first_page_is_the_head_of_the_ranking(make_case: Callable) -> None:
    run, judgments = make_case(1, decimals=1)
    page = first_page(run, judgments, FAST)
    ranked = rank_products(run, judgments).filter("retrieved")
    for (query,), own in page.group_by("query_id"):
        expected = ranked.filter(query_id=query).sort("rank").head(8)
        assert own.sort("rank")["product_id"].to_list() == expected["product_id"].to_list()
    grades = dict(
        judgments.with_columns(
            pl.col("grade").cast(pl.String), k=pl.concat_str("query_id", "product_id", separator=" ")
        )
        .select("k", "grade")
        .iter_rows()
    )
    for query, product, grade in page.select("query_id", "product_id", "grade").iter_rows():
        assert grade == grades.get(f"{query} {product}", "unjudged")
    assert {"exact", "unjudged"} <= set(page["grade"])


def test_conflict_share_is_of_the_products_that_say_anything() -> None:
    """Two of the three that speak contradict, on one dimension at least; silent ones, and other queries' pairs, do not count."""
    page = pl.DataFrame({"query_id": ["a"] * 4 + ["b"], "product_id": ["p1", "p2", "p3", "p4", "p1"]})
    said = pl.DataFrame(
        {
            "query_id": ["a", "a", "a", "a", "c"],
            "product_id": ["p1", "p2", "p2", "p4", "p1"],
            "against": [False, True, False, True, True],
        }
    )
    shares = conflict_shares(page, said, pl.Series(["a", "b", "silent"]), FAST)
    expected = {"a": pytest.approx(2 / 3), "b": None, "silent": None}
    assert {query: value for query, _, value in shares.iter_rows()} == expected
    assert set(shares["metric"]) == {"attribute_conflict@8"}


def test_coverage_counts_what_the_policy_names(make_case: Callable) -> None:
    run, judgments = make_case(2)
    counted = coverage(run, judgments, pl.Series([f"p{n:03d}" for n in range(59)]), FAST)
    lengths = dict(run.group_by("query_id").len().iter_rows())
    tested = judgments["query_id"].unique().to_list()
    assert counted["unanswered"] == sum(query not in lengths for query in tested) >= 1
    assert counted["short"] == sum(0 < lengths.get(query, 0) < 8 for query in tested) >= 1
    assert counted["unknown_products"] == 1
    without = judgments.group_by("query_id").agg((pl.col("grade") == "exact").any()).filter(~pl.col("grade")).height
    assert counted["without_exact"] == without >= 1


def test_score_bins_hold_every_judged_pair_once(make_case: Callable) -> None:
    run, judgments = make_case(3)
    bins = score_bins(run, judgments, FAST)
    pairs = run.join(judgments, on=["query_id", "product_id"])
    assert bins["pairs"].sum() == pairs.height > 100
    for low, high, grade, count in bins.filter(pl.col("high") < bins["high"].max()).iter_rows():
        inside = pairs.filter(
            (pl.col("score") >= low - 1e-9) & (pl.col("score") < high - 1e-9), pl.col("grade") == grade
        )
        assert abs(inside.height - count) <= 1  # a score on the edge
    assert score_bins(run.clear(), judgments, FAST).is_empty()


def test_judging_keeps_the_protocols_apart_and_adds_conflicts(make_case: Callable) -> None:
    run, judgments = make_case(4)
    held = run.join(judgments, on=["query_id", "product_id"], how="semi")
    query = held["query_id"][0]
    asked = pl.DataFrame({"query_id": [query], "dimension": ["colour"], "value": ["red"], "shown": ["red"]})
    stated = pl.DataFrame(
        {"product_id": [f"p{n:03d}" for n in range(60)], "dimension": "colour", "value": "blue", "shown": "blue"}
    )
    yardstick = Yardstick(judgments, NONE, asked, stated, stated["product_id"])
    verdict = judge({"judged": held, "catalogue": run}, yardstick, FAST, comparable=True)
    for protocol, own in (("judged", held), ("catalogue", run)):
        scores = verdict.scores.filter(protocol=protocol).drop("protocol")
        assert scores.filter(pl.col("metric") != "attribute_conflict@8").equals(score_queries(own, judgments, FAST))
        assert scores.filter(metric="attribute_conflict@8").drop_nulls().rows() == [
            (query, "attribute_conflict@8", 1.0)
        ]
    assert set(verdict.means.filter(metric="auc")["protocol"]) == {"judged"}
    assert "auc" not in set(judge({"judged": held}, yardstick, FAST).means["metric"])


def test_robustness_compares_the_same_queries_and_says_what_is_kept(make_case: Callable) -> None:
    """Reversed rankings keep what reversal keeps; queries that were not edited stay out on both sides."""
    run, judgments = make_case(5)
    scores = score_queries(run, judgments, FAST).with_columns(protocol=pl.lit("judged"))
    edits = pl.DataFrame({"query_id": [f"q{n}" for n in range(20)], "edit": ["split"] * 10 + ["order"] * 10})
    turned = run.join(edits, on="query_id", how="semi").with_columns(-pl.col("score"))
    table = robustness(scores, {"judged": turned}, edits, judgments, FAST)
    assert table["edit"].unique(maintain_order=True).to_list() == ["all", "order", "split"]
    row = table.filter(edit="all", metric="ndcg@8").row(0, named=True)
    own = scores.filter(metric="ndcg@8").join(edits, on="query_id", how="semi").drop_nulls()
    assert row["n"] == own.height == 20
    assert row["as_typed"] == pytest.approx(own["value"].mean())
    assert row["kept"] == pytest.approx(row["edited"] / row["as_typed"])
    assert row["difference"] == pytest.approx(row["edited"] - row["as_typed"]) != 0
    same = robustness(scores, {"judged": run.join(edits, on="query_id", how="semi")}, edits, judgments, FAST)
    assert set(same["kept"].drop_nulls()) == {1.0}


def test_judging_in_parts_from_files_is_judging_at_once(make_case: Callable, tmp_path) -> None:
    """Seven queries at a time, from a scan: the same five tables."""
    run, judgments = make_case(6, decimals=1)
    run.write_parquet(tmp_path / "run.parquet")
    facts = [pl.DataFrame(schema={key: pl.String} | FACTS) for key in ("query_id", "product_id")]
    yardstick = Yardstick(judgments, NONE, *facts, run["product_id"].unique())
    runs = {"judged": run, "catalogue": run}
    scans = {name: pl.scan_parquet(tmp_path / "run.parquet") for name in runs}
    at_once = judge(runs, yardstick, FAST, comparable=True)
    in_parts = judge(scans, yardstick, FAST, comparable=True, queries_at_once=7)
    for name, key in (("scores", ["protocol", "metric", "query_id"]), ("first_page", ["protocol", "query_id", "rank"])):
        assert getattr(in_parts, name).sort(key).equals(getattr(at_once, name).sort(key))
    key = ["protocol", "slice", "level", "metric"]
    assert in_parts.means.sort(key).equals(at_once.means.sort(key))
    assert in_parts.coverage.equals(at_once.coverage)
    assert in_parts.score_bins.equals(at_once.score_bins)


def test_many_pairs_at_once_are_each_pair_alone(make_case: Callable) -> None:
    """Drawing the resamples once changes no figure, families included.

    To rounding: a BLAS may add up a wider matrix in another order.
    """
    judgments = make_case(7)[1]
    systems = {
        name: score_queries(make_case(seed)[0], judgments, FAST) for name, seed in (("a", 7), ("b", 8), ("c", 9))
    }
    slices = pl.DataFrame({"query_id": [f"q{n}" for n in range(40)], "slice": "half", "level": ["x", "y"] * 20})
    every = pl.concat([table.select(pl.lit(name).alias("system"), pl.all()) for name, table in systems.items()])
    pairs = [("a", "b"), ("c", "a")]
    table = compare_pairs(every, pairs, slices, FAST)
    for a, b in pairs:
        alone = compare(systems[a], systems[b], slices, FAST)
        together = table.filter(system_a=a, system_b=b).drop("system_a", "system_b")
        key = ["slice", "level", "metric"]
        assert_frame_equal(together.sort(key), alone.sort(key), rel_tol=1e-9, abs_tol=1e-12)


def test_rankers_that_do_not_differ_are_told_apart_at_the_nominal_rate_from_runs_to_p() -> None:
    """A/A through the whole of it: 300 pairs of random rankers, scored, compared; and intervals cover the long-run mean."""
    rng, rejected, covered, experiments, n = np.random.default_rng(11), 0, 0, 300, 30
    ids = [f"q{number:02d}" for number in range(n)]
    products = [f"p{number}" for number in range(10)]
    grid = pl.DataFrame({"query_id": ids}).join(pl.DataFrame({"product_id": products}), how="cross")
    grades = ["exact", "exact", "substitute", "complement"] + ["irrelevant"] * 6
    judgments = grid.with_columns(grade=pl.Series(grades * n))
    settings = MetricSettings(names=("ndcg@8",), resamples=400, permutations=399)
    many = [
        score_queries(grid.with_columns(score=pl.Series(rng.random(grid.height))), judgments, settings)
        for _ in range(40)
    ]
    truth = float(pl.concat(many)["value"].mean())  # type: ignore[arg-type]
    for _ in range(experiments):
        a, b = (
            score_queries(grid.with_columns(score=pl.Series(rng.random(grid.height))), judgments, settings)
            for _ in range(2)
        )
        rejected += compare(a, b, NONE, settings)["p"].item() <= 0.05
        row = aggregate(a, NONE, settings).row(0, named=True)
        covered += row["low"] <= truth <= row["high"]
    assert stats.binomtest(rejected, experiments, 0.05).pvalue > 0.001
    assert stats.binomtest(covered, experiments, 0.95).pvalue > 0.001


def test_spread_over_seeds_is_that_of_the_overall_means() -> None:
    def metrics(value: float) -> pl.DataFrame:
        rows = {"system": "a", "protocol": "judged", "slice": ["overall", "vertical"], "level": "all", "metric": "m"}
        return pl.DataFrame(rows | {"mean": [value, 9.0]})

    table = seed_spread({1: metrics(0.5), 2: metrics(0.6), 3: metrics(0.7)})
    assert table.row(0)[:4] == ("a", "judged", "m", 3)
    assert table.select("mean", "standard_deviation", "lowest", "highest").row(0) == pytest.approx((0.6, 0.1, 0.5, 0.7))
    assert seed_spread({1: metrics(0.5)}).is_empty()
    assert seed_spread({}).is_empty()
