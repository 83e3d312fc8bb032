"""The loop, small: searchers use the service over loopback, and ingestion and the A/B test read what it wrote."""

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sentence_transformers import SentenceTransformer

from roar.ab_testing import assign, preference, votes_of
from roar.encoder import encode, product_texts
from roar.ingestion import ingest
from roar.marketplace import simulate
from roar.marketplace.experiment import send_searchers, true_uplifts
from roar.parameters import ABTest, Behaviour, Encoder, SimulatedExperiment, Simulation
from roar.parameters.serve_log import ServeExperiment
from roar.retrieval import SearchIndex, write_release
from roar.schemas import ExperimentLog, SearchLog

_FILE = Path(__file__).parents[2] / "benchmarks/live_experiment.py"
_SPEC = importlib.util.spec_from_file_location("live_experiment", _FILE)
loop = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(loop)

SIMULATION = Simulation(
    products=200, queries=200, judged_queries=40, judged_per_query=6, behaviour=Behaviour(sessions=20)
)
CONFIG = SimulatedExperiment(users=70, sessions=1.5)
ENCODER = Encoder(precision="float32", product_fields=("title",), max_tokens=16)
VARIANTS = {"control": "bm25", "treatment": "stage2"}


@pytest.fixture(scope="module")
def market():
    return simulate(SIMULATION, seed=0)


@pytest.fixture(scope="module")
def release(market, tiny_bert_folder, tmp_path_factory) -> Path:
    encoder, folder = SentenceTransformer(str(tiny_bert_folder)), tmp_path_factory.mktemp("release")
    vectors = encode(encoder, product_texts(market.products, ("title",), 16).to_list(), config=ENCODER)
    template = ENCODER.model_dump(include={"product_fields", "max_tokens"}, mode="json")
    index = SearchIndex.build(market.products, vectors, "Flat", template=template, shown=("title", "price"))
    write_release(folder, index, encoder, {"k1": 1.2, "b": 0.75, "weight": 0.5})
    return folder


def played(release: Path, logs: Path, market, **experiment):
    experiment = ServeExperiment(name="loop", variants=VARIANTS, **experiment)
    return loop.live(release, logs, experiment, market.queries.head(40), market.products, SIMULATION, CONFIG, 0)


def test_what_searchers_did_is_what_ingestion_reads(release, market, tmp_path):
    shop, searches = played(release, tmp_path, market)
    log, impressions = (loop.read(tmp_path, name) for name in ("experiment_log", "search_log"))
    ExperimentLog.validate(log)
    SearchLog.validate(impressions)
    assert log.height == searches > 70
    arms = {unit: assign(unit, {"control": 0.5, "treatment": 0.5}, "loop") for unit in log["unit_id"].unique()}
    assert log["variant"].to_list() == [arms[unit] for unit in log["unit_id"]] and set(arms.values()) == set(VARIANTS)

    class Alone:
        """The same searchers without a service: each is shown what the service's arm shows."""

        def __init__(self) -> None:
            self.rows: list[list] = []

        def __call__(self, visit):
            arm = list(VARIANTS).index(arms[visit.unit])
            row = shop.query.to_list().index(visit.query)
            self.rows.append([visit.session, visit.query, 0, 0, 0, 0.0])
            return [f"p{product:07}" for product in shop.product[arm, row] if product >= 0]

        def acted(self, act) -> None:
            self.rows[-1][["click", "cart", "order"].index(act.kind) + 2] += 1
            self.rows[-1][5] += act.revenue

    alone = Alone()
    send_searchers(alone, shop, CONFIG, SIMULATION.behaviour, seed=0)
    columns = ["session_id", "query", "clicks", "carts", "orders", "revenue"]
    expected = pl.DataFrame(alone.rows, schema=columns, orient="row").with_columns(pl.col("revenue").round(2))
    assert log.select(columns).with_columns(pl.col("revenue").round(2)).sort(columns).equals(expected.sort(columns))
    assert log["clicks"].sum() == impressions.filter(pl.col("unit_id").is_not_null())["clicked"].sum() > 20
    tables = {"raw_products": market.products, "raw_queries": market.queries, "raw_judgments": market.judgments}
    found = ingest(tables | {"raw_experiment_log": log, "raw_search_log": impressions})
    assert found.experiment_log.height == log.height and found.search_log.height == impressions.height
    assert true_uplifts(shop, CONFIG, SIMULATION.behaviour, ABTest().metrics).height > 0


def test_interleaved_votes_come_out_of_the_search_log(release, market, tmp_path):
    played(release, tmp_path, market, mode="interleaving")
    votes = votes_of(loop.read(tmp_path, "search_log"), "control", "treatment")
    found = preference(votes)
    assert votes.height == CONFIG.users and found.searchers == CONFIG.users and found.won + found.lost > 10
    assert loop.read(tmp_path, "experiment_log").is_empty()


def test_tests_of_the_same_system_find_nothing_more_often_than_they_may():
    """A/A tests by other salts, on a log that does not know of variants."""
    rng = np.random.default_rng(0)
    units = np.repeat([f"u{n}" for n in range(400)], 3)
    clicks = rng.binomial(1, 0.4, len(units))
    log = pl.DataFrame(
        {
            "unit_id": units,
            "session_id": units,
            "variant": "control",
            "timestamp": np.datetime64("2026-10-05", "us") + np.arange(len(units)) * np.timedelta64(60_000_000, "us"),
            "query": "q",
            "results": 10,
            "impressions": 10,
            "clicks": clicks,
            "carts": 0,
            "orders": 0,
            "revenue": 0.0,
        }
    ).with_columns(pl.col("timestamp").cast(pl.Datetime("us")))
    config = ABTest(primary="click_through", guardrails=())
    found = loop.found_by_chance(log, ["click_through"], config, 25)
    assert found["click_through"] <= 5
