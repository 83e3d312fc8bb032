"""The node that sets two kept runs side by side."""

import logging

import polars as pl

from roar.parameters import CompareRuns
from roar.run_record import KeptRun, compare_metrics, compare_records, two_runs

logger = logging.getLogger(__name__)


def compare_kept_runs(runs: dict[str, KeptRun], config: CompareRuns) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What differs in how two runs were made, and in what they found; the gist is printed.

    Raises:
        InputError: fewer than two runs were kept, or one that is named was not.
    """
    first, second = two_runs(runs, config.first, config.second, "compare_runs")
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
