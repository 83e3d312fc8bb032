"""Stage 2: ROAR over graded groups, from the stage-1 encoder."""

from roar.pipelines.stage2_roar.pipeline import create_pipeline

__all__ = ["create_pipeline"]
