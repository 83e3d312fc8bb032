"""Aggregation: the same as counting by hand, whatever the parts."""

import numpy as np
import polars as pl
import pytest

from roar.ab_testing import aggregate, cumulative, query_levels, uplifts
from roar.parameters import ABTest

from .conftest import START, make_log


def by_hand(log: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Sums of each unit, with loops."""
    units: dict[str, dict[str, float]] = {}
    rows = log.sort("unit_id", "session_id", "timestamp").to_dicts()
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        sums = units.setdefault(
            row["unit_id"], dict.fromkeys(("searches", "clicked", "orders", "revenue", "zero", "re"), 0)
        )
        sums["searches"] += 1
        sums["clicked"] += row["clicks"] > 0
        sums["orders"] += row["orders"]
        sums["revenue"] += row["revenue"]
        sums["zero"] += row["results"] == 0
        if after and after["session_id"] == row["session_id"] and after["query"] != row["query"]:
            sums["re"] += (after["timestamp"] - row["timestamp"]).total_seconds() <= 300
    return units


@pytest.mark.parametrize("rows_a_part", [1_000, 1_000_000])
def test_totals_are_those_counted_by_hand(rows_a_part):
    log = make_log(1_500).with_columns(results=pl.when(pl.col("clicks") == 0).then(0).otherwise(pl.col("results")))
    totals = aggregate(log, config=ABTest(winsorise=None, rows_a_part=rows_a_part)).totals
    expected = by_hand(log)
    assert totals.height == len(expected)
    for row in totals.to_dicts():
        found = [
            row[name]
            for name in ("searches", "clicked_searches", "orders", "revenue", "zero_results", "reformulations")
        ]
        assert found == list(expected[row["unit_id"]].values())


def test_a_log_read_in_parts_gives_the_same_experiment():
    log, levels = make_log(3_000), pl.DataFrame({"query": ["red shoe", "green tea"], "vertical": ["a", "b"]})
    covariate = np.random.default_rng(1).normal(size=3_000)
    units = pl.DataFrame({"unit_id": [f"u{n}" for n in range(3_000)], "covariate": covariate})
    whole, parts = (aggregate(log, units, levels, ABTest(rows_a_part=n)) for n in (10_000, 1_000))
    assert whole.totals.equals(parts.totals)
    assert whole.moments.drop("y", "x", "c", "yy", "xx", "cc", "yx", "yc", "xc").equals(
        parts.moments.select("slice", "level", "metric", "variant", "units")
    )
    for name in ("y", "cc", "yc", "yx"):
        np.testing.assert_allclose(whole.moments[name], parts.moments[name], rtol=1e-9, atol=1e-9)


def test_a_lazy_log_gives_the_same_experiment_in_any_order(log):
    eager = aggregate(log)
    shuffled = aggregate(log.sample(fraction=1.0, shuffle=True, seed=3).lazy())
    assert eager.totals.equals(shuffled.totals) and eager.moments.equals(shuffled.moments)


def test_a_slice_divides_by_all_searchers():
    """A searcher without a search in the slice counts as zero: slices' per-searcher means add up to the whole's."""
    log = make_log(600)
    queries = pl.DataFrame({"query_id": ["a", "b"], "query": ["Red Shoe", "green tea"]})
    strata = pl.DataFrame({"query_id": ["a", "b"], "vertical": ["x", "y"], "stratum": ["HEAD", "TAIL"]})
    found = aggregate(log, levels=query_levels(queries, strata))
    table = uplifts(found.moments, ABTest(cuped=False)).filter(pl.col("metric") == "orders")
    whole = table.filter(pl.col("slice") == "overall")
    for slice_ in ("vertical", "stratum"):
        parts = table.filter(pl.col("slice") == slice_)
        assert parts["units_control"].unique().to_list() == whole["units_control"].to_list()
        sums = found.moments.filter(pl.col("slice") == slice_, pl.col("metric") == "orders", pl.col("variant") == 0)[
            "y"
        ].sum()
        assert sums == found.totals.filter(pl.col("variant") == "control")["orders"].sum()


def test_the_last_day_of_the_cumulative_uplift_is_the_whole_test():
    found = aggregate(make_log(600))
    last = cumulative(found.moments).filter(pl.col("day") == pl.col("day").max())
    overall = uplifts(found.moments).filter(pl.col("slice") == "overall")
    known = last.drop_nulls("sequential_low")
    assert {"orders", "revenue", "click_through"} <= set(known["metric"])
    for row in known.to_dicts():
        assert row["relative"] == pytest.approx(overall.filter(pl.col("metric") == row["metric"])["relative"].item())
        assert row["sequential_low"] < row["relative_low"] and row["sequential_high"] > row["relative_high"]


def test_units_count_from_their_first_search_on(log):
    found = aggregate(log).moments.filter(
        pl.col("slice") == "until", pl.col("metric") == "orders", pl.col("variant") == 0
    )
    assert found.sort("level")["units"].to_list() == [10, 20, 30]
    exposed = aggregate(log).moments.filter(pl.col("slice") == "exposure day", pl.col("variant") == 0)
    assert set(exposed["level"]) == {"0"}, "every unit searches on one day"
    assert str(START.date()) in set(aggregate(log).moments["level"])


def test_revenue_is_capped_at_its_quantile_and_counted(log):
    whale = log.with_columns(
        revenue=pl.when((pl.col("unit_id") == "u0") & (pl.col("orders") > 0)).then(1e6).otherwise(pl.col("revenue"))
    )
    found = aggregate(whale, config=ABTest(winsorise=0.9))
    assert found.totals["revenue"].max() <= 40
    assert found.exclusions.filter(pl.col("rule") == "revenue capped").select("control", "treatment").row(0) == (1, 0)
    assert aggregate(whale, config=ABTest(winsorise=None)).totals["revenue"].max() == 1e6
