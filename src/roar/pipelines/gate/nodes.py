"""Nodes of the gate."""

import logging

import polars as pl

from roar import gate
from roar.errors import GateError
from roar.parameters import MetricSettings
from roar.parameters.gate import Gate
from roar.run_record import KeptRun, compare_records, two_runs

logger = logging.getLogger(__name__)


def judge_candidate(
    runs: dict[str, KeptRun], slices: pl.DataFrame, frontier: pl.DataFrame, config: Gate, settings: MetricSettings
) -> pl.DataFrame:
    """Every rule, held or broken, of the candidate against the run in production."""
    first, second = two_runs(runs, config.production, config.candidate, "gate")
    logger.info("The gate: run %s against run %s, which is in production.", second, first)
    differing = compare_records(runs[first].record, runs[second].record).filter(
        pl.col("what").is_in(["data", "parameters"])
    )
    logger.info(
        "They differ in %s.", ", ".join(f"{w} {n}" for w, n in differing.select("what", "name").rows()) or "nothing"
    )
    measured = frontier.filter("chosen").row(0, named=True)
    return gate.judge(runs[first], runs[second], slices, measured, config, settings)


def hold_gate(rules: pl.DataFrame) -> None:
    """End well where every rule is held.

    Raises:
        GateError: names every broken rule with its figures; the run ends with exit status 1.
    """
    broken = gate.reasons(rules)
    if broken:
        raise GateError(f"The gate stays closed, {len(broken)} of {rules.height} rules are broken: {'; '.join(broken)}")
    logger.info("The gate is open: all %d rules are held.", rules.height)
