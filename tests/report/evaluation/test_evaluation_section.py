"""What the evaluation's section says: the figures of the tables, the verdicts, the flags; protocols never mixed."""

from collections.abc import Iterable

import polars as pl
import pytest
from fabricated_evaluation import MEASURED, SYSTEMS, VERTICALS, Fabricated

from roar.errors import InputError
from roar.parameters import Comparison, Reporting
from roar.pipelines.reporting.nodes import draw_result_charts
from roar.report import evaluation_section
from roar.report.evaluation import Evidence
from roar.report.evaluation.charts import crossed_chart, gains_chart, grade_mix_chart, recall_chart
from roar.report.evaluation.tables import differences_table, finding_of, levels_table, systems_table
from roar.report.page import Block, Chart, Expandable, Facts, Section, Table
from roar.report.page.wording import metric_label
from roar.schemas import STRATA


def flat(blocks: Iterable[Block]) -> list[Block]:
    return [
        inner for block in blocks for inner in (block, *(flat(block.blocks) if isinstance(block, Expandable) else []))
    ]


def section_of(fabricated: Fabricated, **changes: object) -> Section:
    tables = {"metrics": fabricated.metrics, "comparisons": fabricated.comparisons} | changes
    return evaluation_section(**tables, measured=MEASURED)  # type: ignore[arg-type]


def test_every_figure_of_the_systems_table_is_that_of_the_metric_table(fabricated: Fabricated) -> None:
    table = systems_table(fabricated.evidence, "judged")
    assert [row[0].text for row in table.rows][:3] == ["Random", "BM25", "Base encoder"]
    assert len(table.rows) == len(SYSTEMS)
    column = [column.name for column in table.columns].index("NDCG@8")
    overall = fabricated.metrics.filter(protocol="judged", slice="overall", metric="ndcg@8")
    expected = dict(overall.select("system", "mean").iter_rows())
    assert [row[column].value for row in table.rows] == [expected[system] for system in SYSTEMS]
    best = [row[0].text for row in table.rows if row[column].tone == "best"]
    assert best == [Reporting().systems[max(expected, key=expected.__getitem__)]]


def test_few_queries_that_have_most_of_the_traffic_are_told_and_flagged(fabricated: Fabricated) -> None:
    """A weighted mean over many queries may rest on the weight of a dozen."""
    weighted = fabricated.metrics.filter(slice="overall").with_columns(
        slice=pl.lit("overall (traffic)"), effective=12.0
    )
    evidence = Evidence(weighted, fabricated.comparisons, Reporting(), MEASURED)
    cells = [row[1] for row in systems_table(evidence, "judged", "overall (traffic)").rows]
    assert {(cell.detail, cell.tone) for cell in cells} == {("worth 12 of equal weight", "warning")}
    assert {row[1].detail for row in systems_table(fabricated.evidence, "judged").rows} == {""}


def test_levels_stand_in_reading_order_and_small_ones_are_flagged_not_hidden(fabricated: Fabricated) -> None:
    strata = levels_table(fabricated.evidence, "judged", "stratum", "ndcg@8")
    assert [row[0].text for row in strata.rows] == list(STRATA[:5])
    verticals = levels_table(fabricated.evidence, "judged", "vertical", "ndcg@8")
    assert [row[0].text for row in verticals.rows] == [*sorted(VERTICALS[:-1]), "ambiguous"]
    counts = fabricated.queries.filter(pl.col("query_id") != "q0003")["vertical"].value_counts()
    small = set(counts.filter(pl.col("count") < 30)["vertical"])
    assert small
    assert {row[0].text for row in verticals.rows if row[0].detail == "few queries"} == small


def test_differences_carry_interval_p_and_finding(fabricated: Fabricated) -> None:
    pair = Comparison(baseline="base", system="stage1")
    table = differences_table(fabricated.evidence, pair, "judged", "stratum", "ndcg@8")
    rows = {row[0].text: row for row in table.rows}
    expected = fabricated.comparisons.filter(
        system_a="base", system_b="stage1", protocol="judged", slice="stratum", metric="ndcg@8", level="ONCE ONLY"
    ).row(0, named=True)
    cells = rows["ONCE ONLY"]
    assert cells[4].value == expected["difference"] > 0
    assert cells[4].text == f"{100 * expected['difference']:+.2f}"
    assert cells[6].value == expected["p_adjusted"]
    assert cells[7].text == "▲ better"


