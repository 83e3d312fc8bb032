"""Nodes of reporting: the evaluation's sections, tables and charts to take away, and the page."""

from typing import Any

import plotly.graph_objects as go
import polars as pl

from roar.errors import InputError
from roar.metrics.spread import seed_spread
from roar.parameters import Comparison, Ingestion, MetricSettings, Reporting
from roar.report import (
    Behaviour,
    ErrorAnalysis,
    Section,
    behaviour_section,
    evaluation_section,
    published_section,
    queries_section,
    render,
    wide_tables,
)
from roar.report.constraints import Constrained, constraint_table, constraints_section
from roar.report.evaluation import Evidence
from roar.report.evaluation import charts as results
from roar.report.page import csv
from roar.report.published import DataSet
from roar.report.queries import annotation_queue, product_reasons, query_changes, search_page_tables
from roar.report.systems import charts as behaviour
from roar.run_record import KeptRun, Record, same_but_seed
from roar.schemas import HOLDOUT


def analyse_errors(
    per_query: pl.DataFrame,
    first_pages: pl.DataFrame,
    queries: pl.DataFrame,
    strata: pl.DataFrame,
    slices: pl.DataFrame,
    products: pl.DataFrame,
    asked: pl.DataFrame,
    stated: pl.DataFrame,
    config: Reporting,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Of the primary comparison: every query's change and why, what speaks against products shown, what to annotate."""
    pair = _primary(config, per_query)
    named = queries.select("query_id", "query").join(strata, on="query_id", how="left")
    pages = _both_pages(first_pages, pair, config.headline_protocol)
    reasons = product_reasons(pages, named.join(pages, on="query_id", how="semi"), products, asked, stated)
    noisy = slices.filter(slice="spelling", level="noisy")["query_id"]
    headline = per_query.filter(metric=config.headline_metric, protocol=config.headline_protocol)
    values = [headline.filter(system=system).select("query_id", "value") for system in (pair.baseline, pair.system)]
    changes = query_changes(values[0], values[1], pages, reasons, noisy)
    changes = changes.join(named, on="query_id", how="left", maintain_order="left")
    queue = annotation_queue(_both_pages(first_pages, pair, "catalogue"), queries, products)
    return changes, reasons, queue


def write_search_page(
    queries: pl.DataFrame,
    strata: pl.DataFrame,
    judgments: pl.DataFrame,
    changes: pl.DataFrame,
    queue: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    """What the service's page shows of queries that the evaluation knows."""
    return search_page_tables(queries, strata, judgments, changes, queue)


def _primary(config: Reporting, per_query: pl.DataFrame) -> Comparison:
    """The first configured comparison whose systems were both judged."""
    there = set(per_query["system"].unique())
    pair = next((pair for pair in config.comparisons if {pair.baseline, pair.system} <= there), None)
    if pair is None:
        raise InputError(
            f"Parameter reporting.comparisons: no pair of systems that were judged; those are {', '.join(sorted(there))}."
        )
    return pair


def _both_pages(pages: pl.DataFrame, pair: Comparison, protocol: str) -> pl.DataFrame:
    """The first pages of a comparison's systems, `side` before (the baseline) and after."""
    sides = {pair.baseline: "before", pair.system: "after"}
    own = pages.filter(pl.col("system").is_in(list(sides)), protocol=protocol)
    return own.select(side=pl.col("system").replace_strict(sides), **{c: c for c in own.columns[2:]})


def build_queries_section(
    metrics: pl.DataFrame,
    comparisons: pl.DataFrame,
    per_query: pl.DataFrame,
    changes: pl.DataFrame,
    reasons: pl.DataFrame,
    queue: pl.DataFrame,
    first_pages: pl.DataFrame,
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    config: Reporting,
    measured: MetricSettings,
) -> dict[str, Any]:
    """Which queries lost and gained, as a section of the page."""
    pair = _primary(config, per_query)
    pages = _both_pages(first_pages, pair, config.headline_protocol)
    shown = products.select("product_id", "title").join(pages, on="product_id", how="semi")
    shown = shown.join(clusters, on="product_id", how="left")
    analysis = ErrorAnalysis(pair, changes, pages, shown, reasons, queue)
    return queries_section(Evidence(metrics, comparisons, config, measured), analysis).model_dump(mode="json")


def measure_seed_spread(metrics: pl.DataFrame, runs: dict[str, KeptRun], record: Record | None) -> pl.DataFrame:
    """Figures of this run and of kept ones that differ from it in the seed alone; none without a record."""
    if record is None:
        return seed_spread({})
    siblings = {run.record["seed"]: run.metrics for run in runs.values() if same_but_seed(run.record, record)}
    return seed_spread({record["seed"]: metrics} | siblings)


def build_systems_section(
    metrics: pl.DataFrame,
    comparisons: pl.DataFrame,
    first_pages: pl.DataFrame,
    coverage: pl.DataFrame,
    bins: pl.DataFrame,
    robustness: pl.DataFrame,
    bm25_tuning: pl.DataFrame,
    fusion_tuning: pl.DataFrame,
    spread: pl.DataFrame,
    config: Reporting,
    measured: MetricSettings,
) -> dict[str, Any]:
    """How the systems behave, as a section of the page."""
    evidence = Evidence(metrics, comparisons, config, measured)
    tuning = {evidence.label("bm25"): bm25_tuning, evidence.label("hybrid_sum"): fusion_tuning}
    known = Behaviour(first_pages, coverage, bins, robustness, tuning, spread)
    return behaviour_section(evidence, known).model_dump(mode="json")


def build_constraints_section(
    metrics: pl.DataFrame,
    comparisons: pl.DataFrame,
    verdicts: pl.DataFrame,
    demoted: pl.DataFrame,
    stage2_tuning: pl.DataFrame,
    hybrid_tuning: pl.DataFrame,
    config: Reporting,
    measured: MetricSettings,
) -> tuple[dict[str, Any], pl.DataFrame]:
    """What constraints at query time bring and cost, as a section of the page and as a table."""
    evidence = Evidence(metrics, comparisons, config, measured)
    known = Constrained({"stage2_constrained": stage2_tuning, "hybrid_constrained": hybrid_tuning}, verdicts, demoted)
    compared = [
        constraint_table(evidence, protocol).select(pl.lit(protocol).alias("protocol"), pl.all())
        for protocol in evidence.protocols
    ]
    return constraints_section(evidence, known).model_dump(mode="json"), pl.concat(compared)


def build_evaluation_section(
    metrics: pl.DataFrame, comparisons: pl.DataFrame, config: Reporting, measured: MetricSettings
) -> dict[str, Any]:
    """What the evaluation says, as a section of the page."""
    return evaluation_section(metrics, comparisons, config, measured).model_dump(mode="json")


def build_published_section(
    results: pl.DataFrame, queries: pl.DataFrame, splits: pl.DataFrame, ingestion: Ingestion, config: Reporting
) -> dict[str, Any]:
    """What a published data set's authors would measure, as a section of the page; empty where nobody asked for it."""
    if results.is_empty():
        return {}
    judged = queries.join(splits, on="query_id", how="semi")
    sides = (
        judged["upstream_split"].drop_nulls().unique().sort().to_list() if "upstream_split" in judged.columns else []
    )
    folds = splits["fold"].unique().to_list()
    chosen, upstream = ingestion.choices, folds == [HOLDOUT] and {"train", "test"} <= set(sides)
    data = DataSet(chosen.get("version", "unknown"), chosen.get("locale", "unknown"), upstream, tuple(sides))
    return published_section(results, data, config.systems).model_dump(mode="json")


def draw_result_charts(
    metrics: pl.DataFrame, comparisons: pl.DataFrame, config: Reporting, measured: MetricSettings
) -> tuple[go.Figure, ...]:
    """The systems side by side, gains by vertical, by stratum and by both, and recall by depth, for Kedro-Viz."""
    evidence, protocol = Evidence(metrics, comparisons, config, measured), config.headline_protocol
    gains, crossed = [go.Figure(), go.Figure()], go.Figure()
    if evidence.telling_pairs:  # where no two systems differ there is no gain to draw
        gains = [results.gains_chart(evidence, protocol, slice_) for slice_ in ("vertical", "stratum")]
        crossed = results.crossed_chart(evidence, protocol, "vertical x stratum")
    recall = results.recall_chart(evidence, "catalogue") or go.Figure()
    return results.systems_chart(evidence, protocol), *gains, crossed, recall


def draw_behaviour_charts(
    metrics: pl.DataFrame,
    comparisons: pl.DataFrame,
    first_pages: pl.DataFrame,
    bins: pl.DataFrame,
    config: Reporting,
    measured: MetricSettings,
) -> tuple[go.Figure, ...]:
    """Grades by rank and scores by grade of the system in question, and calibration of all, for Kedro-Viz."""
    evidence = Evidence(metrics, comparisons, config, measured)
    system = config.comparisons[0].system
    pages = first_pages.filter(system=system, protocol=config.headline_protocol)
    return (
        behaviour.rank_chart(evidence, behaviour.rank_shares(pages)),
        behaviour.distribution_chart(evidence, bins.filter(system=system)),
        behaviour.calibration_chart(evidence, bins, evidence.comparable),
    )


def write_metric_tables(
    metrics: pl.DataFrame,
    comparisons: pl.DataFrame,
    changes: pl.DataFrame,
    queue: pl.DataFrame,
    config: Reporting,
    measured: MetricSettings,
) -> dict[str, str | bytes]:
    """Wide tables by file name (CSV, parquet, Markdown, LaTeX), the queries that changed, and those to annotate."""
    queries: dict[str, str | bytes] = {
        "query_changes.csv": csv(changes),
        "annotation_queue.csv": csv(queue),
    }
    return queries | wide_tables(Evidence(metrics, comparisons, config, measured))


def render_page(config: Reporting, environment: str, seed: int, **sections: dict[str, Any] | None) -> str:
    """The page, from the sections that are there."""
    there = [Section.model_validate(section) for section in sections.values() if section]
    return render(there, config, environment=environment, seed=seed)
