"""What it costs to aggregate a long experiment log.

    python benchmarks/ab_testing.py                      write 50 million searches, and aggregate them
    python benchmarks/ab_testing.py --searches 1000000   the same for another length
    python benchmarks/ab_testing.py --folder DIR         keep the log in DIR, and use the one that is there

The log is that of the simulated experiment, written to parquet in parts; two rankings of the judged products (random, and
by grade with noise) take part. Prints `name value` lines; memory in MB, of the aggregation alone (a process of its own).
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from roar.ab_testing import aggregate, check, cumulative, decide, query_levels, uplifts
from roar.marketplace import simulate
from roar.marketplace.experiment import play_parts, ranked_shop
from roar.parameters import Behaviour, SimulatedExperiment, Simulation
from roar.training_sets import query_strata

SHOP = Simulation(products=2_000, queries=4_000, judged_queries=1_000, behaviour=Behaviour(sessions=10))
SEARCHES_A_USER = 12.0  # with the settings of `write`
USERS_A_PART = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--aggregate", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.aggregate:
        analyse(options.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "levels.parquet").is_file():
            start = time.perf_counter()
            write(folder, options.searches, options.seed)
            print("write_seconds", round(time.perf_counter() - start, 1), flush=True)
        subprocess.run([sys.executable, __file__, "--aggregate", "--folder", folder], check=True)


def write(folder: Path, searches: int, seed: int) -> None:
    """The simulated log, its units and the slices of its queries."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    (folder / "units").mkdir(exist_ok=True)
    market = simulate(SHOP, seed=seed)
    pairs = market.judgments.select(
        "query_id", "product_id", pl.col("grade").to_physical().cast(pl.Float64).alias("grade")
    )
    noise = np.random.default_rng(seed).normal(size=(2, len(pairs)))
    runs = [
        pairs.select("query_id", "product_id", score=quality * pl.col("grade") + error)
        for quality, error in zip((0.0, 1.0), noise, strict=True)
    ]
    shop = ranked_shop(*runs, market.products, SHOP, seed)
    config = SimulatedExperiment(users=round(searches / SEARCHES_A_USER), days=21, sessions=8.0)
    for number, part in enumerate(play_parts(shop, config, SHOP.behaviour, seed=seed, users=USERS_A_PART)):
        part.log.write_parquet(folder / "log" / f"{number:05}.parquet")
        part.units.write_parquet(folder / "units" / f"{number:05}.parquet")
    strata = query_strata(market.queries)
    query_levels(market.queries, strata).write_parquet(folder / "levels.parquet")


def analyse(folder: Path) -> None:
    """Aggregate, estimate and decide, in a fresh process."""
    log, units = (pl.scan_parquet(folder / name / "*.parquet") for name in ("log", "units"))
    print("searches", log.select(pl.len()).collect().item())
    print("idle_mb", peak_mb(), flush=True)
    start = time.perf_counter()
    found = aggregate(log, units, pl.read_parquet(folder / "levels.parquet"))
    print("units", found.totals.height)
    print("aggregate_seconds", round(time.perf_counter() - start, 1))
    print("cpu_seconds", round(time.process_time(), 1))
    print("peak_mb", peak_mb(), flush=True)
    start = time.perf_counter()
    estimates, by_day = uplifts(found.moments), cumulative(found.moments)
    verdict = decide(found, estimates, by_day, check(found))
    print("estimate_seconds", round(time.perf_counter() - start, 1))
    print("verdict", verdict.outcome)


def peak_mb() -> int:
    """Largest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
