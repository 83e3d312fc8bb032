"""Release: one encoder and an index of the catalogue that can be searched, changed and shipped."""

from roar.pipelines.release.pipeline import create_pipeline

__all__ = ["create_pipeline"]
