"""The teacher.

query splits, variants ──deal──► parts ─┬──────────────────────────────────┐
base encoder, BM25 ──propose──► candidates of train and logged queries ────┴──teach──► scores, run of held-out queries
                                                        run of held-out queries, stage-2 encoder ──open──► gate
"""

from kedro.pipeline import Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.teacher import nodes


def create_pipeline(**_: object) -> Pipeline:
    """Cross-fitted teachers, and whether they are better than stage 2."""
    taught = [
        "products",
        "queries",
        "judgments",
        "query_splits",
        "product_clusters",
        "teacher_parts",
        "teacher_candidates",
    ]
    settings = ["params:encoder", "params:training_sets", "params:teacher", "teacher_checkpoints", "params:seed"]
    return box(
        "teacher",
        [
            node(
                nodes.deal_parts,
                ["query_splits", "queries", "query_variants", "params:teacher", "params:seed"],
                "teacher_parts",
                name="deal_parts",
            ),
            node(
                nodes.propose_candidates,
                [
                    "base_encoder",
                    "teacher_parts",
                    "products",
                    "queries",
                    "judgments",
                    "params:encoder",
                    "params:teacher",
                ],
                "teacher_candidates",
                name="propose_candidates",
            ),
            node(
                nodes.teach,
                [*taught, *settings],
                ["teacher_scores", "teacher_run", "teacher_history"],
                name="teach",
            ),
            node(
                nodes.open_gate,
                [
                    "teacher_run",
                    "stage2_encoder",
                    "products",
                    "queries",
                    "judgments",
                    "params:encoder",
                    "params:metrics",
                ],
                "teacher_gate",
                name="open_gate",
            ),
        ],
    )
