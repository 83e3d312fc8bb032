"""Reporting: tables, charts and the page, from what the other pipelines left."""

from roar.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
