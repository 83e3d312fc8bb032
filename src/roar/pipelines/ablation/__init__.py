"""Ablation studies: by name only, because they train for hours."""

from roar.pipelines.ablation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
