"""The A/B test in Kedro: a shop's own CSV log without Python, a simulated one where there is none, or no section at all."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from roar.errors import InputError
from roar.parameters.serve_log import ServeLog
from roar.schemas import GRADES
from roar.service.logs import Event, Search, SearchLog

from .conftest import copied, copy_project, run_pipelines

RAW = ("products", "queries", "judgments", "experiment_log", "experiment_units")
ABSENT = ("search_log", "product_extras", "judgment_extras")


def write_environment(folder: Path, log: str, rules: str = "") -> Path:
    """`conf/holt`: YAML alone, and the shop's files beside the project."""
    conf, files = folder / "conf" / "holt", folder / "files"
    (conf / "catalog").mkdir(parents=True)
    (conf / "parameters").mkdir()
    files.mkdir()
    (conf / "globals.yml").write_text("seed: 1\ndata: data/holt\nenvironment: holt\n")
    entries = [
        f"raw_{name}: {{type: roar.datasets.table.Table, filepath: {files}/{name}.csv, read_only: true}}"
        for name in RAW
    ]
    entries += [
        f"raw_{name}: {{type: roar.datasets.optional_table.OptionalTable, filepath: {files}/{name}.csv, read_only: true}}"
        for name in ABSENT
    ]
    (conf / "catalog" / "raw.yml").write_text("\n".join(entries))
    (conf / "parameters" / "ingestion.yml").write_text(MAPPING)
    (conf / "parameters" / "ab_test.yml").write_text(rules or RULES)
    kinds, colours = ("mug", "lamp", "chair", "clock"), ("red", "blue", "green", "white", "black")
    things = [f"{colour} {kind}" for kind in kinds for colour in colours]
    (files / "products.csv").write_text(
        "\n".join(["product_id,title,vertical", *(f"p{n},{t},home" for n, t in enumerate(things))])
    )
    queries = [f"q{n},{t},{n % 4 + 1},home" for n, t in enumerate(things)]
    (files / "queries.csv").write_text("\n".join(["query_id,query,frequency,vertical", *queries]))
    judged = [
        f"q{n},p{(n + step) % 20},{grade}"
        for n in range(20)
        for step, grade in enumerate(("exact", "substitute", "irrelevant"))
    ]
    (files / "judgments.csv").write_text("\n".join(["query_id,product_id,grade", *judged]))
    (files / "experiment_log.csv").write_text(log)
    (files / "experiment_units.csv").write_text(
        "\n".join(["visitor,clicks_before", *(f"v{n},{n % 7}" for n in range(110))])
    )
    return folder


MAPPING = """
ingestion:
  experiment_log:
    table: raw_experiment_log
    columns:
      unit_id: visitor
      session_id: visit
      variant: {translate: bucket, to: {A: control, B: treatment}}
      timestamp: time
      query: search_term
      results: hits
      impressions: shown
      orders: bought
      revenue: {number: cents, factor: 0.01}
    others: drop
  experiment_units:
    table: raw_experiment_units
    columns: {unit_id: visitor, covariate: clicks_before}
    others: drop
"""
RULES = """
ab_test:
  planned_days: 3
  primary: click_through
  guardrails: []
"""


def hand_made_log() -> str:
    """Three days of 120 visitors, B clicked more; among them a repeated line, impossible and negative counts."""
    rng = np.random.default_rng(5)
    lines = ["visitor,visit,bucket,time,search_term,hits,shown,clicks,carts,bought,cents"]
    for visitor in range(120):
        bucket = "AB"[visitor % 2]
        for search in range(4):
            clicks = int(rng.random() < (0.4 if bucket == "A" else 0.7))
            bought = int(clicks and rng.random() < 0.3)
            term = ("red mug", "blue lamp", "green chair", "White Clock")[(visitor + search) % 4]
            day, minute = 5 + visitor % 3, 10 + search
            lines.append(
                f"v{visitor},s{visitor}-{search // 2},{bucket},2026-10-0{day}T10:{minute}:00Z,{term},12,10,{clicks},{bought},{bought},{999 * bought}"
            )
    lines.append(lines[-1])
    lines.append("v1,s1-9,B,2026-10-05T11:00:00Z,red mug,12,10,11,0,0,0")
    lines.append("v3,s3-9,B,2026-10-05T11:00:00Z,red mug,12,10,-1,0,0,0")
    lines.append("v5,s5-9,B,2026-10-05 12:00:00,red mug,12,10,0,0,0,0")
    return "\n".join(lines)


