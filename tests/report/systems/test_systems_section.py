"""The section on how systems behave, its charts, and the ladder of an ablation."""

from collections.abc import Iterable

import polars as pl
import pytest
from fabricated_evaluation import MEASURED, SYSTEMS, Fabricated

from roar.errors import InputError
from roar.metrics.spread import seed_spread
from roar.parameters import Reporting
from roar.plots import ladder
from roar.report import behaviour_section
from roar.report.evaluation import Evidence
from roar.report.page import Block, Chart, Expandable, Table
from roar.report.systems.charts import calibration_chart, distribution_chart, rank_chart, rank_shares


def flat(blocks: Iterable[Block]) -> list[Block]:
    return [
        inner for block in blocks for inner in (block, *(flat(block.blocks) if isinstance(block, Expandable) else []))
    ]


def test_every_system_has_its_grades_by_rank_and_they_add_up(fabricated: Fabricated) -> None:
    shares = rank_shares(fabricated.behaviour.pages.filter(protocol="judged"))
    totals = shares.group_by("system", "rank").agg(pl.col("share").sum())
    assert totals.height == 8 * len(SYSTEMS)
    assert totals["share"].to_list() == pytest.approx([1.0] * totals.height)
    figure = rank_chart(fabricated.evidence, shares.filter(system="stage2"))
    assert [bar.name for bar in figure.data] == ["exact", "substitute", "complement", "irrelevant"]
    section = behaviour_section(fabricated.evidence, fabricated.behaviour)
    charts = [b for b in flat(section.blocks) if isinstance(b, Chart) and "grades by rank" in b.caption]
    assert len(charts) == 2 * len(SYSTEMS)


def test_calibration_is_the_share_of_exacts_in_a_bin(fabricated: Fabricated) -> None:
    bins = fabricated.behaviour.bins
    curve = next(c for c in calibration_chart(fabricated.evidence, bins, ["stage2"]).data if c.name == "Stage 2 (ROAR)")
    own = bins.filter(system="stage2").sort("low")
    totals = own.group_by("low", maintain_order=True).agg(
        share=pl.col("pairs").filter(pl.col("grade") == "exact").sum() / pl.col("pairs").sum(),
        pairs=pl.col("pairs").sum(),
    )
    assert list(curve.y) == pytest.approx(totals.filter(pl.col("pairs") >= 20)["share"].to_list())
    assert curve.y[-1] > curve.y[0]


def test_score_distributions_add_up_by_grade(fabricated: Fabricated) -> None:
    figure = distribution_chart(fabricated.evidence, fabricated.behaviour.bins.filter(system="base"))
    assert [sum(curve.y) for curve in figure.data] == pytest.approx([1.0] * 4)


def test_only_comparable_scores_are_calibrated(fabricated: Fabricated) -> None:
    metrics = fabricated.metrics.filter(~((pl.col("metric") == "auc") & pl.col("system").is_in(["random", "bm25"])))
    evidence = Evidence(metrics, fabricated.comparisons, Reporting(), MEASURED)
    captions = [
        b.caption for b in flat(behaviour_section(evidence, fabricated.behaviour).blocks) if isinstance(b, Chart)
    ]
    scored = {caption.partition(":")[0] for caption in captions if "scores by grade" in caption}
    assert scored == {"Base encoder", "Stage 1", "Stage 2 (ROAR)", "Stage 2, deployed dimension"}


def test_coverage_flags_what_the_policy_counts(fabricated: Fabricated) -> None:
    blocks = flat(behaviour_section(fabricated.evidence, fabricated.behaviour).blocks)
    table = next(b for b in blocks if isinstance(b, Table) and b.caption.startswith("Runs, and what"))
    flagged = {row[0].text for row in table.rows for cell in row if cell.tone == "warning"}
    assert flagged == {"BM25"}
    assert "repeated (query, product)" in table.note


def test_robustness_shows_what_is_kept_of_the_metrics_of_each_protocol(fabricated: Fabricated) -> None:
    blocks = flat(behaviour_section(fabricated.evidence, fabricated.behaviour).blocks)
    tables = {b.caption: b for b in blocks if isinstance(b, Table) and "written differently" in b.caption}
    judged = tables["What is kept when queries are written differently, per cent, judged products"]
    assert [column.name for column in judged.columns] == ["System", "Queries", "NDCG@8 kept", "MAP@8 kept"]
    assert len(judged.rows) == len(SYSTEMS) - 1
    assert judged.rows[0][2].text == "85.7"
    assert "0.700 → 0.600, −10.00 (−12.00 to −8.00)" in judged.rows[0][2].detail


def test_seeds_are_shown_where_there_are_several(fabricated: Fabricated) -> None:
    def captions(section) -> list[str]:
        return [b.caption for b in flat(section.blocks) if isinstance(b, Table)]

    title = "Overall means over runs that differ in their seed alone"
    assert title not in captions(behaviour_section(fabricated.evidence, fabricated.behaviour))
    spread = seed_spread({1: fabricated.metrics, 2: fabricated.metrics.with_columns(pl.col("mean") + 0.01)})
    assert title in captions(behaviour_section(fabricated.evidence, fabricated.behaviour._replace(spread=spread)))


def test_grades_carry_the_names_that_the_data_set_gives_them(fabricated: Fabricated) -> None:
    labels = {"exact": "rated 3", "substitute": "rated 2", "complement": "rated 1", "irrelevant": "rated 0"}
    evidence = Evidence(fabricated.metrics, fabricated.comparisons, Reporting(grade_labels=labels), MEASURED)
    shares = rank_shares(fabricated.behaviour.pages.filter(protocol="catalogue", system="base"))
    names = [bar.name for bar in rank_chart(evidence, shares).data]
    assert names == ["rated 3", "rated 2", "rated 1", "rated 0", "unjudged"]
    assert evidence.metric_label("order_exact_substitute") == "Rated 3 > rated 2"
    assert evidence.metric_label("ndcg@8") == "NDCG@8"


def test_a_ladder_fills_what_leaves_zero_out_and_keeps_the_order() -> None:
    figure = ladder(["a", "b", "c"], [1.0, 0.2, -0.5], [0.5, -0.1, None], [1.5, 0.5, None], x_title="Points")
    trace = figure.data[0]
    assert list(trace.x) == [1.0, 0.2, -0.5]
    assert list(trace.y) == [0.0, 1.0, 2.0]
    assert [colour == "white" for colour in trace.marker.color] == [False, True, True]
    assert list(figure.layout.yaxis.ticktext) == ["a", "b", "c"]
    assert list(trace.error_x.array) == pytest.approx([0.5, 0.3, 0.0])
    with pytest.raises(InputError, match="ladder"):
        ladder(["a", "a"], [1.0, 2.0], [0.0, 1.0], [2.0, 3.0], x_title="Points")
    with pytest.raises(InputError, match="ladder"):
        ladder(["a"], [1.0, 2.0], [0.0], [2.0], x_title="Points")
