"""Bad logs: an error in one line, or rows left out by a written policy, with counts; never silence."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from roar.ab_testing import aggregate
from roar.errors import InputError
from roar.parameters import ABTest

from .conftest import START, make_log


def excluded(log: pl.DataFrame, config: ABTest | None = None, units: pl.DataFrame | None = None) -> dict[tuple, tuple]:
    """(rule, unit) to counts in control, treatment, other."""
    table = aggregate(log, units, config=config).exclusions
    return {(row[0], row[2]): row[3:] for row in table.rows()}


def first(log: pl.DataFrame, **values: object) -> pl.DataFrame:
    """The log with the first row (a control's) changed."""
    row = log.head(1).with_columns(pl.lit(value).cast(log.schema[name]).alias(name) for name, value in values.items())
    return pl.concat([row, log.slice(1)])


def test_a_sound_log_loses_nothing(log):
    found = aggregate(log)
    assert found.exclusions.filter(pl.col("action") == "excluded").is_empty()
    assert found.totals.height == 60 and found.totals["searches"].sum() == log.height


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"clicks": -1}, "negative or not finite"),
        ({"revenue": -5.0}, "negative or not finite"),
        ({"revenue": float("inf")}, "negative or not finite"),
        ({"first_click_s": -1.0}, "negative or not finite"),
        ({"clicks": 11}, "more clicks than impressions"),
        ({"revenue": 1e16}, "larger than any count or amount"),
        ({"revenue": 1e300}, "larger than any count or amount"),
        ({"first_click_s": 1e17}, "larger than any count or amount"),
        ({"carts": 2**62}, "larger than any count or amount"),
        ({"unit_id": None}, "a needed value is missing"),
        ({"session_id": ""}, "a needed value is missing"),
        ({"orders": None}, "a needed value is missing"),
    ],
)
def test_a_broken_row_is_left_out_and_counted(log, values, rule):
    assert excluded(first(log, **values))[rule, "rows"] == (1, 0, 0)


def test_impossible_rows_can_be_refused(log):
    with pytest.raises(InputError, match="1 rows have negative counts or more clicks"):
        aggregate(first(log, clicks=11), config=ABTest(impossible_rows="reject"))


def test_repeated_rows_are_counted_once(log):
    twice = pl.concat([log, log.head(3)])
    assert excluded(twice)["repeats another row", "rows"] == (2, 1, 0)
    assert aggregate(twice).totals.equals(aggregate(log).totals)
    with pytest.raises(InputError, match="3 rows repeat"):
        aggregate(twice, config=ABTest(duplicate_rows="reject"))


def test_units_in_both_variants_are_left_out_of_both(log):
    crossed = first(log, variant="treatment")  # u0, whose other row stays in the control
    counts = excluded(crossed)
    assert counts["unit seen in both variants", "units"] == (1, 1, 0)
    assert counts["unit seen in both variants", "rows"] == (1, 1, 0)
    assert "u0" not in aggregate(crossed).totals["unit_id"]
    with pytest.raises(InputError, match="1 units were seen in both variants"):
        aggregate(crossed, config=ABTest(crossovers="reject"))


def test_robots_are_left_out():
    log = make_log(200)
    base = log.filter(pl.col("unit_id") == "u1").head(1)
    robot = pl.concat([base.with_columns(pl.col("timestamp") + pl.duration(seconds=5 * n)) for n in range(1, 31)])
    counts = excluded(pl.concat([log, robot]), ABTest(robot_searches=30))
    assert counts["unit with a robot's rate", "units"] == (0, 1, 0)
    assert counts["unit with a robot's rate", "rows"] == (0, 32, 0)
    assert ("unit with a robot's rate", "units") not in excluded(pl.concat([log, robot]), ABTest(robot_searches=32))


def test_one_variant_alone_is_an_error_that_names_the_other(log):
    with pytest.raises(
        InputError, match=r"variant 'treatment' \(ab_test.treatment\) has no usable row; the log has: control"
    ):
        aggregate(log.filter(pl.col("variant") == "control"))
    with pytest.raises(InputError, match="the log has: A, B"):
        aggregate(log.with_columns(pl.col("variant").replace({"control": "A", "treatment": "B"})))


def test_other_variants_are_left_out_and_counted(log):
    third = log.head(4).with_columns(variant=pl.lit("third"), unit_id=pl.lit("x") + pl.col("unit_id"))
    assert excluded(pl.concat([log, third]))["another variant", "rows"] == (0, 0, 4)


