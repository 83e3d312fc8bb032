"""What a larger catalogue costs, and what an engine costs over this process, as `name value` lines.

    python benchmarks/scale.py --sizes 10000 100000           processor time of each local step, and how it grows
    python benchmarks/scale.py --log 100000 1000000           the same of training sets, by impressions of the search log
    python benchmarks/scale.py --spark 10000                  near-duplicates on Spark beside this process; start apart
    python benchmarks/scale.py --ray 400                      so many texts by one actor and by two, beside this process
    python benchmarks/scale.py --milvus 20000                 so many vectors in milvus-lite, beside a scan of the release

An exponent of 1 is linear cost. Engines run on this machine: their overhead is measured, and not what a cluster brings.
"""

import argparse
import math
import resource
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from roar.encoder import encode, load_encoder, product_texts
from roar.encoder.shards import encode_in_shards
from roar.marketplace import simulate
from roar.near_duplicates import Deduplicated, cluster, deduplicate, find_pairs
from roar.parameters import (
    Behaviour,
    Encoder,
    MilvusServer,
    RayEngine,
    Simulation,
    SparkEngine,
    TrainingSets,
)
from roar.retrieval import LexicalIndex, SearchIndex
from roar.retrieval.index import unit_rows
from roar.run_record import processor
from roar.training_sets import (
    graded_groups,
    leakage,
    query_strata,
    query_variants,
    split_queries,
    stage1_pairs,
)

