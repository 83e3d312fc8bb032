"""The A/B test.

bm25's and stage 2's runs ──simulate──► log, units, truth, votes     (a simulated shop without a log of its own)
experiment log or simulated log ──aggregate──► unit totals, moments, exclusions, days
moments ──► uplifts, day by day ──► checks ──► verdict ─┐
comparisons (offline) ──► offline beside online ────────┼──► section
votes, or the search log's teams ──► preference ────────┘
"""

from kedro.pipeline import Node, Pipeline, node

from roar.pipelines.ab_test import nodes
from roar.pipelines.boxes import box

CONTROL, TREATMENT = "bm25", "stage2"
FOUND = ["experiment_totals", "experiment_moments", "experiment_exclusions", "experiment_days"]
SIMULATED = ["simulated_experiment_log", "simulated_experiment_units", "true_uplifts", "interleaving_votes"]
SECTION = {
    "verdict": "experiment_verdict",
    "uplifts": "experiment_uplifts",
    "cumulative": "experiment_cumulative",
    "checks": "experiment_checks",
    "exclusions": "experiment_exclusions",
    "days": "experiment_days",
    "quality": "data_quality",
    "offline": "offline_online",
    "preference": "interleaving_preference",
    "truth": "true_uplifts",
}


def create_pipeline(**_: object) -> Pipeline:
    """A simulated test where there is none, its analysis, and the verdict."""
    return box("experiment", _analysis()) + box("report.experiment", [_report()])


def _analysis() -> list[Node]:
    return [
        node(
            nodes.simulate_experiment,
            [
                "experiment_log",
                f"{CONTROL}_catalogue_run",
                f"{TREATMENT}_catalogue_run",
                "products",
                "queries",
                "query_strata",
                "params:simulate",
                "params:simulated_experiment",
                "params:ab_test",
                "params:seed",
                "params:environment",
            ],
            SIMULATED,
            name="simulate_experiment",
        ),
        node(
            nodes.aggregate_experiment,
            ["experiment_log", "experiment_units", *SIMULATED[:2], "queries", "query_strata", "params:ab_test"],
            FOUND,
            name="aggregate_experiment",
        ),
        node(
            nodes.estimate_uplifts,
            ["experiment_moments", "params:ab_test"],
            ["experiment_uplifts", "experiment_cumulative"],
            name="estimate_uplifts",
        ),
        node(
            nodes.check_experiment,
            [*FOUND, "data_quality", "simulated_experiment_log", "params:ab_test"],
            "experiment_checks",
            name="check_experiment",
        ),
        node(
            nodes.decide_experiment,
            [*FOUND, "experiment_uplifts", "experiment_cumulative", "experiment_checks", "params:ab_test"],
            "experiment_verdict",
            name="decide_experiment",
        ),
        node(
            nodes.compare_with_offline,
            ["comparisons", "experiment_uplifts", "params:ab_test"],
            "offline_online",
            name="compare_with_offline",
        ),
        node(
            nodes.measure_preference,
            ["interleaving_votes", "search_log", "params:ab_test"],
            "interleaving_preference",
            name="measure_preference",
        ),
    ]


def _report() -> Node:
    read = {"config": "params:ab_test"} | SECTION
    return node(nodes.report_experiment, read, "ab_test_section", name="report_experiment")
