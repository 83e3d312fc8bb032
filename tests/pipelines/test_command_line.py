"""`kedro run` as people type it: names of pipelines, one clear line for what they can mend."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from roar.cli import cli, message_for_people
from roar.errors import InputError

from .conftest import copy_project, run_pipelines


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project whose tiny shop is simulated."""
    folder = copy_project(tmp_path_factory.mktemp("cli"))
    run_pipelines(folder, "test", "simulate")
    return folder


def kedro_run(project: Path, monkeypatch, *arguments: str) -> tuple[int, str]:
    """Exit status and everything printed."""
    monkeypatch.chdir(project)
    bootstrap_project(project)
    result = CliRunner().invoke(cli, ["run", "--env", "test", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_both_spellings_of_the_option_run_a_pipeline(project, monkeypatch):
    assert kedro_run(project, monkeypatch, "--pipelines", "data_engineering")[0] == 0
    with pytest.warns(match="deprecated"):
        assert kedro_run(project, monkeypatch, "--pipeline", "data_engineering")[0] == 0


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


def test_stage_1_runs_over_two_processes_and_the_first_alone_writes(tmp_path, tiny_training):
    """`torchrun -m kedro run`: the pipeline ends well, with the tables and encoders of one run."""
    project = copy_project(tmp_path)
    run_pipelines(project, "test", "simulate")
    run_pipelines(project, "test", "data_engineering")
    flat = {f"{block}.{key}": value for block in ("encoder", "stage1") for key, value in tiny_training[block].items()}
    flat.pop("encoder.product_fields")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "kedro", "run"]
    options = [
        "--env",
        "test",
        "--pipelines",
        "stage1_contrastive",
        "--params",
        ",".join(f"{k}={v}" for k, v in flat.items()),
    ]
    done = subprocess.run([*launch, *options], cwd=project, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    models = project / "data/test/06_models"
    assert (models / "stage1_encoder/holdout/modules.json").is_file()
    history = pl.read_parquet(models / "stage1_history.parquet")
    assert history["step"].to_list() == [0, 1, 2] and not (models / "stage1_checkpoints").exists()
