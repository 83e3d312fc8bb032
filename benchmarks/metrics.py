"""How long evaluation takes at scale, and how much memory: judging a system from files, and comparing systems.

    python benchmarks/metrics.py                 # 100,000 queries with 100 judged products each: 10 million judged rows
    python benchmarks/metrics.py --queries 2000 --compared 500
    python benchmarks/metrics.py --ranx PYTHON   # a Python that has ranx and numpy: its compare on the same values

Judging goes over runs on disk, a part of the queries at a time. Comparing is a paired test with an interval on every
metric, overall and in eight verticals. ranx is no dependency (it compiles for half a minute): name an interpreter that has
it; its paired t test and its randomisation test see the same per-query values, without intervals or slices.

Prints `name value` lines: seconds on the clock, seconds of processor time (the fairer figure on a shared machine), and the
peak memory in GB.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from roar.metrics import aggregate, compare, slice_table
from roar.metrics.judging import Yardstick, judge
from roar.parameters import MetricSettings
from roar.schemas import GRADES, Grade

DEPTH, METRICS, AT_ONCE, CATALOGUE = 100, 10, 10_000, 1_000_000
SETTINGS = MetricSettings(resamples=10_000, permutations=10_000)
FACTS = {"dimension": pl.String, "value": pl.String, "shown": pl.String}
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--compared", type=int, default=20_000)
    parser.add_argument("--ranx", metavar="PYTHON", help="an interpreter that has ranx")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        judged_from_files(options.queries, Path(folder))
    report_memory("judge")
    compared(options.compared)
    report_memory("all")
    if options.ranx:
        beside_ranx(options.ranx, options.compared)


def judged_from_files(queries: int, folder: Path) -> None:
    """Judge one system, both protocols, all metrics, pooled AUC included, from parquet files."""
    write(folder, queries)
    report_memory("data")
    judgments = pl.read_parquet(folder / "judgments.parquet").with_columns(pl.col("grade").cast(Grade))
    slices = pl.DataFrame({"query_id": judgments["query_id"].unique().sort()}).with_row_index("row")
    verticals = slices.with_columns(vertical=pl.format("v{}", pl.col("row") % 8))
    asked, stated = (pl.DataFrame(schema={key: pl.String} | FACTS) for key in ("query_id", "product_id"))
    products = pl.Series("product_id", np.arange(CATALOGUE)).cast(pl.String)
    yardstick = Yardstick(judgments, slice_table(verticals, ["vertical"]), asked, stated, products)
    runs = {name: pl.scan_parquet(folder / "run.parquet") for name in ("judged", "catalogue")}
    print("judged_rows", judgments.height)
    settings = MetricSettings(auc_resamples=200)
    name = f"judge_{queries}_queries_both_protocols_pooled_auc_s"
    timed(name, lambda: judge(runs, yardstick, settings, comparable=True, queries_at_once=AT_ONCE))


def write(folder: Path, queries: int) -> None:
    """Rankings of `DEPTH` products, and as many judged ones a query, most of them retrieved."""
    rng = np.random.default_rng(0)
    writers: dict[str, pq.ParquetWriter] = {}
    for part in parts(queries, rng):
        for name, table in part.items():
            arrow = table.to_arrow()
            if name not in writers:
                writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", arrow.schema)
            writers[name].write_table(arrow)
    for writer in writers.values():
        writer.close()


def parts(queries: int, rng: np.random.Generator) -> Iterator[dict[str, pl.DataFrame]]:
    for start in range(0, queries, AT_ONCE):
        count = min(AT_ONCE, queries - start)
        ids = np.repeat([f"q{number:06d}" for number in range(start, start + count)], DEPTH)
        first = rng.integers(0, CATALOGUE - 2 * DEPTH, count)[:, None]
        run = pl.Series((first + np.arange(DEPTH)).ravel()).cast(pl.String)
        judged = pl.Series((first + np.arange(DEPTH) + DEPTH // 4).ravel()).cast(pl.String)
        score = rng.random(count * DEPTH).astype(np.float32).astype(np.float64)
        grade = rng.choice(GRADES, count * DEPTH, p=[0.5, 0.2, 0.2, 0.1])
        yield {
            "run": pl.DataFrame({"query_id": ids, "product_id": run, "score": score}),
            "judgments": pl.DataFrame({"query_id": ids, "product_id": judged, "grade": grade}),
        }


def compared(queries: int) -> None:
    """Compare two systems on `METRICS` metrics, overall and in eight verticals."""
    a, b = values(queries)
    table = pl.DataFrame({"query_id": a["query_id"].unique().sort()}).with_row_index("row")
    slices = slice_table(table.with_columns(vertical=pl.format("v{}", pl.col("row") % 8)), ["vertical"])
    size = f"{queries}_queries_{METRICS}_metrics_{SETTINGS.resamples}_resamples_s"
    timed(f"compare_overall_{size}", lambda: compare(a, b, slices.clear(), SETTINGS))
    timed(f"compare_overall_and_8_verticals_{size}", lambda: compare(a, b, slices, SETTINGS))
    timed(f"aggregate_overall_and_8_verticals_{size}", lambda: aggregate(a, slices, SETTINGS))


def values(queries: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Per-query values of two systems that differ a little."""
    rng = np.random.default_rng(1)
    ids, names = [f"q{number:06d}" for number in range(queries)], [f"metric_{number}" for number in range(METRICS)]
    a = pl.DataFrame(
        {"query_id": np.repeat(ids, METRICS), "metric": names * queries, "value": rng.random(queries * METRICS)}
    )
    return a, a.with_columns(pl.col("value") + rng.normal(0.001, 0.02, a.height))


RANX = """
import sys, time
import numpy as np
from ranx.statistical_tests import compute_statistical_significance
queries, metrics, permutations = map(int, sys.argv[1:])
rng = np.random.default_rng(1)
names = [f"metric_{n}" for n in range(metrics)]
a = rng.random((metrics, queries))
both = {"a": dict(zip(names, a)), "b": dict(zip(names, a + rng.normal(0.001, 0.02, a.shape)))}
for test in ("student", "fisher"):
    run = lambda: compute_statistical_significance(["a", "b"], both, stat_test=test, n_permutations=permutations, max_p=0.01, random_seed=1)
    run() if test == "student" else None
    start, processor = time.perf_counter(), time.process_time()
    run()
    print(f"ranx_{test}_s", round(time.perf_counter() - start, 2))
    print(f"ranx_{test}_s_of_processor_time", round(time.process_time() - processor, 2))
"""


def beside_ranx(python: str, queries: int) -> None:
    """The tests behind ranx.compare, overall alone, without intervals."""
    arguments = [python, "-c", RANX, *map(str, (queries, METRICS, SETTINGS.permutations))]
    answer = subprocess.run(arguments, capture_output=True, text=True, check=False)
    print(answer.stdout.strip() or answer.stderr.strip().splitlines()[-1])


def report_memory(name: str) -> None:
    print(f"peak_memory_{name}_gb", round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2))


def timed(name: str, work: Callable[[], T]) -> T:
    start, processor = time.perf_counter(), time.process_time()
    result = work()
    print(name, round(time.perf_counter() - start, 2), flush=True)
    print(f"{name}_of_processor_time", round(time.process_time() - processor, 2), flush=True)
    return result


if __name__ == "__main__":
    main()
