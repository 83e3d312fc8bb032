"""What made the data on disk: provenance, which warns when a run builds on data that other parameters made.

`--only-missing-outputs` and partial runs read what an earlier run left. If the parameters have changed since, the result
mixes two configurations; that is sometimes meant, and never to go unsaid.
"""

import json
import logging
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pydantic import BaseModel

from roar.files import replaced_file
from roar.hooks.distributed import first_process

logger = logging.getLogger(__name__)

Provenance = dict[str, dict[str, Any]]
"""Dataset name -> parameters that it depends on, its own node's and those of its inputs."""


class ProvenanceHooks:
    """Records the parameters behind each dataset in `<data>/provenance.json`, and compares before a run."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._parameters: dict[str, Any] = {}
        self._produced: set[str] = set()
        self._records: Provenance = {}
        self._behind: dict[str, Any] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Find the record of this environment's data."""
        self._path = Path(context.project_path) / context.config_loader["globals"]["data"] / "provenance.json"
        self._parameters = context.params

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Warn about every dataset on disk that this run may read and that other parameters made."""
        self._records = self._read()
        self._produced = pipeline.all_outputs()
        read = pipeline.inputs()
        if run_params.get("only_missing_outputs"):
            read = read | {name for name in pipeline.all_outputs() if name in self._records and catalog.exists(name)}
        stale = {name: changed for name in sorted(read) if (changed := self._changed(name))}
        if stale:
            names = sorted({parameter for changed in stale.values() for parameter in changed})
            logger.warning(
                "Parameters %s have changed since the data on disk were made (%s). Run the pipelines that make them, or delete "
                "the files, to use the new values.",
                ", ".join(names),
                ", ".join(stale),
            )

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Put together the node's parameters, and what its inputs depended on."""
        behind: dict[str, Any] = {}
        for name in node.inputs:
            behind |= self._records.get(name, {})
        behind |= {
            name.removeprefix("params:"): _plain(inputs[name]) for name in node.inputs if name.startswith("params:")
        }
        self._behind = behind

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Record them once the data are on disk: what could not be saved is still what it was."""
        self._records[dataset_name] = self._behind
        if self._path is not None and first_process():
            with replaced_file(self._path) as temporary:
                temporary.write_text(json.dumps(self._records, indent=1, sort_keys=True), encoding="utf-8")

    def _changed(self, dataset: str) -> list[str]:
        """Parameters recorded for a dataset whose value in the configuration is another now."""
        recorded = self._records.get(dataset, {})
        return [name for name, value in recorded.items() if not _same(value, self._parameters.get(name))]

    def _read(self) -> Provenance:
        if self._path is None or not self._path.is_file():
            return {}
        try:
            return json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError:
            logger.warning("%s is unreadable; what made the data on disk is not known.", self._path)
            return {}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _same(recorded: Any, configured: Any) -> bool:
    """Compare a recorded value with the configured one, which may leave out what has a default."""
    configured = _plain(configured)
    if isinstance(recorded, dict) and isinstance(configured, dict):
        return all(_same(recorded.get(key), value) for key, value in configured.items())
    if isinstance(recorded, list | tuple) and isinstance(configured, list | tuple):
        return len(recorded) == len(configured) and all(map(_same, recorded, configured))
    return recorded == configured
