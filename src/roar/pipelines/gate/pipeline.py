"""The gate.

kept runs, slices, release ──judge──► rules, held or broken ──hold──► exit status 1 where one is broken
"""

from kedro.pipeline import Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.gate import nodes


def create_pipeline(**_: object) -> Pipeline:
    """Rules applied and kept as a table; then the run ends well or with the reasons."""
    judged = ["run_archive", "query_slices", "release_frontier", "params:gate", "params:metrics"]
    return box(
        "gate",
        [
            node(nodes.judge_candidate, judged, "gate_rules", name="judge_candidate"),
            node(nodes.hold_gate, "gate_rules", None, name="hold_gate"),
        ],
    )
