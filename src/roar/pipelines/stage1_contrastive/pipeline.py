"""Stage 1.

encoder preset ──► base encoder ──┬──mine──► hard negatives ──┐
stage-1 pairs, clusters, splits ──┴───────────────────────────┴──train──► stage-1 encoder of every fold, history
"""

from kedro.pipeline import Node, Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.stage1_contrastive import nodes

TRAINING_TABLES = ["products", "product_clusters", "queries", "judgments", "query_splits", "stage1_pairs"]
TEACHER = ["teacher_scores", "query_variants", "params:teacher"]
"""What a teacher says, where there is one."""


def create_pipeline(**_: object) -> Pipeline:
    """The base encoder, hard negatives mined with it, and contrastive learning from it."""
    return box("stage_1", _stage()) + box("report.stage_1", [_report()])


def _stage() -> list[Node]:
    return [
        node(nodes.prepare_base_encoder, "params:encoder", "base_encoder", name="prepare_base_encoder"),
        node(
            nodes.mine_hard_negatives,
            ["base_encoder", *TRAINING_TABLES, *TEACHER, "params:encoder", "params:training_sets"],
            "stage1_negatives",
            name="mine_stage1_negatives",
        ),
        node(
            nodes.train_contrastive,
            [
                "base_encoder",
                "stage1_negatives",
                *TRAINING_TABLES,
                "params:encoder",
                "params:stage1",
                "stage1_checkpoints",
                "params:seed",
            ],
            ["stage1_encoder", "stage1_history"],
            name="train_contrastive",
        ),
    ]


def _report() -> Node:
    made = ["stage1_section", "stage1_chart"]
    return node(nodes.report_training, "stage1_history", made, name="report_stage1")
