"""`kedro run` as people type it: names of pipelines, one clear line for what they can mend."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from roar.cli import cli, message_for_people
from roar.errors import InputError

from .conftest import copied


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory) -> Path:
    """A copy of the finished shop."""
    return copied(finished, tmp_path_factory.mktemp("cli"))


def kedro_run(project: Path, monkeypatch, *arguments: str) -> tuple[int, str]:
    """Exit status and everything printed."""
    monkeypatch.chdir(project)
    bootstrap_project(project)
    result = CliRunner().invoke(cli, ["run", "--env", "test", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_both_spellings_of_the_option_run_a_pipeline(project, monkeypatch):
    assert kedro_run(project, monkeypatch, "--pipelines", "data_engineering")[0] == 0
    first = ("--nodes", "ingest_tables")  # one node is enough
    with pytest.warns(match="deprecated"):
        assert kedro_run(project, monkeypatch, "--pipeline", "data_engineering", *first)[0] == 0


def test_bad_raw_data_end_in_one_line_and_leave_nothing_half_written(project, monkeypatch, caplog):
    judgments = project / "data/test/01_raw/judgments.parquet"
    good = judgments.read_bytes()
    kept = (project / "data/test/03_primary/judgments.parquet").read_bytes()
    try:
        pl.read_parquet(judgments).drop("grade").write_parquet(judgments)
        status, output = kedro_run(project, monkeypatch, "--pipelines", "data_engineering")
    finally:
        judgments.write_bytes(good)
    assert status == 1 and "grade" in caplog.records[-1].message and "Traceback" not in output
    assert (project / "data/test/03_primary/judgments.parquet").read_bytes() == kept


def test_raw_data_that_have_changed_are_followed_by_only_missing_outputs(project, monkeypatch, caplog):
    """Raters' exact and irrelevant swapped: a run that makes what is missing ends where a full run does."""
    primary = project / "data/test/03_primary/judgments.parquet"
    raw = project / "data/test/01_raw/judgments.parquet"
    assert kedro_run(project, monkeypatch, "--pipelines", "data_engineering", "--only-missing-outputs")[0] == 0
    good, before = raw.read_bytes(), pl.read_parquet(primary)
    swap = pl.col("grade").cast(pl.String).replace({"exact": "irrelevant", "irrelevant": "exact"})
    try:
        pl.read_parquet(raw).with_columns(swap).write_parquet(raw)
        assert kedro_run(project, monkeypatch, "--pipelines", "data_engineering", "--only-missing-outputs")[0] == 0
        said, after = caplog.text, pl.read_parquet(primary)
    finally:
        raw.write_bytes(good)
    assert "raw_judgments has changed since the data on disk were made: made again are" in said
    assert all(f" {name}" in said for name in ("judgments", "query_splits", "graded_groups", "data_section"))
    exact = [set(table.filter(pl.col("grade") == "exact")["product_id"]) for table in (before, after)]
    assert before["grade"].value_counts().height == after["grade"].value_counts().height and exact[0] != exact[1]
    assert kedro_run(project, monkeypatch, "--pipelines", "data_engineering", "--only-missing-outputs")[0] == 0
    assert pl.read_parquet(primary).equals(before)


def test_a_second_run_is_told_who_writes(project, monkeypatch, caplog):
    code = f"""
import time
from pathlib import Path
from roar.files import Lock
lock = Lock(Path({str(project / "data/test")!r}))
lock.take()
print("held", flush=True)
time.sleep(60)
"""
    first = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert first.stdout.readline() == b"held\n"
        status, output = kedro_run(project, monkeypatch, "--pipelines", "data_engineering")
        assert status == 1 and "Traceback" not in output
        assert f"data/test: another run writes there, -c (process {first.pid} on " in caplog.records[-1].message
    finally:
        first.kill()
        first.wait()


def test_a_full_disk_is_one_line_and_what_was_there_stays(project, monkeypatch, caplog):
    products = project / "data/test/03_primary/products.parquet"
    (project / "data/test/08_reporting/run_record.json").unlink()  # of all pipelines' nodes it is large itself
    kept, limit = products.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limit[1]))  # run record and provenance are smaller
        status, output = kedro_run(project, monkeypatch, "--pipelines", "data_engineering")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert status == 1 and "Traceback" not in output
    assert "products.parquet: cannot be written (File too large)" in caplog.records[-1].message
    assert products.read_bytes() == kept


def test_an_unknown_parameter_is_named(project, monkeypatch, caplog):
    status, _ = kedro_run(project, monkeypatch, "--pipelines", "data_engineering", "--params", "training_sets.spltis=3")
    assert status == 1 and "spltis" in caplog.text


def test_simulating_over_real_data_is_refused(project, monkeypatch, caplog):
    monkeypatch.setenv("ROAR_REAL_DATA", str(project))
    monkeypatch.chdir(project)
    result = CliRunner().invoke(cli, ["run", "--env", "esci", "--pipelines", "simulate"])
    assert result.exit_code == 1 and "simulate" in caplog.text


def test_real_data_without_the_variable_is_one_line(project, monkeypatch, caplog):
    monkeypatch.delenv("ROAR_REAL_DATA", raising=False)
    monkeypatch.chdir(project)
    result = CliRunner().invoke(cli, ["run", "--env", "esci", "--pipelines", "data_engineering"])
    assert result.exit_code == 1 and "ROAR_REAL_DATA is not set" in caplog.records[-1].message


def test_a_data_run_never_loads_torch():
    """Data engineers wait two seconds, not twenty."""
    code = (
        "import sys; import roar.pipelines.data_engineering as p; p.create_pipeline(); import roar.pipelines.simulate; "
        "import roar.settings; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_message_for_people_is_found_under_wrappers():
    try:
        try:
            raise InputError("table products: no column title")
        except InputError as error:
            raise RuntimeError("Failed while loading") from error
    except RuntimeError as wrapped:
        assert message_for_people(wrapped) == "table products: no column title"
    assert message_for_people(RuntimeError("a bug")) is None


def test_stage_1_runs_over_two_processes_and_the_first_alone_writes(finished, tmp_path, tiny_training):
    """`torchrun -m kedro run`: the pipeline ends well, with the tables and encoders of one run."""
    project = copied(finished, tmp_path / "project")
    models = project / "data/test/06_models"
    shutil.rmtree(models)
    flat = {f"{block}.{key}": value for block in ("encoder", "stage1") for key, value in tiny_training[block].items()}
    flat.pop("encoder.product_fields")
    flat |= {f"stage1.validation.{key}": value for key, value in flat.pop("stage1.validation", {}).items()}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "kedro", "run"]
    options = [
        "--env",
        "test",
        "--pipelines",
        "stage1_contrastive",
        "--params",
        ",".join(f"{k}={v}" for k, v in flat.items()),
    ]
    done = subprocess.run([*launch, *options], cwd=project, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (models / "stage1_encoder/holdout/modules.json").is_file()
    history = pl.read_parquet(models / "stage1_history.parquet")
    assert history["step"].to_list() == [0, 1, 2] and not (models / "stage1_checkpoints").exists()
