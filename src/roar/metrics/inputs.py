"""What the metrics accept: the policy on bad runs and judgments, in one place.

An error, because no reading of the table is right: a missing column, a repeated (query, product), a score that is
missing, NaN or infinite, a grade that is not one of the four. Counted in the log, because the reading is plain: judged
queries that a run does not answer (they score as an empty ranking) and answered queries that nobody judged (left out).
A run shorter than a cut-off simply has nothing at the ranks it lacks.
"""

import logging
from collections.abc import Sequence

import polars as pl

from roar.errors import InputError
from roar.schemas import GRADES, Grade
from roar.tables import require_columns

logger = logging.getLogger(__name__)

PAIR = ["query_id", "product_id"]


def require_unique(table: pl.DataFrame, name: str, key: Sequence[str]) -> None:
    """Raise InputError where a row of `table` repeats another's `key`."""
    repeated = table.height - table.select(key).n_unique()
    if repeated:
        first = table.filter(table.select(key).is_duplicated()).sort(key).select(key).row(0)
        raise InputError(
            f"Table {name} repeats {repeated} combination(s) of {', '.join(key)}, first {first}; keep one row of each."
        )


def checked_run(run: pl.DataFrame, name: str = "run") -> pl.DataFrame:
    """Return the run's query_id, product_id and score (float64).

    Raises:
        InputError: a column is missing, a pair is there twice, or a score is missing, NaN or infinite.
    """
    require_columns(run, name, [*PAIR, "score"])
    run = run.select(*PAIR, pl.col("score").cast(pl.Float64))
    bad = run.filter(pl.col("score").is_finite().not_().fill_null(True))
    if bad.height:
        raise InputError(
            f"Table {name}, column score: {bad.height} value(s) missing, NaN or infinite, first {bad.row(0)}; "
            "leave out products that a system does not score."
        )
    require_unique(run, name, PAIR)
    return run


def checked_judgments(judgments: pl.DataFrame, name: str = "judgments") -> pl.DataFrame:
    """Return the judgments' query_id, product_id and grade (`roar.schemas.Grade`).

    Raises:
        InputError: a column is missing, a pair is judged twice, a grade is unknown, or there is no judgment at all.
    """
    require_columns(judgments, name, [*PAIR, "grade"])
    unknown = judgments.filter(pl.col("grade").cast(pl.String).is_in(GRADES).not_().fill_null(True))
    if unknown.height:
        raise InputError(
            f"Table {name}, column grade: {unknown.height} value(s) are none of {', '.join(reversed(GRADES))}, "
            f"first {unknown['grade'][0]!r}; translate them in the ingestion mapping."
        )
    if judgments.is_empty():
        raise InputError(f"Table {name} is empty: there is nothing to measure against.")
    require_unique(judgments, name, PAIR)
    return judgments.select(*PAIR, pl.col("grade").cast(pl.String).cast(Grade))


def log_uncovered(run: pl.DataFrame, judgments: pl.DataFrame) -> None:
    """Log how many judged queries the run does not answer, and how many it answers that nobody judged."""
    answered, judged = run["query_id"].unique(), judgments["query_id"].unique()
    if unanswered := judged.is_in(answered.implode()).not_().sum():
        logger.warning(
            "%d of %d judged queries have no row in the run and score as an empty ranking.", unanswered, len(judged)
        )
    if unjudged := answered.is_in(judged.implode()).not_().sum():
        logger.info("%d of %d queries in the run have no judgment and are left out.", unjudged, len(answered))
