"""The node that sets two kept runs side by side."""

import logging

import polars as pl

from roar.errors import InputError, did_you_mean
from roar.parameters import CompareRuns
from roar.run_record import KeptRun, compare_metrics, compare_records

logger = logging.getLogger(__name__)


def compare_kept_runs(runs: dict[str, KeptRun], config: CompareRuns) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What differs in how two runs were made, and in what they found; the gist is printed.

    Raises:
        InputError: fewer than two runs were kept, or one that is named was not.
    """
    first, second = _chosen(runs, config)
    records, metrics = (compare_records(runs[first].record, runs[second].record),
                        compare_metrics(runs[first].metrics, runs[second].metrics))  # fmt: skip
    logger.info("Run %s against run %s (the first).", second, first)
    for row in records.filter(pl.col("what") != "seconds").iter_rows(named=True):
        logger.info("%s %s: %s -> %s", row["what"], row["name"], row["first"], row["second"])
    shown = metrics.filter(pl.col("metric").is_in(config.metrics), slice="overall").drop_nulls("difference")
    for row in shown.iter_rows(named=True):
        name = f"{row['system']} {row['metric']} ({row['protocol']})"
        values = row["first"], row["second"], 100 * row["difference"]
        logger.info("%s: %.4f -> %.4f (%+.2f points%s)", name, *values, ", intervals apart" if row["apart"] else "")
    labels = {"run_first": first, "run_second": second}
    named = [table.with_columns(**{k: pl.lit(v) for k, v in labels.items()}) for table in (records, metrics)]
    return named[0], named[1]


def _chosen(runs: dict[str, KeptRun], config: CompareRuns) -> tuple[str, str]:
    """The names of the first and the second run."""
    by_time = sorted(runs, key=lambda name: (str(runs[name].record.get("finished")), name))
    if len(runs) < 2:
        raise InputError(
            f"compare_runs: {len(runs)} run(s) were kept, two are needed; run the pipelines again, with other parameters."
        )
    for name in filter(None, (config.first, config.second)):
        if name not in runs:
            raise InputError(f"compare_runs: no run {name!r} was kept; {did_you_mean(name, by_time)}")
    second = config.second or next(name for name in reversed(by_time) if name != config.first)
    return config.first or next(name for name in reversed(by_time) if name != second), second