T = TypeVar("T")
Figures = Iterator[tuple[str, float | str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[])
    parser.add_argument("--log", type=int, nargs="+", default=[])
    parser.add_argument("--spark", type=int, default=0)
    parser.add_argument("--ray", type=int, default=0)
    parser.add_argument("--milvus", type=int, default=0)
    options = parser.parse_args()
    report([("processor", processor())])
    if options.sizes:
        report(growth(options.sizes, steps))
    if options.log:
        report(growth(options.log, log_steps))
    for size, measure in ((options.spark, on_spark), (options.ray, on_ray), (options.milvus, in_milvus)):
        if size:
            report(measure(size))


def report(figures: Figures | list[tuple[str, str]]) -> None:
    for name, value in figures:
        print(name, value if isinstance(value, str) else f"{value:.4g}", flush=True)


def timed(work: Callable[[], T], clock: Callable[[], float] = time.perf_counter) -> tuple[T, float]:
    start = clock()
    done = work()
    return done, clock() - start


def shop(size: int) -> pl.DataFrame:
    return simulate(Simulation(products=size, queries=100, judged_queries=20), seed=1).products


def growth(sizes: list[int], steps: Callable[[int], Iterator[tuple[str, float]]]) -> Figures:
    """Processor seconds of each step at each size, the exponent from the smallest to the largest, and the peak of memory."""
    seconds: dict[str, list[float]] = {}
    for size in sizes:
        for step, took in steps(size):
            seconds.setdefault(step, []).append(took)
            yield f"{step}_{size}_processor_seconds", took
        yield f"peak_{size}_gb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    for step, took in seconds.items():
        if len(took) > 1:
            yield f"{step}_exponent", math.log(took[-1] / took[0]) / math.log(sizes[-1] / sizes[0])


def steps(size: int) -> Iterator[tuple[str, float]]:
    products, took = timed(lambda: shop(size), time.process_time)
    yield "simulate", took
    pairs, took = timed(lambda: find_pairs(products), time.process_time)
    yield "find_pairs", took
    clusters, took = timed(lambda: cluster(products, pairs), time.process_time)
    yield "cluster", took
    texts = product_texts(products, ("title", "brand"), 64)
    yield "bm25", timed(lambda: LexicalIndex(products["product_id"], texts), time.process_time)[1]
    vectors = unit_rows(np.random.default_rng(0).standard_normal((size, 384), dtype=np.float32))
    table = products.join(clusters, on="product_id", how="left", maintain_order="left")
    index, took = timed(lambda: SearchIndex.build(table, vectors, "IVF256,SQ8", filters=("brand",)), time.process_time)
    yield "index", took
    yield "scan_100_queries", timed(lambda: index.exact_positions(vectors[:100], 100), time.process_time)[1]


def log_steps(size: int) -> Iterator[tuple[str, float]]:
    """Training sets of so many impressions: of many small shops side by side, so that distinct queries grow as impressions do."""
    config, tables = TrainingSets(), shops(size)
    queries, judgments, log = tables["queries"], tables["judgments"], tables["search_log"]
    clusters = tables["products"].select("product_id", cluster_id="product_id")
    texts = pl.concat([queries["query"], log["query"].cast(pl.String)])
    variants, took = timed(lambda: query_variants(texts), time.process_time)
    yield "variants", took
    strata, took = timed(lambda: query_strata(queries, config.strata), time.process_time)
    yield "strata", took
    judged = queries.join(judgments, on="query_id", how="semi", maintain_order="left")
    splits, took = timed(lambda: split_queries(judged, variants, strata, config.splits, seed=1), time.process_time)
    yield "splits", took
    pairs, took = timed(
        lambda: stage1_pairs(queries, judgments, log, variants, splits, config.stage1_sources, seed=1),
        time.process_time,
    )
    yield "stage1_pairs", took
    groups, took = timed(
        lambda: graded_groups(queries, judgments, clusters, splits, config.groups, seed=1), time.process_time
    )
    yield "graded_groups", took
    read = ["fold", "query", "variant_group", "product_id"]
    trained = pl.concat([pairs.select(read), groups.select(read)])
    yield (
        "leakage",
        timed(lambda: leakage(splits, variants, judgments, clusters, trained=trained), time.process_time)[1],
    )


def shops(impressions: int) -> dict[str, pl.DataFrame]:
    """Tables of copies of one small shop, no text or id of which is another's, with so many impressions together."""
    small = Simulation(products=1_000, queries=1_000, judged_queries=100, behaviour=Behaviour(sessions=2_700))
    shop = simulate(small, seed=1)
    copies = math.ceil(impressions / len(shop.search_log))
    words = pl.DataFrame({"word": [secrets.token_hex(6) for _ in range(copies)]})
    tables = {}
    for name in ("products", "queries", "judgments", "search_log"):
        table = getattr(shop, name)
        own = [column for column in ("product_id", "query_id", "session_id", "query") if column in table.columns]
        together = table.join(words, how="cross")
        marked = [pl.concat_str(pl.col(column).cast(pl.String), "word", separator=" ") for column in own]
        tables[name] = together.with_columns(marked).drop("word")
    return tables


def on_spark(size: int) -> Figures:
    """The same pairs and clusters by one worker twice, the second time with nothing left to start, and by two.

    Give it two cores (`taskset -c 0,1`), or two workers share one.
    """
    from roar.engines import spark

    products = shop(size)
    expected, local = timed(lambda: deduplicate(products))
    yield "spark_products", size
    yield "local_seconds", local
    seconds = []
    for workers in (1, 2):
        engine = SparkEngine(master=f"local[{workers}]", partitions=4, settings={"spark.driver.memory": "4g"})

        def find(engine: SparkEngine = engine) -> Deduplicated:
            with spark.steps_on(engine) as steps:
                return deduplicate(products, steps=steps)

        running, start = timed(lambda: spark.session(engine))  # noqa: B023
        _, first = timed(find)
        found, second = timed(find)
        running.stop()
        yield f"spark_{workers}_equal_tables", str(all(map(pl.DataFrame.equals, found, expected)))
        yield f"spark_{workers}_start_seconds", start
        yield f"spark_{workers}_first_seconds", first
        yield f"spark_{workers}_seconds", second
        yield f"spark_{workers}_over_local", second / local
        seconds.append(second)
    yield "spark_speed_up_of_two", seconds[0] / seconds[1]


def on_ray(size: int) -> Figures:
    """One actor and two, the start of Ray and of the actors apart: a job of no more than one text each is taken off."""
    from roar.encoder import shards
    from roar.engines.ray import encoding_on

    encoder, config = load_encoder(Encoder()), Encoder()
    texts = product_texts(shop(max(size, 1000)), ("title", "brand"), 64).to_list()[:size]
    shards._TEXTS = max(1, size // 8)
    expected, local = timed(lambda: encode(encoder, texts, config=config))
    yield "texts", size
    yield "local_texts_per_second", size / local
    for actors in (1, 2):
        took = []
        for part in (texts[:actors], texts):
            with tempfile.TemporaryDirectory() as folder:
                by = encoding_on(RayEngine(actors=actors), encoder, config, Path(folder))
                vectors, seconds = timed(lambda: encode_in_shards(encoder, part, Path(folder), config, by=by))  # noqa: B023
                took.append(seconds)
        yield f"ray_{actors}_start_seconds", took[0]
        yield f"ray_{actors}_texts_per_second", size / max(took[1] - took[0], 1e-9)
        yield f"ray_{actors}_smallest_cosine", float(np.einsum("nd,nd->n", vectors, expected).min())


def in_milvus(size: int) -> Figures:
    from roar.engines.milvus import MilvusIndex

    products, random = shop(size), np.random.default_rng(0)
    vectors = unit_rows(random.standard_normal((len(products), 384), dtype=np.float32))
    index = SearchIndex.build(products, vectors, filters=("brand", "price"))
    queries = unit_rows(random.standard_normal((20, 384), dtype=np.float32))
    with tempfile.TemporaryDirectory() as folder:
        server = MilvusServer(uri=f"{folder}/vectors.db", index="FLAT")
        published, took = timed(lambda: MilvusIndex.publish(index, server))
        yield "milvus_products", len(products)
        yield "milvus_publish_seconds", took
        for name, where in (("all", None), ("filtered", {"price": (20.0, 60.0)})):
            expected, local = timed(lambda: index.search(queries, 100, where=where))  # noqa: B023
            found, remote = timed(lambda: published.search(queries, 100, where=where))  # noqa: B023
            same = expected.select("row", "product_id").join(found, on=["row", "product_id"], how="semi")
            yield f"{name}_recall_of_exact", len(same) / len(expected)
            yield f"{name}_scan_ms", 1000 * local / len(queries)
            yield f"{name}_milvus_ms", 1000 * remote / len(queries)


if __name__ == "__main__":
    main()
