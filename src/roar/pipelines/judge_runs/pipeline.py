"""Judge runs.

external runs ─┐
random, BM25 ──┼──► runs ──► metrics, comparisons, first pages ──► page, tables
stored runs ───┘
"""

from kedro.pipeline import Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.evaluation import judging
from roar.pipelines.judge_runs import nodes

VERDICT = [
    f"runs_{table}"
    for table in ("per_query_metrics", "metrics", "first_pages", "coverage", "score_bins", "comparisons")
]


def create_pipeline(**_: object) -> Pipeline:
    """Runs gathered, judged, and shown on a page of their own."""
    gathered = ["external_runs", "stored_runs", "further_runs", "products", "queries", "judgments", "query_splits"]
    attributes = ["asked_attributes", "stated_attributes"]
    measured = ["runs_to_judge", "judgments", "query_splits", "query_slices", "products", *attributes]
    shown = [*VERDICT, "queries", "query_strata", "query_slices", "products", "product_clusters", *attributes]
    shown += ["data_section", "params:reporting", "params:metrics", "params:environment", "params:seed"]
    settings = ["params:encoder", "params:evaluation", "params:seed"]
    # The same node as evaluation's: together they are one.
    read = node(judging.read_attributes, ["queries", "judgments", "products"], attributes, name="read_attributes")
    return box("data_engineering", [read]) + box(
        "judge_runs",
        [
            node(nodes.gather_runs, [*gathered, *settings], "runs_to_judge", name="gather_runs"),
            node(
                nodes.judge_gathered_runs,
                [*measured, "params:evaluation", "params:metrics"],
                VERDICT,
                name="judge_gathered_runs",
            ),
            node(nodes.report_runs, shown, ["runs_page", "runs_tables"], name="report_runs"),
        ],
    )
