"""Every Python and YAML block of the pages does what it shows: Python runs, YAML passes the check before a run."""

import itertools
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from fences import BLOCKS, ROOT
from sentence_transformers import SentenceTransformer
from tests.service.conftest import release

from roar.errors import InputError
from roar.hooks import ConfigLoader, ConfigurationHooks
from roar.parameters import blocks
from roar.settings import CONFIG_LOADER_ARGS

FOLLOWED = [block for block in BLOCKS if block.title]  # of CONTRIBUTING.md, which a test of its own follows
PYTHON = [block for block in BLOCKS if block.language == "python" and not block.title]
YAML = [block for block in BLOCKS if block.language in ("yaml", "yml") and not block.title]


def test_blocks_of_both_kinds_were_found_and_only_recipes_have_titles() -> None:
    assert len(PYTHON) >= 5 and len(YAML) >= 10 and {block.page for block in FOLLOWED} == {"CONTRIBUTING.md"}
    known = {"python", "yaml", "sh", "bash", "text", "nginx", ""}
    assert {block.language for block in BLOCKS} <= known, "a language that nothing checks"


@pytest.fixture(scope="module")
def released(tmp_path_factory, tiny_bert_folder) -> Path:
    """A project's folder with a release where the pages look for one."""
    folder = tmp_path_factory.mktemp("shown")
    encoder = SentenceTransformer(str(tiny_bert_folder), local_files_only=True, device="cpu")
    release(folder / "data/06_models/release", encoder)
    return folder


def _experiment() -> dict[str, pl.DataFrame]:
    """A log of 200 searchers and what they did before, as docs/ab_testing.md has them."""
    rng, start = np.random.default_rng(3), datetime(2026, 10, 5, tzinfo=UTC)
    searches = list(itertools.product(range(200), range(3)))
    clicks = [int(rng.random() < (0.3, 0.6)[unit % 2]) for unit, _ in searches]
    log = pl.DataFrame(
        {
            "unit_id": [f"u{unit}" for unit, _ in searches],
            "session_id": [f"s{unit}" for unit, _ in searches],
            "variant": [("control", "treatment")[unit % 2] for unit, _ in searches],
            "timestamp": [start + timedelta(hours=unit % 48, minutes=search) for unit, search in searches],
            "query": "mug",
            "results": 12,
            "impressions": 10,
            "clicks": clicks,
            "carts": clicks,
            "orders": clicks,
            "revenue": [9.99 * each for each in clicks],
        }
    )
    units = pl.DataFrame(
        {"unit_id": [f"u{unit}" for unit in range(200)], "covariate": [float(u % 7) for u in range(200)]}
    )
    return {"log": log, "units": units}


GIVEN = {"docs/ab_testing.md": _experiment}
"""What a page has before its first block."""


@pytest.mark.parametrize("page", sorted({block.page for block in PYTHON}))
def test_python_runs(page: str, released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page one after the other, in a project's folder."""
    monkeypatch.chdir(released)
    scope: dict[str, Any] = GIVEN.get(page, dict)()
    for block in PYTHON:
        if block.page == page:
            exec(compile(block.text, block.place, "exec"), scope)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with an environment, of which nothing is said yet, over the base's."""
    monkeypatch.setenv("ROAR_REAL_DATA", str(tmp_path / "files"))
    return tmp_path


@pytest.mark.parametrize("block", [pytest.param(block, id=block.place) for block in YAML])
def test_yaml_passes_the_check_before_a_run(block: Any, shop: Path) -> None:
    check(block.text, shop)


@pytest.mark.parametrize(
    "text",
    ["stage2: {betta: 0.3}", "serve: {systems: {base: {kind: magic}}}", "raw_products: {type: roar.Table}", "a: [1"],
)
def test_yaml_that_is_wrong_is_found(text: str, shop: Path) -> None:
    with pytest.raises((InputError, yaml.YAMLError)):
        check(text, shop)


def check(text: str, shop: Path) -> None:
    """What the hook does before a run, with the block as a file of the environment holt."""
    said = yaml.safe_load(text)
    kind = "parameters" if set(said) <= {*blocks.BLOCKS, *blocks.VALUES} else "catalog"
    path = shop / "conf/holt" / kind / "shown.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    unread = "catalog" if kind == "parameters" else ""  # the base's is long
    shutil.copytree(ROOT / "conf/base", shop / "conf/base", ignore=lambda _, names: {unread} & set(names))
    if unread:
        (shop / "conf/base/catalog.yml").write_text("{}")
    loader = ConfigLoader(str(shop / "conf"), env="holt", **CONFIG_LOADER_ARGS)
    ConfigurationHooks().after_context_created(SimpleNamespace(config_loader=loader, project_path=shop))