def test_times_outside_the_window_are_left_out(log):
    config = ABTest(start=START, end=START + timedelta(days=3))
    late = first(log, timestamp=datetime(1970, 1, 1))
    assert excluded(late, config)["outside the window", "rows"] == (1, 0, 0)
    with pytest.raises(InputError, match=r"timestamps span \d+ days .* set ab_test.start and ab_test.end"):
        aggregate(late)


def test_zoned_times_are_read_in_utc_and_texts_refused(log):
    """09:00 in Auckland on the 5th is the 4th in UTC."""
    zoned = log.with_columns(pl.col("timestamp").dt.replace_time_zone("Pacific/Auckland"))
    assert aggregate(zoned).days["day"].min() == START.date() - timedelta(days=1)
    with pytest.raises(InputError, match="column timestamp holds String"):
        aggregate(log.with_columns(pl.col("timestamp").cast(pl.String)))


@pytest.mark.parametrize("column", ["unit_id", "timestamp", "clicks", "revenue"])
def test_a_missing_column_is_named(log, column):
    with pytest.raises(InputError, match=f"no column {column}"):
        aggregate(log.drop(column))


def test_fractional_counts_are_refused(log):
    with pytest.raises(InputError, match="column clicks holds Float64; expected whole numbers"):
        aggregate(log.with_columns(pl.col("clicks") * 0.5))


def test_first_clicks_need_not_be_logged(log):
    found = aggregate(log.drop("first_click_s"))
    assert found.totals["first_clicks"].sum() == 0


@pytest.mark.parametrize("amount", [1e13, 8e12, 1e15])
def test_large_amounts_are_summed_exactly(log, amount):
    """Their millionths fit into 64 bits neither alone nor together."""
    large = log.with_columns(revenue=pl.when(pl.col("unit_id").is_in(["u0", "u1", "u7"])).then(amount).otherwise(0.0))
    found = aggregate(large, config=ABTest(winsorise=None)).totals.filter(pl.col("revenue") > 0)
    assert found["revenue"].to_list() == [2 * amount] * 3


def test_counts_of_any_width_are_read(log):
    wide = log.with_columns(pl.col("clicks").cast(pl.UInt64), pl.col("impressions").cast(pl.Int8))
    assert aggregate(wide).totals.equals(aggregate(log).totals)
    assert excluded(first(wide, clicks=2**63))["larger than any count or amount", "rows"] == (1, 0, 0)


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (pl.DataFrame({"unit_id": ["u0"], "history": [1.0]}), "no column covariate; the table has unit_id, history"),
        (pl.DataFrame({"unit_id": ["u0"], "covariate": ["many"]}), "column covariate holds String; expected numbers"),
    ],
)
def test_units_without_a_readable_covariate_are_refused(log, units, message):
    with pytest.raises(InputError, match=message):
        aggregate(log, units)


def test_a_covariate_too_large_to_square_is_unknown(log):
    units = pl.DataFrame({"unit_id": ["u0", "u1", "u2"], "covariate": [1e200, 2.0, 3.0]})
    assert excluded(log, units=units)["no covariate, mean taken", "units"] == (29, 29, 0)


def test_losing_much_of_the_log_is_an_error(log):
    broken = log.with_columns(clicks=pl.when(pl.col("clicks") == 1).then(50).otherwise(pl.col("clicks")))
    with pytest.raises(InputError, match=r"of 120 rows would be excluded, .*'more clicks than impressions'"):
        aggregate(broken)


def test_a_variant_of_which_no_unit_is_left_is_an_error(log):
    with pytest.raises(InputError, match="leave no unit of the variant control, treatment"):
        aggregate(log, config=ABTest(robot_searches=1, max_excluded=1.0))


def test_unknown_covariates_take_the_mean_and_are_counted(log):
    units = pl.DataFrame({"unit_id": ["u0", "u1", "u2", "u3"], "covariate": [1.0, None, float("nan"), 3.0]})
    assert excluded(log, units=units)["no covariate, mean taken", "units"] == (29, 29, 0)
    with pytest.raises(InputError, match="1 rows repeat a unit_id"):
        aggregate(log, pl.concat([units, units.head(1)]))


def test_an_empty_log_is_no_experiment(log):
    found = aggregate(log.clear())
    assert found.totals.is_empty() and found.moments.is_empty() and found.days.is_empty()
