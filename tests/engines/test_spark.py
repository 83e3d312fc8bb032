"""Near-duplicates on Spark are those of one process: candidates, pairs, clusters."""

import sys

import numpy as np
import polars as pl
import pytest
from tests.engines.conftest import needs

from roar.errors import InputError
from roar.near_duplicates import candidates, deduplicate
from roar.parameters import DuplicateCandidates, Simulation, SparkEngine

QUICK = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.adaptive.enabled": "false",
}
"""What makes a session quick that sees a few thousand rows: nothing is compiled for them."""
LOCAL = SparkEngine(master="local[2]", partitions=2, settings=QUICK)


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
def test_pairs_and_clusters_of_the_tiny_shop_are_those_of_one_process_row_for_row(spark):
    from roar.engines.spark import steps_on
    from roar.marketplace import simulate

    products = simulate(Simulation(products=300, queries=50, judged_queries=10), seed=1).products
    expected = deduplicate(products)
    assert len(expected[0]) > 20
    with steps_on(LOCAL) as steps:
        found = deduplicate(products, steps=steps)
    assert all(own.equals(local) for own, local in zip(found, expected, strict=True))


def test_without_pyspark_the_choice_of_it_is_one_line(monkeypatch):
    from roar.engines.spark import session

    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(InputError, match=r"^engines\.near_duplicates spark: pyspark\.sql is not installed [^\n]+$"):
        session(LOCAL)
