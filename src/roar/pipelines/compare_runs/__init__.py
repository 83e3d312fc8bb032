"""Two kept runs side by side; by name only."""

from roar.pipelines.compare_runs.pipeline import create_pipeline

__all__ = ["create_pipeline"]
