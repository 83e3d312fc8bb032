"""What made the data on disk: provenance, which warns when a run builds on data of other parameters, and run records.

`--only-missing-outputs` and partial runs read what an earlier run left. If the parameters have changed since, the result
mixes two configurations; that is sometimes meant, and never to go unsaid.
"""

import json
import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pydantic import BaseModel

from roar.datasets.atomic import replaced_file
from roar.run_record import KeptRun, Record, fingerprint, peak_memory_mb, run_name, surroundings

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
    def after_node_run(self, node: Node, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Record the node's parameters, and what its inputs depended on, for each of its outputs."""
        behind: dict[str, Any] = {}
        for name in node.inputs:
            behind |= self._records.get(name, {})
        behind |= {
            name.removeprefix("params:"): _plain(inputs[name]) for name in node.inputs if name.startswith("params:")
        }
        for name in node.outputs:
            self._records[name] = behind
        if self._path is not None:
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


class DistributedHooks:
    """One run over many processes (`torchrun -m kedro run`): all compute, the first writes, and all wait until it has.

    Without a launcher there is one process, and nothing changes.
    """

    @hook_impl
    def before_node_run(self, node: Node, catalog: CatalogProtocol) -> None:
        """Let all processes but the first keep what this node makes to themselves."""
        if not first_process():
            for name in node.outputs:
                catalog[name].save = _written_by_the_first

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Nobody reads what is not written yet."""
        if launched_processes() > 1:
            from roar.training.distributed import meet  # loads torch, which a run of one process may do without

            meet()


def launched_processes() -> int:
    """How many processes a launcher started; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def first_process() -> bool:
    """Whether this is the process that writes."""
    return os.environ.get("RANK", "0") == "0"


def _written_by_the_first(_: Any) -> None:
    """Stands in for a dataset's save."""


class RunRecordHooks:
    """Writes the dataset `run_record` before and after every run, and keeps runs that made metrics in `run_archive`.

    A run of a part updates the record: nodes and data that it did not touch keep what an earlier run said of them. A run
    that failed has a record without a time at which it finished.
    """

    def __init__(self) -> None:
        self._record: Record = {}
        self._started: dict[str, float] = {}
        self._kept = False

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note the configuration, as it is written."""
        parameters = context.config_loader["parameters"]
        self._record = {
            "environment": context.config_loader["globals"]["environment"],
            "seed": parameters.get("seed"),
            "parameters": parameters,
            **surroundings(Path(context.project_path)),
        }

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Note what was asked for."""
        self._kept = "run_record" in catalog and not pipeline.all_outputs() & _COMPARED
        asked = {"pipelines": run_params.get("pipeline_names") or ["__default__"]}
        asked |= {name: run_params[name] for name in ("tags", "from_nodes", "to_nodes") if run_params.get(name)}
        before = (catalog.load("run_record") if self._kept else None) or {}
        earlier = {name: before.get(name, {}) for name in ("nodes", "data")}
        self._record |= {"asked": asked, "started": _now(), "finished": None, **earlier}
        self._save(catalog)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the clock."""
        self._started[node.name] = time.perf_counter()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Note a node's time and the memory held so far."""
        seconds = round(time.perf_counter() - self._started[node.name], 3)
        self._record["nodes"][node.name] = {"seconds": seconds, "peak_memory_mb": peak_memory_mb(), "finished": _now()}

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Write the record, and keep the run if it made metrics."""
        self._record |= {"finished": _now(), "peak_memory_mb": peak_memory_mb()}
        self._record["data"] |= _fingerprints(pipeline, catalog)
        self._save(catalog)
        if self._kept and first_process() and "metrics" in pipeline.all_outputs():
            catalog.save("run_archive", {run_name(self._record): KeptRun(self._record, catalog.load("metrics"))})

    def _save(self, catalog: CatalogProtocol) -> None:
        if self._kept and first_process():
            catalog.save("run_record", json.loads(json.dumps(self._record, default=str)))


_RECORDS = {"run_record", "run_archive", "parameters"}
_COMPARED = {"run_differences", "metric_differences"}
"""A run that only compares records leaves them as they are."""


def _fingerprints(pipeline: Pipeline, catalog: CatalogProtocol) -> dict[str, str]:
    """Fingerprints of the files and folders that a run read and did not make itself."""
    found = {}
    for name in sorted(pipeline.inputs()):
        path = Path(str(getattr(catalog.get(name), "_path", None) or getattr(catalog.get(name), "_filepath", "")))
        if not name.startswith("params:") and name not in _RECORDS and path.name and path.exists():
            found[name] = fingerprint(path)
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


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
