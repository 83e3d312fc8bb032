"""Ablation.

data engineering ──► pairs, groups, splits ──cells──► per-query metrics and scores of every variant, fold and seed
                                                        └──summarise──► summary ──► section, chart
true items (simulated shops) ──masks──► what each mask rule leaves out ──────────────┘
"""

from kedro.pipeline import Node, Pipeline, node

from roar.pipelines.ablation import nodes
from roar.pipelines.boxes import box
from roar.pipelines.data_engineering import create_pipeline as data_engineering


def create_pipeline(**_: object) -> Pipeline:
    """The studies that `ablation.run` names, from the raw tables on."""
    return data_engineering() + box("ablation", _studies()) + box("report.ablation", [_report()])


def _studies() -> list[Node]:
    return [
        node(
            nodes.run_studies,
            [
                "products",
                "product_clusters",
                "queries",
                "judgments",
                "query_splits",
                "stage1_pairs",
                "graded_groups",
                "search_log",
                "query_variants",
                "teacher_scores",
                "ablation_cells",
                "params:encoder",
                "params:stage1",
                "params:stage2",
                "params:training_sets",
                "params:teacher",
                "params:ablation",
                "params:ablation_studies",
                "params:seed",
            ],
            ["ablation_metrics", "ablation_scores"],
            name="run_studies",
        ),
        node(
            nodes.summarise_studies,
            [
                "ablation_metrics",
                "ablation_scores",
                "judgments",
                "params:ablation",
                "params:ablation_studies",
                "params:metrics",
            ],
            "ablation_summary",
            name="summarise_studies",
        ),
        node(
            nodes.cover_masks,
            [
                "true_items",
                "products",
                "product_clusters",
                "stage1_pairs",
                "params:encoder",
                "params:stage1",
                "params:seed",
            ],
            "mask_coverage",
            name="cover_masks",
        ),
    ]


def _report() -> Node:
    read = ["ablation_summary", "mask_coverage", "params:ablation", "params:ablation_studies"]
    return node(nodes.report_studies, read, ["ablation_section", "ablation_chart"], name="report_studies")
