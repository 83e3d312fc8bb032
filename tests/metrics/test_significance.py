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
from roar.metrics.resampling import (
    bootstrap_means,
    bootstrap_p,
    holm,
    interval,
    mean_interval,
    sign_flip_p,
    sign_flips,
)
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


def test_ties_of_sign_flips_are_judged_by_the_size_of_the_terms() -> None:
    """0.1 + 0.2 + 0.3 - 0.6 is 5.6e-17 and not 0: every pattern is as extreme as what was seen."""
    for scale in (1.0, 1e-9, 1e12):
        difference = scale * np.array([[0.1, 0.2, 0.3, -0.6]]).T
        assert sign_flip_p(difference, np.ones(4), 1_000, np.random.default_rng(0))[0] == 1
    long = np.tile([0.1, 0.2, 0.3, -0.6], 100)[:, None]
    assert sign_flip_p(long, np.ones(400), 1_000, np.random.default_rng(0))[0] == 1


def p_of_shift(difference: np.ndarray, weight: np.ndarray, shift: float) -> float:
    """The exact p of no difference after a shift, pattern by pattern."""
    shifted = difference - shift
    terms = weight * np.where(np.abs(shifted) < 1e-12, 0.0, shifted)  # what rounding leaves is no difference
    totals = np.abs([np.dot(signs, terms) for signs in product([-1, 1], repeat=len(terms))])
    return float(np.mean(totals >= abs(terms.sum()) - 1e-12 * np.abs(terms).sum()))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-10, 10), min_size=2, max_size=9), st.sampled_from([0.8, 0.9, 0.95]), st.booleans())
def test_the_interval_of_a_difference_inverts_its_test(tenths: list[int], confidence: float, weighted: bool) -> None:
    """The shifts within it are those that the exact test does not reject; too few queries have no interval."""
    difference = np.array(tenths) / 10
    weight = 1 + np.arange(len(tenths)) % 3 if weighted else np.ones(len(tenths))
    p, low, high = (
        part[0]
        for part in sign_flips(difference[:, None], weight.astype(float), 1_000, confidence, np.random.default_rng(0))
    )
    assert p == pytest.approx(p_of_shift(difference, weight, 0.0))
    if np.isnan(low):
        assert p_of_shift(difference, weight, -100.0) > 1 - confidence
        return
    assert (low > 0 or high < 0) == (p <= 1 - confidence + 1e-12)
    for end, outward in ((low, -1), (high, 1)):
        assert p_of_shift(difference, weight, end + 1e-7 * outward) <= 1 - confidence + 1e-12
        assert p_of_shift(difference, weight, end) > 1 - confidence - 1e-12


def test_a_few_queries_that_all_gain_are_no_finding_and_have_no_interval() -> None:
    """Four of four gain by chance once in eight: the page must not show an interval above 0 beside p = 0.125."""
    a, b = np.zeros(4), np.array([0.1, 0.2, 0.3, 0.4])
    row = compare(per_query(a), per_query(b), no_slices(), FAST).row(0, named=True)
    assert (row["p"], row["low"], row["high"]) == (0.125, None, None)
    row = compare(per_query(np.zeros(6)), per_query(np.arange(1, 7) / 10), no_slices(), FAST).row(0, named=True)
    assert row["p"] == 2 / 64 and row["low"] > 0


def test_with_many_queries_the_interval_is_the_bootstraps() -> None:
    """Skewed, partly tied differences of 150 queries: the ends lie as near as those of two bootstraps to each other."""
    rng, one = np.random.default_rng(22), np.ones(150)
    before = rng.beta(4, 1, size=(150, 60))
    change = rng.normal(0.02, 0.12, size=before.shape) * (rng.random(before.shape) < 0.6)
    difference = np.clip(before + change, 0, 1) - before
    _, low, high = sign_flips(difference, one, 10_000, 0.95, rng)
    first, second = (interval(difference, one, bootstrap_means(difference, one, 2_000, rng), 0.95) for _ in range(2))
    apart = np.mean(np.abs([low - first[0], high - first[1]]))
    assert apart < 1.2 * np.mean(np.abs([second[0] - first[0], second[1] - first[1]]))


