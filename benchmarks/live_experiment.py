"""The loop, closed: searchers of the simulated shop use the service, and `ab_test` reads what it logged.

    python benchmarks/live_experiment.py                          after `make run`: bm25 against stage2, 2,000 searchers
    python benchmarks/live_experiment.py --mode interleaving      both rankings in one list
    python benchmarks/live_experiment.py --env test --users 300   another environment's release

The service runs in this process, on a port of loopback, with the environment's release, an experiment that splits searchers by the
hash of their id, and a clock that follows the searchers (14 days pass in minutes). The searchers are the simulator's: they look at what the
answer shows them, and send clicks, carts and orders to /events. What the log then says stands beside the truth, which follows
from the click model without a draw. Queries are tested ones, of which nothing was trained on.

An A/A test shows both variants the same system, so that whoever is in which variant changes nothing that is shown: it is played once
over HTTP, and its searchers are split again by other salts, as often as `--aa` says. The share of tests that find a difference
at 5% stands beside its nominal rate.
"""

import argparse
import json
import logging
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import uvicorn
from scipy import stats

from roar.ab_testing import aggregate, assign, check, cumulative, decide, preference, uplifts, votes_of
from roar.marketplace.experiment import Act, RankedShop, Visit, ranked_shop, send_searchers, true_uplifts
from roar.parameters import ABTest, SimulatedExperiment, Simulation
from roar.parameters.serve import Serve
from roar.parameters.serve_log import ServeExperiment, ServeLog
from roar.service import recording
from roar.service.app import create_app
from roar.service.logs import EXPERIMENT_LOG, SEARCH_LOG, SearchLog
from roar.service.recording import Recorder
from roar.service.releases import Releases
from roar.service.settings import Settings
from roar.service.trial import Trial

ARMS = ("control", "treatment")
SHOWN = ("click_through", "add_to_cart", "orders", "revenue", "zero_results", "reformulation")


class Loopback:
    """A service in front of searchers: a connection, and the clock that it reads."""

    def __init__(self, start: datetime) -> None:
        self._start = self._searched = self.now = start
        self._request = ""

    def connect(self, port: int) -> None:
        """Once it listens."""
        self._connection = HTTPConnection("127.0.0.1", port)

    def get(self, query: str, headers: Mapping[str, str], **asked: Any) -> dict[str, Any]:
        """An answer of /search."""
        return self._send("GET", "/search?" + urlencode({"q": query} | asked), None, headers)

    def __call__(self, visit: Visit) -> list[str]:
        """A searcher's search."""
        self._searched = self.now = self._start + timedelta(seconds=visit.second)
        answer = self.get(visit.query, {"X-Unit-Id": visit.unit, "X-Session-Id": visit.session}, limit=10)
        self._request = answer["request_id"]
        return [hit["product_id"] for hit in answer["hits"]]

    def acted(self, act: Act) -> None:
        """What the searcher does with a product of it."""
        self.now = self._searched + timedelta(seconds=act.after)
        body = {"request_id": self._request, "product_id": act.product, "kind": act.kind, "revenue": act.revenue}
        answer = self._send("POST", "/events", json.dumps(body), {"Content-Type": "application/json"})
        assert answer["recorded"], answer

    def _send(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> dict[str, Any]:
        self._connection.request(method, path, body, dict(headers))
        answer = self._connection.getresponse()
        content = json.loads(answer.read())
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content}")
        return content


@contextmanager
def served(release: Path, logs: Path, experiment: ServeExperiment, start: datetime) -> Iterator[Loopback]:
    """The release, with the experiment, its log in `logs`."""
    settings = Settings(release=release, serve=Serve(timeout_s=60.0, experiment=experiment))
    releases, service = Releases(settings), Loopback(start)
    log = Recorder(SearchLog(logs, ServeLog(open_s=600), lambda: service.now), experiment.variants)
    app = create_app(settings, releases=releases, log=log, experiment=Trial(experiment), routers=[recording.router])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_keep_alive=600))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    service.connect(server.servers[0].sockets[0].getsockname()[1])
    try:
        yield service
    finally:
        server.should_exit = True
        thread.join()


def ask(service: Loopback, queries: pl.DataFrame, system: str) -> pl.DataFrame:
    """A system's run over (query_id, query), as the service answers it."""
    rows = []
    for query_id, query in queries.select("query_id", "query").rows():
        hits = service.get(query, {}, limit=10, system=system)["hits"]
        rows += [(query_id, hit["product_id"], float(-hit["rank"])) for hit in hits]
    return pl.DataFrame(
        rows, schema={"query_id": pl.String, "product_id": pl.String, "score": pl.Float64}, orient="row"
    )


def live(
    release: Path,
    logs: Path,
    experiment: ServeExperiment,
    queries: pl.DataFrame,
    products: pl.DataFrame,
    simulation: Simulation,
    config: SimulatedExperiment,
    seed: int,
) -> tuple[RankedShop, int]:
    """Let the simulator's searchers use the service; the shop that they met, and their searches. The log is in `logs`."""
    with served(release, logs, experiment, config.start.replace(tzinfo=UTC)) as service:
        runs = [ask(service, queries, experiment.variants[arm]) for arm in ARMS]
        shop = ranked_shop(*runs, products, simulation, seed)
        return shop, send_searchers(service, shop, config, simulation.behaviour, seed=seed)


