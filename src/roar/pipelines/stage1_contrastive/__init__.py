"""Stage 1: contrastive learning over pairs, with the false-negative mask."""

from roar.pipelines.stage1_contrastive.pipeline import create_pipeline

__all__ = ["create_pipeline"]
