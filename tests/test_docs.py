"""What the documentation shows is so: commands, parameters, YAML, imports, examples in docstrings, references."""

import ast
import doctest
import importlib
import inspect
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kedro.framework.cli.utils import _split_params
from kedro.framework.startup import bootstrap_project

from roar import losses
from roar.cli import resolved_names
from roar.metrics import ranking
from roar.parameters.blocks import BLOCKS, VALUES, check_parameters

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
BLOCKS_OF_PAGES = [
    (
        f"{page.name}:{page.read_text(encoding='utf-8')[: found.start()].count(chr(10)) + 1}",
        found["language"],
        found["text"],
    )
    for page in PAGES
    for found in FENCE.finditer(page.read_text(encoding="utf-8"))
]
COMMANDS = [
    pytest.param(line.strip(), id=f"{place} {line.strip()[:60]}")
    for place, language, text in BLOCKS_OF_PAGES
    if language in ("sh", "bash")
    for line in text.splitlines()
    if "kedro run" in line.split("#")[0]
]
EXAMPLE_SHOPS = {"holt", "lamps"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_what_there_is(command: str) -> None:
    """Pipelines, nodes, environments and parameters of every `kedro run` that is shown."""
    words = shlex.split(command, comments=True)
    options = dict(zip(words[words.index("run") + 1 :: 2], words[words.index("run") + 2 :: 2], strict=False))
    options.pop("--only-missing-outputs", None)
    assert set(options) <= {"--pipelines", "--env", "--params", "--nodes"}, command
    bootstrap_project(ROOT)
    nodes = options.get("--nodes", "").split(",") if "--nodes" in options else []
    resolved_names({"pipelines": options.get("--pipelines", "__default__").split(","), "node_names": nodes})
    assert options.get("--env", "base") in {path.name for path in (ROOT / "conf").iterdir()} | EXAMPLE_SHOPS
    given = _split_params(None, None, options.get("--params", ""))
    assert set(given) <= {*BLOCKS, *VALUES}
    check_parameters({name: value for name, value in given.items() if name != "ingestion"})  # a mapping is a shop's own


def test_commands_were_found() -> None:
    assert len(COMMANDS) >= 20


@pytest.mark.parametrize(
    ("language", "text"), [pytest.param(lang, text, id=place) for place, lang, text in BLOCKS_OF_PAGES]
)
def test_every_block_can_be_read_and_imports_what_there_is(language: str, text: str) -> None:
    text = inspect.cleandoc(text) if text.startswith(" ") else text
    if language in ("yaml", "yml"):
        yaml.safe_load(text)
    elif language == "python":
        for statement in ast.walk(ast.parse(text)):
            if isinstance(statement, ast.ImportFrom):
                module = importlib.import_module(statement.module or "")
                assert all(hasattr(module, name.name) for name in statement.names), text


def _modules() -> list[str]:
    """Names of the modules with an example in them; packages are not imported to be found."""
    files = (path.relative_to(ROOT / "src") for path in (ROOT / "src/roar").rglob("*.py"))
    shown = (file for file in files if ">>> " in (ROOT / "src" / file).read_text(encoding="utf-8"))
    return sorted(".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in shown)


@pytest.mark.parametrize("name", _modules())
def test_examples_in_docstrings_give_what_they_show(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("name", [n for n in losses.__all__ if inspect.isfunction(getattr(losses, n))])
def test_every_loss_names_its_source(name: str) -> None:
    assert "References:" in (inspect.getdoc(getattr(losses, name)) or ""), name


@pytest.mark.parametrize("name", sorted(ranking._MEASURES))
def test_every_metric_names_its_source(name: str) -> None:
    """A measure, or the function that made it for given grades."""
    measure = ranking._MEASURES[name]
    maker = getattr(ranking, measure.__qualname__.split(".")[0])
    assert "References:" in (inspect.getdoc(maker) or ""), name


def test_every_page_is_in_the_site_and_every_name_it_refers_to_is_public() -> None:
    """What `make docs` would find, without building it."""
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        text, name = page.read_text(encoding="utf-8"), page.relative_to(ROOT / "docs").as_posix()
        assert f": {name}\n" in listed, f"{name} is not in mkdocs.yml"
        for reference in re.findall(r"\]\[(roar\.[\w.]+)\]|^::: (roar[\w.]*)$", text, re.MULTILINE):
            home, _, attribute = "".join(reference).rpartition(".")
            module = importlib.import_module(home)
            assert hasattr(module, attribute) or importlib.import_module(f"{home}.{attribute}"), reference
        for link in re.findall(r"\]\((?!https?:)([^)#\s]+)", text):
            assert (page.parent / link).exists(), f"{name}: {link}"


def test_the_table_of_results_is_the_stored_figures(tmp_path):
    """And one that says something else, or has no place for it, is found."""
    project = tmp_path / "project"
    for name in ("README.md", "docs/readme_tables.py", "docs/findings/simulated/overall.csv"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    check = [sys.executable, str(project / "docs/readme_tables.py"), "--check"]
    assert subprocess.run(check, check=False).returncode == 0
    page = (project / "README.md").read_text(encoding="utf-8")
    (project / "README.md").write_text(page.replace("| random | 0.3", "| random | 0.4"), encoding="utf-8")
    assert subprocess.run(check, check=False).returncode == 1
    subprocess.run(check[:2], check=True)
    assert (project / "README.md").read_text(encoding="utf-8") == page
