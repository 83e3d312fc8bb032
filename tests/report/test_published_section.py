"""What may be set beside published figures, and that the page says so where nothing may."""

import polars as pl
import pytest

from roar.metrics.published import EVERYTHING_EXACT, RESULTS
from roar.parameters import Evaluation, Ingestion, MetricSettings, Reporting
from roar.pipelines.evaluation.published import judge_as_published
from roar.pipelines.reporting.nodes import build_published_section
from roar.report.page.section import Section, Table

FULL = pl.DataFrame({"query_id": ["a", "b", "c"], "upstream_split": ["train", "train", "test"]})
SPLITS = pl.DataFrame({"query_id": ["a", "b", "c"], "fold": ["holdout"] * 3, "split": ["train", "validation", "test"]})
RESULT = pl.DataFrame(
    [
        ("stage2", "ndcg", 1, 20, 0.8123, 0.7, 0.9),
        ("bm25", "ndcg", 1, 20, 0.7, 0.6, 0.8),
        ("stage2", "micro_f1", 1, 20, 0.6, 0.5, 0.7),
        (EVERYTHING_EXACT, "micro_f1", 1, 20, 0.5, 0.4, 0.6),
    ],
    schema=RESULTS,
    orient="row",
)


def built(queries: pl.DataFrame, splits: pl.DataFrame, version: str = "small") -> Section:
    ingestion = Ingestion(choices={"version": version, "locale": "us"})
    return Section.model_validate(build_published_section(RESULT, queries, splits, ingestion, Reporting()))


def test_systems_stand_beside_published_figures() -> None:
    section = built(FULL, SPLITS)
    ours, published = (block for block in section.blocks if isinstance(block, Table))
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in ours.rows}
    assert rows == {
        "Stage 2 (ROAR)": ["0.8123", "0.6000"],
        "BM25": ["0.7000", "–"],
        EVERYTHING_EXACT: ["–", "0.5000"],
    }
    assert ours.caption == "1 test queries, 20 labelled products"
    assert {"0.852", "0.9043"} <= {cell.text for row in published.rows for cell in row}


@pytest.mark.parametrize(("version", "task"), [("small", "NDCG"), ("large", "micro-F1")])
def test_each_version_of_the_data_is_that_of_one_task(version: str, task: str) -> None:
    said = built(FULL, SPLITS, version).blocks[0].text
    assert f"The {task} is measured as published" in said and f"{version} version, locale us" in said


@pytest.mark.parametrize(
    ("queries", "splits", "what"),
    [
        (FULL.with_columns(upstream_split=pl.lit("test")), SPLITS, "'test'"),
        (FULL.drop("upstream_split"), SPLITS, "nothing"),
        (FULL, SPLITS.with_columns(fold=pl.lit("fold_0")), "training_sets.splits.method"),
    ],
)
def test_without_upstream_s_split_nothing_can_be_compared(
    queries: pl.DataFrame, splits: pl.DataFrame, what: str
) -> None:
    """A sample whose rows are all of one side, a table without sides, and queries that were divided anew."""
    first = built(queries, splits).blocks[0]
    assert (
        first.style == "warning"
        and first.text.startswith("Not comparable with published figures")
        and what in first.text
    )


def test_without_a_convention_nothing_is_measured_and_no_section_made() -> None:
    nothing = judge_as_published(
        pl.DataFrame(), SPLITS, {}, Evaluation(), MetricSettings(), stage2_judged_run=pl.DataFrame()
    )
    assert nothing.is_empty() and nothing.schema == RESULTS
    assert build_published_section(nothing, FULL, SPLITS, Ingestion(), Reporting()) == {}
