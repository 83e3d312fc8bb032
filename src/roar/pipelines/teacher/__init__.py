"""A teacher beyond what is served: how much order is left to learn, and scores to learn it from; by name only."""

from roar.pipelines.teacher.pipeline import create_pipeline

__all__ = ["create_pipeline"]
