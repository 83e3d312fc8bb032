"""The sections of data and training, and the wide tables."""

import io

import polars as pl
import pytest
from fabricated_evaluation import Fabricated

from roar.report import training_section, wide_tables
from roar.report.section import Chart, Expandable, Facts, Table
from roar.report.wide_tables import latex, markdown


def test_the_data_section_counts_what_there_is(fabricated: Fabricated) -> None:
    data = fabricated.sections[1]
    tables = {block.caption: block for block in data.blocks if isinstance(block, Table)}
    strata = tables["Judged queries and grades by frequency stratum"]
    assert sum(row[1].value or 0 for row in strata.rows) == fabricated.queries.height
    for row in strata.rows:
        assert sum(cell.value or 0 for cell in row[3:]) == pytest.approx(100)
    assert sum(row[1].value or 0 for row in tables["Stage-1 pairs by source"].rows) == 900
    sample = next(block for block in data.blocks if isinstance(block, Expandable)).blocks[0]
    assert isinstance(sample, Table)
    assert len(sample.rows) == 20
    assert "Thing" in sample.rows[0][0].text


def test_training_curves_show_what_was_measured_and_no_timings(fabricated: Fabricated) -> None:
    first, second = (training_section(fabricated.histories, stage) for stage in ("stage1", "stage2"))
    captions = [[block.caption for block in part.blocks if isinstance(block, Chart)] for part in (first, second)]
    assert captions[0] == ["Loss by step", "NDCG@8 on validation queries by step"]
    assert captions[1][1:3] == ["Contrastive loss by step", "Alignment loss by step"]
    assert "pairs_per_s" not in first.model_dump_json()
    best = fabricated.histories.filter(stage="stage2")["validation_ndcg8"].max()
    facts = next(block for block in second.blocks if isinstance(block, Facts)).facts
    assert facts[1].value == f"{best:.4f}"


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
