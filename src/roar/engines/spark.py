"""A Spark session, and near-duplicates on it.

Candidates are Spark's group-bys and joins (`spark_candidates`); the evidence of pairs is told on its workers by the functions that
tell it locally. What is learned from evidence, competition and clusters stay in this process, linear in candidate pairs. So
the driver holds the profiles of all products and their candidates, about 3 KB a product: docs/scale.md says how far that goes.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from roar.engines import engine
from roar.errors import InputError
from roar.near_duplicates import find_pairs as find_pairs_by
from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.deduplication import Steps
from roar.parameters import DuplicateEvidence, NearDuplicates, SparkEngine


def session(config: SparkEngine) -> Any:
    """The session of this process, started where there is none yet.

    Raises:
        InputError: pyspark or Java is not installed, or the cluster does not answer.
    """
    chosen = "engines.near_duplicates spark"
    sql = engine("pyspark.sql", extra="spark", chosen=chosen)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers find what this process finds
    settings = {
        "spark.sql.shuffle.partitions": str(config.partitions),
        "spark.sql.ansi.enabled": "false",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    }
    if config.master.startswith("local"):
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    builder = sql.SparkSession.builder.appName("roar").master(config.master)
    for name, value in (settings | config.settings).items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as error:  # Java's absence and a master's silence come as several kinds
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"{chosen}: no session at {config.master} ({said}). Is Java installed, and the master there?"
        ) from error


def find_pairs(products: pl.DataFrame, config: NearDuplicates, spark: SparkEngine) -> pl.DataFrame:
    """As `roar.near_duplicates.find_pairs`: the same pairs, similarities and evidence.

    Raises:
        InputError: as that, or as `session`.
    """
    from roar.engines.spark_candidates import search

    running = session(spark)

    def compare(profiles: Any) -> Comparison:
        comparison = Comparison.of(profiles)
        return ComparisonOnSpark(**_parts(comparison)).on(running, spark.partitions)

    return find_pairs_by(products, config, steps=Steps(partial(search, running), compare))


class ComparisonOnSpark(Comparison):
    """A comparison whose signals workers compute; all else is done here."""

    _session: Any = None
    _tasks: int = 1

    def on(self, running: Any, tasks: int) -> "ComparisonOnSpark":
        """The same on a session, in so many tasks."""
        kind = type("ComparisonOn", (ComparisonOnSpark,), {"_session": running, "_tasks": tasks})
        return kind(**_parts(self))

    @cached_property
    def _sent(self) -> Any:
        """Once to every worker; another weighing is another comparison."""
        return self._session.sparkContext.broadcast(Comparison(**_parts(self)))

    def signals(self, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> dict[str, np.ndarray]:
        """As `Comparison.signals`."""
        known = super().signals(a[:0], b[:0], config)
        if not len(a):
            return known
        types = {name: _arrow_type(column.dtype) for name, column in known.items()}
        schema = pa.schema({"pair": pa.int64()} | types)
        pairs = pa.table({"pair": np.arange(len(a)), "a": a.astype(np.int64), "b": b.astype(np.int64)})
        frame = self._session.createDataFrame(pairs).repartitionByRange(self._tasks, "pair")
        told = frame.mapInArrow(
            partial(_signals, sent=self._sent, config=config, schema=schema), _ddl(schema)
        ).toArrow()
        told = told.sort_by("pair")
        return {name: told[name].to_numpy().astype(known[name].dtype) for name in known}


def _signals(
    batches: Iterator[pa.RecordBatch], *, sent: Any, config: DuplicateEvidence, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        a, b = (batch[name].to_numpy() for name in ("a", "b"))
        told = sent.value.signals(a, b, config)
        columns = [batch["pair"], *(pa.array(told[name]).cast(schema.field(name).type) for name in schema.names[1:])]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _parts(comparison: Comparison) -> dict[str, Any]:
    return {field.name: getattr(comparison, field.name) for field in fields(Comparison)}


def _arrow_type(dtype: np.dtype) -> pa.DataType:
    return pa.bool_() if dtype.kind == "b" else pa.float64() if dtype.kind == "f" else pa.int64()


def _ddl(schema: pa.Schema) -> str:
    names = {pa.bool_(): "boolean", pa.float64(): "double", pa.int64(): "long"}
    return ", ".join(f"`{field.name}` {names[field.type]}" for field in schema)
