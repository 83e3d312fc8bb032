"""Clusters on Spark: `roar.near_duplicates.clusters` with its connected components found by Spark, each then cut whole by that module.

Components are labelled by large stars and small stars, round by round. One that exceeds `largest` loses the weaker half of its
pairs, by a sort that spills, until none does, as in the local form: so no worker is ever given more than `largest` products of a
component, and a giant one costs rounds, not memory. Components then go to workers in bins; one never crosses two of them.

References:
    Kiveris et al. (2014), Connected Components in MapReduce and Beyond: the stars, and why their rounds are few.
"""

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from roar.engines.spark import saved
from roar.near_duplicates import clusters as local
from roar.parameters import DuplicateClusters

Frame = Any
"""A DataFrame of Spark's."""

PAIRS_OF_A_BIN = 50_000
"""Accepted pairs that a worker gets at a time, roughly."""

LABELS = "row long, label long"


def partition(
    session: Any,
    tasks: int,
    sent: list[Any],
    products: int,
    a: np.ndarray,
    b: np.ndarray,
    similarity: np.ndarray,
    verify: local.Verify,
    config: DuplicateClusters,
) -> np.ndarray:
    """As `roar.near_duplicates.clusters.partition`.

    Args:
        session: of Spark.
        tasks: among which components are shared out, at least.
        sent: gathers the broadcast, which the caller destroys.
        products: as there, and so on; `verify` is pickled and sent to every worker.
    """
    label = np.arange(products)
    if not len(a):
        return label
    pairs = pa.table({"a": a.astype(np.int64), "b": b.astype(np.int64), "similarity": similarity})
    sent.append(session.sparkContext.broadcast((verify, config)))
    kept = _within_limit(session.createDataFrame(pairs), config.largest)
    found = _cut(kept, max(tasks, len(a) // PAIRS_OF_A_BIN), sent[-1]).toArrow()
    label[found["row"].to_numpy()] = found["label"].to_numpy()
    return label


def components(pairs: Frame) -> Frame:
    """`row`, `component`: the smallest row of the connected component, for every row in pairs (`a`, `b`).

    Cost: some ten rounds, whatever the size; each is a group-by and a join over the pairs, and none collects them.
    """
    from pyspark.sql import functions as F

    edges = saved(
        pairs.select(F.greatest("a", "b").alias("u"), F.least("a", "b").alias("v")).filter("u != v").distinct()
    )
    before = None
    while (now := _state(edges)) != before:
        before, last = now, edges
        edges = saved(_small_star(_large_star(last)))
        last.unpersist()
    roots = edges.select(F.col("v").alias("row"), F.col("v").alias("component")).distinct()
    return edges.select(F.col("u").alias("row"), F.col("v").alias("component")).unionByName(roots)


def _large_star(edges: Frame) -> Frame:
    """Every row's larger neighbours point to the smallest of it and its neighbours; `u` > `v` throughout."""
    from pyspark.sql import functions as F

    both = edges.unionByName(edges.select(F.col("v").alias("u"), F.col("u").alias("v")))
    smallest = both.groupBy("u").agg(F.least(F.min("v"), F.col("u")).alias("smallest"))
    larger = both.join(smallest, "u").filter(F.col("v") > F.col("u"))
    return larger.select(F.col("v").alias("u"), F.col("smallest").alias("v")).distinct()


def _small_star(edges: Frame) -> Frame:
    """Every row and its smaller neighbours point to the smallest of these."""
    from pyspark.sql import functions as F

    smallest = edges.groupBy("u").agg(F.min("v").alias("smallest"))
    others = edges.join(smallest, "u").filter(F.col("v") > F.col("smallest"))
    moved = others.select(F.col("v").alias("u"), F.col("smallest").alias("v"))
    return smallest.select("u", F.col("smallest").alias("v")).unionByName(moved).distinct()


def _state(edges: Frame) -> tuple[Any, ...]:
    """The set of edges in two numbers: it stays the same when every row points to its component's smallest."""
    from pyspark.sql import functions as F

    return tuple(edges.agg(F.count("*"), F.sum(F.xxhash64("u", "v").cast("decimal(38, 0)"))).first())


def _within_limit(pairs: Frame, largest: int) -> Frame:
    """`component`, `a`, `b`, `similarity`, without the weaker half of each component above `largest`, until none is."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rank = Window.partitionBy("component").orderBy(F.col("similarity").desc(), "a", "b")
    while True:
        members = components(pairs)
        size = members.groupBy("component").agg(F.count("*").alias("size"))
        named = pairs.join(members.withColumnRenamed("row", "a"), "a")
        crowded = size.filter(F.col("size") > largest)
        if crowded.isEmpty():
            return named
        within = named.join(crowded, "component", "left_anti")
        count = named.join(crowded, "component").groupBy("component").agg(F.count("*").alias("count"))
        ranked = named.join(count, "component").withColumn("place", F.row_number().over(rank))
        stronger = ranked.filter(F.col("place") <= F.floor(F.col("count") / 2))
        columns = ("a", "b", "similarity")
        pairs = saved(within.select(*columns).unionByName(stronger.select(*columns)))


def _cut(pairs: Frame, bins: int, sent: Any) -> Frame:
    """`row`, `label`: the smallest row of its cluster."""
    from pyspark.sql import functions as F

    cut = partial(_cut_bin, sent=sent)

    def labels(table: pa.Table) -> pa.Table:  # Spark reads the hints, which a partial has not
        return cut(table)

    binned = pairs.withColumn("bin", F.pmod(F.hash("component"), F.lit(bins)))
    return binned.groupBy("bin").applyInArrow(labels, LABELS)


def _cut_bin(table: pa.Table, *, sent: Any) -> pa.Table:
    """The local partition of whole components: what it does to one does not depend on the others."""
    verify, config = sent.value
    a, b = table["a"].to_numpy(), table["b"].to_numpy()
    rows, places = np.unique(np.concatenate([a, b]), return_inverse=True)

    def judge(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return verify(rows[x], rows[y])

    a, b = places[: len(a)], places[len(a) :]
    label = local.partition(len(rows), a, b, table["similarity"].to_numpy(), judge, config)
    return pa.table({"row": rows, "label": rows[label]})
