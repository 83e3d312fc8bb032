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
from roar.errors import GateError, InputError, did_you_mean

RUNNERS = ("SequentialRunner", "ParallelRunner", "ThreadRunner")
FOR_PEOPLE = (InputError, GateError, DataValidationError, ParameterValidationError)


@click.group(name="Roar")
def cli() -> None:
    """Commands of this project."""


def _plainly(function: Callable[..., Any] | None) -> Callable[..., Any]:
    assert function is not None

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **resolved_names(kwargs))
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


def resolved_names(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with names of nodes and namespaces in full: `render_page` is `report.render_page`, `stage2` `evaluation.stage2`.

    Raises:
        InputError: a pipeline, node, tag or dataset is not there, or a short name could be several; before anything else is
            looked at. Names the option and what there is.
    """
    asked = [options["pipeline"]] if options.get("pipeline") else list(options.get("pipelines") or [])
    folders = (Path(__file__).parent / "pipelines").as_posix()
    found = [module.name for module in iter_modules([folders]) if module.ispkg]
    _require("pipelines", asked, ["__default__", *found])
    if "." not in (runner := options.get("runner") or "SequentialRunner"):
        _require("runner", [runner], RUNNERS)
    narrowed = {option: list(options.get(option) or []) for option in _PARTS}
    resolved = dict(options)
    if any(narrowed.values()):
        pipelines.set_requested(asked or None)
        whole = sum((pipelines[name] for name in asked or ["__default__"]), Pipeline([]))
        for option, names in narrowed.items():
            known = sorted(_PARTS[option](whole))
            full = [_in_full(option, name, known) if option in _BOXED else name for name in names]
            _require(option, full, known)
            if full != names:
                resolved[option] = full
    return resolved


_BOXED = ("node_names", "from_nodes", "to_nodes", "namespaces")
"""Options whose names begin with those of boxes, which a person may leave out."""

_PARTS: dict[str, Callable[[Pipeline], Iterable[str]]] = {
    "node_names": lambda pipeline: {node.name for node in pipeline.nodes},
    "from_nodes": lambda pipeline: {node.name for node in pipeline.nodes},
    "to_nodes": lambda pipeline: {node.name for node in pipeline.nodes},
    "tags": lambda pipeline: {tag for node in pipeline.nodes for tag in node.tags},
    "namespaces": lambda pipeline: {box for node in pipeline.nodes for box in node.namespace_prefixes if box},
    "from_inputs": lambda pipeline: pipeline.datasets(),
    "to_outputs": lambda pipeline: pipeline.datasets(),
}
"""Options that take a part of the pipelines -> what each can name."""


def _in_full(option: str, name: str, known: Iterable[str]) -> str:
    """The one known name that is `name` or ends in it; `name` itself where there is none."""
    whole = [one for one in known if one == name] or [one for one in known if one.endswith(f".{name}")]
    if len(whole) > 1:
        raise InputError(f"--{_written(option)} {name}: could be {', '.join(whole)}; give one of them in full")
    return whole[0] if whole else name


def _require(option: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            if option in _BOXED and "." not in name:  # as short as it was written
                known = [one.rpartition(".")[2] for one in known]
            raise InputError(f"--{_written(option)} {name}: {did_you_mean(name, known)}")


def _written(option: str) -> str:
    return {"node_names": "nodes"}.get(option, option).replace("_", "-")


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
