"""Nodes that judge other engines' runs without an encoder, beside the systems whose runs are there."""

import logging

import polars as pl

from roar.errors import InputError
from roar.metrics.judging import Yardstick, judge
from roar.metrics.spread import seed_spread
from roar.parameters import Comparison, Encoder, Evaluation, MetricSettings, Reporting
from roar.pipelines.evaluation.judging import (
    Frames,
    require_free_names,
    side_by_side,
    tested_judgments,
)
from roar.pipelines.evaluation.lexical import of_split, run_bm25, run_random, tune_lexical
from roar.pipelines.reporting.nodes import analyse_errors, build_queries_section, write_metric_tables
from roar.report import Behaviour, Section, behaviour_section, evaluation_section, render
from roar.report.evaluation import Evidence
from roar.retrieval import Runs, external_runs

PROTOCOLS = ("judged", "catalogue")
STRONGEST = ("stage2", "stage2_deployed", "hybrid_sum", "hybrid_rrf", "stage1", "base", "bm25", "random")
"""What a run is compared with, the most telling first."""

_WITHOUT_COSINES = ("random", "bm25", "hybrid_rrf", "hybrid_sum", "stage2_constrained", "hybrid_constrained")

logger = logging.getLogger(__name__)


def gather_runs(
    external: Frames,
    stored: Frames,
    further: Frames,
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
    seed: int,
) -> Frames:
    """The runs of the test queries: random order, BM25, those that an evaluation has left, and the ones to judge.

    Returns:
        Partitions named system.protocol.

    Raises:
        InputError: there is no run to judge, or one is unusable (`roar.retrieval.external`).
    """
    if not external:
        raise InputError(
            "judge_runs: no run to judge; put it into the folder 01_raw/external_runs of the environment's data: "
            "name.csv, .tsv or .parquet with query_id or query, product_id, score, or name.trec"
        )
    require_free_names(list(external), config)
    tested, tables = of_split(queries, splits), (products, queries, judgments, splits)
    runs = {"random": run_random(*tables, config, seed)}
    runs |= {name: run for name, run in _left(stored, further, tested).items() if name not in external}
    if "bm25" not in runs:
        tuning, *_ = tune_lexical(*tables, encoder, config)
        runs["bm25"] = run_bm25(*tables, tuning, encoder, config)
    for name, table in external.items():
        runs[name] = external_runs(table, name, tested, products["product_id"], judgments)
    return {f"{name}.{protocol}": getattr(run, protocol) for name, run in runs.items() for protocol in PROTOCOLS}


def _left(stored: Frames, further: Frames, tested: pl.DataFrame) -> dict[str, Runs]:
    """Runs that an evaluation left, of the queries that are tested now."""
    left = {name.removesuffix("_run"): run for name, run in stored.items()} | further
    systems = dict.fromkeys(name.partition(".")[0] for name in left if name.partition(".")[2] in PROTOCOLS)
    runs: dict[str, Runs] = {}
    for system in systems:
        both = [left.get(f"{system}.{protocol}") for protocol in PROTOCOLS]
        judged, catalogue = (None if run is None else run.join(tested, on="query_id", how="semi") for run in both)
        if judged is None or catalogue is None:
            continue
        if catalogue["query_id"].n_unique() * 2 < tested["query_id"].n_unique():
            logger.warning("%s: its runs are of other queries, and left out; run evaluation again.", system)
        else:
            runs[system] = Runs(judged, catalogue)
    return runs


def judge_gathered_runs(
    runs: Frames,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    slices: pl.DataFrame,
    products: pl.DataFrame,
    asked: pl.DataFrame,
    stated: pl.DataFrame,
    config: Evaluation,
    settings: MetricSettings,
) -> tuple[pl.DataFrame, ...]:
    """Per-query metrics, means, first pages, coverage, scores by grade and comparisons, each with its systems."""
    yardstick = Yardstick(tested_judgments(judgments, splits), slices, asked, stated, products["product_id"])
    names = list(dict.fromkeys(part.rpartition(".")[0] for part in runs))
    outside = [name for name in names if name not in config.systems]
    verdicts = {
        name: judge(
            {protocol: runs[f"{name}.{protocol}"] for protocol in PROTOCOLS},
            yardstick,
            settings,
            comparable=name not in (*_WITHOUT_COSINES, *outside),
        )
        for name in names
    }
    tables = (
        pl.concat([verdict[place].select(pl.lit(name).alias("system"), pl.all()) for name, verdict in verdicts.items()])
        for place in range(5)
    )
    scores, means, pages, coverage, bins = tables
    pairs = [(other, run) for run in outside for other in _others(names, outside) if other != run]
    return scores, means, pages, coverage, bins, side_by_side(scores, pairs, slices, settings)


def _others(names: list[str], outside: list[str]) -> list[str]:
    """What a run is compared with, the most telling first, other engines last."""
    known = [name for name in STRONGEST if name in names]
    return [*known, *(name for name in names if name not in known and name not in outside), *outside]


def report_runs(
    per_query: pl.DataFrame,
    metrics: pl.DataFrame,
    first_pages: pl.DataFrame,
    coverage: pl.DataFrame,
    bins: pl.DataFrame,
    comparisons: pl.DataFrame,
    queries: pl.DataFrame,
    strata: pl.DataFrame,
    slices: pl.DataFrame,
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    asked: pl.DataFrame,
    stated: pl.DataFrame,
    data: dict | None,
    reporting: Reporting,
    measured: MetricSettings,
    environment: str,
    seed: int,
) -> tuple[str, dict[str, str | bytes]]:
    """A page of these runs alone, and tables to take away."""
    made = comparisons.select("system_a", "system_b").unique(maintain_order=True)
    pairs = tuple(Comparison(baseline=a, system=b) for a, b in made.iter_rows() if a != "random")
    config = reporting.model_copy(update={"comparisons": pairs, "baseline": "bm25", "title": "Runs of other engines"})
    changes, reasons, queue = analyse_errors(
        per_query, first_pages, queries, strata, slices, products, asked, stated, config
    )
    tables = (metrics, comparisons, per_query, changes, reasons, queue, first_pages, products, clusters)
    found = build_queries_section(*tables, config, measured)
    evidence = Evidence(metrics, comparisons, config, measured)
    nothing = bins.clear().with_columns(kind=pl.lit("")).clear()
    behaviour = Behaviour(first_pages, coverage, bins, nothing, {}, seed_spread({}))
    sections = [
        evaluation_section(metrics, comparisons, config, measured),
        behaviour_section(evidence, behaviour),
        *(Section.model_validate(section) for section in (found, data) if section),
    ]
    page = render(sections, config, environment=environment, seed=seed)
    return page, write_metric_tables(metrics, comparisons, changes, queue, config, measured)
