"""Which pipelines there are, and which of them a plain `kedro run` runs."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

DEFAULT = ("data_engineering", "stage1_contrastive", "stage2_roar", "evaluation", "release", "ab_test", "reporting")
"""What runs by default. `simulate` is left out: a plain run must not write over real data."""


def register_pipelines() -> dict[str, Pipeline]:
    """Find the pipelines in `roar.pipelines`; the default is the sum of those of `DEFAULT` that were found.

    Kedro imports only the pipelines that a command asks for, so a run of `data_engineering` never loads torch, and the
    sum must do with those that are there.
    """
    pipelines = find_pipelines(raise_errors=True)
    pipelines["__default__"] = sum((pipelines[name] for name in DEFAULT if name in pipelines), Pipeline([]))
    return pipelines
