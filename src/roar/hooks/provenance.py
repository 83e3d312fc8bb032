"""A run never mixes, in silence, what was made from different things.

`--only-missing-outputs` makes again what is stale as well as what is missing, and so ends where a full run would; Kedro itself
asks for existence alone. A run of a part that reads what is stale says so by name, and so does its record.
"""

import inspect
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from roar.datasets.logged_table import LoggedTable
from roar.datasets.working_folder import WorkingFolder
from roar.hooks.distributed import first_process, wait_for_all
from roar.parameters.blocks import unread
from roar.provenance import Maker, Provenance

logger = logging.getLogger(__name__)

RECORD = "run_record"
"""Written before and after every run, and no part of what was made."""


class ProvenanceHooks:
    """Keeps `<data>/provenance/` up to date, and compares before a run."""

    def __init__(self) -> None:
        self._folder = Path()
        self._parameters: dict[str, Any] = {}
        self._contents: dict[str, dict[str, str]] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._again: set[str] = set()
        self.record: Provenance | None = None
        self.makers: dict[str, Maker] = {}
        self.read_stale: dict[str, str] = {}
        """What this run reads although it would be made differently now, with the reasons."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Find the record of this environment's data."""
        self._folder = Path(context.project_path) / context.config_loader["globals"]["data"] / "provenance"
        self._parameters = context.config_loader["parameters"]

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Name what is stale; where only what is missing is asked for, let Kedro take it for missing."""
        self.record = Provenance(self._folder, self._parameters, partial(locate, catalog), writes=first_process())
        self.makers = _makers(pipeline)
        stale = self.record.stale(stored(self.makers), self.makers) if run_params.get("only_missing_outputs") else {}
        _say(stale, "made again are %s")
        self._again = set(stale)
        # The one question that Kedro asks of an output, whichever class of catalog the runner brings.
        catalog.exists = _ExistsAndIsCurrent(catalog, self._again)  # type: ignore[method-assign, assignment]
        self.read_stale = self.record.stale(stored(pipeline.inputs()))
        _say(self.read_stale, "this run reads the old %s; run what makes them first, if the new are meant")
        if changed := self.record.by_other_hands(stored(pipeline.inputs())):
            _say(
                dict.fromkeys(changed, "changed by other hands since a node made them"), "this run reads %s as they are"
            )
            self.read_stale |= dict.fromkeys(changed, "changed by other hands")
        wait_for_all()  # the first of several processes writes later what all decide by here

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Note what the node reads: the contents of datasets, the values of parameters."""
        if self.record is not None and first_process():
            blocks = {name.removeprefix("params:"): inputs[name] for name in node.inputs if name.startswith("params:")}
            self._values[node.name] = blocks
            read = [name for name in stored(node.inputs) if name not in unread(blocks)]
            contents = {name: self.record.content(name) for name in read}
            self._contents[node.name] = {name: content for name, content in contents.items() if content is not None}

    @hook_impl(tryfirst=True)
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Record them once the data are on disk: what could not be saved is still what it was."""
        self._again.discard(dataset_name)
        if self.record is not None and first_process():
            self.record.record(dataset_name, _maker(node), self._contents[node.name], self._values[node.name])

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Name what was left although its inputs, made again, came out differently."""
        assert self.record is not None
        some = bool(run_params.get("only_missing_outputs"))
        if "ParallelRunner" in str(run_params.get("runner")):
            self._record_all(pipeline, catalog, some)
        elif some:
            _say(self.record.stale(stored(self.makers), self.makers), "still to be made again are %s")

    def _record_all(self, pipeline: Pipeline, catalog: CatalogProtocol, some: bool) -> None:
        """Record what processes with hooks of their own made, when all is done; `some` leaves alone what was current."""
        assert self.record is not None
        for node in pipeline.nodes:
            made = self.record.stale(stored(node.outputs), self.makers) if some else node.outputs
            if made:
                parameters = {name: catalog.load(name) for name in node.inputs if name.startswith("params:")}
                self.before_node_run(node, parameters)
                for name in made:
                    self.after_dataset_saved(name, node)


class _ExistsAndIsCurrent(NamedTuple):
    """Stands in for `catalog.exists`; goes with the catalog to the processes of Kedro's ParallelRunner."""

    catalog: CatalogProtocol
    stale: set[str]

    def __call__(self, name: str) -> bool:
        return name not in self.stale and type(self.catalog).exists(self.catalog, name)


def locate(catalog: CatalogProtocol, dataset: str) -> Sequence[Path] | None:
    """Files and folders of a dataset; None for one without content of its own: in memory, remote, or unfinished work."""
    found = catalog.get(dataset)
    if isinstance(found, LoggedTable):
        return found.paths
    path = getattr(found, "_path", None) or getattr(found, "_filepath", None)
    if path is None or getattr(found, "_protocol", "file") != "file" or isinstance(found, WorkingFolder):
        return None
    path = Path(str(path))
    return sorted(path.parent.glob(path.name)) if "*" in path.name else [path]


def _makers(pipeline: Pipeline) -> dict[str, Maker]:
    return {name: _maker(node) for node in pipeline.nodes for name in node.outputs}


def _maker(node: Node) -> Maker:
    function = inspect.unwrap(getattr(node.func, "func", node.func))
    return Maker(f"{function.__module__}:{function.__qualname__}", tuple(node.inputs))


def stored(names: Iterable[str]) -> list[str]:
    """Those that are data: no parameters, and not the record of the run itself."""
    return [name for name in names if not name.startswith("params:") and name not in ("parameters", RECORD)]


def _say(stale: dict[str, str], consequence: str) -> None:
    for reason in dict.fromkeys(stale.values() if first_process() else ()):
        names = ", ".join(name for name, why in stale.items() if why == reason)
        logger.warning("%s: %s.", reason, consequence % names)
