"""The Shopping Queries Dataset's own measures, so that a figure can be set beside the published ones.

Task 1, ranking: NDCG over all labelled products of a query, without a cut-off, gains 1, 0.1, 0.01 and 0 for E, S, C and I. Task 2,
classification into the four: micro-averaged F1, here by three cut-offs of the score.

A query without anything but irrelevant products counts 0, as trec_eval has it. The authors' own script for task 1
(ranking/prepare_trec_eval_files.py of esci-data) numbers S 2 and C 3 and gives 2 a gain of 0.01 and 3 one of 0.1: it swaps the gains of
S and C. Ours are those of the paper and of the authors' training script.

References:
    Reddy et al. (2022), "Shopping Queries Dataset", arXiv 2206.06588.
    github.com/amazon-science/esci-data
"""

import logging
from collections.abc import Mapping

import numpy as np
import polars as pl

from roar.metrics.cut_offs import fit_cut_offs, grades_of
from roar.metrics.ranking import score_queries
from roar.metrics.resampling import bootstrap_means, mean_interval, slice_generator, weighted_mean
from roar.parameters import MetricSettings

logger = logging.getLogger(__name__)

GAINS = {"exact": 100, "substitute": 10, "complement": 1, "irrelevant": 0}
"""A hundred times the published ones: NDCG is the same, and metric libraries read integers alike."""

EVERYTHING_EXACT = "every product exact"
"""The classifier that has learned nothing but which grade is commonest in this data set."""

RESULTS = pl.Schema(
    {
        "system": pl.String,
        "measure": pl.String,
        "queries": pl.Int64,
        "products": pl.Int64,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
    }
)


def published_results(
    tested: Mapping[str, pl.DataFrame],
    validation: Mapping[str, pl.DataFrame],
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    settings: MetricSettings,
) -> pl.DataFrame:
    """Both measures of every system that has them.

    Args:
        tested: system to its judged run of the test queries: query_id, product_id, score.
        validation: system to its scores of the judged products of each fold's validation queries: fold, query_id, product_id,
            score; for systems whose scores mean the same for every query.
        judgments: query_id, product_id, grade.
        splits: fold, query_id, split.
        settings: confidence, resamples and seed of the intervals.

    Returns:
        `RESULTS`: measure ndcg or micro_f1; a system without validation scores has no micro_f1. The floor
        `EVERYTHING_EXACT` comes last.
    """
    own = judgments.join(splits.filter(pl.col("split") == "test"), on="query_id", how="semi", maintain_order="left")
    rows = [_measured(name, "ndcg", _ndcg(run, own), settings) for name, run in tested.items()]
    for name, scored in validation.items():
        rows.append(_measured(name, "micro_f1", _classified(scored, tested[name], judgments, splits), settings))
    floor = own.select("query_id", right=pl.col("grade") == "exact")
    rows.append(_measured(EVERYTHING_EXACT, "micro_f1", _per_query(floor), settings))
    return pl.DataFrame(rows, schema=RESULTS)


def _ndcg(run: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
    """query_id, value, weight, products; every query counts once."""
    whole = MetricSettings(names=("ndcg",), gains=GAINS)
    scored = score_queries(run, judgments, whole).with_columns(pl.col("value").fill_null(0.0))
    products = judgments.group_by("query_id").agg(products=pl.len())
    return scored.join(products, on="query_id", maintain_order="left").select(
        "query_id", "value", "products", weight=pl.lit(1.0)
    )


def _classified(
    validation: pl.DataFrame, tested: pl.DataFrame, judgments: pl.DataFrame, splits: pl.DataFrame
) -> pl.DataFrame:
    """The same of the share of products that get their grade; every product counts once."""
    graded = judgments.select("query_id", "product_id", grade=pl.col("grade").to_physical().cast(pl.Int64))
    known = validation.join(graded, on=["query_id", "product_id"])
    asked = tested.join(graded, on=["query_id", "product_id"]).join(
        splits.filter(pl.col("split") == "test").select("query_id", "fold"), on="query_id"
    )
    parts = []
    for (fold,), own in asked.group_by("fold", maintain_order=True):
        learned = known.filter(fold=fold)
        if learned.is_empty():
            logger.warning("%s: no validation query, and so no cut-offs: it counts for no micro-F1.", fold)
            continue
        cut_offs = fit_cut_offs(learned["score"].to_numpy(), learned["grade"].to_numpy())
        right = grades_of(own["score"].to_numpy(), cut_offs) == own["grade"].to_numpy()
        parts.append(own.select("query_id", right=pl.Series(right)))
    return _per_query(pl.concat(parts) if parts else pl.DataFrame(schema={"query_id": pl.String, "right": pl.Boolean}))


def _per_query(right: pl.DataFrame) -> pl.DataFrame:
    counted = right.group_by("query_id").agg(value=pl.col("right").mean(), products=pl.len()).sort("query_id")
    return counted.with_columns(weight=pl.col("products").cast(pl.Float64))


def _measured(system: str, measure: str, per_query: pl.DataFrame, settings: MetricSettings) -> dict[str, object]:
    """The mean and its interval, by a bootstrap over queries."""
    row = {"system": system, "measure": measure, "queries": len(per_query), "products": per_query["products"].sum()}
    if per_query.is_empty():
        return row | dict.fromkeys(("value", "low", "high"))
    values, weight = per_query["value"].to_numpy()[:, None], per_query["weight"].to_numpy()
    draws = bootstrap_means(values, weight, settings.resamples, slice_generator(settings.seed, measure, "published"))
    low, high = mean_interval(values, weight, draws, settings.confidence)
    figures = {"value": weighted_mean(values, weight), "low": low, "high": high}
    return row | {name: float(np.asarray(figure)[0]) for name, figure in figures.items()}