def read(logs: Path, name: str) -> pl.DataFrame:
    """A table that the service wrote."""
    return pl.read_parquet(logs / name / "*.parquet")


def found_by_chance(log: pl.DataFrame, metrics: Sequence[str], config: ABTest, salts: int) -> dict[str, int]:
    """A/A tests, one a salt, that find a difference in each metric at `config.alpha`."""
    units = log["unit_id"].unique().sort()
    found = dict.fromkeys(metrics, 0)
    for salt in range(salts):
        arms = [assign(unit, dict.fromkeys(ARMS, 0.5), f"again {salt}") for unit in units]
        split = pl.DataFrame({"unit_id": units, "variant": arms})
        again = log.drop("variant").join(split, on="unit_id")
        estimates = uplifts(aggregate(again, config=config).moments, config)
        for metric, p in estimates.filter(slice="overall").select("metric", "p").rows():
            found[metric] = found.get(metric, 0) + (p is not None and p < config.alpha)
    return found


def say_verdict(log: pl.DataFrame, truth: pl.DataFrame, config: ABTest) -> None:
    found = aggregate(log, config=config)
    estimates, by_day = uplifts(found.moments, config), cumulative(found.moments, config)
    verdict = decide(found, estimates, by_day, check(found), config)
    print(f"verdict {verdict.outcome}")
    both = estimates.filter(slice="overall").join(truth.filter(slice="overall"), on="metric", suffix="_true")
    for row in both.filter(pl.col("metric").is_in(SHOWN)).iter_rows(named=True):
        interval = [f"{row[name]:+.2%}" if row[name] is not None else "-" for name in ("relative_low", "relative_high")]
        estimate, true = (f"{row[n]:+.2%}" if row[n] is not None else "-" for n in ("relative", "relative_true"))
        print(f"{row['metric']} {estimate} interval {interval[0]} {interval[1]} truth {true} p {row['p']:.4g}")


def main() -> None:
    """Play, analyse, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="base")
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--queries", type=int, default=300, help="tested queries that are searched")
    parser.add_argument("--mode", default="ab", choices=["ab", "interleaving"])
    parser.add_argument("--systems", nargs=2, default=["bm25", "stage2"], help="control and treatment")
    parser.add_argument("--aa", type=int, default=200, help="A/A tests; 0 for none")
    parser.add_argument("--data", type=Path, help="root of the data, where they are not the environment's")
    args = parser.parse_args()
    logging.disable(logging.WARNING)

    from roar.hooks import ConfigLoader

    loader = ConfigLoader("conf", args.env, base_env="base")
    data, parameters = args.data or Path(loader.data_of(args.env)), loader["parameters"]
    seed, simulation = parameters["seed"], Simulation.model_validate(parameters["simulate"])
    config = SimulatedExperiment.model_validate(parameters["simulated_experiment"] | {"users": args.users})
    measured = ABTest.model_validate(parameters["ab_test"] | {"control": ARMS[0], "treatment": ARMS[1]})
    queries, products = (pl.read_parquet(data / f"03_primary/{name}.parquet") for name in ("queries", "products"))
    tested = pl.read_parquet(data / "08_reporting/query_changes.parquet")["query_id"].implode()
    queries = queries.filter(pl.col("query_id").is_in(tested)).sort("query_id").head(args.queries)
    release, shared = data / "06_models/release", (queries, products, simulation, config, seed)

    with tempfile.TemporaryDirectory() as folder:
        logs, started = Path(folder, "live"), time.perf_counter()
        variants = dict(zip(ARMS, args.systems, strict=True))
        experiment = ServeExperiment(name="live", variants=variants, mode=args.mode)
        shop, searches = live(release, logs, experiment, *shared)
        print(f"searches {searches} of {args.users} searchers in {time.perf_counter() - started:.0f} s over HTTP")
        truth = true_uplifts(shop, config, simulation.behaviour, measured.metrics)
        if args.mode == "interleaving":
            votes = votes_of(read(logs, SEARCH_LOG), *ARMS)
            print(preference(votes, alpha=measured.alpha, power=measured.power))
            return
        say_verdict(read(logs, EXPERIMENT_LOG), truth, measured)
        if args.aa:
            logs, same = (
                Path(folder, "same"),
                ServeExperiment(name="same", variants=dict.fromkeys(ARMS, args.systems[0])),
            )
            live(release, logs, same, *shared)
            found = found_by_chance(read(logs, EXPERIMENT_LOG), SHOWN, measured, args.aa)
            for metric in SHOWN:
                low, high = stats.binomtest(found[metric], args.aa).proportion_ci(0.95)
                print(
                    f"aa {metric} {found[metric]} of {args.aa} ({low:.1%} to {high:.1%}; nominal {measured.alpha:.0%})"
                )


if __name__ == "__main__":
    main()
