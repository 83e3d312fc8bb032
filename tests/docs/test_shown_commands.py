"""Every command that the pages show can be typed: its pipelines, environments, parameters, options, targets and addresses are there."""

import importlib
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click
import pytest
from fences import ROOT, commands
from kedro.framework.cli.utils import _split_params
from kedro.framework.startup import bootstrap_project

from roar.cli import cli, resolved_names
from roar.commands import released
from roar.errors import InputError
from roar.parameters.blocks import BLOCKS, VALUES, check_parameters
from roar.service import Settings, create_app, recording

COMMANDS = commands()
EXAMPLE_SHOPS = {"holt", "lamps"}
RECIPES = {"stage2.alignment.loss=hinge": "stage2.alignment.loss=roar"}
"""What is there once a recipe of CONTRIBUTING.md is followed, and what stands for it before."""

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
KINDS = ["kedro", "roar", "make", "curl", "python", "torchrun", "pip"]


@pytest.mark.parametrize("command", [pytest.param(text, id=place) for place, text in COMMANDS])
def test_every_command_names_what_there_is(command: str) -> None:
    for words in _split(shlex.split(command, comments=True)):
        _CHECKS[Path(words[0]).name](words)


def test_commands_of_every_kind_were_found() -> None:
    first = [Path(shlex.split(text, comments=True)[0]).name for _, text in COMMANDS]
    assert all(first.count(kind) for kind in KINDS), first
    assert first.count("kedro") > 50 and first.count("roar") > 15 and len(COMMANDS) > 120


@pytest.mark.parametrize(
    "command",
    [
        "kedro run --pipelines evaluations",
        "kedro run --env atlantis",
        "kedro run --params stage2.betta=1",
        "kedro run --pipelines evaluation --nodes tuning",
        "kedro run --only-missing",
        "roar search shoe --top 3",
        "roar index vacuum",
        "make tests",
        "make run ENVIRONMENT=esci",
        "curl 'http://127.0.0.1:8000/find?q=shoe'",
        "curl 'http://127.0.0.1:8000/search?q=shoe&top=3'",
        'curl localhost:8000/events -d \'{"request_id": "a", "product": "p"}\'',
        "python benchmarks/nothing.py",
        "python benchmarks/gpu.py --small",
        "pip install '.[gpu]'",
        "conda install roar",
    ],
)
def test_a_command_that_is_wrong_is_found(command: str) -> None:
    with pytest.raises((AssertionError, KeyError, OSError, click.ClickException, InputError)):
        test_every_command_names_what_there_is(command)


def _split(words: list[str]) -> list[list[str]]:
    """`a && b` as two commands."""
    place = words.index("&&") if "&&" in words else len(words)
    return [words[:place], *(_split(words[place + 1 :]) if place < len(words) else [])]


def _kedro(words: list[str]) -> None:
    assert words[1] == "run", words
    context = cli.commands["run"].make_context(
        "run", [RECIPES.get(word, word) for word in words[2:]]
    )  # options that there are, values of their types
    options = context.params
    bootstrap_project(ROOT)
    resolved_names(options)
    assert (options["env"] or "base") in {path.name for path in (ROOT / "conf").iterdir()} | EXAMPLE_SHOPS
    given = options["params"] if isinstance(options["params"], dict) else _split_params(None, None, options["params"])
    assert set(given) <= {*BLOCKS, *VALUES}, given
    check_parameters({name: value for name, value in given.items() if name != "ingestion"})  # a mapping is a shop's own


def _roar(words: list[str]) -> None:
    group, arguments = released, words[1:]
    while isinstance(group, click.Group) and arguments:
        assert arguments[0] in group.commands, f"there is no {arguments[0]}"
        group, arguments = group.commands[arguments[0]], arguments[1:]
    try:
        group.make_context("roar", list(arguments))
    except click.MissingParameter:
        assert not arguments, "a command that is only named needs no arguments, others do"


def _make(words: list[str]) -> None:
    for word in words[1:]:
        name, value, _ = word.partition("=")
        assert re.search(rf"^{name} [?:]?= " if value or "=" in word else rf"^{name}:", MAKEFILE, re.MULTILINE), word


@cache
def _description() -> dict[str, Any]:
    """OpenAPI of a service that keeps a log."""
    return create_app(Settings(release=Path("release")), routers=[recording.router]).openapi()


def _curl(words: list[str]) -> None:
    """Path, query parameters and fields of the body are in the service's description of itself."""
    address = next(word for word in words[1:] if "localhost" in word or "127.0.0.1" in word)
    parts = urlsplit(address if "//" in address else f"http://{address}")
    described = _description()
    assert parts.path in described["paths"], parts.path
    body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
    operation = described["paths"][parts.path]["post" if body else "get"]
    known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    assert {name for name, _ in parse_qsl(parts.query)} <= known
    if body:
        model = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        schema = described["components"]["schemas"][model]
        assert set(schema.get("required", [])) <= set(body) <= set(schema["properties"]), model


def _python(words: list[str]) -> None:
    if words[1] == "-m":
        assert importlib.util.find_spec(words[2]), words[2]
        return
    script = ROOT / words[1]
    source = script.read_text(encoding="utf-8")
    assert all(f'"{word}"' in source for word in words[2:] if word.startswith("--")), words


def _torchrun(words: list[str]) -> None:
    _kedro(words[words.index("kedro") :])


def _pip(words: list[str]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for word in words[2:]:
        asked = re.fullmatch(r"\.\[([\w,]+)\]", word)
        assert not asked or set(asked[1].split(",")) <= set(extras), word
        assert asked or word in (".", "-e", "-c", "-q") or (ROOT / word).exists(), word


def _tool(words: list[str]) -> None:
    """A tool of the environment."""
    assert (Path(sys.executable).parent / Path(words[0]).name).exists(), words[0]


_CHECKS: dict[str, Callable[[list[str]], None]] = {
    "kedro": _kedro,
    "roar": _roar,
    "make": _make,
    "curl": _curl,
    "python": _python,
    "torchrun": _torchrun,
    "pip": _pip,
    "pre-commit": _tool,
    "export": lambda words: None,
}
