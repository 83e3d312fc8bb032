"""One system judged: every system passes through here, whoever made its runs.

The two protocols stay apart: each table says in `protocol` which one a row belongs to.
"""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from roar.attributes.agreement import positions
from roar.metrics.auc import pooled_auc
from roar.metrics.first_page import conflict_shares, coverage, first_page, score_bins
from roar.metrics.inputs import PAIR
from roar.metrics.ranking import score_queries
from roar.metrics.significance import aggregate, compare
from roar.parameters import MetricSettings


class Yardstick(NamedTuple):
    """What every system is measured against.

    Attributes:
        judgments: query_id, product_id, grade of the tested queries.
        slices: query_id, slice, level, and weight where traffic is known.
        asked: what queries ask for (`roar.attributes.agreement.asked`).
        stated: what products state (`roar.attributes.agreement.stated`).
        product_ids: of the catalogue.
    """

    judgments: pl.DataFrame
    slices: pl.DataFrame
    asked: pl.DataFrame
    stated: pl.DataFrame
    product_ids: pl.Series


class Verdict(NamedTuple):
    """A system's tables, each with `protocol`.

    Attributes:
        scores: query_id, metric, value.
        means: slice, level, metric, n, mean, low, high.
        first_page: query_id, rank, product_id, score, grade.
        coverage: what the policy on runs counts, a row per protocol.
        score_bins: low, high, grade, pairs (judged protocol alone).
    """

    scores: pl.DataFrame
    means: pl.DataFrame
    first_page: pl.DataFrame
    coverage: pl.DataFrame
    score_bins: pl.DataFrame


def judge(
    runs: Mapping[str, pl.DataFrame | pl.LazyFrame],
    yardstick: Yardstick,
    settings: MetricSettings,
    *,
    comparable: bool = False,
    queries_at_once: int = 20_000,
) -> Verdict:
    """Judge a system.

    Args:
        runs: protocol to run; scans of files are read a part of the queries at a time.
        yardstick: what it is measured against.
        settings: what is measured.
        comparable: whether its scores mean the same for every query, as cosines do; adds the pooled AUC.
        queries_at_once: queries of a part.

    Raises:
        InputError: see `roar.metrics.inputs`.
    """
    ranked = {protocol: _in_parts(run, yardstick, settings, queries_at_once) for protocol, run in runs.items()}
    pages = {protocol: page for protocol, (page, _) in ranked.items()}
    scores = {protocol: own for protocol, (_, own) in ranked.items()}
    means = [_labelled(protocol, aggregate(own, yardstick.slices, settings)) for protocol, own in scores.items()]
    covered = [
        {"protocol": protocol, **coverage(run, yardstick.judgments, yardstick.product_ids, settings)}
        for protocol, run in runs.items()
    ]
    judged = runs["judged"].lazy().collect()
    if comparable:
        means.append(_labelled("judged", pooled_auc(judged, yardstick.judgments, yardstick.slices, settings)))
    return Verdict(
        _by_protocol(scores),
        pl.concat(means),
        _by_protocol(pages),
        pl.DataFrame(covered),
        _labelled("judged", score_bins(judged, yardstick.judgments, settings)),
    )


def _in_parts(
    run: pl.DataFrame | pl.LazyFrame, yardstick: Yardstick, settings: MetricSettings, queries_at_once: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """First pages and per-query metrics, a part of the queries at a time."""
    queries = yardstick.judgments["query_id"].unique().sort()
    pages, scores = [], []
    for start in range(0, len(queries), queries_at_once):
        own = pl.col("query_id").is_in(queries.slice(start, queries_at_once).implode())
        part = run if len(queries) <= queries_at_once else run.lazy().filter(own)
        returned = part.lazy().select(*PAIR, "score").collect(engine="streaming")
        judgments = yardstick.judgments.filter(own)
        pages.append(first_page(returned, judgments, settings))
        scores.append(score_queries(returned, judgments, settings))
    page = pl.concat(pages)
    said = positions(page, yardstick.asked, yardstick.stated)
    conflicts = conflict_shares(page, said, queries, settings)
    return page, pl.concat([*scores, conflicts])


def robustness(
    scores: pl.DataFrame,
    edited_runs: Mapping[str, pl.DataFrame],
    edits: pl.DataFrame,
    judgments: pl.DataFrame,
    settings: MetricSettings,
) -> pl.DataFrame:
    """What is left of the metrics when the same queries are written differently.

    Args:
        scores: protocol, query_id, metric, value of the queries as they are.
        edited_runs: protocol to run of the edited queries, under the ids of the queries that they were made from.
        edits: query_id, edit (its kind).
        judgments: of the tested queries.
        settings: robustness names the metrics.

    Returns:
        protocol, edit ("all" first), metric, n, as_typed, edited (means), kept (their ratio), difference, low, high,
        p, p_adjusted (Holm within a metric, over the kinds).
    """
    names = settings.model_copy(update={"names": settings.robustness})
    own = judgments.join(edits, on="query_id", how="semi")
    kinds = edits.select("query_id", slice=pl.lit("edit"), level="edit")
    tables = []
    for protocol, run in edited_runs.items():
        typed = scores.filter(pl.col("metric").is_in(settings.robustness), protocol=protocol).join(
            edits, on="query_id", how="semi"
        )
        table = compare(typed, score_queries(run, own, names), kinds, names)
        tables.append(_labelled(protocol, table))
    ratio = pl.when(pl.col("mean_a") > 0).then(pl.col("mean_b") / pl.col("mean_a"))
    return pl.concat(tables).select(
        "protocol", pl.col("level").alias("edit"), "metric", "n", pl.col("mean_a").alias("as_typed"),
        pl.col("mean_b").alias("edited"), ratio.alias("kept"), "difference", "low", "high", "p", "p_adjusted",
    )  # fmt: skip


def _labelled(protocol: str, table: pl.DataFrame) -> pl.DataFrame:
    return table.select(pl.lit(protocol).alias("protocol"), pl.all())


def _by_protocol(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([_labelled(protocol, table) for protocol, table in tables.items()])
