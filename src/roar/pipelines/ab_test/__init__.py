"""The A/B test: from a log of searches, or a simulated one, to a verdict."""

from roar.pipelines.ab_test.pipeline import create_pipeline

__all__ = ["create_pipeline"]
