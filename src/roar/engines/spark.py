"""A Spark session, and near-duplicates on it.

Candidates are Spark's group-bys and joins (`spark_candidates`); the evidence of pairs is told on its workers by the functions that
tell it locally, and clusters are its connected components, cut there (`spark_clusters`). What is learned from evidence,
competition and rivalry stay in this process, linear in candidate pairs. So the driver holds the profiles of all products and
their candidates, about 3 KB a product: docs/scale.md says how far that goes.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa

from roar.engines import engine
from roar.errors import InputError
from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.deduplication import Steps
from roar.parameters import DuplicateEvidence, SparkEngine


def session(config: SparkEngine, chosen: str = "engines.near_duplicates spark") -> Any:
    """The session of this process, started where there is none yet; `chosen`: the parameter and value that ask for it.

    Raises:
        InputError: pyspark or Java is not installed, or the cluster does not answer.
    """
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


def saved(frame: Any) -> Any:
    """A DataFrame computed now, and cut off from what it came from, which Spark's planner would go through again in every later step.

    On storage that outlives an executor where `spark.checkpoint.dir` is set, on the executors otherwise.
    """
    lasting = frame.sparkSession.sparkContext.getCheckpointDir() is not None
    return frame.checkpoint() if lasting else frame.localCheckpoint()


@contextmanager
def steps_on(config: SparkEngine) -> Iterator[Steps]:
    """The steps of `roar.near_duplicates.deduplicate` on a session: the same pairs, similarities, evidence and clusters.

    Raises:
        InputError: as `session`.
    """
    from roar.engines.spark_candidates import search
    from roar.engines.spark_clusters import partition

    running = session(config)
    sent: list[Any] = []
    try:
        yield Steps(
            partial(search, running),
            _comparison_on(running, config.partitions, sent).of,
            partial(partition, running, config.partitions, sent),
        )
    finally:
        for broadcast in sent:
            broadcast.destroy()


def _comparison_on(running: Any, tasks: int, sent: list[Any]) -> type[Comparison]:
    """A comparison whose signals are told on workers, in so many tasks; `sent` gathers what was sent to them."""

    class OnSpark(Comparison):
        @cached_property
        def _broadcast(self) -> Any:
            """Once to every worker; another weighing is another comparison."""
            plain = Comparison(**{field.name: getattr(self, field.name) for field in fields(Comparison)})
            sent.append(running.sparkContext.broadcast(plain))
            return sent[-1]

        def signals(self, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> dict[str, np.ndarray]:
            known = super().signals(a[:0], b[:0], config)
            if not len(a):
                return known
            types = {name: _arrow_type(column.dtype) for name, column in known.items()}
            schema = pa.schema({"pair": pa.int64()} | types)
            pairs = pa.table({"pair": np.arange(len(a)), "a": a.astype(np.int64), "b": b.astype(np.int64)})
            frame = running.createDataFrame(pairs).repartitionByRange(tasks, "pair")
            told = partial(_signals, sent=self._broadcast, config=config, schema=schema)
            table = frame.mapInArrow(told, _ddl(schema)).toArrow().sort_by("pair")
            return {name: table[name].to_numpy().astype(known[name].dtype) for name in known}

    return OnSpark


def _signals(
    batches: Iterator[pa.RecordBatch], *, sent: Any, config: DuplicateEvidence, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        a, b = (batch[name].to_numpy() for name in ("a", "b"))
        told = sent.value.signals(a, b, config)
        columns = [batch["pair"], *(pa.array(told[name]).cast(schema.field(name).type) for name in schema.names[1:])]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _arrow_type(dtype: np.dtype) -> pa.DataType:
    return pa.bool_() if dtype.kind == "b" else pa.float64() if dtype.kind == "f" else pa.int64()


def _ddl(schema: pa.Schema) -> str:
    names = {pa.bool_(): "boolean", pa.float64(): "double", pa.int64(): "long"}
    return ", ".join(f"`{field.name}` {names[field.type]}" for field in schema)
