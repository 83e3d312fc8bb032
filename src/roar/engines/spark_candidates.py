"""Pairs worth a closer look, on Spark: `roar.near_duplicates.candidates` with its group-bys and joins done by Spark.

Keys, buckets and the choice of neighbours are computed by that module's own functions on partitions, so that the pairs are the
same. No key is too crowded for a task: one that holds more than a block may is refined, and what cannot be refined is cut into
runs, before anything is joined; neighbours are counted by slices of equally many products.
"""

from collections.abc import Callable, Iterator
from functools import partial, reduce
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import scipy.sparse as sp

from roar.engines.spark import saved
from roar.near_duplicates import candidates as local
from roar.near_duplicates.candidates import LEVELS, MOST_BITS, PORTION, SLICE, Filing
from roar.parameters import DuplicateCandidates

Frame = Any
"""A DataFrame of Spark's; signed 64-bit columns hold the bits of unsigned keys and terms."""

ENTRY = "row long, slot long, key long, part long, terms array<long>"
"""An entry of a product under a key; `part`: the portion of keys that is counted together; `terms`: its product's rarest ones."""
PLACED = f"{ENTRY}, bucket long"
RUNS = 3
"""Kinds of blocks of a level: those small enough, and two sets of overlapping runs."""


def search(
    session: Any, terms: pl.DataFrame, products: int, config: DuplicateCandidates
) -> tuple[np.ndarray, np.ndarray]:
    """As `roar.near_duplicates.candidates.search`."""
    if terms.is_empty():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    given = pa.table(
        {"row": terms["row"].cast(pl.Int64).to_arrow(), "term": terms["term"].reinterpret(signed=True).to_arrow()}
    )
    rarest = _rarest(session.createDataFrame(given), config.rarest_terms)
    blocks = saved(reduce(lambda one, other: one.unionByName(other), _blocks(rarest, config)))
    pairs = _neighbours(blocks, products, config.neighbours).toArrow()
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    order = np.lexsort((b, a))
    return a[order], b[order]


def _rarest(terms: Frame, slots: int) -> Frame:
    """row, terms: each product's rarest terms that another has too, rarest first, padded with 0."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    frequency = terms.groupBy("term").agg(F.count("*").alias("frequency")).filter("frequency > 1")
    rarity = Window.partitionBy("row").orderBy("frequency", F.col("term") < 0, "term")  # as unsigned numbers
    ranked = (
        terms.join(frequency, "term").withColumn("slot", F.row_number().over(rarity)).filter(F.col("slot") <= slots)
    )
    listed = ranked.groupBy("row").agg(F.sort_array(F.collect_list(F.struct("slot", "term"))).alias("ranked"))
    padded = F.concat(F.col("ranked.term"), F.array_repeat(F.lit(0).cast("long"), slots))
    return listed.select("row", F.slice(padded, 1, slots).alias("terms"))


def _blocks(rarest: Frame, config: DuplicateCandidates) -> Iterator[Frame]:
    """row, column for every product in a block; columns are numbered in the order in which the local form has them."""
    from pyspark.sql import functions as F

    largest, slots = config.largest_block, config.rarest_terms
    filed = rarest.select(
        "row", F.posexplode("terms").alias("slot", "key"), F.lit(0).cast("long").alias("part"), "terms"
    )
    entries = saved(filed.filter("key != 0").select("row", F.col("slot").cast("long"), "key", "part", "terms"))
    lot = 0
    for level in range(LEVELS):
        (counts,) = _counts(entries, F.lit(True))
        placed = _placed(entries, counts)
        held = placed.groupBy("part", "bucket").agg(F.count("*").alias("size"))
        further = F.col("terms")[min(level + 1, slots - 1)]
        last = F.lit(level in (LEVELS - 1, slots - 1))
        sized = placed.join(held, ["part", "bucket"]).withColumn("crowded", F.col("size") > largest)
        stuck = F.col("crowded") & (F.col("slot") == level) & (last | (further == 0))
        sized = saved(sized.withColumn("stuck", stuck))
        block = ~F.col("crowded") & (F.col("size") > 1)
        blocks, left, crowd = _counts(sized, block, F.col("stuck"), F.col("crowded"))
        yield _columns(sized.filter(block), blocks, lot, 0)
        for kind, run in enumerate(_runs(sized.filter("stuck"), largest), start=1):
            yield _columns(run, left, lot, kind)
        lot += RUNS * (1 + max(counts, default=0))
        if level == LEVELS - 1 or not crowd:
            return
        refined = partial(_refined, portions=max(1, sum(crowd.values()) * slots // PORTION))
        entries = saved(sized.filter("crowded").select(*_names(ENTRY)).mapInArrow(refined, ENTRY))


def _counts(entries: Frame, *kinds: Any) -> list[dict[int, int]]:
    """For each kind, a condition, its entries by part: what the number of their buckets goes by."""
    from pyspark.sql import functions as F

    told = entries.groupBy("part").agg(*(F.count_if(kind).alias(str(n)) for n, kind in enumerate(kinds))).collect()
    return [{row["part"]: row[str(n)] for row in told if row[str(n)]} for n in range(len(kinds))]


def _placed(entries: Frame, counts: dict[int, int]) -> Frame:
    return entries.select(*_names(ENTRY)).mapInArrow(partial(_bucketed, counts=counts), PLACED)


def _columns(entries: Frame, counts: dict[int, int], lot: int, kind: int) -> Frame:
    """row, column of a level's blocks of one kind."""
    from pyspark.sql import functions as F

    number = (F.lit(lot + kind) + RUNS * F.col("part")) * F.lit(2**MOST_BITS) + F.col("bucket")
    return _placed(entries, counts).select("row", number.cast("long").alias("column"))


