"""Experiments made by hand and by draw: a log that is valid, and replicated units as moments."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from roar.ab_testing.moments import SUMS

START = datetime(2026, 10, 5)
QUERIES = ("red shoe", "green tea", "memory card")


def make_log(units: int = 60, days: int = 3) -> pl.DataFrame:
    """Two searches of every unit, half of the units in each variant; every column as the contract has it."""
    rows = []
    for unit in range(units):
        for turn in range(2):
            clicks = (unit + turn) % 3
            orders = int(clicks > 0 and (unit // 2) % 3 == 0)
            rows.append(
                {
                    "unit_id": f"u{unit}",
                    "session_id": f"s{unit}",
                    "variant": ("control", "treatment")[unit % 2],
                    "timestamp": START + timedelta(days=unit % days, hours=9, seconds=60 * turn),
                    "query": QUERIES[(unit + turn) % len(QUERIES)],
                    "results": 40,
                    "impressions": 10,
                    "clicks": clicks,
                    "carts": orders,
                    "orders": orders,
                    "revenue": 20.0 * orders,
                    "first_click_s": 2.5 if clicks else None,
                }
            )
    return pl.DataFrame(rows, schema_overrides={"first_click_s": pl.Float64})


@pytest.fixture
def log() -> pl.DataFrame:
    return make_log()


def moments_of(y: np.ndarray, x: np.ndarray | None = None, c: np.ndarray | None = None) -> list[dict[str, float]]:
    """A row of moments for each of R replicates of n units, (R, n) each."""
    x, c = (np.zeros_like(y) if values is None else values for values in (x, c))
    units = np.full(len(y), float(y.shape[1]))
    sums = [units, *(a.sum(axis=1) for a in (y, x, c, y * y, x * x, c * c, y * x, y * c, x * c))]
    return [dict(zip(SUMS, map(float, row), strict=True)) for row in zip(*sums, strict=True)]


def draw_units(
    rng: np.random.Generator, replicates: int, units: int, rate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orders, searches and a covariate of searchers whose habits differ; (replicates, units) each."""
    habit = rng.gamma(2.0, 0.5, size=(replicates, units))
    searches = 1 + rng.poisson(4 * habit)
    liking = rng.beta(8, 8, size=(replicates, units)) * 2
    orders = rng.binomial(searches, np.minimum(rate * liking, 1))
    return orders.astype(float), searches.astype(float), rng.poisson(8 * habit).astype(float)
