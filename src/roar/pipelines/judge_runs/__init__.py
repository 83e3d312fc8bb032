"""Other engines' runs judged before anything is trained; by name only."""

from roar.pipelines.judge_runs.pipeline import create_pipeline

__all__ = ["create_pipeline"]
