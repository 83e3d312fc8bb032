"""Release.

stage-2 encoders ─────────────────────────────────choose──► the encoder that is served ─┐
product index, clusters, queries, tuned BM25 and hybrid ────────────────────────────────┴─build──► release, frontier, storage
                                                                   release ──publish──► where its vectors are searched
                                                                   release, frontier, storage ──report──► section, chart
"""

from kedro.pipeline import Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.release import nodes


def create_pipeline(**_: object) -> Pipeline:
    """One encoder, one index chosen by measurement, BM25, and what a hit shows, in one folder."""
    trained = ["base_encoder", "stage2_encoder", "products", "product_clusters", "queries", "judgments", "query_splits"]
    trained += ["stage1_pairs", "search_log", "query_variants", "stage1_history", "stage2_history"]
    trained += ["teacher_scores", "params:teacher"]
    training = [f"params:{block}" for block in ("encoder", "training_sets", "stage1", "stage2", "release")]
    catalogue = [
        "release_encoder",
        "product_index",
        "products",
        "product_clusters",
        "queries",
        "judgments",
        "query_splits",
    ]
    tuned = ["bm25_tuning", "hybrid_sum_tuning", "stage2_constrained_tuning", "hybrid_constrained_tuning"]
    settings = [
        "params:encoder",
        "params:evaluation",
        "params:release",
        "params:engines",
        "release_shards",
        "params:seed",
    ]
    report = node(
        nodes.report_release,
        ["release", "release_frontier", "release_storage", "params:release"],
        ["release_section", "release_chart"],
        name="report_release",
    )
    return box("report.release", [report]) + box(
        "release",
        [
            node(
                nodes.choose_encoder,
                [*trained, *training, "release_checkpoints", "params:seed"],
                "release_encoder",
                name="choose_release_encoder",
            ),
            node(
                nodes.build_release,
                [*catalogue, *tuned, *settings],
                ["release", "release_frontier", "release_storage"],
                name="build_release",
            ),
            node(
                nodes.publish_vectors,
                ["release", "params:engines"],
                "release_vectors",
                name="publish_release_vectors",
            ),
        ],
    )
