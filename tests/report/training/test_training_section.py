"""The sections of training."""

import polars as pl
from fabricated_evaluation import Fabricated

from roar.report import training_section
from roar.report.page import Chart, Facts, Paragraph


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
