"""Training survives: kills, damaged checkpoints, a full disk; and ends where it would have ended."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import run

from roar.errors import InputError
from roar.files import SEAL, damage, seal
from roar.training.checkpoints import Checkpoints, checkpoints_in

SCRIPT = Path(__file__).with_name("small_run.py")
KINDS = ("full", "lora")


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    assert first.keys() == second.keys() and len(first) > 5
    return all(torch.equal(first[name], second[name]) for name in first)


def start(encoder: Path, out: Path, runs: dict[str, dict[str, object]]) -> subprocess.Popen:
    options = {"encoder": str(encoder), "out": str(out), "runs": runs}
    return subprocess.Popen([sys.executable, str(SCRIPT), json.dumps(options)], stderr=subprocess.PIPE)


def test_a_killed_run_ends_with_the_weights_of_an_uninterrupted_one(tiny_bert_folder, tmp_path):
    """In full and with LoRA: killed for real while a checkpoint is being written, so that the one before must do; dropout is on."""
    arguments = {
        name: {"stage": "stage2", "lora": name == "lora", "steps": 10, "checkpoint_steps": 2} for name in KINDS
    }
    kept = {name: {"folder": str(tmp_path / "checkpoints" / name)} for name in KINDS}
    for name in KINDS:
        folder = Path(kept[name]["folder"])
        process = start(tiny_bert_folder, tmp_path, {name: arguments[name] | kept[name] | {"pause": 0.2}})
        while not (folder / "checkpoint-6").exists() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stderr.read().decode()
        assert not (tmp_path / f"{name}.safetensors").exists()
        left = {path.name for path in folder.glob("checkpoint-*") if not damage(path)}
        assert "checkpoint-4" in left and "checkpoint-8" not in left

    resumed = start(tiny_bert_folder, tmp_path, {name: arguments[name] | kept[name] for name in KINDS})
    log = resumed.communicate()[1].decode()
    assert resumed.returncode == 0, log
    for name in KINDS:
        uninterrupted = run(str(tiny_bert_folder), **arguments[name])
        assert len(uninterrupted["loss"]) == 10
        assert same(load_file(tmp_path / f"{name}.safetensors"), uninterrupted)


@pytest.fixture(scope="module")
def six_steps(tiny_bert_folder, tmp_path_factory) -> tuple[Path, dict[str, torch.Tensor]]:
    """Checkpoints after 4 and 6 steps of 6, as a kill just before the end leaves them, and the end result."""
    folder = tmp_path_factory.mktemp("six") / "checkpoints"
    arguments = {"steps": 6, "folder": str(folder), "checkpoint_steps": 2, "scores": (0.1, 0.9, 0.2, 0.3)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "remove_steps", lambda self: None)
        end = run(str(tiny_bert_folder), "stage1", **arguments)
    shutil.rmtree(folder / "finished")
    return folder, end


@pytest.fixture
def folder(six_steps, tmp_path) -> Path:
    """A copy of these checkpoints."""
    return shutil.copytree(six_steps[0], tmp_path / "checkpoints")


def go_on(encoder: Path, folder: Path, scores: tuple[float, ...]) -> dict[str, torch.Tensor]:
    return run(str(encoder), "stage1", steps=6, folder=str(folder), checkpoint_steps=2, scores=scores)


def test_history_and_best_weights_are_taken_up_too(six_steps, folder, tiny_bert_folder):
    """The weights of step 2 validated best, before the kill: a resumed run ends with them, and with all six losses."""
    shutil.rmtree(folder / "checkpoint-6")
    assert same(go_on(tiny_bert_folder, folder, (0.3,)), six_steps[1])


def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(six_steps, folder, tiny_bert_folder, caplog):
    (folder / "checkpoint-6" / "optimizer.pt").write_bytes(b"garbage")
    assert same(go_on(tiny_bert_folder, folder, (0.3,)), six_steps[1])
    assert "checkpoint-6: not usable (optimizer.pt is missing, unreadable or changed)" in caplog.text


def test_checkpoints_follow_their_steps_and_not_the_clock(tiny_bert_folder, tmp_path):
    """An earlier run's clock was an hour ahead: later checkpoints replace its own, and the newest step is gone on from."""
    folder = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "remove_steps", lambda self: None)
        end = run(str(tiny_bert_folder), "stage1", steps=8, folder=str(folder), checkpoint_steps=2)
    shutil.rmtree(folder / "finished")
    assert list(checkpoints_in(folder)) == [6, 8]
    later = time.time() + 3600
    shutil.copytree(folder / "checkpoint-6", folder / "checkpoint-4")  # as if the kill had come after step 6
    shutil.rmtree(folder / "checkpoint-8")
    for step in (4, 6):
        os.utime(folder / f"checkpoint-{step}", (later + step, later + step))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "remove_steps", lambda self: None)
        assert same(run(str(tiny_bert_folder), "stage1", steps=8, folder=str(folder), checkpoint_steps=2), end)
    assert list(checkpoints_in(folder)) == [6, 8]


