"""Every system judged alike: runs, per-query metrics, comparisons."""

from typing import Any

from kedro.pipeline import Pipeline


def create_pipeline(**options: Any) -> Pipeline:
    """The pipeline; what it needs of encoders is loaded by this call, so that others may judge runs without it."""
    from roar.pipelines.evaluation.pipeline import create_pipeline as create

    return create(**options)


__all__ = ["create_pipeline"]
