"""Intervals and p-values against scipy, their nominal rates in simulation, and the families of comparisons."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from roar.errors import InputError
from roar.metrics import aggregate, compare, slice_table
from roar.metrics.resampling import bootstrap_means, holm, interval, sign_flip_p
from roar.parameters import MetricSettings

FAST = MetricSettings(resamples=500, permutations=500)


def per_query(values: np.ndarray, metric: str = "ndcg@8") -> pl.DataFrame:
    queries = [f"q{number:04d}" for number in range(len(values))]
    frame = pl.DataFrame({"query_id": queries, "metric": metric, "value": values})
    return frame.with_columns(pl.col("value").fill_nan(None))


def no_slices() -> pl.DataFrame:
    return pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})


def test_interval_is_scipys_percentile_bootstrap_at_the_expanded_level() -> None:
    """Same ends as scipy.stats.bootstrap, given the confidence that Hesterberg's expansion asks for."""
    sample = np.random.default_rng(0).gamma(2.0, size=30)
    table = aggregate(per_query(sample), no_slices(), MetricSettings(resamples=20_000)).row(0, named=True)
    expanded = 1 - 2 * stats.norm.cdf(np.sqrt(30 / 29) * stats.t.ppf(0.025, 29))
    theirs = stats.bootstrap(
        (sample,), np.mean, n_resamples=20_000, confidence_level=expanded, method="percentile", rng=1
    ).confidence_interval
    assert table["mean"] == pytest.approx(sample.mean())
    assert (table["low"], table["high"]) == pytest.approx(tuple(theirs), abs=0.02)


def test_sign_flip_is_scipys_permutation_test() -> None:
    """Random signs within Monte Carlo error of scipy's, and all sign patterns exactly."""
    rng = np.random.default_rng(3)
    for n, tolerance in ((60, 0.015), (9, 1e-12)):
        difference = rng.normal(0.15, 0.6, size=n).round(1)
        theirs = stats.permutation_test(
            (difference, np.zeros(n)),
            lambda a, b, axis: np.mean(a - b, axis=axis),
            permutation_type="samples", vectorized=True, n_resamples=10_000, rng=1,
        ).pvalue  # fmt: skip
        ours = sign_flip_p(difference[:, None], np.ones(n), 10_000, np.random.default_rng(0))[0]
        assert ours == pytest.approx(theirs, abs=tolerance)


def test_exact_sign_flips_are_all_patterns() -> None:
    """Weighted and with a missing value: the share of the 2^n sign patterns at least as extreme."""
    difference, weight = np.array([0.3, 0.1, -0.2, np.nan]), np.array([1.0, 2.0, 1.5, 4.0])
    terms = np.nan_to_num(difference) * weight
    totals = [abs(sum(s * t for s, t in zip(signs, terms, strict=True))) for signs in product([-1, 1], repeat=4)]
    expected = np.mean(np.array(totals) >= abs(terms.sum()) - 1e-12)
    assert sign_flip_p(difference[:, None], weight, 100, np.random.default_rng(0))[0] == pytest.approx(expected)


def test_an_a_a_comparison_rejects_at_its_nominal_rate_and_intervals_cover() -> None:
    """400 null experiments on skewed, partly tied per-query values: about 5% rejected, about 95% covered."""
    rng, rejected, covered, experiments, n = np.random.default_rng(5), 0, 0, 400, 60
    noise = rng.choice([0.0, 0.25, 1.0], p=[0.6, 0.3, 0.1], size=(2, n, experiments))
    difference = noise[0] - noise[1]
    rejected = int((sign_flip_p(difference, np.ones(n), 999, rng) <= 0.05).sum())
    low, high = interval(noise[0], np.ones(n), bootstrap_means(noise[0], np.ones(n), 1000, rng), 0.95)
    covered = int(((low <= 0.175) & (high >= 0.175)).sum())
    assert stats.binomtest(rejected, experiments, 0.05).pvalue > 0.001
    assert 0.90 < covered / experiments < 0.985


def test_small_samples_keep_their_coverage() -> None:
    """The expansion is what covers with 8 queries: the plain percentile interval would cover about 88%."""
    rng, experiments, n = np.random.default_rng(6), 600, 8
    values = rng.normal(size=(n, experiments))
    low, high = interval(values, np.ones(n), bootstrap_means(values, np.ones(n), 1000, rng), 0.95)
    assert ((low <= 0) & (high >= 0)).mean() > 0.92


def test_a_real_difference_is_found_and_has_the_sign_of_b_minus_a() -> None:
    rng = np.random.default_rng(7)
    a = rng.uniform(0, 0.8, size=200)
    row = compare(per_query(a), per_query(a + rng.normal(0.05, 0.1, size=200)), no_slices(), FAST).row(0, named=True)
    assert row["difference"] == pytest.approx(row["mean_b"] - row["mean_a"])
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert row["p"] < 0.01
    assert row["detectable"] == pytest.approx(2.80 * 0.1 / np.sqrt(200), rel=0.2)


def test_a_system_against_itself_has_p_one_and_no_difference() -> None:
    a = per_query(np.random.default_rng(8).uniform(size=50))
    row = compare(a, a, no_slices(), FAST).row(0, named=True)
    assert (row["difference"], row["low"], row["high"], row["p"], row["p_adjusted"]) == (0, 0, 0, 1, 1)


