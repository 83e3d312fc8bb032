"""The wide tables."""

import io

import polars as pl
import pytest
from fabricated_evaluation import Fabricated

from roar.report import wide_tables


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
