"""Reporting.

metrics, comparisons ──► evaluation section, wide tables, charts ─────────────────┐
measures of a published data set's authors ──► published section ──────────────────┤
first pages, scores by grade, robustness, kept runs ──► systems section, charts ──┤
constrained systems, verdicts of the reader ──► constraints section ────────────┤
first pages, attributes, products ──► query changes, reasons ──► queries section ─┤
data, stage 1, stage 2, A/B test, release sections (those there are) ──────────────────────┴──► page
"""

from kedro.pipeline import Node, Pipeline, node

from roar.pipelines.boxes import box
from roar.pipelines.reporting import nodes

SECTIONS = (
    "evaluation_section",
    "published_section",
    "systems_section",
    "constraints_section",
    "queries_section",
    "data_section",
    "stage1_section",
    "stage2_section",
    "ablation_section",
    "ab_test_section",
    "release_section",
)
EVIDENCE = ["metrics", "comparisons"]
SETTINGS = ["params:reporting", "params:metrics"]
FIGURES = [*EVIDENCE, *SETTINGS]
PUBLISHED = ["published_results", "queries", "query_splits", "params:ingestion", "params:reporting"]
RESULT_CHARTS = [
    "systems_chart",
    "gains_by_vertical_chart",
    "gains_by_stratum_chart",
    "gains_by_vertical_and_stratum_chart",
    "recall_chart",
]
BEHAVIOUR_CHARTS = ["grades_by_rank_chart", "scores_by_grade_chart", "calibration_chart"]


def create_pipeline(**_: object) -> Pipeline:
    """Tables, charts and the page."""
    render = {"config": "params:reporting", "environment": "params:environment", "seed": "params:seed"}
    render |= {name: name for name in SECTIONS}
    tables = [*EVIDENCE, "query_changes", "annotation_queue", *SETTINGS]
    results = [
        node(nodes.build_evaluation_section, FIGURES, "evaluation_section", name="build_evaluation_section"),
        node(nodes.build_published_section, PUBLISHED, "published_section", name="build_published_section"),
        node(nodes.draw_result_charts, FIGURES, RESULT_CHARTS, name="draw_result_charts"),
    ]
    page = [
        node(nodes.write_metric_tables, tables, "metric_tables", name="write_metric_tables"),
        node(nodes.render_page, render, "report", name="render_page"),
    ]
    parts = {
        "report.evaluation": results,
        "report.systems": _systems(),
        "report.constraints": [_constraints()],
        "report.queries": _queries(),
        "report": page,
    }
    return sum((box(name, part) for name, part in parts.items()), Pipeline([]))


def _systems() -> list[Node]:
    """How the systems behave."""
    inputs = [*EVIDENCE, "first_pages", "run_coverage", "score_distributions", "robustness"]
    inputs += ["bm25_tuning", "hybrid_sum_tuning", "seed_spread", *SETTINGS]
    charts = [*EVIDENCE, "first_pages", "score_distributions", *SETTINGS]
    return [
        node(nodes.measure_seed_spread, ["metrics", "run_archive", "run_record"], "seed_spread", name="seed_spread"),
        node(nodes.build_systems_section, inputs, "systems_section", name="build_systems_section"),
        node(nodes.draw_behaviour_charts, charts, BEHAVIOUR_CHARTS, name="draw_behaviour_charts"),
    ]


def _constraints() -> Node:
    """What constraints at query time bring and cost."""
    inputs = [
        *EVIDENCE,
        "constraint_verdicts",
        "demoted_exact",
        "stage2_constrained_tuning",
        "hybrid_constrained_tuning",
    ]
    made = ["constraints_section", "constraint_differences"]
    return node(nodes.build_constraints_section, [*inputs, *SETTINGS], made, name="build_constraints_section")


def _queries() -> list[Node]:
    """Which queries lost and gained, and why."""
    analyse = ["per_query_metrics", "first_pages", "queries", "query_strata", "query_slices", "products"]
    analyse += ["asked_attributes", "stated_attributes", "params:reporting"]
    found = ["query_changes", "page_reasons", "annotation_queue"]
    known = ["queries", "query_strata", "judgments", "query_changes", "annotation_queue"]
    section = [*EVIDENCE, "per_query_metrics", *found, "first_pages", "products", "product_clusters", *SETTINGS]
    return [
        node(nodes.analyse_errors, analyse, found, name="analyse_errors"),
        node(nodes.build_queries_section, section, "queries_section", name="build_queries_section"),
        node(nodes.write_search_page, known, "search_page", name="write_search_page"),
    ]
