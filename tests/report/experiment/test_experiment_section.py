"""The experiment's section: the verdict first, every rule and count shown, a simulated test marked as one."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from chromium import EXECUTABLE, Page
from roar.parameters import ABTest, Reporting
from roar.report import Section, render
from roar.report.experiment import ExperimentEvidence
from roar.report.experiment.section import CIRCULAR, SIMULATED, experiment_section
from roar.report.page import Chart, Expandable, Facts, Paragraph, Table

CONFIG = ABTest()
RULES = [
    {"rule": "checks hold", "state": "met", "detail": "no check failed", "days_needed": None},
    {
        "rule": "Orders per searcher: better",
        "state": "open",
        "detail": "the interval covers no change",
        "days_needed": 9,
    },
]


def rows(slice_: str, level: str) -> list[dict]:
    """Every metric, better by 5% in its own direction; nothing to compare for zero results."""
    found = []
    for name, metric in CONFIG.metrics.items():
        sign = -1 if metric.better == "lower" else 1
        missing = name == "zero_results"
        values = {"relative": 0.05 * sign, "relative_low": 0.05 * sign - 0.02, "relative_high": 0.05 * sign + 0.02}
        values |= {
            "control": 0.5,
            "treatment": 0.5,
            "difference": 0.025 * sign,
            "low": 0.01 * sign,
            "high": 0.04 * sign,
            "p": 0.001,
        }
        found.append(
            {"slice": slice_, "level": level, "metric": name, "units_control": 500, "units_treatment": 510}
            | {key: None if missing else value for key, value in values.items()}
            | {"adjusted": True, "variance_reduction": 0.08, "p_adjusted": None if missing else 0.004 if name != "revenue" else 0.2}
        )  # fmt: skip
    return found


def evidence(*, simulated: bool = True, outcome: str = "inconclusive") -> ExperimentEvidence:
    levels = [("overall", "all"), ("vertical", "food"), ("vertical", "home"), ("stratum", "TAIL"), ("stratum", "HEAD")]
    table = pl.DataFrame([row for pair in levels for row in rows(*pair)], infer_schema_length=None)
    days = [date(2026, 10, 5) + timedelta(n) for n in range(5)]
    widths = np.linspace(0.2, 0.05, 5)
    cumulative = pl.concat([
        pl.DataFrame({"day": days, "metric": name, "units": range(100, 600, 100), "relative": 0.05,
                      "relative_low": 0.05 - widths, "relative_high": 0.05 + widths,
                      "sequential_low": 0.05 - 2 * widths, "sequential_high": 0.05 + 2 * widths})
        for name in ("orders", "click_through")
    ])  # fmt: skip
    offline = pl.DataFrame(
        [{"slice": slice_, "level": level, "metric": "click_through", "offline": 0.01 * n, "offline_low": 0.0, "offline_high": 0.02 * n + 0.01,
          "online": 0.02 * n, "online_low": 0.0, "online_high": 0.05 * n + 0.01} for n, (slice_, level) in enumerate(levels)]
    )  # fmt: skip
    truth = table.select("slice", "level", "metric", "control", "treatment", "relative")
    exclusions = {
        "rule": "repeats another row",
        "action": "excluded",
        "unit": "rows",
        "control": 3,
        "treatment": 41,
        "other": 0,
    }
    quality = {
        "table": "experiment_log",
        "rule": "not a whole number from 0",
        "column": "clicks",
        "action": "repaired",
        "count": 7,
        "examples": "-1",
    }
    return ExperimentEvidence(
        verdict={"outcome": outcome, "reason": "orders: it covers no change", "days_needed": 9, "rules": RULES},
        uplifts=table, cumulative=cumulative,
        checks=pl.DataFrame([("sample ratio", "passed", 0.4, "500 against 510 units")], schema=["check", "state", "p", "detail"], orient="row"),
        exclusions=pl.DataFrame([exclusions]), days=pl.DataFrame({"day": days, "variant": ["control"] * 5, "searches": [10] * 5}),
        quality=pl.DataFrame([quality]), offline=offline,
        preference={"preference": 0.1, "low": 0.05, "high": 0.15, "p": 1e-5, "searchers": 90, "won": 60, "lost": 40, "tied": 70, "needed": 80},
        truth=truth if simulated else truth.clear(),
    )  # fmt: skip


def flat(section: Section) -> list:
    return [
        inner for block in section.blocks for inner in (block, *(block.blocks if isinstance(block, Expandable) else ()))
    ]


@pytest.mark.parametrize(
    ("outcome", "value", "tone"),
    [
        ("ship", "Ship the treatment", "good"),
        ("keep", "Keep the control", "bad"),
        ("inconclusive", "Inconclusive", "muted"),
    ],
)
def test_the_verdict_stands_on_top_with_its_rules(outcome, value, tone):
    blocks = experiment_section(evidence(simulated=False, outcome=outcome)).blocks
    assert isinstance(blocks[0], Facts) and (blocks[0].facts[0].value, blocks[0].facts[0].tone) == (value, tone)
    assert "About 9 more days" in blocks[0].facts[0].detail
    assert isinstance(blocks[1], Table) and [row[1].text for row in blocks[1].rows] == ["met", "open"]
    assert blocks[1].rows[1][3].text == "9"


def test_a_simulated_test_is_marked_shows_the_truth_and_calls_itself_circular():
    texts = [block.text for block in experiment_section(evidence()).blocks if isinstance(block, Paragraph)]
    assert texts[0] == SIMULATED and CIRCULAR in texts
    tables = {block.caption: block for block in experiment_section(evidence()).blocks if isinstance(block, Table)}
    assert tables["Metrics over all searches"].columns[-1].name == "True"
    real = experiment_section(evidence(simulated=False))
    assert not {SIMULATED, CIRCULAR} & {block.text for block in real.blocks if isinstance(block, Paragraph)}
    assert "True" not in [column.name for block in real.blocks if isinstance(block, Table) for column in block.columns]


def test_a_fall_of_a_rate_to_be_lowered_is_good_and_what_was_not_found_is_muted():
    tables = {block.caption: block for block in experiment_section(evidence()).blocks if isinstance(block, Table)}
    tones = {row[0].text: row[4].tone for row in tables["Metrics over all searches"].rows}
    assert tones["Reformulation rate"] == tones["Orders per searcher"] == "good"
    assert tones["Revenue per searcher"] == "muted"
    assert "Zero-result rate" in tables["Metrics over all searches"].note


FEW = "too few events: 7 in a variant, 20 needed"


def flagged() -> ExperimentEvidence:
    """Orders from too few events though p is small, revenue unadjusted, and no always-valid interval on the first two days."""
    plain = evidence(simulated=False)
    orders = (pl.col("metric") == "orders") & (pl.col("slice") == "overall")
    table = plain.uplifts.with_columns(
        caveat=pl.when(orders).then(pl.lit(FEW)),
        not_adjusted=pl.when(pl.col("metric") == "revenue").then(pl.lit("the covariate is the metric itself")),
    )
    first = pl.col("day") < date(2026, 10, 7)
    daily = plain.cumulative.with_columns(
        pl.when(~first).then(pl.col(name)).alias(name) for name in ("sequential_low", "sequential_high")
    )
    return plain._replace(uplifts=table, cumulative=daily)


def test_a_figure_from_too_few_events_is_shown_flagged_and_counted_as_no_finding():
    blocks = experiment_section(flagged()).blocks
    fact = next(fact for fact in blocks[0].facts if fact.label.startswith("Orders"))
    assert fact.tone == "muted" and fact.detail.startswith(FEW)
    table = next(block for block in blocks if isinstance(block, Table) and block.caption == "Metrics over all searches")
    cell = next(row[4] for row in table.rows if row[0].text == "Orders per searcher")
    assert cell.tone == "muted" and cell.detail.endswith("too few events")
    assert f"Orders per searcher: {FEW}." in table.note
    assert "Not adjusted, as the covariate is the metric itself: Revenue per searcher." in table.note
    rule = next(
        block.text for block in blocks if isinstance(block, Paragraph) and block.text.startswith("Too few events")
    )
    assert "fewer than 20 of equal weight" in rule
    forest = next(
        block for block in blocks if isinstance(block, Chart) and block.caption == "Uplift by metric, all searches"
    )
    colours = {trace["y"][0]: trace["marker"]["color"] for trace in forest.figure["data"]}
    assert colours[2] == "white" != colours[0], "orders are hollow, click-through is filled"


def test_days_without_an_always_valid_interval_are_not_drawn():
    charts = {block.caption: block for block in flat(experiment_section(flagged())) if isinstance(block, Chart)}
    drawn = charts["Orders per searcher: uplift up to each day"].figure["data"]
    assert all(list(trace["x"]) == ["2026-10-07", "2026-10-08", "2026-10-09"] for trace in drawn)


def test_a_primary_metric_without_an_uplift_says_what_there_is():
    plain = evidence(simulated=False)
    nothing = pl.col("metric") == "orders"
    table = plain.uplifts.with_columns(
        pl.when(nothing).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("relative", "relative_low", "relative_high")
    ).with_columns(caveat=pl.when(nothing).then(pl.lit("does not occur in the control")))
    fact = next(
        f for f in experiment_section(plain._replace(uplifts=table)).blocks[0].facts if f.label.startswith("Orders")
    )
    assert (fact.value, fact.detail, fact.tone) == ("not to be had", "does not occur in the control", "muted")


def test_an_exact_interleaving_test_is_called_one():
    found = evidence().preference | {"exact": True, "decided": 7}
    texts = [
        block.text
        for block in experiment_section(evidence()._replace(preference=found)).blocks
        if isinstance(block, Paragraph)
    ]
    assert any("an exact test of the 7 who preferred one" in text for text in texts)


def test_every_count_of_what_was_left_out_is_shown():
    tables = {
        block.caption: block
        for block in flat(experiment_section(evidence(simulated=False)))
        if isinstance(block, Table)
    }
    left_out = tables["What was left out or changed, by variant"]
    assert [cell.text for cell in left_out.rows[0]] == ["repeats another row", "excluded", "rows", "3", "41", "0"]
    assert "7" in [
        cell.text for cell in tables["What ingestion had dropped or repaired of the experiment's tables"].rows[0]
    ]


def test_charts_show_what_was_estimated():
    charts = {block.caption: block for block in flat(experiment_section(evidence())) if isinstance(block, Chart)}
    forest = charts["Uplift by metric, all searches"].figure
    assert [trace["x"][0] for trace in forest["data"]] == [0.05, 0.05, 0.05, 0.05, -0.05, -0.05]
    assert "Orders per searcher by vertical" in charts and "Click-through by frequency stratum" in charts
    assert charts["Orders per searcher by frequency stratum"].figure["layout"]["yaxis"]["ticktext"] == ["HEAD", "TAIL"]
    day = charts["Orders per searcher: uplift up to each day"]
    assert {trace.get("name") for trace in day.figure["data"]} >= {
        "uplift",
        "valid on one day",
        "valid on all days",
        "true uplift",
    }


def test_it_survives_json_and_what_is_not_there_is_left_out():
    section = experiment_section(evidence())
    assert Section.model_validate(section.model_dump(mode="json")) == section
    bare = evidence()._replace(
        offline=evidence().offline.clear(),
        preference={},
        cumulative=evidence().cumulative.clear(),
        exclusions=evidence().exclusions.clear(),
    )
    headings = [block.text for block in experiment_section(bare).blocks if block.kind == "heading"]
    assert headings == ["Uplift by metric", "Uplift by vertical", "Uplift by frequency stratum", "Can it be trusted?"]


@pytest.mark.skipif(EXECUTABLE is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits_the_screen_and_draws_without_complaint(tmp_path, width):
    path = tmp_path / "page.html"
    path.write_text(render([experiment_section(evidence())], Reporting()), encoding="utf-8")
    page = Page(path, tmp_path / "profile", width)
    try:
        page.evaluate("document.querySelector('#experiment .chart').scrollIntoView()")  # charts are drawn when seen
        page.wait_for("document.querySelectorAll('#experiment .chart .main-svg').length > 0")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not page.complaints
    finally:
        page.close()
