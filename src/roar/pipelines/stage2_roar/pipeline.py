"""Stage 2.

stage-1 encoder ─────────────────┬──mine, fill──► groups, hard negatives ──┐
graded groups, clusters, splits ─┤                                         │
a teacher's scores, if any ──────┴─────────────────────────────────────────┴──align──► stage-2 encoder of every fold, history
"""

from kedro.pipeline import Node, Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.stage2_roar import nodes


def create_pipeline(**_: object) -> Pipeline:
    """ROAR, with the contrastive term beside it."""
    return box("stage_2", _stage()) + box("report.stage_2", [_report()])


def _stage() -> list[Node]:
    tables = ["products", "product_clusters", "queries", "judgments", "query_splits", "stage1_pairs"]
    tables += ["teacher_scores", "query_variants", "params:teacher"]
    return [
        node(
            nodes.fill_groups,
            [
                "stage1_encoder",
                "graded_groups",
                *tables,
                "search_log",
                "params:encoder",
                "params:training_sets",
                "params:seed",
            ],
            ["stage2_groups", "stage2_negatives"],
            name="fill_groups",
        ),
        node(
            nodes.align_grades,
            [
                "stage1_encoder",
                "stage2_groups",
                *tables,
                "params:encoder",
                "params:stage2",
                "stage2_checkpoints",
                "params:seed",
            ],
            ["stage2_encoder", "stage2_history"],
            name="align_grades",
        ),
    ]


def _report() -> Node:
    made = ["stage2_section", "stage2_chart"]
    return node(nodes.report_training, "stage2_history", made, name="report_stage2")
