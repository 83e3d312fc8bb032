"""The simulated experiment: its truth is what estimators find, its parts are the whole, its A/A test finds nothing."""

import numpy as np
import polars as pl
import pytest

from roar.ab_testing import aggregate, preference, query_levels, uplift, uplifts
from roar.ab_testing.checks import check
from roar.errors import InputError
from roar.marketplace import Marketplace
from roar.marketplace.experiment import RankedShop, interleaved_votes, play, play_parts, ranked_shop, true_uplifts
from roar.parameters import ABTest, SimulatedExperiment, Simulation
from roar.schemas import ExperimentLog, ExperimentUnits
from roar.training_sets import query_strata

SEED = 7
RULES = ABTest(winsorise=None)


def runs(market: Marketplace, *qualities: float) -> list[pl.DataFrame]:
    """Rankings of the judged products by grade times quality, plus noise."""
    rng = np.random.default_rng(1)
    pairs = market.true_judgments.with_columns(pl.col("grade").to_physical().cast(pl.Float64).alias("gain"))
    return [
        pairs.select("query_id", "product_id", score=quality * pl.col("gain") + pl.Series(rng.normal(size=len(pairs))))
        for quality in qualities
    ]


@pytest.fixture(scope="module")
def shop(market, small) -> RankedShop:
    return ranked_shop(*runs(market, 0.0, 1.0), market.products, small, SEED)


@pytest.fixture(scope="module")
def large(shop, small):
    """A test of 60,000 searchers, where the treatment is better."""
    return play(shop, SimulatedExperiment(users=60_000), small.behaviour, seed=SEED)


def moments_by_block(played, blocks: int, metrics: ABTest) -> list[dict[tuple, list[dict]]]:
    """Searchers in blocks, each a small test of its own: metric to the two rows of moments."""
    number = pl.col("unit_id").str.slice(1).cast(pl.Int64) % blocks
    found = []
    for (_,), log in played.log.with_columns(block=number).group_by("block", maintain_order=True):
        moments = aggregate(log.drop("block"), played.units, config=metrics).moments.filter(slice="overall")
        found.append({key: rows.sort("variant").to_dicts() for key, rows in moments.group_by("metric")})
    return found


def test_tables_keep_the_contract_and_sound_tests_pass_every_check(shop, small):
    played = play(shop, SimulatedExperiment(users=4_000), small.behaviour, seed=SEED)
    ExperimentLog.validate(played.log)
    ExperimentUnits.validate(played.units)
    found = aggregate(played.log, played.units)
    assert found.exclusions.filter(pl.col("action") == "excluded").is_empty()
    assert not check(found).filter(pl.col("state").is_in(["failed", "doubtful"])).height


def test_parts_of_any_size_are_the_same_log(shop, small):
    config = SimulatedExperiment(users=700)
    whole = play(shop, config, small.behaviour, seed=SEED)
    parts = list(play_parts(shop, config, small.behaviour, seed=SEED, users=150))
    assert len(parts) == 5
    assert pl.concat([part.log for part in parts]).equals(whole.log)
    assert pl.concat([part.units for part in parts]).equals(whole.units)
    assert not play(shop, config, small.behaviour, seed=SEED + 1).log.equals(whole.log)


def test_intervals_hold_the_known_truth_as_often_as_they_say(shop, small, large):
    """100 tests of 600 searchers each: every metric with a true uplift, with and without CUPED."""
    config = SimulatedExperiment(users=60_000)
    truth = {
        row["metric"]: row["relative"] for row in true_uplifts(shop, config, small.behaviour, RULES.metrics).to_dicts()
    }
    assert truth["orders"] > 0.1 and truth["reformulation"] < 0
    blocks = moments_by_block(large, 100, RULES)
    for name in ("click_through", "add_to_cart", "orders", "revenue", "reformulation", "first_click"):
        for adjusted in (False, True):
            rows = [uplift(*block[name,], RULES.metrics[name], adjusted=adjusted) for block in blocks]
            held = np.mean([row["relative_low"] <= truth[name] <= row["relative_high"] for row in rows])
            assert 0.88 <= held <= 0.995, (name, adjusted, held)


