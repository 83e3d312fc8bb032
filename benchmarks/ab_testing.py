"""What it costs to aggregate a long experiment log, and how often its estimates are wrong where nothing differs.

    python benchmarks/ab_testing.py                      write 50 million searches, and aggregate them
    python benchmarks/ab_testing.py --searches 1000000   the same for another length
    python benchmarks/ab_testing.py --folder DIR         keep the log in DIR, and use the one that is there
    python benchmarks/ab_testing.py --aa                 A/A tests of heavy-tailed revenue, as a Markdown table

The log is that of the simulated experiment, written to parquet in parts; two rankings of the judged products (random, and
by grade with noise) take part. Prints `name value` lines; memory in MB, of the aggregation alone (a process of its own).

An A/A test: searchers arrive over ten days, a fifth of them order, revenue is lognormal with the stated sigma and the same in
both variants, and a covariate (Poisson, 3) explains nothing. Uplifts and the daily reading are the project's own.
"""

import argparse
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from roar.ab_testing import aggregate, check, cumulative, decide, query_levels, uplift, uplifts
from roar.ab_testing.comparison import compared
from roar.ab_testing.moments import KEY, SUMS, UNTIL
from roar.marketplace import simulate
from roar.marketplace.experiment import play_parts, ranked_shop
from roar.parameters import ABTest, Behaviour, OnlineMetric, SimulatedExperiment, Simulation
from roar.training_sets import query_strata

SHOP = Simulation(products=2_000, queries=4_000, judged_queries=1_000, behaviour=Behaviour(sessions=10))
SEARCHES_A_USER = 12.0  # with the settings of `write`
USERS_A_PART = 100_000

REVENUE = OnlineMetric(label="Revenue per searcher", numerator="revenue")
AA = ABTest(metrics={"revenue": REVENUE}, primary="revenue", guardrails=(), offline=None, planned_days=10)
ORDER_RATE, TRUE_UPLIFT = 0.2, 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--aggregate", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--aa", action="store_true")
    parser.add_argument("--logs", type=int, default=1_000, help="A/A tests of each row")
    options = parser.parse_args()
    if options.aa:
        study(options.logs, options.seed)
        return
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


def study(logs: int, seed: int) -> None:
    """A/A tests by searchers, split and sigma: how often each reading finds what is not there."""
    names = ("searchers", "split", "sigma", "p < 0.05", "interval without 0", "log ratio's", "flagged", "wrong, not flagged",
             "any of ten days", f"covers +{TRUE_UPLIFT:.0%}")  # fmt: skip
    print(f"| {' | '.join(names)} |", "---:".join("|" * (len(names) + 1)), sep="\n")
    for split in (1, 4):
        for units in (300, 1_000, 2_000, 10_000):
            for sigma in (1.0, 2.0, 2.5):
                rng = np.random.default_rng([seed, split, units, int(10 * sigma)])
                shares = np.mean([wrong(rng, units, split, sigma) for _ in range(logs)], axis=0)
                flagged, kept = shares[3], shares[4] / max(1 - shares[3], 1e-9)
                rest = "–" if flagged > 0.99 else f"{kept:.1%}"
                cells = [f"{share:.1%}" for share in (*shares[:3], flagged)] + [
                    rest,
                    f"{shares[5]:.1%}",
                    f"{shares[6]:.1%}",
                ]
                print(f"| {units:,} | 1 : {split} | {sigma:g} | {' | '.join(cells)} |", flush=True)
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    processor = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    print(f"\n{logs:,} logs a row, {processor}")


def wrong(rng: np.random.Generator, units: int, split: int, sigma: float) -> tuple[float, ...]:
    """Of one A/A log: p, interval, the log ratio's interval, flagged, wrong though not flagged, wrong on any day; and whether
    the interval holds the uplift where there is one."""
    days = np.sort(rng.integers(0, 10, units))
    treated = rng.permutation(units) < units * split // (1 + split)
    revenue = np.where(rng.random(units) < ORDER_RATE, rng.lognormal(3, sigma, units), 0.0)
    covariate = rng.poisson(3, units) - 3.0
    rows = [row for day in range(10) for row in moments(revenue, covariate, treated, days <= day, day)]
    daily = cumulative(pl.DataFrame(rows, schema=[*KEY, *SUMS], orient="row"), AA)
    last = [dict(zip(SUMS, row[len(KEY) :], strict=True)) for row in rows[-2:]]
    found = uplift(*last, REVENUE, adjusted=True)
    excludes = bool(found["relative_low"] is not None and not found["relative_low"] <= 0 <= found["relative_high"])
    both, _ = compared(*last, REVENUE, adjusted=True, min_events=AA.min_events)
    log_ratio = abs(np.log1p(found["relative"])) > 1.96 * both.log_variance**0.5
    flagged = found["caveat"] is not None
    ever = (daily["sequential_low"] > 0).any() or (daily["sequential_high"] < 0).any()
    better = np.where(treated, 1 + TRUE_UPLIFT, 1.0) * revenue
    last = [dict(zip(SUMS, row[len(KEY) :], strict=True)) for row in moments(better, covariate, treated, days < 10, 9)]
    true = uplift(*last, REVENUE, adjusted=True)
    holds = true["relative_low"] is None or true["relative_low"] <= TRUE_UPLIFT <= true["relative_high"]
    return found["p"] < 0.05, excludes, log_ratio, flagged, excludes and not flagged, ever, holds


def moments(y: np.ndarray, c: np.ndarray, treated: np.ndarray, there: np.ndarray, day: int) -> list[tuple]:
    """Rows of moments of both variants' units that have come."""
    found = []
    for arm in (0, 1):
        own = there & (treated == arm)
        u, v = y[own], c[own]
        sums = (own.sum(), u.sum(), 0.0, v.sum(), u @ u, 0.0, v @ v, 0.0, u @ v, 0.0)
        found.append((UNTIL, f"2026-10-{5 + day:02}", "revenue", arm, *map(float, sums)))
    return found


def peak_mb() -> int:
    """Largest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