def test_finding_needs_a_small_adjusted_p() -> None:
    assert finding_of({"found": False, "difference": 0.1}) == ("not found", "muted")
    assert finding_of({"found": True, "difference": -0.1}) == ("▼ worse", "bad")


def test_the_headline_states_the_primary_comparison_first_and_plainly(fabricated: Fabricated) -> None:
    facts = next(block for block in section_of(fabricated).blocks if isinstance(block, Facts)).facts
    assert [fact.label for fact in facts] == ["Stage 2 (ROAR) against Stage 1", "Stage 1 against Base encoder"]
    assert "95% interval" in facts[1].detail
    assert facts[1].detail.startswith("Better. NDCG@8")
    assert facts[1].tone == "good"


def test_a_difference_that_was_not_found_is_called_that(fabricated: Fabricated) -> None:
    nothing = fabricated.comparisons.with_columns(p=pl.lit(0.7), p_adjusted=pl.lit(1.0))
    blocks = section_of(fabricated, comparisons=nothing).blocks
    facts = next(block for block in blocks if isinstance(block, Facts)).facts
    assert all(fact.detail.startswith("No difference found; one of ") for fact in facts)
    assert {fact.tone for fact in facts} == {"muted"}


def test_the_page_opens_with_what_was_found_of_any_system_on_either_protocol(fabricated: Fabricated) -> None:
    """A hybrid that retrieves far better is said first, though no comparison to open with names it."""
    there = set(fabricated.metrics.filter(protocol="catalogue")["system"]) - {"base", "stage1"}
    other = sorted(there)[0]
    overall = fabricated.comparisons.filter(system_a="base", system_b="stage1", slice="overall", metric="ndcg@8")
    found = overall.filter(protocol="catalogue").with_columns(
        system_b=pl.lit(other), difference=pl.lit(0.17), low=pl.lit(0.151), high=pl.lit(0.189), p_adjusted=pl.lit(0.001)
    )
    blocks = section_of(fabricated, comparisons=pl.concat([fabricated.comparisons, found])).blocks
    said = [block.text for block in blocks[1:3]]
    assert [text.split(",")[0] for text in said] == ["Judged products", "Full catalogue"]
    assert f"better: {Reporting().systems[other]} +17.00 (+15.10 to +18.90)" in said[1] and "Stage 1" in said[1]
    assert "+17.00" not in said[0], "protocols are never mixed"


def test_a_stage_that_was_not_kept_is_called_the_same_and_has_no_tables_of_zeros(fabricated: Fabricated) -> None:
    own = (pl.col("system_a") == "stage1") & (pl.col("system_b") == "stage2")
    zero = [pl.when(own).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("difference", "low", "high")]
    blocks = section_of(fabricated, comparisons=fabricated.comparisons.with_columns(*zero)).blocks
    first, second = next(block for block in blocks if isinstance(block, Facts)).facts[:2]
    assert first.value == "the same" and "not kept" in first.detail and second.value.endswith("points")
    label = "Stage 2 (ROAR) against Stage 1"
    tables = [block for block in flat(blocks) if isinstance(block, Table | Chart)]
    assert not [block.caption for block in tables if label in block.caption]
    gains = [block for block in tables if isinstance(block, Chart) and block.caption.startswith("Gain in")]
    assert gains and all(label not in block.model_dump_json() for block in gains)
    assert "no difference found" not in first.detail.lower() and "0.00 points" not in first.detail


