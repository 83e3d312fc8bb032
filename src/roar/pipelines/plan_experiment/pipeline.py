"""Power planning.

experiment log (or the simulated one) ──► moments, days ──► units and days by effect ──► chart
"""

from kedro.pipeline import Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.plan_experiment import nodes


def create_pipeline(**_: object) -> Pipeline:
    """Sizes of a test to come, from the variance of a log."""
    logs = ["experiment_log", "experiment_units", "simulated_experiment_log", "simulated_experiment_units"]
    return box(
        "experiment",
        [
            node(
                nodes.read_history,
                [*logs, "params:ab_test"],
                ["planning_moments", "planning_days"],
                name="read_history",
            ),
            node(
                nodes.plan_sizes,
                ["planning_moments", "planning_days", "params:ab_test", "params:experiment_plan"],
                "experiment_plan",
                name="plan_sizes",
            ),
            node(nodes.draw_plan, ["experiment_plan", "params:ab_test"], "experiment_plan_chart", name="draw_plan"),
        ],
    )
