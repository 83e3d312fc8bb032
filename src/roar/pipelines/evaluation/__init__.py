"""Every system judged alike: runs, per-query metrics, comparisons."""

from roar.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
