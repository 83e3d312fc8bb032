"""A project folder of its own for each run of the pipelines, what runs them in it, and a tiny shop in which all have run."""

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

ROOT = Path(__file__).parents[2]

Run = Callable[..., None]


def copy_project(folder: Path) -> Path:
    """The project without its data and source: configuration and notebooks."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("conf", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "src").mkdir()  # Kedro asks for it; the package is imported from where it is installed
    (folder / "conf" / "local").mkdir(exist_ok=True)
    return folder


def run_pipelines(
    folder: Path, environment: str, *names: str, params: Mapping[str, Any] | None = None, **options: Any
) -> None:
    """`kedro run --env environment --pipelines names`, in this process."""
    bootstrap_project(folder)
    with KedroSession.create(project_path=folder, env=environment, runtime_params=dict(params or {})) as session:
        session.run(pipeline_names=list(names) or None, **options)


@pytest.fixture(scope="session")
def finished(once, tiny_training) -> Path:
    """A project in which `simulate` and the default pipeline have run, with what the runs said in said.json. Copy it to change it."""
    return once("finished_shop", lambda folder: _finish(copy_project(folder), tiny_training))


def _finish(folder: Path, params: Mapping[str, Any]) -> None:
    said: dict[str, list[str]] = {"simulate": [], "__default__": []}
    for name, names in (("simulate", ["simulate"]), ("__default__", [])):
        listener = logging.Handler()
        listener.emit = lambda record, lines=said[name]: lines.append(record.getMessage())  # type: ignore[method-assign]
        loggers = [logging.getLogger(each) for each in ("roar.hooks.forecast", "roar.encoder.precision")]
        for logger in loggers:
            logger.addHandler(listener)
        run_pipelines(folder, "test", *names, params=params if name == "__default__" else None)
        for logger in loggers:
            logger.removeHandler(listener)
    (folder / "said.json").write_text(json.dumps(said))


def copied(project: Path, folder: Path) -> Path:
    """A copy of a project with its data, to be changed."""
    return shutil.copytree(project, folder, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def tiny_training(tiny_bert_folder) -> dict[str, Any]:
    """Parameters that make any environment train a tiny random encoder for two steps, and try few settings on validation queries."""
    stage = {"max_steps": 2, "validations": 1, "validation": {"queries": 10, "share": 0.0}, "learning_rate": 1e-3}
    return {
        "encoder": {
            "preset": str(tiny_bert_folder),
            "max_tokens": 24,
            "product_fields": ["title"],
            "precision": "float32",
        },
        "stage1": stage | {"batch_size": 32},
        "stage2": stage | {"batch_size": 8},
        "metrics": {"resamples": 200, "permutations": 200, "auc_resamples": 100},
        "evaluation": {"bm25_k1": [0.8, 1.2], "bm25_b": [0.5, 0.75], "fusion_weights": [0.0, 0.5, 1.0]},
        "constraints": {"penalties": [0.2, 0.0], "bonus_shares": [0.5]},
    }