def load(folder: Path, path: str, environment: str = "holt") -> pl.DataFrame:
    return pl.read_parquet(folder / "data" / environment / path)


@pytest.fixture(scope="module")
def holt(tmp_path_factory) -> Path:
    folder = write_environment(copy_project(tmp_path_factory.mktemp("holt")), hand_made_log())
    run_pipelines(folder, "holt", "data_engineering", "ab_test")
    run_pipelines(folder, "holt", "reporting", node_names=["report.render_page"])
    return folder


def test_a_csv_log_of_three_days_becomes_a_verdict_without_python(holt):
    verdict = json.loads((holt / "data/holt/08_reporting/experiment/verdict.json").read_text())
    assert verdict["outcome"] == "ship" and {rule["state"] for rule in verdict["rules"]} == {"met"}
    uplifts = load(holt, "08_reporting/experiment/uplifts.parquet")
    overall = uplifts.filter(slice="overall", metric="click_through")
    assert overall["relative_low"].item() > 0 and overall["units_control"].item() == 60 and overall["adjusted"].item()
    assert "home" in set(uplifts.filter(slice="vertical")["level"])
    totals = load(holt, "07_model_output/experiment/totals.parquet")
    assert totals["revenue"].to_list() == pytest.approx([9.99 * orders for orders in totals["orders"]])
    assert totals["orders"].sum() > 20


def test_what_was_wrong_with_it_is_counted_and_shown(holt):
    counts = {row[0]: row[3:5] for row in load(holt, "08_reporting/experiment/exclusions.parquet").rows()}
    assert counts["repeats another row"] == (0, 1)
    assert counts["more clicks than impressions"] == (0, 1)
    assert counts["no covariate, mean taken"] == (5, 5)
    checks = dict(load(holt, "08_reporting/experiment/checks.parquet").select("check", "state").rows())
    assert checks["time zones"] == "doubtful", "one time has no zone, the others have"
    page = (holt / "data/holt/08_reporting/report.html").read_text(encoding="utf-8")
    for text in (
        "repeats another row",
        "more clicks than impressions",
        "not a whole number from 0",
        "time without a zone",
    ):
        assert text in page
    assert "Simulated experiment" not in page and 'id="evaluation"' not in page and 'id="experiment"' in page


def test_a_plan_is_made_from_the_same_log(holt):
    run_pipelines(holt, "holt", "plan_experiment")
    sizes = load(holt, "08_reporting/experiment/plan.parquet")
    assert sizes.filter(metric="click_through", question="effect").height == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda log: log.replace(",B,", ",A,"), "variant 'treatment'"),
        (lambda log: log.replace("2026-10-05T10:10", "1999-01-01T10:10"), "set ab_test.start and ab_test.end"),
        (lambda log: log.replace(",hits,", ",number_of_hits,"), "no column hits"),
    ],
)
def test_a_log_that_is_no_experiment_is_one_line(tmp_path, change, message):
    folder = write_environment(copy_project(tmp_path), change(hand_made_log()))
    with pytest.raises(Exception, match=message) as error:
        run_pipelines(folder, "holt", "data_engineering", "ab_test")
    cause = error.value if isinstance(error.value, InputError) else error.value.__cause__
    assert isinstance(cause, InputError) and "\n" not in str(cause)


def test_a_shop_without_a_log_has_no_section(tmp_path):
    folder = write_environment(copy_project(tmp_path), "")
    raw = folder / "conf/holt/catalog/raw.yml"
    for name in ("experiment_log", "experiment_units"):
        (folder / f"files/{name}.csv").unlink()
        old, new = "table.Table, filepath", "optional_table.OptionalTable, filepath"
        lines = [line.replace(old, new) if f"raw_{name}:" in line else line for line in raw.read_text().splitlines()]
        raw.write_text("\n".join(lines))
    (folder / "conf/holt/parameters/ingestion.yml").unlink()
    run_pipelines(folder, "holt", "data_engineering", "ab_test")
    run_pipelines(folder, "holt", "reporting", node_names=["report.render_page"])
    assert 'id="experiment"' not in (folder / "data/holt/08_reporting/report.html").read_text(encoding="utf-8")
    assert json.loads((folder / "data/holt/08_reporting/sections/ab_test.json").read_text()) == {}
    with pytest.raises(Exception, match="there is no experiment_log"):
        run_pipelines(folder, "holt", "plan_experiment")


