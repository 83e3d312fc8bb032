"""Power planning, before a test: users and days for an effect. By name only."""

from roar.pipelines.plan_experiment.pipeline import create_pipeline

__all__ = ["create_pipeline"]