def _runs(stuck: Frame, largest: int) -> Iterator[Frame]:
    """Runs of at most `largest` entries that share a key, and a second set that overlaps them."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    place = F.row_number().over(Window.partitionBy("part", "key").orderBy("row")) - 1
    placed = stuck.select(*_names(ENTRY), place.cast("long").alias("place"))
    for shift in (0, largest // 2):
        yield placed.mapInArrow(partial(_run_keys, shift=shift, largest=largest), ENTRY)


def _neighbours(blocks: Frame, products: int, count: int) -> Frame:
    """a, b: for each product the `count` later ones with which it shares the heaviest blocks."""
    from pyspark.sql import functions as F

    size = blocks.groupBy("column").agg(F.count("*").alias("size"))
    cells = blocks.join(size, "column").withColumn("slice", F.floor(F.col("row") / SLICE))
    asked = cells.select("slice", "column").distinct()
    around = asked.join(cells.drop("slice"), "column").filter(F.col("row") >= F.col("slice") * SLICE)

    def pairs(table: pa.Table) -> pa.Table:  # Spark reads the hints, which a partial has not
        return _slice(table, products=products, count=count)

    return around.groupBy("slice").applyInArrow(pairs, "a long, b long")


def _slice(table: pa.Table, *, products: int, count: int) -> pa.Table:
    start = int(table["slice"][0].as_py()) * SLICE
    row, size = table["row"].to_numpy() - start, table["size"].to_numpy()
    others, other = np.unique(row, return_inverse=True)
    columns, column = np.unique(table["column"].to_numpy(), return_inverse=True)
    weight = np.sqrt(np.log1p(products / size)).astype(np.float32)
    own = row < SLICE
    left = sp.csr_matrix((weight[own], (row[own], column[own])), shape=(SLICE, len(columns)))
    right = sp.csr_matrix((weight, (other, column)), shape=(len(others), len(columns)))
    near = (left @ right.T.tocsr()).tocoo()
    a, b = local._heaviest(near.row, others[near.col], near.data, count)
    return pa.table({"a": a + start, "b": b + start})


def _mapped(
    batches: Iterator[pa.RecordBatch], change: Callable[[Filing, pa.RecordBatch], dict[str, Any]]
) -> Iterator[Any]:
    for batch in batches:
        key = batch["key"].to_numpy().view(np.uint64)
        columns = change(Filing(batch["row"].to_numpy(), key, batch["slot"].to_numpy()), batch)
        named = {name: batch[name] for name in _names(ENTRY)} | columns
        yield pa.RecordBatch.from_arrays([pa.array(column) for column in named.values()], names=list(named))


def _bucketed(batches: Iterator[pa.RecordBatch], *, counts: dict[int, int]) -> Iterator[pa.RecordBatch]:
    def bucket(filing: Filing, batch: pa.RecordBatch) -> dict[str, Any]:
        part, places = batch["part"].to_numpy(), np.zeros(len(filing.key), dtype=np.int64)
        for one in np.unique(part):
            places[part == one] = local.bucket_of(filing.key[part == one], local.bits_for(counts[int(one)]))
        return {"bucket": places}

    return _mapped(batches, bucket)


def _run_keys(batches: Iterator[pa.RecordBatch], *, shift: int, largest: int) -> Iterator[pa.RecordBatch]:
    def key(filing: Filing, batch: pa.RecordBatch) -> dict[str, Any]:
        number = ((batch["place"].to_numpy() + shift) // largest * 2 + (shift > 0)).astype(np.uint64)
        return {"key": local._mix(filing.key, number).view(np.int64)}

    return _mapped(batches, key)


def _refined(batches: Iterator[pa.RecordBatch], *, portions: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if not batch.num_rows:
            continue
        key = batch["key"].to_numpy().view(np.uint64)
        terms = np.stack(batch["terms"].to_numpy(zero_copy_only=False)).view(np.uint64)
        place = np.arange(len(key))
        finer = local._refine(Filing(place, key, batch["slot"].to_numpy()), terms)
        part = ((key >> np.uint64(7)) % np.uint64(portions)).astype(np.int64)
        columns = [
            batch["row"].take(pa.array(finer.row)),
            pa.array(finer.slot.astype(np.int64)),
            pa.array(finer.key.view(np.int64)),
            pa.array(part[finer.row]),
            batch["terms"].take(pa.array(finer.row)),
        ]
        yield pa.RecordBatch.from_arrays(columns, names=_names(ENTRY))


def _names(schema: str) -> list[str]:
    return [column.split()[0] for column in schema.split(", ")]