def test_interval_and_p_of_a_comparison_agree_at_random_sizes_and_with_missing_values() -> None:
    """Tied, skewed, sparse and weighted differences of 7 to 90 queries; both outcomes occur."""
    rng, found = np.random.default_rng(21), []
    for n in rng.integers(7, 90, size=30):
        difference = rng.choice([0, 0.25, 1.0], p=[0.7, 0.2, 0.1], size=(n, 20)) - 0.1 * rng.integers(0, 4)
        difference[rng.random(difference.shape) < 0.2] = np.nan
        p, low, high = sign_flips(difference, rng.exponential(size=n) + 0.1, 999, 0.95, rng)
        there = ~np.isnan(low)
        assert ((low > 0) | (high < 0))[there].tolist() == (p <= 0.05)[there].tolist()
        assert (p[~there] > 0.05).all()
        found += (p[there] <= 0.05).tolist()
    assert 0.1 < np.mean(found) < 0.9


@pytest.mark.parametrize("n", [4, 20, 60, 200])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "traffic"])
@pytest.mark.parametrize("whole", [True, False], ids=["hit or miss", "graded"])
def test_means_of_rare_metrics_are_covered(n: int, weighted: bool, whole: bool) -> None:
    """90% zeros: the bootstrap alone covers 30 to 90%, as little as its resamples can know."""
    rng, replicates = np.random.default_rng([n, weighted, whole]), 400
    values = (rng.random((n, replicates)) < 0.1) * (1.0 if whole else rng.random((n, replicates)))
    weight = 1 / np.arange(1, n + 1) ** 0.8 if weighted else np.ones(n)
    low, high = mean_interval(values, weight, bootstrap_means(values, weight, 400, rng), 0.95)
    covered = np.mean((low <= (0.1 if whole else 0.05)) & (high >= (0.1 if whole else 0.05)))
    assert covered >= 0.9, covered


def test_a_metric_that_never_varied_may_still_have_another_mean() -> None:
    """Twenty zeros exclude no mean up to 17%, a thousand ones none down to 99.6% (Clopper and Pearson 1934)."""
    table = aggregate(per_query(np.zeros(20)), no_slices(), FAST).row(0, named=True)
    assert (table["low"], table["high"]) == (0, pytest.approx(1 - 0.025 ** (1 / 20)))
    nearly = np.resize([1.0, np.nextafter(1, 0), np.nextafter(1, 2)], 1_000)  # as sums of gains come out
    table = aggregate(per_query(nearly), no_slices(), FAST).row(0, named=True)
    assert (table["low"], table["high"]) == pytest.approx((0.025 ** (1 / 1_000), 1))


def test_a_metric_of_many_values_keeps_the_bootstrap_however_few_the_queries() -> None:
    values = np.random.default_rng(4).uniform(0.5, 0.9, size=8)[:, None]
    draws = bootstrap_means(values, np.ones(8), 500, np.random.default_rng(5))
    assert mean_interval(values, np.ones(8), draws, 0.95) == interval(values, np.ones(8), draws, 0.95)


def test_what_queries_are_worth_under_their_traffic_is_told() -> None:
    """One query with half of the traffic of 41 leaves them worth four of equal weight (Kish 1965)."""
    values = per_query(np.random.default_rng(6).uniform(size=41))
    traffic = pl.DataFrame(
        {"query_id": values["query_id"], "slice": "vertical", "level": "v", "weight": [40.0] + [1.0] * 40}
    )
    table = aggregate(values, traffic, FAST)
    found = {row["slice"]: row["effective"] for row in table.to_dicts()}
    assert found == pytest.approx({"overall": 41, "overall (traffic)": 80**2 / 1_640, "vertical": 41})


def test_the_bootstraps_p_is_the_level_at_which_its_interval_reaches_zero() -> None:
    rng = np.random.default_rng(13)
    for size in (3, 12, 200):
        draws = rng.normal(0.3, 0.15, size=(999, 1))
        p = bootstrap_p(draws[:, 0], size)
        for confidence, inside in ((1 - 0.98 * p, True), (1 - 1.02 * p, False)):
            low, high = interval(np.ones((size, 1)), np.ones(size), draws, confidence)
            assert (low[0] <= 0 <= high[0]) == inside
    assert np.isnan(bootstrap_p(draws[:, 0], 1)) and bootstrap_p(np.zeros(100), 50) == 1


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
