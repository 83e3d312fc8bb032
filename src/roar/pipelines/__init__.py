"""The pipelines; folder names are what `kedro run --pipelines` takes."""
