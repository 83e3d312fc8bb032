"""The summary: seeds are averaged before testing, everything tried is counted, equivalence is a finding of its own."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import permutation_test
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from roar.ablation import summarise
from roar.metrics.auc import compare_pooled_auc
from roar.parameters import Ablation, AblationStudies, MetricSettings, Primary, Study, Variant
from roar.schemas import Grade

SETTINGS = MetricSettings(resamples=500, permutations=2000, auc_resamples=400)
QUERIES = [f"q{i:03d}" for i in range(120)]


@pytest.fixture(scope="module")
def judgments() -> pl.DataFrame:
    grades = ["exact", "substitute", "irrelevant"]
    rows = [(q, f"p{k}", grades[k]) for q in QUERIES for k in range(3)]
    table = pl.DataFrame(rows, schema=["query_id", "product_id", "grade"], orient="row")
    return table.with_columns(pl.col("grade").cast(Grade))


def cells(effects: dict[str, float], noise: dict[str, float], judgments: pl.DataFrame):
    """Metrics and scores of variants whose true effect is known, over two folds and two seeds."""
    rng = np.random.default_rng(7)
    level = dict(zip(QUERIES, rng.uniform(0.4, 0.8, len(QUERIES)), strict=True))
    metrics, scores = [], []
    for variant, effect in effects.items():
        for seed in (1, 2):
            for place, query in enumerate(QUERIES):
                labels = ("one", variant, f"fold_{place % 2}", seed, query)
                value = level[query] + effect + noise[variant] * rng.normal()
                metrics.append((*labels, "ndcg@8", value))
                scores += [(*labels, f"p{k}", 0.3 - 0.1 * k + effect * (k == 0) + 0.2 * rng.normal()) for k in range(3)]
    keys = ["study", "variant", "fold", "seed", "query_id"]
    return (
        pl.DataFrame(metrics, schema=[*keys, "metric", "value"], orient="row"),
        pl.DataFrame(scores, schema=[*keys, "product_id", "score"], orient="row"),
    )


EFFECTS = {"base": 0.0, "better": 0.02, "equal": 0.0, "noisy": 0.0, "worse": -0.02}
NOISE = {"base": 0.002, "better": 0.01, "equal": 0.002, "noisy": 0.2, "worse": 0.01}


@pytest.fixture(scope="module")
def summary(judgments) -> pl.DataFrame:
    studies = {"one": Study(baseline="base", variants={v: Variant() for v in EFFECTS})}
    declared = AblationStudies(primary=None, studies=studies)
    return summarise(*cells(EFFECTS, NOISE, judgments), judgments, Ablation(), declared, SETTINGS)


def row(summary: pl.DataFrame, variant: str, metric: str = "ndcg@8") -> dict:
    return summary.filter(variant=variant, metric=metric).row(0, named=True)


def test_verdicts_are_those_of_the_known_effects(summary):
    wanted = {"base": "baseline", "better": "better", "equal": "equivalent", "noisy": "undecided", "worse": "worse"}
    assert {v: row(summary, v)["verdict"] for v in EFFECTS} == wanted
    assert row(summary, "base")["difference"] is None and row(summary, "base")["seeds"] == 2


def test_seeds_are_averaged_per_query_before_the_test(summary, judgments):
    """n is the number of queries, not of queries and seeds; the p-value is scipy's on the averages."""
    metrics, _ = cells(EFFECTS, NOISE, judgments)
    means = metrics.group_by("variant", "query_id").agg(pl.col("value").mean()).sort("query_id")
    a, b = (means.filter(variant=v)["value"].to_numpy() for v in ("base", "noisy"))
    found = row(summary, "noisy")
    assert found["n"] == 120
    assert found["difference"] == pytest.approx((b - a).mean())
    test = permutation_test((b, a), lambda x, y: (x - y).mean(), permutation_type="samples", n_resamples=2000, rng=1)
    assert found["p"] == pytest.approx(test.pvalue, abs=0.05)


def test_the_spread_over_seeds_is_that_of_the_means(summary, judgments):
    metrics, _ = cells(EFFECTS, NOISE, judgments)
    means = metrics.filter(variant="noisy").group_by("seed").agg(pl.col("value").mean())["value"]
    assert row(summary, "noisy")["seed_spread"] == pytest.approx(means.std())


