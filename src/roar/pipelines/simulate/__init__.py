"""The simulated marketplace: raw tables out of parameters, the project's embedded data set."""

from roar.pipelines.simulate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
