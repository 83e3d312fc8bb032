"""Metrics of rankings, and how certain they are: polars in, polars out.

ranking        one value per query and metric
first_page     the first products one by one: rankings, contradictions, coverage, scores by grade
auc            the AUC over pooled judged pairs
slices         which queries a mean is taken over
significance   means with intervals, paired differences with p-values
resampling     the bootstrap and the sign flips behind them
judging        all of these for one system, under both protocols
spread         how much a figure moves between runs that differ in the seed
"""

from roar.metrics.auc import pooled_auc
from roar.metrics.first_page import conflict_shares, coverage, first_page, score_bins
from roar.metrics.ranking import mean_value, rank_products, score_queries
from roar.metrics.significance import aggregate, compare, compare_pairs
from roar.metrics.slices import slice_table

__all__ = [
    "aggregate",
    "compare",
    "compare_pairs",
    "conflict_shares",
    "coverage",
    "first_page",
    "mean_value",
    "pooled_auc",
    "rank_products",
    "score_bins",
    "score_queries",
    "slice_table",
]
