"""A real shop brought by YAML alone, as a newcomer brings it: without globals, and with the mistakes of the first hour."""

import itertools
import logging
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from kedro.framework.cli.utils import find_run_command
from kedro.framework.startup import bootstrap_project

from roar.cli import cli
from roar.cli import run as run_command

from .conftest import copy_project, run_pipelines

KINDS = ["lamp", "desk", "kettle", "shoe"]
COLOURS = ["red", "blue", "black", "white", "green", "grey", "pink", "brown"]
CATALOG = """\
raw_products: {type: roar.datasets.table.Table, filepath: shop/catalogue.csv, read_only: true}
raw_judgments: {type: roar.datasets.table.Table, filepath: shop/ratings.csv, read_only: true}
raw_queries: {type: roar.datasets.optional_table.OptionalTable, filepath: "${globals:data}/01_raw/queries.parquet"}
"""
MAPPING = """\
ingestion:
  products:
    table: raw_products
    columns: {product_id: sku, title: name, vertical: kind}
    others: drop
  queries: {table: raw_judgments, distinct: true, columns: {query_id: {hash: [term]}, query: term}, others: drop}
  judgments:
    table: raw_judgments
    columns:
      query_id: {hash: [term]}
      product_id: sku
      grade: {translate: rating, to: {perfect: exact, good: substitute, bad: irrelevant}}
    others: drop
"""
FEW = "metrics: {resamples: 100, permutations: 100, auc_resamples: 100}\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The project with one environment more: two files, a catalog, a mapping; no globals.yml."""
    folder = copy_project(tmp_path_factory.mktemp("newcomer"))
    (folder / "shop").mkdir()
    products = [(f"{k}{c}", f"{colour} {kind}", kind) for (k, kind), (c, colour) in grid()]
    pl.DataFrame(products, ["sku", "name", "kind"], orient="row").write_csv(folder / "shop/catalogue.csv")
    ratings = [
        (f"{kind} {colour}", f"{a}{b}", "perfect" if (a, b) == (k, c) else "good" if a == k else "bad")
        for (k, kind), (c, colour) in grid()
        for a, b in [(k, c), (k, (c + 1) % 8), ((k + 1) % 4, c), ((k + 2) % 4, c)]
    ]
    pl.DataFrame(ratings, ["term", "sku", "rating"], orient="row").write_csv(folder / "shop/ratings.csv")
    for name, text in (("catalog/raw", CATALOG), ("parameters/ingestion", MAPPING), ("parameters/metrics", FEW)):
        path = folder / f"conf/holt/{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "conf/holt/parameters/reporting.yml").write_text("reporting: {title: The shop Holt}\n")
    return folder


