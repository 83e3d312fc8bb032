"""Rules between rows: ids that repeat, ids that lead nowhere, judgments that contradict each other, too much lost."""

import logging
from collections.abc import Sequence

import polars as pl

from roar.errors import InputError
from roar.ingestion.conform import drop
from roar.ingestion.contract import REQUIRED
from roar.ingestion.quality import Quality, listed
from roar.parameters import Ingestion

logger = logging.getLogger(__name__)

_PAIR = ("query_id", "product_id")


def unique_ids(table: str, frame: pl.DataFrame, key: str, config: Ingestion, quality: Quality) -> pl.DataFrame:
    """One row per id: identical rows are merged, of differing ones the first is kept, or all are refused.

    Raises:
        InputError: rows share an id and differ, and the policy is `reject`.
    """
    if frame[key].n_unique() == frame.height:
        return frame
    repeated = frame.with_row_index("row").filter(frame[key].is_duplicated())
    content = [name for name, dtype in frame.schema.items() if not dtype.is_nested()]
    identical = _beyond_first(frame.height, repeated, content)
    differing = _beyond_first(frame.height, repeated, [key]) & ~identical
    if differing.any() and config.duplicate_ids == "reject":
        examples = listed(frame.filter(differing)[key])
        raise InputError(
            f"{table}: {differing.sum()} rows repeat a {key} with other contents (first: {examples}); make the ids "
            "unique, or set ingestion.duplicate_ids to keep_first"
        )
    kept = drop(
        table,
        frame.with_columns(differing.alias("_differs")),
        identical,
        f"identical row of one {key}",
        key,
        quality,
        "merged",
    )
    kept = drop(table, kept, kept["_differs"], f"repeated {key}, first row kept", key, quality)
    return kept.drop("_differs")


def _beyond_first(height: int, rows: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Among `rows` (with their index `row`), those that repeat an earlier one in the columns."""
    again = rows.filter(~pl.struct(columns).is_first_distinct())["row"]
    return pl.select(pl.int_range(height, dtype=pl.UInt32).is_in(again.implode())).to_series()


def known_ids(
    table: str, frame: pl.DataFrame, key: str, ids: pl.Series, config: Ingestion, quality: Quality
) -> pl.DataFrame:
    """Rows whose id leads somewhere.

    Raises:
        InputError: more than `max_loss` of a needed table's rows lead nowhere: ids of another form, as a rule. Of a log,
            which may tell of products long gone, this is a warning.
    """
    unknown = ~frame[key].is_in(ids.implode())
    if unknown.sum() > config.max_loss * frame.height:
        message = (
            f"{table}: {unknown.sum()} of {frame.height} rows name a {key} that is not there (first: "
            f"{listed(frame.filter(unknown)[key])}; there are: {listed(ids)}); are the ids of one kind?"
        )
        if table in REQUIRED:
            raise InputError(f"{message} Mend them, or raise ingestion.max_loss ({config.max_loss:g})")
        logger.warning("%s They are left out.", message)
    quality.add(table, f"known {key}", "noted", int((~unknown).sum()), column=key)
    return drop(table, frame, unknown, f"unknown {key}", key, quality)


def note_units(log: pl.DataFrame, units: pl.DataFrame, quality: Quality) -> None:
    """How many units of an experiment have a covariate; new ones have none, but one at least should.

    Raises:
        InputError: both tables are there, and no unit is in both.
    """
    if log.is_empty() or units.is_empty():
        return
    tested = log["unit_id"].unique(maintain_order=True)
    known = tested.is_in(units["unit_id"].implode())
    if not known.any():
        raise InputError(
            f"experiment_units: none of the {len(tested)} unit_id of experiment_log is there (first: {listed(tested)}; there "
            f"are: {listed(units['unit_id'])}); are the ids of one kind?"
        )
    quality.add("experiment_log", "unit found in experiment_units", "noted", int(known.sum()), column="unit_id")
    missing = tested.filter(~known)
    quality.add(
        "experiment_log", "unit not in experiment_units", "noted", len(missing), column="unit_id", examples=missing
    )


def one_judgment_per_pair(judgments: pl.DataFrame, config: Ingestion, quality: Quality) -> pl.DataFrame:
    """One row per (query, product), in the order of first appearance.

    Rows of one grade are merged and their weights averaged. Of several grades, the policy chooses: the majority's (a
    tie takes the lower), the highest, or none; the weight is then the mean weight of the rows that hold the chosen
    grade, times their share of the pair's rows, so that disagreement lowers it.
    """
    repeated = judgments.select(pl.struct(_PAIR).is_duplicated()).to_series()
    if not repeated.any():
        return judgments
    rows = judgments.with_row_index("_row")
    chosen = _chosen(rows.filter(repeated), config.contradictions)
    contradicted = chosen.filter(pl.col("_votes") < pl.col("_rows"))
    if config.contradictions == "drop":
        chosen = chosen.filter(pl.col("_votes") == pl.col("_rows"))
        rule, action, count = "contradictory grades", "dropped", int(contradicted["_rows"].sum())
    else:
        rule, action = f"contradictory grades, {config.contradictions} kept", "merged"
        count = int((contradicted["_rows"] - contradicted["_votes"]).sum())
    quality.add("judgments", "same pair, same grade", "merged", int(repeated.sum()) - chosen.height - count)
    examples = contradicted.select(pl.concat_str(_PAIR, separator=" / ")).to_series()
    quality.add("judgments", rule, action, count, column="grade", examples=examples)
    return pl.concat([rows.filter(~repeated), chosen.select(rows.columns)]).sort("_row").drop("_row")


def _chosen(rows: pl.DataFrame, policy: str) -> pl.DataFrame:
    """One row per pair, of the grade that the policy chooses, with its `_votes` among the pair's `_rows`."""
    others = [name for name in rows.columns if name not in (*_PAIR, "grade", "weight", "_row")]
    options = rows.group_by(*_PAIR, "grade", maintain_order=True).agg(
        pl.mean("weight"), pl.min("_row"), pl.first(*others) if others else [], pl.len().cast(pl.Int64).alias("_votes")
    )
    options = options.with_columns(pl.min("_row").over(_PAIR), pl.sum("_votes").over(_PAIR).alias("_rows"))
    by, descending = (["grade"], [True]) if policy == "max" else (["_votes", "grade"], [True, False])
    best = options.sort(by, descending=descending, maintain_order=True).unique(_PAIR, keep="first", maintain_order=True)
    return best.with_columns(weight=pl.col("weight") * pl.col("_votes") / pl.col("_rows"))


def check_loss(table: str, frame: pl.DataFrame, config: Ingestion, quality: Quality) -> None:
    """Refuse a needed table that lost too many of its rows, or all.

    Raises:
        InputError: more than `max_loss` of the rows were dropped, or none is left.
    """
    dropped = quality.dropped(table)
    if dropped > config.max_loss * (dropped + frame.height):
        raise InputError(
            f"{table}: {dropped} of {dropped + frame.height} rows were dropped, {quality.worst(table)}; mend the raw "
            f"table or its mapping, or raise ingestion.max_loss ({config.max_loss:g})"
        )
    if frame.is_empty():
        raise InputError(f"{table}: no row is left; check the raw table and ingestion.{table}")
