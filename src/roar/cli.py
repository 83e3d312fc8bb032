"""`kedro run` with one change: what a person can mend is printed as one clear line, not as a traceback."""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from kedro.validation.exceptions import DataValidationError, ParameterValidationError

from roar.commands import index, search, serve
from roar.errors import InputError, did_you_mean

RUNNERS = ("SequentialRunner", "ParallelRunner", "ThreadRunner")
FOR_PEOPLE = (InputError, DataValidationError, ParameterValidationError)


@click.group(name="Roar")
def cli() -> None:
    """Commands of this project."""


def _plainly(function: Callable[..., Any] | None) -> Callable[..., Any]:
    assert function is not None

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            check_names(kwargs)
            return function(*args, **kwargs)
        except Exception as error:
            message = message_for_people(error)
            if message is None:
                raise
            logging.getLogger("roar").error(message)
            sys.exit(1)

    return call


def message_for_people(error: BaseException) -> str | None:
    """The message of the first error in the chain that is meant for a person, on one line; None where there is none."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, FOR_PEOPLE):
            return " ".join(str(link).split())
        link = link.__cause__ or link.__context__
    return None


def check_names(options: Mapping[str, Any]) -> None:
    """Refuse names of pipelines, nodes, tags and datasets that are not there, before anything else is looked at.

    Raises:
        InputError: names the option and what there is.
    """
    asked = [options["pipeline"]] if options.get("pipeline") else list(options.get("pipelines") or [])
    folders = (Path(__file__).parent / "pipelines").as_posix()
    _require("pipelines", asked, ["__default__", *(module.name for module in iter_modules([folders]))])
    if "." not in (runner := options.get("runner") or "SequentialRunner"):
        _require("runner", [runner], RUNNERS)
    narrowed = {option: list(options.get(option) or []) for option in _PARTS}
    if any(narrowed.values()):
        pipelines.set_requested(asked or None)
        whole = sum((pipelines[name] for name in asked or ["__default__"]), Pipeline([]))
        for option, names in narrowed.items():
            _require(option, names, _PARTS[option](whole))


_PARTS: dict[str, Callable[[Pipeline], Iterable[str]]] = {
    "node_names": lambda pipeline: {node.name for node in pipeline.nodes},
    "from_nodes": lambda pipeline: {node.name for node in pipeline.nodes},
    "to_nodes": lambda pipeline: {node.name for node in pipeline.nodes},
    "tags": lambda pipeline: {tag for node in pipeline.nodes for tag in node.tags},
    "namespaces": lambda pipeline: {node.namespace for node in pipeline.nodes if node.namespace},
    "from_inputs": lambda pipeline: pipeline.datasets(),
    "to_outputs": lambda pipeline: pipeline.datasets(),
}
"""Options that take a part of the pipelines -> what each can name."""


def _require(option: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            written = {"node_names": "nodes"}.get(option, option).replace("_", "-")
            raise InputError(f"--{written} {name}: {did_you_mean(name, known)}")


run = click.Command(
    "run",
    callback=_plainly(kedro_run.callback),
    params=kedro_run.params,
    help=kedro_run.help,
    short_help="Run the pipelines.",
)
cli.add_command(run)
cli.add_command(search)
cli.add_command(index)
cli.add_command(serve)
