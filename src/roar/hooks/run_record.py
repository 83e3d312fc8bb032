"""The run record: what was run, on what, with what, and what it took, written before and after every run."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from roar.hooks.distributed import first_process
from roar.hooks.provenance import ProvenanceHooks, stored
from roar.provenance import ABSENT
from roar.run_record import KeptRun, Record, peak_memory_mb, run_name, surroundings


class RunRecordHooks:
    """Writes the dataset `run_record` before and after every run, and keeps runs that made metrics in `run_archive`.

    A run of a part updates the record: nodes and data that it did not touch keep what an earlier run said of them. A run
    that failed has a record without a time at which it finished. Kept are metrics that this run made, or that one made which
    was interrupted later, of the very same; what a run read although it was stale is noted.

    Args:
        provenance: knows what made the metrics.
    """

    def __init__(self, provenance: ProvenanceHooks) -> None:
        self._provenance = provenance
        self._record: Record = {}
        self._started: dict[str, float] = {}
        self._recorded = False

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
        self._recorded = "run_record" in catalog and not pipeline.all_outputs() & _COMPARED
        asked = {"pipelines": run_params.get("pipeline_names") or ["__default__"]}
        asked |= {name: run_params[name] for name in ("tags", "from_nodes", "to_nodes") if run_params.get(name)}
        before = (catalog.load("run_record") if self._recorded else None) or {}
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
        """Write the record, and keep the run if it made metrics that can be told from what."""
        made = self._provenance.record
        assert made is not None
        contents = {name: made.content(name) for name in stored(pipeline.inputs()) if name != ARCHIVE}
        self._record |= {"finished": _now(), "peak_memory_mb": peak_memory_mb(), "stale": self._provenance.read_stale}
        if (
            precision := sys.modules.get("roar.encoder.precision")
        ) is not None:  # without an encoder nothing is decided
            self._record["machine"] |= {"precision": precision.decisions()}
        self._record["data"] |= {name: content for name, content in contents.items() if content not in (None, ABSENT)}
        self._save(catalog)
        fresh = "metrics" in pipeline.all_outputs() and made.to_keep("metrics", self._provenance.makers)
        if self._recorded and first_process() and fresh:
            before = made.content(ARCHIVE)
            catalog.save(ARCHIVE, {run_name(self._record): self._kept(catalog)})
            made.follow(ARCHIVE, before, self._provenance.makers)
            made.kept("metrics")

    def _kept(self, catalog: CatalogProtocol) -> KeptRun:
        return KeptRun(self._record, catalog.load("metrics"), catalog.load("per_query_metrics"))

    def _save(self, catalog: CatalogProtocol) -> None:
        if self._recorded and first_process():
            catalog.save("run_record", json.loads(json.dumps(self._record, default=str)))


ARCHIVE = "run_archive"
_COMPARED = {"run_differences", "metric_differences", "gate_rules"}
"""A run that only compares records leaves them as they are."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
