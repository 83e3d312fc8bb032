"""Evaluation: one sub-pipeline per system, in a namespace of its name, then all of them side by side.

encoder of every fold ──index──► product index ──run──► judged run, catalogue run ──score──► scores, means
bm25, random ──────────────────────────────────run──┘
                                    stage2's index, cut to the deployed dimension ──run──► …
scores and means of all systems ──► metrics, per-query metrics ──► comparisons
"""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node, pipeline

from roar.pipelines.evaluation import nodes

QUERIES = ["queries", "judgments", "query_splits"]
SHARED = {"products", "query_slices", *QUERIES, "base_encoder", "stage1_encoder", "stage2_encoder"}
PARAMETERS = {"params:encoder", "params:evaluation", "params:metrics", "params:seed"}


def create_pipeline(**_: object) -> Pipeline:
    """Runs and metrics of all systems."""
    systems = {
        "random": _plain(nodes.run_random, ["products", *QUERIES, "params:evaluation", "params:seed"]),
        "bm25": _plain(nodes.run_bm25, ["products", *QUERIES, "params:encoder", "params:evaluation"]),
        "base": _indexed("base_encoder"),
        "stage1": _indexed("stage1_encoder"),
        "stage2": _indexed("stage2_encoder"),
        "stage2_deployed": _truncated("stage2_encoder"),
    }
    # The index that is served belongs to no system's namespace: stage2 makes it, stage2_deployed reads it.
    served = {"stage2": {"index": "product_index"}, "stage2_deployed": {"full_index": "product_index"}}
    parts = [_in_namespace(name, parts, served.get(name, {})) for name, parts in systems.items()]
    return sum(parts, Pipeline([])) + _together(list(systems))


def _plain(run: Callable[..., Any], inputs: list[str]) -> list[Node]:
    return [node(run, inputs, ["judged_run", "catalogue_run"], name="run"), _score(nodes.score_system)]


def _indexed(encoder: str) -> list[Node]:
    inputs = [encoder, "products", "params:encoder", "params:evaluation"]
    return [node(nodes.index_products, inputs, "index", name="index"), *_searched(encoder)]


def _truncated(encoder: str) -> list[Node]:
    return [node(nodes.truncate_index, ["full_index", "params:evaluation"], "index", name="index"), *_searched(encoder)]


def _searched(encoder: str) -> list[Node]:
    inputs = [encoder, "index", *QUERIES, "params:encoder", "params:evaluation"]
    return [node(nodes.run_encoder, inputs, ["judged_run", "catalogue_run"], name="run"), _score(nodes.score_encoder)]


def _score(function: Callable[..., Any]) -> Node:
    inputs = ["judged_run", "catalogue_run", "judgments", "query_splits", "query_slices", "params:metrics"]
    return node(function, inputs, ["scores", "means"], name="score")


def _in_namespace(name: str, parts: list[Node], served: dict[str, str]) -> Pipeline:
    """A system's nodes under its name; what all systems read, and `served`, keep their names."""
    whole = Pipeline(parts)
    outputs = {table: f"{name}_{table}" for table in ("scores", "means", "catalogue_run")} | served
    return pipeline(
        whole,
        namespace=name,
        inputs={dataset: dataset for dataset in SHARED & whole.inputs()} | _those_in(served, whole.inputs()),
        outputs=_those_in(outputs, whole.all_outputs()),
        parameters={parameter: parameter for parameter in PARAMETERS & whole.inputs()},
    )


def _those_in(names: dict[str, str], datasets: set[str]) -> dict[str, str]:
    return {inner: outer for inner, outer in names.items() if inner in datasets}


def _together(systems: list[str]) -> Pipeline:
    """All systems' tables as one, and the paired comparisons."""
    compared = ["per_query_metrics", "query_slices", "params:evaluation", "params:metrics"]
    return Pipeline(
        [
            node(nodes.collect, {s: f"{s}_scores" for s in systems}, "per_query_metrics", name="collect_scores"),
            node(nodes.collect, {s: f"{s}_means" for s in systems}, "metrics", name="collect_means"),
            node(nodes.compare_systems, compared, "comparisons", name="compare_systems"),
        ]
    )