def test_every_variant_is_counted_in_the_correction_but_the_one_named_before(judgments):
    data = cells(EFFECTS, NOISE, judgments)
    variants = {v: Variant() for v in EFFECTS}
    named = Primary(study="one", variant="better", metric="ndcg@8")
    studies = {"one": Study(baseline="base", variants=variants)}
    plain, primary = (
        summarise(*data, judgments, Ablation(), AblationStudies(studies=studies, primary=p), SETTINGS)
        for p in (None, named)
    )
    tried = [v for v in EFFECTS if v != "base"]
    expected = multipletests([row(plain, v)["p"] for v in tried], method="holm")[1]
    assert [row(plain, v)["p_adjusted"] for v in tried] == pytest.approx(expected.tolist())
    assert row(primary, "better")["p_adjusted"] == row(primary, "better")["p"]
    assert row(primary, "noisy")["p_adjusted"] >= row(primary, "noisy")["p"]


def test_pooled_auc_is_the_mean_of_the_seeds_and_its_interval_is_paired(summary, judgments):
    _, scores = cells(EFFECTS, NOISE, judgments)
    labelled = scores.join(judgments, on=["query_id", "product_id"])

    def auc(variant: str) -> float:
        by_seed = [labelled.filter(variant=variant, seed=s) for s in (1, 2)]
        return float(np.mean([roc_auc_score(t["grade"] == "exact", t["score"]) for t in by_seed]))

    found = row(summary, "better", "auc")
    assert found["mean"] == pytest.approx(auc("better"))
    assert found["difference"] == pytest.approx(auc("better") - auc("base"))
    assert found["low"] < found["difference"] < found["high"]


def test_a_system_against_itself_differs_by_nothing(judgments):
    _, scores = cells({"base": 0.0}, {"base": 0.1}, judgments)
    run = scores.filter(seed=1).select("query_id", "product_id", "score")
    same = compare_pooled_auc([run], [run], judgments, SETTINGS).row(0, named=True)
    assert same["difference"] == same["low"] == same["high"] == 0 and same["p"] == 1


def test_limited_folds_are_compared_on_their_own_queries(judgments):
    """Judged queries of folds that were not run do not count as missed."""
    _, scores = cells({"base": 0.0}, {"base": 0.1}, judgments)
    run = scores.filter(seed=1, fold="fold_0").select("query_id", "product_id", "score")
    found = compare_pooled_auc([run], [run], judgments, SETTINGS).row(0, named=True)
    labelled = run.join(judgments, on=["query_id", "product_id"])
    assert found["n"] == 60
    assert found["mean_a"] == pytest.approx(roc_auc_score(labelled["grade"] == "exact", labelled["score"]))


def test_a_variant_can_be_compared_with_another_than_the_baseline(judgments):
    """A step of a ladder against the step before it."""
    variants = {v: Variant(against="better" if v == "equal" else None) for v in EFFECTS}
    declared = AblationStudies(primary=None, studies={"one": Study(baseline="base", variants=variants)})
    found = row(summarise(*cells(EFFECTS, NOISE, judgments), judgments, Ablation(), declared, SETTINGS), "equal")
    assert found["baseline"] == "better" and found["verdict"] == "worse"


def test_studies_of_one_family_share_a_correction(judgments):
    data = [pl.concat([table, table.with_columns(study=pl.lit("two"))]) for table in cells(EFFECTS, NOISE, judgments)]
    variants = {v: Variant() for v in EFFECTS}

    def p_values(family: str | None) -> tuple[list[float], list[float]]:
        studies = {name: Study(baseline="base", variants=variants, family=family) for name in ("one", "two")}
        declared = AblationStudies(primary=None, studies=studies)
        found = summarise(*data, judgments, Ablation(), declared, SETTINGS).filter(metric="ndcg@8").drop_nulls("p")
        return found["p"].to_list(), found["p_adjusted"].to_list()

    p, together = p_values("objectives")
    _, apart = p_values(None)
    assert together == pytest.approx(multipletests(p, method="holm")[1].tolist())
    half = len(p) // 2
    assert apart == pytest.approx(
        [*multipletests(p[:half], method="holm")[1], *multipletests(p[half:], method="holm")[1]]
    )
