"""How long the evaluation takes at scale: scoring 100,000 queries, and comparing systems on 20,000 with 10,000 resamples.

    python benchmarks/metrics.py [queries scored] [queries compared]

Prints `name value` lines: seconds, and the peak memory in GB.
"""

import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from roar.metrics import aggregate, compare, score_queries, slice_table
from roar.parameters import MetricSettings
from roar.schemas import GRADES, Grade

DEPTH, JUDGED, METRICS = 100, 12, 10
SETTINGS = MetricSettings(resamples=10_000, permutations=10_000)


def main(scored: int = 100_000, compared: int = 20_000) -> None:
    rng = np.random.default_rng(0)
    run, judgments = random_rankings(scored, rng)
    per_query = timed(f"score_queries_{scored}_queries_s", lambda: score_queries(run, judgments))
    names = per_query["metric"].unique(maintain_order=True)[:METRICS]
    queries = per_query["query_id"].unique(maintain_order=True)[:compared]
    a = per_query.filter(pl.col("metric").is_in(names.implode()) & pl.col("query_id").is_in(queries.implode()))
    b = a.with_columns(pl.col("value") + rng.normal(0.001, 0.02, a.height))
    slices = slice_table(
        pl.DataFrame({"query_id": queries, "vertical": rng.choice(list("abcdefgh"), len(queries))}), ["vertical"]
    )
    size = f"{compared}_queries_{METRICS}_metrics_{SETTINGS.resamples}_resamples_s"
    none = slices.clear()
    timed(f"compare_overall_{size}", lambda: compare(a, b, none, SETTINGS))
    timed(f"compare_overall_and_8_verticals_{size}", lambda: compare(a, b, slices, SETTINGS))
    timed(f"aggregate_overall_and_8_verticals_{size}", lambda: aggregate(a, slices, SETTINGS))
    print("peak_memory_gb", round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2))


def random_rankings(queries: int, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rankings of `DEPTH` products; `JUDGED` products a query, most of them retrieved."""
    ids = [f"q{number:06d}" for number in range(queries)]
    first = rng.integers(0, 1_000_000, queries)[:, None]
    products = pl.Series((first + np.arange(DEPTH)).ravel()).cast(pl.String)
    run = pl.DataFrame(
        {"query_id": np.repeat(ids, DEPTH), "product_id": products, "score": rng.random(queries * DEPTH)}
    )
    judged = pl.Series((first + rng.integers(0, 9, (queries, JUDGED)).cumsum(axis=1)).ravel()).cast(pl.String)
    judgments = pl.DataFrame(
        {"query_id": np.repeat(ids, JUDGED), "product_id": judged, "grade": rng.choice(GRADES, queries * JUDGED)}
    )
    return run, judgments.with_columns(pl.col("grade").cast(Grade)).unique(["query_id", "product_id"])


def timed(name: str, work: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    start = time.perf_counter()
    result = work()
    print(name, round(time.perf_counter() - start, 2))
    return result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
