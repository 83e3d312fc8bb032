"""The sections of data and training, and the wide tables."""

import io

import polars as pl
import pytest
from fabricated_evaluation import Fabricated

from roar.report import training_section, wide_tables
from roar.report.data_charts import agreement_chart, ingestion_chart
from roar.report.section import Chart, Expandable, Facts, Paragraph, Section, Table
from roar.report.wide_tables import latex, markdown


def test_the_data_section_counts_what_there_is(fabricated: Fabricated) -> None:
    data = fabricated.sections[1]
    tables = {block.caption: block for block in data.blocks if isinstance(block, Table)}
    strata = tables["Judged queries and grades by frequency stratum"]
    assert sum(row[1].value or 0 for row in strata.rows) == fabricated.queries.height
    for row in strata.rows:
        assert sum(cell.value or 0 for cell in row[3:]) == pytest.approx(100)
    assert sum(row[1].value or 0 for row in tables["Stage-1 pairs by source"].rows) == 900


def listed(section: Section, caption: str) -> Table:
    """The table of that caption inside what opens on a click."""
    opened = [block for part in section.blocks if isinstance(part, Expandable) for block in part.blocks]
    return next(block for block in opened if isinstance(block, Table) and block.caption.startswith(caption))


def test_near_duplicates_can_be_browsed_as_pairs_and_as_clusters(fabricated: Fabricated) -> None:
    data = fabricated.sections[1]
    pairs, clusters = listed(data, "A sample of the pairs"), listed(data, "A sample of the clusters")
    assert pairs.searchable and clusters.searchable and len(pairs.rows) == len(clusters.rows) == 60
    likeness = [row[2].value for row in pairs.rows]
    assert likeness == sorted(likeness, reverse=True) and pairs.rows[0][3].text == "same attributes"
    sizes = [row[0].value for row in clusters.rows]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == 4
    assert clusters.rows[0][1].text.count("Thing") == 4 and clusters.rows[0][2].text.startswith("same ")


def test_the_page_says_how_sure_near_duplicates_are_and_how_grades_agree_within_clusters(
    fabricated: Fabricated,
) -> None:
    data = fabricated.sections[1]
    doubtful = listed(data, "The accepted pairs nearest to the threshold")
    likeness = [row[2].value for row in doubtful.rows]
    assert len(likeness) == 20 and likeness == sorted(likeness)
    said = " ".join(block.text for block in data.blocks if isinstance(block, Paragraph))
    assert "By their own odds" in said and "grades differ in" in said


def test_charts_show_what_the_data_are(fabricated: Fabricated) -> None:
    data = fabricated.sections[1]
    charts = {block.caption: block.figure["data"] for block in data.blocks if isinstance(block, Chart)}
    assert charts["What ingestion dropped, merged and repaired"][0]["x"] == [3, 12]
    left, lost = charts["What each step left: graded groups"]
    assert left["x"] == [1440, 500] and lost["x"] == [0, 940]
    groups = charts["Sizes of the graded groups"]
    assert sum(sum(bar["y"]) for bar in groups) == 84 and {size for bar in groups for size in bar["x"]} == {6, 2}
    for caption in ("Grades by frequency stratum", "Grades by vertical"):
        for level in zip(*(bar["x"] for bar in charts[caption]), strict=True):
            assert sum(level) == pytest.approx(1)
    for bar in charts["Agreement of raters by grade"]:
        assert bar["x"] == [0.3, 0.7, 1.0] and sum(bar["y"]) == pytest.approx(1)


def test_what_there_is_none_of_has_no_chart() -> None:
    nothing = pl.DataFrame({"table": ["products"], "rule": ["rows read"], "action": ["noted"], "count": [3]})
    assert ingestion_chart(nothing) is None
    assert agreement_chart(pl.DataFrame({"grade": ["exact", "exact"], "weight": [1.0, 1.0]})) is None


