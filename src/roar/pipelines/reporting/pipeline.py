"""Reporting.

metrics, comparisons, per-query metrics ──► evaluation section ─┐
data, stage 1, stage 2, A/B test sections (those there are) ────┴──► page
metrics, comparisons ──► wide tables, charts
"""

from kedro.pipeline import Pipeline, node

from roar.pipelines.reporting import nodes

SECTIONS = (
    "evaluation_section",
    "data_section",
    "stage1_section",
    "stage2_section",
    "ablation_section",
    "ab_test_section",
)
FIGURES = ["metrics", "comparisons", "params:reporting", "params:metrics"]


def create_pipeline(**_: object) -> Pipeline:
    """Tables, charts and the page."""
    return Pipeline(
        [
            node(
                nodes.build_evaluation_section,
                {
                    "metrics": "metrics",
                    "comparisons": "comparisons",
                    "per_query": "per_query_metrics",
                    "queries": "queries",
                    "strata": "query_strata",
                    "config": "params:reporting",
                    "measured": "params:metrics",
                },
                "evaluation_section",
                name="build_evaluation_section",
            ),
            node(
                nodes.draw_charts,
                FIGURES,
                ["systems_chart", "gains_by_vertical_chart", "gains_by_stratum_chart"],
                name="draw_charts",
            ),
            node(nodes.write_metric_tables, FIGURES, "metric_tables", name="write_metric_tables"),
            node(
                nodes.render_page,
                {"config": "params:reporting"} | {name: name for name in SECTIONS},
                "report",
                name="render_page",
            ),
        ]
    )
