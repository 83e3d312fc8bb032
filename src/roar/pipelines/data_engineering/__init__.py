"""From raw tables to what both stages learn from."""

from roar.pipelines.data_engineering.pipeline import create_pipeline

__all__ = ["create_pipeline"]
