"""What is run before a commit, on GitHub and by hand is the same: the Makefile's commands and .ci/run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fences import ROOT

BIN = Path(sys.executable).parent
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def recipe(target: str) -> list[str]:
    """Commands of a target, with the variables that name folders left out."""
    lines = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert lines, target
    return [line.strip().removeprefix("$(BIN)/") for line in lines[1].splitlines()]


def test_the_workflow_runs_what_is_run_by_hand() -> None:
    (job,) = WORKFLOW["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[-2:] == [".ci/run", "make lint"] and all("apt-get" in each for each in commands[:-2])
    python = next(step["with"]["python-version"] for step in job["steps"] if "python" in step.get("uses", ""))
    assert f'requires-python = ">={python}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert set(WORKFLOW[True]) == {"push", "pull_request"}, "YAML reads the key `on` as true"
    ci = ROOT / ".ci/run"
    assert os.access(ci, os.X_OK) and ci.read_text(encoding="utf-8").splitlines()[-1] == "make test"
    assert subprocess.run(["bash", "-n", ci], check=False).returncode == 0


def test_tests_measure_what_they_cover_and_nothing_is_left_out() -> None:
    (command,) = recipe("test")
    assert command.startswith("pytest --cov ") and " -k" not in command and " -m" not in command


def test_hooks_are_the_commands_of_make_lint() -> None:
    """On the files of the commit where a tool takes files, on all where it does not."""
    (local,) = HOOKS
    assert local["repo"] == "local", "nothing is fetched"
    hooks = {hook["entry"].replace(" --force-exclude", ""): hook for hook in local["hooks"]}
    assert [command.removesuffix(" .") for command in recipe("lint")] == list(hooks)
    for entry, hook in hooks.items():
        assert (BIN / entry.split()[0]).exists() and hook["language"] == "system"
        assert hook.get("pass_filenames", True) is entry.startswith("ruff")


@pytest.mark.parametrize(
    "hook", [pytest.param(hook, id=hook["id"]) for hook in HOOKS[0]["hooks"] if hook["id"] != "types"]
)
def test_the_tree_passes_a_hook(hook: dict, tmp_path: Path) -> None:
    """As pre-commit would run it; mypy is left to `make lint`, for its minutes."""
    words = hook["entry"].split()
    files = ["src", "tests", "benchmarks", "docs", "notebooks"] if hook.get("pass_filenames", True) else []
    environment = os.environ | {"RUFF_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [BIN / words[0], *words[1:], *files], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_pre_commit_reads_its_file() -> None:
    done = subprocess.run(
        [BIN / "pre-commit", "validate-config"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
