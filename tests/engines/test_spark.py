"""Near-duplicates on Spark are those of one process: candidates, pairs, clusters."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from tests.engines.conftest import CONFIG, check_encoding, needs
from tests.engines.dying import DyingOnce

from roar.engines import spark_candidates
from roar.errors import InputError
from roar.marketplace import simulate
from roar.near_duplicates import candidates, clusters, deduplicate
from roar.parameters import (
    DuplicateCandidates,
    DuplicateClusters,
    Engines,
    NearDuplicates,
    Simulation,
    SparkEngine,
)
from roar.pipelines.data_engineering import create_pipeline

QUICK = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.memory": "768m",
    "spark.executorEnv.PYTHONPATH": str(Path(__file__).parents[2]),  # workers find `dying`
}
"""What makes a session quick that sees a few thousand rows: nothing is compiled for them."""
LOCAL = SparkEngine(master="local[2,4]", partitions=2, settings=QUICK)
"""Two tasks at a time, each tried four times."""


@pytest.fixture(scope="module")
def spark():
    needs("pyspark")
    from roar.engines.spark import session

    yield session(LOCAL)
    session(LOCAL).stop()


def crowded_terms() -> pl.DataFrame:
    """A brand that 900 products bear, 70 listings of one title, and words of every rarity; one product without a word."""
    random = np.random.default_rng(3)
    words = np.minimum(random.zipf(1.3, size=(1000, 7)), 4000)
    rows = [(row, int(word)) for row in range(1000) if row != 17 for word in set(words[row].tolist())]
    rows += [(row, 9001) for row in range(100, 1000)] + [(row, 9002 + k) for row in range(500, 570) for k in range(3)]
    rows = [(row, word) for row, word in rows if not (500 <= row < 570 and word < 9001)]
    return pl.DataFrame(rows, schema={"row": pl.UInt32, "term": pl.UInt64}, orient="row").with_columns(
        pl.col("term").hash(seed=0)
    )


@pytest.mark.engines
def test_candidates_are_the_same_pairs_where_keys_are_crowded(spark):
    """Every refinement is taken, and identical listings beyond a block's size are cut into runs."""
    from roar.engines.spark_candidates import search

    terms, config = crowded_terms(), DuplicateCandidates(rarest_terms=5, largest_block=8, neighbours=6)
    expected = candidates.search(terms, 1000, config)
    found = search(spark, terms, 1000, config)
    assert len(expected[0]) > 1000
    np.testing.assert_array_equal(np.stack(found), np.stack(expected))


@pytest.mark.engines
def test_a_driver_that_died_has_written_nothing_and_its_rerun_gives_the_tables_of_one_process_row_for_row(
    spark, tmp_path, monkeypatch
):
    """By `--only-missing-outputs`, on the tiny shop; asked a third time, nothing is left to do."""
    products = simulate(Simulation(products=300, queries=50, judged_queries=10), seed=1).products
    catalog, names = shop_in(tmp_path), FOUND
    catalog["products"].save(products)
    (found,) = [node for node in create_pipeline().nodes if node.name.endswith("find_near_duplicates")]

    def run() -> None:
        SequentialRunner().run(Pipeline([found]), catalog, only_missing_outputs=True)

    with monkeypatch.context() as dying:
        dying.setattr(spark_candidates, "search", lambda *_: sys.exit("killed"))
        with pytest.raises(SystemExit):
            run()
    assert [path.name for path in tmp_path.iterdir()] == ["products.parquet"]
    run()
    tables, expected = [catalog[name].load() for name in names], deduplicate(products)
    assert len(expected[0]) > 20
    assert all(own.equals(local) for own, local in zip(tables, expected, strict=True))
    monkeypatch.setattr(spark_candidates, "search", lambda *_: sys.exit("run again"))
    run()


FOUND = ("duplicate_pairs", "product_clusters", "duplicate_near_misses", "learned_evidence")


def shop_in(folder: Path) -> DataCatalog:
    """What the node that finds near-duplicates reads and writes, as files."""
    tables = {
        name: {"type": "polars.EagerPolarsDataset", "file_format": "parquet", "filepath": f"{folder}/{name}.parquet"}
        for name in ("products", *FOUND)
    }
    catalog = DataCatalog.from_config(tables)
    catalog["fitted_evidence"] = MemoryDataset(pl.DataFrame())
    catalog["params:near_duplicates"] = MemoryDataset(NearDuplicates())
    catalog["params:engines"] = MemoryDataset(Engines(near_duplicates="spark", spark=LOCAL))
    return catalog


def chained_pairs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A component of 150 rows and many small ones, a chain of 60, a row with 40 neighbours; many similarities are equal."""
    random = np.random.default_rng(0)
    a, b = random.integers(0, 300, (2, 240))
    a = np.concatenate([a, np.arange(300, 359), np.full(40, 360)])
    b = np.concatenate([b, np.arange(301, 360), np.arange(361, 401)])
    a, b = np.minimum(a, b)[a != b], np.maximum(a, b)[a != b]
    return a, b, random.uniform(0.5, 1, len(a)).round(2)


@pytest.mark.engines
def test_clusters_are_the_same_where_components_are_giant_and_a_worker_dies(spark, tmp_path):
    """Giants are cut before any worker sees them; the tasks of the worker that died are done again."""
    from roar.engines.spark_clusters import partition

    given, config = chained_pairs(), DuplicateClusters(largest=20)
    dead, alive = DyingOnce(tmp_path / "died"), DyingOnce(tmp_path)
    expected = clusters.partition(420, *given, alive, config)
    assert np.bincount(clusters._components(420, *given[:2])).max() > 5 * config.largest
    assert 100 < len(np.unique(expected)) < 400
    np.testing.assert_array_equal(partition(spark, 2, [], 420, *given, dead, config), expected)
    assert dead.marker.exists()


@pytest.mark.engines
@pytest.mark.usefixtures("spark", "small")
def test_workers_of_spark_give_the_vectors_of_one_process_and_leave_no_shard_but_the_poisoned_one(
    tiny_encoder, tmp_path
):
    from roar.engines.spark_encoding import encoding_on

    check_encoding(encoding_on(LOCAL, tiny_encoder, CONFIG, tmp_path), tiny_encoder, tmp_path)


def test_without_java_the_choice_of_spark_is_one_line(tmp_path):
    needs("pyspark")
    code = "from roar.engines.spark import session; from roar.parameters import SparkEngine; session(SparkEngine())"
    environment = os.environ | {"JAVA_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode != 0
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("roar.errors.InputError: engines.near_duplicates spark: no session at local[*]")
    )


def test_without_pyspark_the_choice_of_it_is_one_line(monkeypatch):
    from roar.engines.spark import session

    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(InputError, match=r"^engines\.near_duplicates spark: pyspark\.sql is not installed [^\n]+$"):
        session(LOCAL)
