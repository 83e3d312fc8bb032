"""`kedro run --pipelines gate` ends as a nightly job needs: status 0, or 1 and the reasons."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from roar.cli import cli

from .conftest import copy_project

QUERIES = [f"q{i:03}" for i in range(60)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two kept runs, of which the later is better by 0.02 on every query, and a release's frontier."""
    folder = copy_project(tmp_path)
    data = folder / "data/test"
    for name, gain, hour in (("seed1-aaaaaaaa", 0.0, "01"), ("seed1-bbbbbbbb", 0.02, "02")):
        run = data / "08_reporting/runs" / name
        run.mkdir(parents=True)
        (run / "record.json").write_text(json.dumps({"finished": f"2026-01-01T{hour}:00:00"}))
        key = {"system": pl.lit("stage2"), "protocol": pl.lit("judged"), "metric": pl.lit("ndcg@8")}
        values = [0.4 + gain + i % 7 / 100 for i in range(60)]
        pl.DataFrame({"query_id": QUERIES, "value": values}).with_columns(**key).write_parquet(
            run / "per_query.parquet"
        )
        means = pl.DataFrame({"metric": ["recall@100", "attribute_conflict@8"], "mean": [0.7, 0.2]})
        where = {"system": pl.lit("stage2"), "protocol": pl.lit("catalogue"), "slice": pl.lit("overall")}
        means.with_columns(**where).write_parquet(run / "metrics.parquet")
    for path, table in (
        ("04_feature/query_slices", pl.DataFrame({"query_id": QUERIES, "slice": "vertical", "level": "food"})),
        ("06_models/release_frontier", pl.DataFrame({"chosen": [True], "recall": [0.99], "p99_ms": [3.0]})),
    ):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(data / f"{path}.parquet")
    return folder


def run_gate(project: Path, monkeypatch, *params: str) -> int:
    monkeypatch.chdir(project)
    bootstrap_project(project)
    options = ["--params", ",".join(params)] if params else []
    return CliRunner().invoke(cli, ["run", "--env", "test", "--pipelines", "gate", *options]).exit_code


def test_the_gate_opens_and_closes_by_exit_status_and_keeps_its_table(project, monkeypatch, caplog):
    caplog.set_level("INFO", logger="roar")
    assert run_gate(project, monkeypatch) == 0 and "The gate is open" in caplog.text
    table = project / "data/test/08_reporting/gate.parquet"
    assert pl.read_parquet(table)["held"].all()
    assert run_gate(project, monkeypatch, "gate.production=seed1-bbbbbbbb") == 1
    said = caplog.records[-1].message
    assert said.startswith("The gate stays closed, 2 of 6 rules are broken: primary: ndcg@8 (judged)")
    assert "slice: vertical food -0.0200" in said and "\n" not in said
    assert pl.read_parquet(table)["held"].sum() == 4, "what was broken can be looked up"
