"""Compare runs.

kept runs ──► what differs in how they were made; their metrics side by side
"""

from kedro.pipeline import Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.compare_runs import nodes


def create_pipeline(**_: object) -> Pipeline:
    """One node: two tables of one comparison."""
    return box(
        "compare_runs",
        [
            node(
                nodes.compare_kept_runs,
                ["run_archive", "params:compare_runs"],
                ["run_differences", "metric_differences"],
                name="compare_kept_runs",
            )
        ],
    )