def test_where_no_two_systems_differ_there_are_neither_tables_of_zeros_nor_charts_of_gains(
    fabricated: Fabricated,
) -> None:
    zero = [pl.lit(0.0).alias(name) for name in ("difference", "low", "high")]
    alike = fabricated.comparisons.with_columns(*zero)
    blocks = section_of(fabricated, comparisons=alike).blocks
    facts = next(block for block in blocks if isinstance(block, Facts)).facts
    assert {fact.value for fact in facts} == {"the same"}
    captions = [block.caption for block in flat(blocks) if isinstance(block, Table | Chart)]
    assert not [caption for caption in captions if caption.startswith("Gain in") or "against Stage 1" in caption]
    systems, *others, recall = draw_result_charts(fabricated.metrics, alike, Reporting(), MEASURED)
    assert systems.data and recall.data and not any(figure.data for figure in others)


def test_no_table_or_chart_mixes_protocols(fabricated: Fabricated) -> None:
    """Each names exactly one protocol, but for the definitions and the search for queries."""
    shown = [block for block in flat(section_of(fabricated).blocks) if isinstance(block, Table | Chart)]
    named = [block for block in shown if block.caption != "Metrics"]
    assert len(named) > 20
    for block in named:
        assert ("judged products" in block.caption) != ("full catalogue" in block.caption), block.caption


def test_all_metrics_are_shown_by_vertical_and_by_stratum(fabricated: Fabricated) -> None:
    captions = {block.caption for block in flat(section_of(fabricated).blocks) if isinstance(block, Table)}
    for protocol, words in (("judged", "judged products"), ("catalogue", "full catalogue")):
        for metric in fabricated.evidence.shown_metrics(protocol):
            for slice_ in ("vertical", "frequency stratum"):
                assert f"{metric_label(metric)} by {slice_}, {words}" in captions


def test_without_comparisons_the_tables_stand_alone(fabricated: Fabricated) -> None:
    section = section_of(fabricated, comparisons=fabricated.comparisons.clear())
    assert section.blocks[0].kind == "paragraph"
    assert any(isinstance(block, Table) for block in section.blocks)


def test_systems_unknown_to_the_configuration_come_last_under_their_own_name(fabricated: Fabricated) -> None:
    renamed = fabricated.metrics.with_columns(pl.col("system").replace({"bm25": "our engine"}))
    evidence = Evidence(renamed, fabricated.comparisons, Reporting(), MEASURED)
    assert systems_table(evidence, "judged").rows[-1][0].text == "our engine"


def test_no_metric_at_all_is_a_clear_error(fabricated: Fabricated) -> None:
    with pytest.raises(InputError, match="metrics is empty"):
        section_of(fabricated, metrics=fabricated.metrics.clear())


def test_gains_chart_fills_the_markers_of_what_was_found(fabricated: Fabricated) -> None:
    figure = gains_chart(fabricated.evidence, "judged", "stratum")
    rows = fabricated.evidence.differences(Comparison(baseline="base", system="stage1"), "judged", "stratum", "ndcg@8")
    trace = next(trace for trace in figure.data if trace.name == "Stage 1 against Base encoder")
    assert len(trace.x) == 1 + rows.height
    hollow = sum(colour == "white" for colour in trace.marker.color)
    assert hollow == rows.height - rows["found"].sum()


def test_heat_map_stars_small_cells(fabricated: Fabricated) -> None:
    heat = crossed_chart(fabricated.evidence, "judged", "vertical x stratum").data[0]
    assert len(heat.y) == len(VERTICALS)
    assert list(heat.x) == list(STRATA[:5])
    assert any("*" in text for line in heat.text for text in line)


def test_grade_mix_adds_up_to_one_and_recall_rises(fabricated: Fabricated) -> None:
    mix, recall = grade_mix_chart(fabricated.evidence, "catalogue"), recall_chart(fabricated.evidence, "catalogue")
    assert mix is not None
    assert recall is not None
    assert [sum(bar.x[place] for bar in mix.data) for place in range(len(SYSTEMS))] == pytest.approx(
        [1.0] * len(SYSTEMS)
    )
    assert all(list(curve.y) == sorted(curve.y) for curve in recall.data)
    assert grade_mix_chart(fabricated.evidence, "judged") is None
    assert recall_chart(fabricated.evidence, "judged") is None
