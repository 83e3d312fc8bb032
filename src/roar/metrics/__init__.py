"""Metrics of rankings, and how certain they are: polars in, polars out.

`score_queries` gives one value per query and metric, `aggregate` their means per slice with intervals, `compare` the
paired difference of two systems with p-values, `pooled_auc` the AUC over pooled judged pairs, and `slice_table` turns
columns of a query table into slices.
"""

from roar.metrics.auc import pooled_auc
from roar.metrics.ranking import rank_products, score_queries
from roar.metrics.significance import aggregate, compare
from roar.metrics.slices import slice_table

__all__ = ["aggregate", "compare", "pooled_auc", "rank_products", "score_queries", "slice_table"]
