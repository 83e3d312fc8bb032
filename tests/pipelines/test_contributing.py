"""CONTRIBUTING.md is right: its recipes are followed letter by letter in a copy of the project, and its contract is held."""

import os
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from .conftest import ROOT, copy_project, run_pipelines

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^## Add a (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
BLOCK = re.compile(
    r'^   ```\w+ title="(?P<path>[^":]+)(: (?P<where>at the end|(?:above|below|instead of) the line of) ?(?P<line>.*?))?"\n'
    r"(?P<text>.*?)^   ```$",
    re.MULTILINE | re.DOTALL,
)

CHECKS = """
import polars as pl, torch
from roar.losses import ALIGNMENT_LOSSES
from roar.metrics import score_queries
from roar.parameters import MetricSettings, Stage2
from roar.parameters.evaluation import OWN_SYSTEMS
from roar.pipelines.evaluation import create_pipeline
from roar.pipelines.evaluation.lexical import run_shortest
from roar.schemas import Grade

assert Stage2(alignment={"loss": "hinge"}).alignment.loss == "hinge"
scores = torch.tensor([[0.9, 0.1]], requires_grad=True)
loss = ALIGNMENT_LOSSES["hinge"](scores, torch.tensor([0, 0]), torch.tensor([0, 3]))
assert abs(loss.item() - 0.5) < 1e-6, loss
loss.backward()
assert scores.grad[0, 0] > 0 > scores.grad[0, 1]

run = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["a", "b"], "score": [2.0, 1.0]})
judged = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["a", "b"], "grade": ["irrelevant", "exact"]})
judged = judged.with_columns(pl.col("grade").cast(Grade))
found = score_queries(run, judged, MetricSettings(names=("success@1", "success@2")))
assert found["value"].to_list() == [0.0, 1.0]

pipeline = create_pipeline()
names = {node.name for node in pipeline.nodes}
assert "shortest" in OWN_SYSTEMS and {"evaluation.shortest.run", "evaluation.shortest.judge"} <= names
together = next(node for node in pipeline.nodes if node.name.endswith("collect_means"))
assert "shortest_means" in together.inputs
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> Path:
    """A copy of the project in which every block of the recipes in Python was put where it says."""
    folder = copy_project(tmp_path_factory.mktemp("contributor") / "project")
    shutil.copytree(
        ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"), dirs_exist_ok=True
    )
    for name in ("loss", "metric", "system"):
        follow(folder, RECIPES[name])
    return folder


def follow(folder: Path, recipe: str) -> None:
    for block in BLOCK.finditer(recipe):
        text = re.sub(r"^   ", "", block["text"], flags=re.MULTILINE)
        put(folder / block["path"], block["where"], block["line"], text)


def put(path: Path, where: str | None, line: str | None, text: str) -> None:
    """Write a block into a file as its title says; a line that is named must be there once."""
    if where is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if where == "at the end":
        lines += ["\n\n", text]
    else:
        places = [place for place, content in enumerate(lines) if line and line in content]
        assert len(places) == 1, f"{path}: {line!r} stands in {len(places)} lines"
        start = places[0] + where.startswith("below")
        lines[start : places[0] + (0 if where.startswith("above") else 1)] = [text]
    path.write_text("".join(lines), encoding="utf-8")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_every_recipe_is_short_and_every_block_is_followed() -> None:
    assert list(RECIPES) == ["loss", "metric", "system", "data set"]
    for name, recipe in RECIPES.items():
        assert len(re.findall(r"^\d+\. ", recipe, re.MULTILINE)) <= 10, name
        assert len(BLOCK.findall(recipe)) == recipe.count("```") // 2 > 0, f"{name}: a block does not say where it goes"


def test_a_loss_a_metric_and_a_system_are_added_as_the_recipes_say(followed: Path) -> None:
    done = run(followed, "-c", CHECKS)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_data_set_is_added_without_python(tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "project")
    follow(folder, RECIPES["data set"])
    shop = folder / "shop"
    shop.mkdir()
    things = list(product(["lamp", "desk", "kettle", "shoe"], ["red", "blue", "black", "white", "green"]))
    products = [(f"{kind}-{colour}", f"{colour} {kind}") for kind, colour in things]
    pl.DataFrame(products, ["sku", "name"], orient="row").write_csv(shop / "catalogue.csv")
    ratings = [
        (f"{kind} {colour}", f"{k}-{c}", "perfect" if (k, c) == (kind, colour) else "good" if k == kind else "bad")
        for (kind, colour), (k, c) in product(things, things[::3])
    ] + [(f"{kind} {colour}", f"{kind}-{colour}", "perfect") for kind, colour in things]
    pl.DataFrame(sorted(set(ratings)), ["term", "sku", "rating"], orient="row").write_csv(shop / "ratings.csv")
    run_pipelines(folder, "lamps", "data_engineering")
    assert pl.read_parquet(folder / "data/lamps/03_primary/queries.parquet").height == 20
    assert (folder / "data/lamps/08_reporting/data.html").is_file()


def test_the_import_contract_is_held() -> None:
    done = run(ROOT, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))")
    assert done.returncode == 0 and "0 broken" in done.stdout, done.stdout[-3000:]
