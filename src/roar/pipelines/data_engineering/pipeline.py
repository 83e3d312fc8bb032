"""Data engineering.

raw tables ──ingest──► products, queries, judgments, search log ──► near-duplicate clusters ─┐
                               └──► variants, strata, slices ──► splits ─────────────────────┴──► pairs, groups, a page of the data
"""

from kedro.pipeline import Node, Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.data_engineering import nodes

RAW = (
    "raw_products",
    "raw_queries",
    "raw_judgments",
    "raw_search_log",
    "raw_experiment_log",
    "raw_experiment_units",
    "raw_product_extras",
    "raw_judgment_extras",
)


def create_pipeline(**_: object) -> Pipeline:
    """Ingestion, near-duplicates, splits and training sets."""
    return box("data_engineering", _tables()) + box("report.data", _report())


def _tables() -> list[Node]:
    """From the raw tables to what both stages learn from."""
    return [
        node(
            nodes.ingest_tables,
            {"config": "params:ingestion"} | {name: name for name in RAW},
            [
                "products",
                "queries",
                "judgments",
                "search_log",
                "experiment_log",
                "experiment_units",
                "data_quality",
            ],
            name="ingest_tables",
        ),
        node(
            nodes.weigh_duplicate_labels,
            ["products", "duplicate_labels", "params:near_duplicates"],
            ["duplicate_scores", "fitted_evidence"],
            name="weigh_duplicate_labels",
        ),
        node(
            nodes.find_near_duplicates,
            ["products", "fitted_evidence", "params:near_duplicates", "params:engines"],
            ["duplicate_pairs", "product_clusters", "duplicate_near_misses", "learned_evidence"],
            name="find_near_duplicates",
        ),
        node(
            nodes.check_near_duplicates,
            ["judgments", "duplicate_pairs", "product_clusters", "products", "params:near_duplicates"],
            "judged_duplicates",
            name="check_near_duplicates",
        ),
        node(
            nodes.describe_queries,
            ["queries", "judgments", "search_log", "products", "params:training_sets"],
            ["query_variants", "query_strata", "query_slices"],
            name="describe_queries",
        ),
        node(
            nodes.split_judged_queries,
            ["queries", "judgments", "query_variants", "query_strata", "params:training_sets", "params:seed"],
            "query_splits",
            name="split_judged_queries",
        ),
        node(
            nodes.build_training_sets,
            [
                "products",
                "queries",
                "judgments",
                "search_log",
                "query_variants",
                "product_clusters",
                "query_splits",
                "params:training_sets",
                "params:seed",
            ],
            ["stage1_pairs", "graded_groups", "training_counts"],
            name="build_training_sets",
        ),
        node(
            nodes.count_leakage,
            ["query_splits", "query_variants", "judgments", "product_clusters", "stage1_pairs", "graded_groups"],
            "query_leakage",
            name="count_leakage",
        ),
    ]


def _report() -> list[Node]:
    """The section of the data, and a page of its own."""
    return [
        node(
            nodes.report_data,
            {
                "quality": "data_quality",
                "judgments": "judgments",
                "strata": "query_strata",
                "splits": "query_splits",
                "pairs": "stage1_pairs",
                "counts": "training_counts",
                "leakage": "query_leakage",
                "groups": "graded_groups",
                "duplicates": "duplicate_pairs",
                "clusters": "product_clusters",
                "near_misses": "duplicate_near_misses",
                "learned": "learned_evidence",
                "label_scores": "duplicate_scores",
                "fitted": "fitted_evidence",
                "judged_duplicates": "judged_duplicates",
                "products": "products",
            },
            "data_section",
            name="report_data",
        ),
        node(
            nodes.render_data_page,
            ["data_section", "params:reporting", "params:environment", "params:seed"],
            "data_page",
            name="render_data_page",
        ),
    ]
