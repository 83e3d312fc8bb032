"""Random and adversarial rankings: ties, holes, short runs, queries without an answer or without an exact product."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from roar.schemas import GRADES, Grade


def ranking_case(seed: int, *, queries: int = 40, decimals: int | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A run and judgments that overlap in part; `decimals` rounds the scores, which makes ties."""
    rng = np.random.default_rng(seed)
    run, judged = [], []
    for number in range(queries):
        catalogue = [f"p{product:03d}" for product in rng.permutation(60)]
        for product in catalogue[: rng.integers(0, 40)] if number else []:
            run.append((f"q{number}", product, float(rng.normal())))
        for product in rng.permutation(catalogue)[: rng.integers(1, 25)]:
            judged.append((f"q{number}", str(product), str(rng.choice(GRADES[: 3 if number % 7 == 1 else 4]))))
    frame = pl.DataFrame(run, schema=["query_id", "product_id", "score"], orient="row")
    if decimals is not None:
        frame = frame.with_columns(pl.col("score").round(decimals))
    judgments = pl.DataFrame(judged, schema=["query_id", "product_id", "grade"], orient="row")
    return frame, judgments.with_columns(pl.col("grade").cast(Grade))


@pytest.fixture
def make_case() -> Callable[..., tuple[pl.DataFrame, pl.DataFrame]]:
    return ranking_case


@pytest.fixture(params=[0, 1, 2, 3], ids=["no ties", "some ties", "all tied", "one score for all"])
def case(request: pytest.FixtureRequest) -> tuple[pl.DataFrame, pl.DataFrame]:
    run, judgments = ranking_case(request.param, decimals=[None, 1, 0, None][request.param])
    return (run.with_columns(score=pl.lit(0.0)) if request.param == 3 else run), _with_all_zero_queries(judgments)


def _with_all_zero_queries(judgments: pl.DataFrame) -> pl.DataFrame:
    """Every ninth query has nothing but irrelevant products."""
    ninth = pl.col("query_id").str.slice(1).cast(pl.Int64) % 9 == 4
    return judgments.with_columns(grade=pl.when(ninth).then(pl.lit("irrelevant", dtype=Grade)).otherwise("grade"))
