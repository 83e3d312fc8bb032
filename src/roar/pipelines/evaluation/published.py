"""Nodes of evaluation that measure a published data set by its authors' conventions; without any, empty tables."""

import polars as pl

from roar.metrics.published import RESULTS, published_results
from roar.parameters import Evaluation, MetricSettings
from roar.pipelines.evaluation.judging import Frames

JUDGED, VALIDATION = "_judged_run", "_validation_judged_run"


def judge_as_published(
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    further: Frames,
    config: Evaluation,
    settings: MetricSettings,
    **runs: pl.DataFrame,
) -> pl.DataFrame:
    """Both of the authors' measures of every system; no rows where no convention is asked for."""
    if config.published is None:
        return RESULTS.to_frame()
    validation = {name.removesuffix(VALIDATION): run for name, run in runs.items() if name.endswith(VALIDATION)}
    tested = {name.removesuffix(JUDGED): run for name, run in runs.items() if not name.endswith(VALIDATION)}
    tested |= {name.removesuffix(".judged"): run for name, run in further.items() if name.endswith(".judged")}
    return published_results(tested, validation, judgments, splits, settings)