def test_training_curves_show_what_was_measured_and_no_timings(fabricated: Fabricated) -> None:
    first, second = (training_section(fabricated.histories, stage) for stage in ("stage1", "stage2"))
    captions = [[block.caption for block in part.blocks if isinstance(block, Chart)] for part in (first, second)]
    assert captions[0] == ["Loss by step", "Criterion on validation queries by step"]
    assert captions[1][1:3] == ["Contrastive loss by step", "Alignment loss by step"]
    assert "pairs_per_s" not in first.model_dump_json()
    last = fabricated.histories.filter(stage="stage2").filter("kept").row(0, named=True)
    facts = next(block for block in second.blocks if isinstance(block, Facts)).facts
    assert facts[1].value == f"step {last['step']}" and f"{last['validation']:.4f}" in facts[1].detail


def test_a_stage_whose_weights_were_not_kept_says_so_once_and_why(fabricated: Fabricated) -> None:
    first = pl.col("step") == pl.col("step").min().over("stage", "fold")
    lost = fabricated.histories.with_columns(
        pl.when(pl.col("kept").is_not_null()).then(first).alias("kept"),
        pl.when(first).then(0).otherwise("step").alias("step"),
        validation_gain=-pl.col("validation_gain"),
    )
    section = training_section(lost, "stage2")
    warnings = [block.text for block in section.blocks if isinstance(block, Paragraph) and block.style == "warning"]
    assert len(warnings) == 1 and "not kept" in warnings[0]
    facts = next(block for block in section.blocks if isinstance(block, Facts)).facts
    assert facts[1].value == "the start's"
    some = pl.concat([fabricated.histories, lost.with_columns(fold=pl.lit("other"))])
    mixed = training_section(some, "stage2")
    assert "1 of 2 folds" in next(b.text for b in mixed.blocks if isinstance(b, Paragraph) and b.style == "warning")


def test_training_over_folds_has_a_curve_for_each(fabricated: Fabricated) -> None:
    folds = pl.concat([fabricated.histories.with_columns(fold=pl.lit(name)) for name in ("fold 1", "fold 2")])
    chart = next(block for block in training_section(folds, "stage2").blocks if isinstance(block, Chart))
    assert [trace["name"] for trace in chart.figure["data"]] == ["fold 1", "fold 2"]


def test_a_stage_that_was_not_trained_has_a_section_without_curves(fabricated: Fabricated) -> None:
    empty = training_section(fabricated.histories.clear(), "stage1")
    assert not [block for block in empty.blocks if isinstance(block, Chart)]


def test_wide_tables_hold_the_figures_of_the_metric_table(fabricated: Fabricated) -> None:
    texts = wide_tables(fabricated.evidence)
    assert {"judged_overall.csv", "judged_vertical.md", "catalogue_stratum.tex", "judged_gains_vertical.md"} <= set(
        texts
    )
    wide = pl.read_csv(io.StringIO(texts["judged_vertical.csv"])).filter(level="food", metric="ndcg@8")
    row = fabricated.metrics.filter(protocol="judged", slice="vertical", level="food", metric="ndcg@8", system="stage1")
    assert wide["mean_stage1"].item() == pytest.approx(row["mean"].item())
    assert f"| {row['mean'].item():.4f} |" in texts["judged_vertical.md"]


def test_gains_are_starred_where_they_were_found(fabricated: Fabricated) -> None:
    text = wide_tables(fabricated.evidence)["judged_gains_overall.md"]
    found = fabricated.comparisons.filter(
        system_a="base", system_b="stage1", protocol="judged", slice="overall", metric="ndcg@8"
    )
    assert found["p_adjusted"].item() <= 0.05
    assert f"| {100 * found['difference'].item():+.2f}* |" in text


def test_markdown_and_latex_escape_their_own_characters() -> None:
    assert markdown(["a", "b"], [["x|y", "1.5"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1.5 |\n"
    assert latex(["50%", "n"], [["a & b_c", "−1.5"]]).splitlines()[2:5:2] == [r"50\% & n \\", r"a \& b\_c & $-$1.5 \\"]
