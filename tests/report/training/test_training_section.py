"""The sections of training."""

import polars as pl
from fabricated_evaluation import Fabricated

from roar.report import training_section
from roar.report.page import Chart, Facts


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