@pytest.fixture(scope="module")
def engineered(project) -> list[str]:
    """What `data_engineering` logged, with a seed of the command line."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("roar")
    logger.addHandler(handler)
    run_pipelines(project, "holt", "data_engineering", params={"seed": 5})
    logger.removeHandler(handler)
    return said


def grid():
    return itertools.product(enumerate(KINDS), enumerate(COLOURS))


@pytest.fixture
def kedro_run(project, monkeypatch, caplog):
    """`kedro run …`: exit status, everything that was logged."""

    def run(*arguments: str) -> tuple[int, list[str]]:
        monkeypatch.chdir(project)
        bootstrap_project(project)
        logging.getLogger("roar").propagate = True
        caplog.clear()
        result = CliRunner().invoke(cli, ["run", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, [record.getMessage() for record in caplog.records]

    return run


def test_an_environment_without_globals_writes_into_its_own_folder_and_says_what_it_is(project, engineered):
    assert [path.name for path in (project / "data").iterdir()] == ["holt"], "nothing of base's was touched"
    page = project / "data/holt/08_reporting/data.html"
    text = page.read_text(encoding="utf-8")
    assert "Environment <b>holt</b> · seed 5" in text and "Simulated data" not in text
    quality = project / "data/holt/03_primary/data_quality.parquet"
    assert {f"The data-quality table: {quality}", f"The page of the data: {page}"} <= set(engineered)


def test_an_engines_run_is_judged_before_anything_is_trained(project, engineered, kedro_run):
    """By query text, against all that is there, with tables and a page; a run that an evaluation left joins in."""
    data = project / "data/holt"
    status, said = kedro_run("--env", "holt", "--pipelines", "judge_runs")
    assert status == 1 and "01_raw/external_runs" in said[-1]
    queries = pl.read_parquet(data / "03_primary/queries.parquet")
    rows = [(f"{kind} {colour}".upper(), f"{k}{c}", 1.0) for (k, kind), (c, colour) in grid()]
    (data / "01_raw/external_runs").mkdir(parents=True)
    pl.DataFrame(rows, ["query", "product_id", "score"], orient="row").write_csv(
        data / "01_raw/external_runs/theirs.csv"
    )
    ids = dict(queries.select("query", "query_id").iter_rows())
    run = pl.DataFrame([(ids[q.lower()], p, s) for q, p, s in rows], ["query_id", "product_id", "score"], orient="row")
    (data / "07_model_output/stage2").mkdir(parents=True)
    for protocol in ("judged", "catalogue"):
        run.write_parquet(data / f"07_model_output/stage2/{protocol}_run.parquet")
    status, said = kedro_run("--env", "holt", "--pipelines", "judge_runs")
    folder = data / "08_reporting/judged_runs"
    assert status == 0 and f"The page of the runs: {folder / 'report.html'}" in said
    compared = pl.read_parquet(folder / "comparisons.parquet").filter(
        slice="overall", metric="mrr@10", protocol="judged"
    )
    assert compared.select("system_a", "system_b").rows() == [
        ("stage2", "theirs"),
        ("bm25", "theirs"),
        ("random", "theirs"),
    ]
    assert compared["n"].to_list() == [32] * 3 and compared["mean_b"].to_list() == [1.0] * 3
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "theirs against BM25" in text and 'id="queries"' in text and (folder / "tables/metrics.csv").is_file()


def test_judging_runs_never_loads_torch():
    code = "import sys; import roar.pipelines.judge_runs as p; p.create_pipeline(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--env", "bauhaus"], "--env bauhaus: no folder conf/bauhaus; there are: base, crowdflower, esci, holt"),
        (["--env", "holtt"], "did you mean holt?"),
        (["--pipelines", "ingestion"], "--pipelines ingestion: there are: __default__, ab_test"),
        (["--pipeline", "data_enginering"], "did you mean data_engineering?"),
        (
            ["--pipelines", "data_engineering", "--nodes", "ingest_table"],
            "--nodes ingest_table: did you mean ingest_tables?",
        ),
        (["--pipelines", "data_engineering", "--from-nodes", "splits"], "--from-nodes splits: "),
        (["--pipelines", "data_engineering", "--tags", "slow"], "--tags slow: there are: method, report"),
        (
            ["--pipelines", "evaluation", "--nodes", "tune"],
            "--nodes tune: could be evaluation.bm25.tune, evaluation.hyb",
        ),
        (["--pipelines", "data_engineering", "--to-outputs", "product"], "did you mean products?"),
        (["--env", "holt", "--params", "stagetwo.beta=0.3"], "did you mean stage2?"),
        (["--env", "holt", "--params", "environment=base", "--pipelines", "simulate"], "choose environments by --env"),
        (["--env", "holt", "--pipelines", "simulate"], "simulate: the environment 'holt' is not simulated"),
        (["--runner", "SequentailRunner"], "did you mean SequentialRunner?"),
    ],
)
@pytest.mark.filterwarnings("ignore::kedro.KedroDeprecationWarning")
def test_a_name_that_is_not_there_is_one_line_that_lists_what_is(kedro_run, arguments, said):
    status, logged = kedro_run(*arguments)
    assert status == 1 and said in logged[-1] and "\n" not in logged[-1]


def test_a_slice_of_a_column_that_is_not_there_is_one_line(project, kedro_run):
    path = project / "conf/holt/parameters/slices.yml"
    path.write_text("training_sets: {slices: {columns: [dimension]}}\n")
    try:
        status, logged = kedro_run("--env", "holt", "--pipelines", "data_engineering")
    finally:
        path.unlink()
    assert status == 1 and "dimension is no column of table queries; there are: frequency, query" in logged[-1]


def test_the_packaged_command_is_the_same():
    """`python -m roar` and `roar` run what `kedro run` runs."""
    assert find_run_command("roar") is run_command