def test_queries_without_the_metric_are_not_counted() -> None:
    """Null on either side leaves the query out of that metric's pairs, and of n."""
    a, b = np.array([0.1, 0.2, np.nan, 0.4]), np.array([0.3, np.nan, 0.3, 0.4])
    row = compare(per_query(a), per_query(b), no_slices(), FAST).row(0, named=True)
    assert (row["n"], row["mean_a"], row["mean_b"]) == pytest.approx((2, 0.25, 0.35))
    table = aggregate(per_query(a), no_slices(), FAST).row(0, named=True)
    assert (table["n"], table["mean"]) == pytest.approx((3, 0.7 / 3))


def slices_of(n: int) -> pl.DataFrame:
    queries = pl.DataFrame({"query_id": [f"q{number:04d}" for number in range(n)]}).with_row_index("row")
    return slice_table(
        queries.with_columns(vertical=pl.format("v{}", pl.col("row") % 3), frequency=pl.col("row")),
        ["vertical"],
        weight="frequency",
    )


@settings(max_examples=5, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    assert holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


def test_crossed_slices_are_a_family_of_their_own() -> None:
    """Adding the crossed slice leaves the adjusted p of the plain one as it was."""
    rng = np.random.default_rng(12)
    a, b = (per_query(rng.uniform(size=90)) for _ in range(2))
    plain = slices_of(90).drop("weight")
    crossed = plain.with_columns(slice=pl.lit("vertical x stratum"), level=pl.col("level") + " x HEAD")
    both = compare(a, b, pl.concat([plain, crossed]), FAST)
    assert both.filter(slice="vertical").equals(compare(a, b, plain, FAST).filter(slice="vertical"))
    assert both.filter(slice="vertical x stratum").height == 3


def test_holm_is_taken_over_the_slices_of_one_metric_and_leaves_overall_alone() -> None:
    """Two metrics over three verticals: each family has three members; the overall p is not adjusted."""
    rng = np.random.default_rng(9)
    systems = [pl.concat([per_query(rng.uniform(size=90), metric) for metric in ("ndcg@8", "map@8")]) for _ in range(2)]
    table = compare(*systems, slices_of(90).drop("weight"), FAST)
    overall = table.filter(slice="overall")
    assert overall["p"].equals(overall["p_adjusted"].alias("p"))
    for metric in ("ndcg@8", "map@8"):
        family = table.filter(slice="vertical", metric=metric).sort("p")
        expected = np.minimum(1, np.maximum.accumulate(family["p"].to_numpy() * [3, 2, 1]))
        assert family["p_adjusted"].to_list() == pytest.approx(list(expected))


def test_overall_is_given_per_query_and_by_traffic() -> None:
    """Each query once in `overall`, as often as it is searched in `overall (traffic)`; weight 0 is left out."""
    values = np.random.default_rng(10).uniform(size=40)
    table = aggregate(per_query(values), slices_of(40), FAST)
    plain, traffic = (table.filter(slice=name).row(0, named=True) for name in ("overall", "overall (traffic)"))
    assert plain["mean"] == pytest.approx(values.mean())
    assert traffic["mean"] == pytest.approx(np.average(values, weights=np.arange(40)))
    assert (plain["n"], traffic["n"]) == (40, 39)
    assert traffic["low"] < traffic["mean"] < traffic["high"]


def test_same_seed_same_table_whatever_the_row_order_or_the_other_slices() -> None:
    values, slices = per_query(np.random.default_rng(11).uniform(size=60)), slices_of(60)
    table = aggregate(values, slices, FAST)
    shuffled = aggregate(
        values.sample(fraction=1, shuffle=True, seed=2), slices.sample(fraction=1, shuffle=True, seed=3), FAST
    )
    assert table.equals(shuffled)
    alone = aggregate(values, slices.filter(level="v1").drop("weight"), FAST)
    assert alone.filter(level="v1").equals(table.filter(level="v1"))
    assert not table.equals(aggregate(values, slices, FAST.model_copy(update={"seed": 1})))


def test_a_level_of_one_query_has_a_mean_and_no_interval() -> None:
    values = per_query(np.array([0.2, 0.4]))
    slices = pl.DataFrame({"query_id": ["q0000"], "slice": ["vertical"], "level": ["lone"]})
    row = aggregate(values, slices, FAST).filter(level="lone").row(0, named=True)
    assert (row["n"], row["mean"], row["low"], row["high"]) == (1, 0.2, None, None)


def test_crossed_slices_and_missing_levels() -> None:
    """A query without a value is in no level; a crossed slice needs both."""
    queries = pl.DataFrame({"query_id": ["a", "b"], "vertical": ["food", "home"], "stratum": ["HEAD", None]})
    table = slice_table(queries, crossed=[("vertical", "stratum")])
    assert set(table.select("query_id", "slice", "level").iter_rows()) == {
        ("a", "vertical", "food"), ("b", "vertical", "home"), ("a", "stratum", "HEAD"),
        ("a", "vertical x stratum", "food x HEAD"),
    }  # fmt: skip


def test_bad_tables_are_one_line_errors() -> None:
    values, slices = per_query(np.ones(3)), slices_of(3)
    with pytest.raises(InputError, match="per-query metrics repeats 3"):
        aggregate(pl.concat([values, values]), slices)
    with pytest.raises(InputError, match="slices lacks the column"):
        aggregate(values, slices.drop("level"))
    with pytest.raises(InputError, match="weight"):
        aggregate(values, slices.with_columns(weight=-1.0))