def test_large_tests_come_close_to_the_truth_in_every_slice(shop, small, market, large):
    config = SimulatedExperiment(users=60_000)
    levels = query_levels(market.queries, query_strata(market.queries))
    truth = true_uplifts(shop, config, small.behaviour, RULES.metrics, levels)
    found = uplifts(aggregate(large.log, large.units, levels, RULES).moments, RULES)
    joined = found.drop_nulls("relative").join(
        truth.select("slice", "level", "metric", true="relative"), on=["slice", "level", "metric"]
    )
    held = joined.filter(pl.col("true").is_between("relative_low", "relative_high"))
    assert joined.height > 70 and held.height / joined.height > 0.88
    assert {"HEAD", "electronics"} <= set(joined["level"])


def test_two_equal_rankers_have_no_true_uplift_and_none_is_found(market, small):
    same = ranked_shop(*runs(market, 1.0) * 2, market.products, small, SEED)
    config = SimulatedExperiment(users=60_000)
    truth = true_uplifts(same, config, small.behaviour, RULES.metrics)
    assert truth["relative"].drop_nulls().abs().max() < 1e-12
    blocks = moments_by_block(play(same, config, small.behaviour, seed=SEED), 100, RULES)
    p = np.array([uplift(*block["orders",], RULES.metrics["orders"], adjusted=True)["p"] for block in blocks])
    assert (p < 0.05).mean() <= 0.12 and (p < 0.5).mean() == pytest.approx(0.5, abs=0.14)


def test_the_covariate_explains_how_often_searchers_search(shop, small):
    """CUPED takes off variance where habits differ, and none where they do not."""
    reduction = {}
    for spread in (0.0, 0.8):
        config = SimulatedExperiment(users=20_000, activity_spread=spread)
        played = play(shop, config, small.behaviour, seed=SEED)
        row = uplifts(aggregate(played.log, played.units).moments).filter(slice="overall", metric="add_to_cart")
        reduction[spread] = row["variance_reduction"].item()
    assert reduction[0.8] > 0.05 and abs(reduction[0.0]) < 0.01


def test_interleaving_prefers_the_better_ranker_with_fewer_searchers(shop, market, small):
    config = SimulatedExperiment(users=20_000, interleaved_users=3_000)
    found = preference(interleaved_votes(shop, config, small.behaviour, seed=SEED))
    assert found.low > 0
    swapped = ranked_shop(*runs(market, 0.0, 1.0)[::-1], market.products, small, SEED)
    assert preference(interleaved_votes(swapped, config, small.behaviour, seed=SEED)).high < 0
    same = ranked_shop(*runs(market, 1.0) * 2, market.products, small, SEED)
    assert preference(interleaved_votes(same, config, small.behaviour, seed=SEED)).p > 0.001


def test_runs_of_another_shop_are_refused(market, small):
    control, treatment = runs(market, 0.0, 1.0)
    alien = control.with_columns(query_id=pl.lit("q9999999"))
    with pytest.raises(InputError, match="simulated shop does not have"):
        ranked_shop(alien, treatment, market.products, small, SEED)
    with pytest.raises(InputError, match="hold no query"):
        ranked_shop(control.clear(), treatment.clear(), market.products, small, SEED)


def test_queries_without_results_are_zero_result_searches(market, small):
    """A query that only the treatment's run holds."""
    control, treatment = runs(market, 1.0, 1.0)
    queries = control["query_id"].unique().sort()
    without = control.filter(~pl.col("query_id").is_in(queries.head(len(queries) // 2).to_list()))
    shop = ranked_shop(without, treatment, market.products, small, SEED)
    log = play(shop, SimulatedExperiment(users=500), small.behaviour, seed=SEED).log
    zero = log.filter(pl.col("results") == 0)
    assert set(zero["variant"]) == {"control"} and zero["clicks"].sum() == 0 and zero["impressions"].sum() == 0


@pytest.mark.parametrize("simulation", [Simulation(products=500, queries=900, judged_queries=240)])
def test_grades_of_the_experiment_are_those_of_the_shop(simulation):
    """What is clicked depends on the rule's grade: exact products attract most, and the table of truth agrees."""
    from roar.marketplace import simulate

    market = simulate(simulation, seed=3)
    control, treatment = runs(market, 0.0, 1.0)
    shop = ranked_shop(control, treatment, market.products, simulation, 3)
    by_grade = {"exact": 0.60, "substitute": 0.28, "complement": 0.10, "irrelevant": 0.03}
    truth = {row[:2]: by_grade[row[2]] for row in market.true_judgments.rows()}
    query_ids = control["query_id"].unique().sort()
    for row, query in enumerate(query_ids):
        for place, product in enumerate(shop.product[1, row]):
            if product >= 0:
                assert shop.attraction[1, row, place] == truth[query, f"p{product:07}"]
