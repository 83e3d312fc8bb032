"""Nodes of the A/B test. Where there is no experiment at all, tables are empty and there is no section."""

from typing import Any

import polars as pl

from roar.ab_testing import (
    Aggregated,
    aggregate,
    check,
    cumulative,
    decide,
    offline_to_online,
    preference,
    query_levels,
    uplifts,
    votes_of,
)
from roar.ab_testing.reading import Frame, has_rows
from roar.marketplace.experiment import interleaved_votes, play, ranked_shop, true_uplifts
from roar.parameters import ABTest, SimulatedExperiment, Simulation
from roar.pipelines.simulate.nodes import SIMULATED_ENVIRONMENTS
from roar.report.experiment import ExperimentEvidence, experiment_section


def simulate_experiment(
    log: Frame,
    control: pl.DataFrame,
    treatment: pl.DataFrame,
    products: pl.DataFrame,
    queries: pl.DataFrame,
    strata: pl.DataFrame,
    simulation: Simulation,
    config: SimulatedExperiment,
    measured: ABTest,
    seed: int,
    environment: str,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Log, units, true uplifts and interleaving votes of a simulated test; empty where the shop has its own log."""
    if environment not in SIMULATED_ENVIRONMENTS or has_rows(log) or control.is_empty() or treatment.is_empty():
        return tuple(pl.DataFrame() for _ in range(4))  # type: ignore[return-value]
    shop = ranked_shop(control, treatment, products, simulation, seed)
    test = play(shop, config, simulation.behaviour, seed=seed)
    named = measured.control, measured.treatment
    test_log = test.log.with_columns(pl.col("variant").replace(["control", "treatment"], named))
    levels = query_levels(queries, strata)
    truth = true_uplifts(shop, config, simulation.behaviour, measured.metrics, levels)
    return test_log, test.units, truth, interleaved_votes(shop, config, simulation.behaviour, seed=seed)


def aggregate_experiment(
    log: Frame,
    units: pl.DataFrame,
    simulated_log: Frame,
    simulated_units: pl.DataFrame,
    queries: pl.DataFrame,
    strata: pl.DataFrame,
    config: ABTest,
) -> Aggregated:
    """Unit totals, moments, exclusions and days of the shop's log, or of the simulated one where it has none."""
    own = has_rows(log)
    levels = query_levels(queries, strata)
    return aggregate(log if own else simulated_log, units if own else simulated_units, levels, config)


def estimate_uplifts(moments: pl.DataFrame, config: ABTest) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Uplifts by metric and slice, and up to each day."""
    return uplifts(moments, config), cumulative(moments, config)


def check_experiment(
    totals: pl.DataFrame,
    moments: pl.DataFrame,
    exclusions: pl.DataFrame,
    days: pl.DataFrame,
    quality: pl.DataFrame,
    simulated_log: Frame,
    config: ABTest,
) -> pl.DataFrame:
    """Whether the experiment can be trusted."""
    ingested = None if has_rows(simulated_log) else quality
    return check(Aggregated(totals, moments, exclusions, days), ingested, config)


def decide_experiment(
    totals: pl.DataFrame,
    moments: pl.DataFrame,
    exclusions: pl.DataFrame,
    days: pl.DataFrame,
    estimates: pl.DataFrame,
    by_day: pl.DataFrame,
    checks: pl.DataFrame,
    config: ABTest,
) -> dict[str, Any]:
    """The verdict and the state of every rule."""
    if totals.is_empty():
        return {}
    found = Aggregated(totals, moments, exclusions, days)
    verdict = decide(found, estimates, by_day, checks, config)
    return verdict._asdict() | {"rules": verdict.rules.to_dicts()}


def compare_with_offline(comparisons: pl.DataFrame, estimates: pl.DataFrame, config: ABTest) -> pl.DataFrame:
    """Offline gains beside online uplifts, by slice."""
    return offline_to_online(comparisons, estimates, config)


def measure_preference(votes: pl.DataFrame, search_log: Frame, config: ABTest) -> dict[str, Any]:
    """What the shop's interleaving test says, or the simulated one where it has none; nothing where there was neither."""
    own = votes_of(search_log, config.control, config.treatment)
    votes = votes if own.is_empty() else own
    return {} if votes.is_empty() else preference(votes, alpha=config.alpha, power=config.power)._asdict()


def report_experiment(config: ABTest, verdict: dict[str, Any], **tables: Any) -> dict[str, Any]:
    """The experiment, as a section of the page; nothing where there was none."""
    if not verdict:
        return {}
    return experiment_section(ExperimentEvidence(verdict=verdict, **tables), config).model_dump(mode="json")