@pytest.fixture(scope="module")
def simulated(finished, tmp_path_factory) -> Path:
    """The tiny shop with runs made of its judgments: one is better, as none is after two steps of training."""
    folder = copied(finished, tmp_path_factory.mktemp("simulated"))
    rng = np.random.default_rng(2)
    pairs = load(folder, "03_primary/judgments.parquet", "test").with_columns(
        pl.col("grade").to_physical().cast(pl.Float64)
    )
    for system, quality in (("bm25", 0.0), ("stage2", 2.0)):
        path = folder / f"data/test/07_model_output/{system}/catalogue_run.parquet"
        noise = pl.Series(rng.normal(size=pairs.height))
        pairs.select("query_id", "product_id", score=quality * pl.col("grade") + noise).write_parquet(path)
    run_pipelines(folder, "test", "ab_test")
    run_pipelines(folder, "test", "reporting", node_names=["report.render_page"])
    return folder


def test_a_simulated_shop_has_a_simulated_experiment_and_says_so(simulated):
    log = load(simulated, "07_model_output/experiment/simulated_log.parquet", "test")
    assert log["unit_id"].n_unique() == 3_000
    overall = load(simulated, "08_reporting/experiment/uplifts.parquet", "test").filter(
        slice="overall", metric="orders"
    )
    truth = load(simulated, "07_model_output/experiment/true_uplifts.parquet", "test").filter(
        slice="overall", metric="orders"
    )
    assert overall["relative_low"].item() < truth["relative"].item() < overall["relative_high"].item()
    page = (simulated / "data/test/08_reporting/report.html").read_text(encoding="utf-8")
    assert "Simulated experiment" in page and "Interleaving" in page


def test_what_the_service_logged_becomes_a_verdict_without_a_mapping(tmp_path):
    """An environment of one empty folder: the three needed tables, and beside them the rolls that a service wrote."""
    folder = copy_project(tmp_path)
    (folder / "conf/served").mkdir()
    raw = folder / "data/served/01_raw"
    raw.mkdir(parents=True)
    things = [f"{colour} {kind}" for kind in ("mug", "lamp", "chair") for colour in ("red", "blue", "green", "white")]
    number = pl.int_range(len(things)).cast(pl.String)
    products = pl.DataFrame({"title": things}).with_columns(product_id="p" + number, vertical=pl.lit("home"))
    queries = pl.DataFrame({"query": things}).with_columns(
        query_id="q" + number, frequency=pl.int_range(1, len(things) + 1)
    )
    judged = [(f"q{q}", f"p{(q + step) % 12}", grade) for q in range(12) for step, grade in enumerate(GRADES[::-1])]
    judgments = pl.DataFrame(judged, schema=["query_id", "product_id", "grade"], orient="row")
    for name, table in {"products": products, "queries": queries, "judgments": judgments}.items():
        table.write_parquet(raw / f"{name}.parquet")
    rng, clock = np.random.default_rng(2), [datetime(2026, 10, 5, tzinfo=UTC)]
    with SearchLog(raw / "served", ServeLog(open_s=60, roll_s=0.01), clock=lambda: clock[0]) as log:
        for search in range(400):
            clock[0] += timedelta(minutes=9)
            unit, variant = f"u{search % 100}", ("control", "treatment")[search % 2]
            log.search(Search(f"r{search}", f"s{search}", things[search % 12], ["p0", "p1"], variant, 2, unit=unit, variant=variant))  # fmt: skip
            if rng.random() < (0.3, 0.6)[search % 2]:
                log.event(Event(f"r{search}", "p1", "click")).result(10)
            team = ("treatment", "control")
            log.search(Search(f"i{search}", f"s{search}", "mug", ["p0", "p1"], "interleaved", 2, unit=unit, team=team, rankers=team))  # fmt: skip
            if rng.random() < 0.5:
                log.event(Event(f"i{search}", "p0", "click")).result(10)
    assert len(list((raw / "served/search_log").iterdir())) > 1, "it never rolled"
    params = {"ab_test": {"primary": "click_through", "guardrails": [], "planned_days": 2}}
    run_pipelines(folder, "served", "data_engineering", "ab_test", params=params)
    found = folder / "data/served/08_reporting/experiment"
    totals = load(folder, "07_model_output/experiment/totals.parquet", "served")
    assert totals["searches"].sum() == 400 and totals["unit_id"].n_unique() == 100
    assert json.loads((found / "verdict.json").read_text())["outcome"] == "ship"
    preferred = json.loads((found / "interleaving_preference.json").read_text())
    assert preferred["searchers"] == 100 and preferred["low"] > 0
