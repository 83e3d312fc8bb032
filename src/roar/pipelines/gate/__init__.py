"""Whether a run may take the place of the one in production."""

from roar.pipelines.gate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