def test_without_a_usable_checkpoint_training_starts_anew(six_steps, folder, tiny_bert_folder, caplog):
    for path in folder.glob(f"checkpoint-*/{SEAL}"):
        path.unlink()
    assert same(go_on(tiny_bert_folder, folder, (0.1, 0.9, 0.2, 0.3)), six_steps[1])
    assert "writing it was interrupted" in caplog.text


def test_a_kill_after_the_last_step_trains_no_further(six_steps, folder, tiny_bert_folder):
    """All steps are made and the end is not yet written: a rerun only writes it."""
    assert same(go_on(tiny_bert_folder, folder, ("never asked",)), six_steps[1])


def test_an_early_stop_is_remembered(tiny_bert_folder, tmp_path, monkeypatch):
    """Stopped at step 4 of 6 for lack of patience, killed before the end was written: the rerun stops there too."""
    arguments = {"steps": 6, "folder": str(tmp_path / "run"), "checkpoint_steps": 2, "patience": 2}
    monkeypatch.setattr(Checkpoints, "remove_steps", lambda self: None)
    stopped = run(str(tiny_bert_folder), "stage1", scores=(0.5, 0.1, 0.2), **arguments)
    assert len(stopped["loss"]) == 4
    shutil.rmtree(tmp_path / "run" / "finished")
    assert same(run(str(tiny_bert_folder), "stage1", scores=("never asked",), **arguments), stopped)


def test_what_is_left_of_a_finished_run_is_its_end_alone(tiny_bert_folder, tmp_path):
    run(str(tiny_bert_folder), "stage1", steps=4, folder=str(tmp_path / "run"), checkpoint_steps=2)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"run.json", "finished"}


def test_a_finished_run_is_not_trained_again(tiny_bert_folder, tmp_path):
    arguments = {"stage": "stage1", "steps": 2, "folder": str(tmp_path / "checkpoints")}
    first = run(str(tiny_bert_folder), **arguments)
    began = time.perf_counter()
    assert same(run(str(tiny_bert_folder), **arguments, pause=60), first) and time.perf_counter() - began < 30


def test_checkpoints_of_another_run_are_removed(tmp_path):
    Checkpoints(tmp_path / "run", "one")
    (tmp_path / "run" / "checkpoint-3").mkdir()
    seal(tmp_path / "run" / "checkpoint-3")
    assert Checkpoints(tmp_path / "run", "one").folder.joinpath("checkpoint-3").exists()
    assert not Checkpoints(tmp_path / "run", "another").folder.joinpath("checkpoint-3").exists()


@pytest.mark.parametrize("room", [1 << 20, 6 << 20], ids=["weights", "optimiser"])
def test_a_full_disk_is_one_line_and_training_goes_on_when_there_is_room(six_steps, folder, tiny_bert_folder, room):
    """No file may grow as large as the weights, or as the optimiser's, of which torch says "unexpected pos"."""
    shutil.rmtree(folder / "checkpoint-6")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        with pytest.raises(InputError, match=r"cannot be written .*run again; what was there is unchanged") as error:
            go_on(tiny_bert_folder, folder, (0.3,))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(error.value)
    assert same(go_on(tiny_bert_folder, folder, (0.3,)), six_steps[1])
