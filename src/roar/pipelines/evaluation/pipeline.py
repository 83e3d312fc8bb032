"""Evaluation: one sub-pipeline per system, in a namespace of its name, then all of them side by side.

encoder of every fold ──index──► product index ─────────┐
test queries, as typed and edited ──encode──► vectors ──run──► judged run, catalogue run ──judge──► scores, means, …
random, bm25 (tuned on validation queries) ──────run──┘                             │
hybrids: bm25's and stage 2's runs, fused ───────run──┘                             │
                                    stage 2's index, cut to the deployed dimension ─┤
queries that exclude something, searched for without it; stage 2's and the hybrid's runs, constrained ┤
further dimensions, encoders and external runs, looped over in one node ────────────┘
test queries written differently ──run──► edited runs ──judge──► robustness
scores and means of all systems ──► metrics, per-query metrics ──► comparisons
"""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline, node, pipeline

from roar.pipelines.boxes import box
from roar.pipelines.evaluation import constraining, judging, lexical, nodes, published

QUERIES = ["queries", "judgments", "query_splits"]
YARDSTICK = ["judgments", "query_splits", "query_slices", "products", "asked_attributes", "stated_attributes"]
VERDICT = ["scores", "means", "first_page", "coverage", "score_bins"]
RUNS = ["judged_run", "catalogue_run"]
EDITED = ["edited_judged_run", "edited_catalogue_run"]
SOUGHT = ["sought_queries", "edited_sought_queries"]
SHARED = {*QUERIES, *YARDSTICK, *SOUGHT, "edited_queries", "base_encoder", "stage1_encoder", "stage2_encoder"}
HELD_OUT = ["validation_judged_run", "validation_run"]
OWN = {*VERDICT, *RUNS, *EDITED, *HELD_OUT, "robustness", "tuning", "query_vectors", "index"}
"""A system's tables; outside its namespace they carry its name, because other nodes read them."""

VALIDATED = [f"{system}_validation_judged_run" for system in ("base", "stage1", "stage2", "stage2_deployed")]
"""Of the systems whose scores mean the same for every query."""

TOGETHER = {
    "per_query_metrics": "scores",
    "metrics": "means",
    "first_pages": "first_page",
    "run_coverage": "coverage",
    "score_distributions": "score_bins",
    "robustness": "robustness",
}
"""The dataset of all systems, and what each of them gives to it."""


def create_pipeline(**_: object) -> Pipeline:
    """Runs and metrics of all systems."""
    systems = {
        "random": [node(lexical.run_random, ["products", *QUERIES, "params:evaluation", "params:seed"], RUNS, name="run"),
                   _judge(judging.judge_system)],
        "bm25": _lexical(),
        "base": _encoded("base_encoder"),
        "stage1": _encoded("stage1_encoder", "earlier_index"),
        "stage2": [*_encoded("stage2_encoder", "earlier_index"), _validated()],
        "stage2_deployed": _truncated(),
        "hybrid_rrf": _fused(nodes.fuse_ranks, ["params:evaluation"]),
        "hybrid_sum": [_tuned(), _fused_validation(), *_fused(nodes.fuse_scores, ["tuning", "query_splits"])],
        "stage2_constrained": _constrained("stage2"),
        "hybrid_constrained": _constrained("hybrid_sum"),
    }  # fmt: skip
    # The index that is served belongs to no system's namespace: stage2 makes it, others read it.
    served = {
        "stage1": {"earlier_index": "base_index"},
        "stage2": {"index": "product_index", "earlier_index": "stage1_index"},
        "stage2_deployed": {"full_index": "product_index", "query_vectors": "stage2_query_vectors"},
    }
    parts = [_in_namespace(name, parts, served.get(name, {})) for name, parts in systems.items()]
    judged = box("evaluation", [*parts, _edited(), _further(), _together(list(systems))])
    return box("data_engineering", [_facts()]) + judged + box("evaluation.sought", _sought())


def _facts() -> Node:
    """What queries ask for and products state, by which all systems are measured."""
    attributes = ["asked_attributes", "stated_attributes"]
    return node(judging.read_attributes, ["queries", "judgments", "products"], attributes, name="read_attributes")


def _weighed() -> Node:
    """What constraints did to exact products."""
    inputs = [
        "stage2_judged_run",
        "stage2_constrained_judged_run",
        "queries",
        "products",
        "stated_attributes",
        "judgments",
    ]
    return node(constraining.weigh_reader, inputs, ["constraint_verdicts", "demoted_exact"], name="weigh_reader")


def _edited() -> Node:
    edit = ["queries", "products", "query_splits", "params:evaluation", "params:seed"]
    return node(lexical.edit_queries, edit, "edited_queries", name="edit_queries")


def _lexical() -> list[Node]:
    settings = ["params:encoder", "params:evaluation"]
    tune = ["products", *QUERIES, *settings]
    run = ["products", "queries", "judgments", "query_splits", "tuning", *settings]
    return [
        node(lexical.tune_lexical, tune, ["tuning", *HELD_OUT], name="tune"),
        *_run(lexical.run_bm25, run),
        _judge(judging.judge_system),
        _judge_edited(),
    ]


def _encoded(encoder: str, *earlier: str) -> list[Node]:
    index = [encoder, "products", "params:encoder", "params:evaluation", *earlier]
    asked = [encoder, "queries", "edited_queries", "query_splits", "params:encoder"]
    return [
        node(nodes.index_products, index, "index", name="index"),
        node(nodes.encode_queries, asked, "query_vectors", name="encode_queries"),
        *_searched(),
    ]


def _truncated() -> list[Node]:
    return [node(nodes.truncate_index, ["full_index", "params:evaluation"], "index", name="index"), *_searched()]


def _searched() -> list[Node]:
    inputs = ["query_vectors", "index", *QUERIES, "params:evaluation"]
    return [*_run(nodes.run_encoder, inputs), _validated_judged(), _judge(judging.judge_encoder), _judge_edited()]


def _validated_judged() -> Node:
    inputs = ["query_vectors", "index", *QUERIES]
    return node(nodes.validate_judged, inputs, "validation_judged_run", name="validate_judged")


def _validated() -> Node:
    inputs = ["query_vectors", "index", "queries", "query_splits", "params:evaluation"]
    return node(nodes.validate_encoder, inputs, "validation_run", name="validate")


def _tuned() -> Node:
    inputs = ["bm25_validation_run", "stage2_validation_run", "judgments", "params:evaluation"]
    return node(nodes.tune_fusion, inputs, "tuning", name="tune")


def _fused(fuse: Callable[..., Any], further: list[str]) -> list[Node]:
    return [*_fused_runs(fuse, further), _judge(judging.judge_system), _judge_edited()]


def _fused_runs(fuse: Callable[..., Any], further: list[str], of_which: str = "") -> list[Node]:
    """Both systems' runs made one; `of_which` names a part of their queries."""
    runs, edited = ([*_of(f"bm25{of_which}", of), *_of(f"stage2{of_which}", of)] for of in (RUNS, EDITED))
    return [node(fuse, [*runs, *further], RUNS, name="run"), node(fuse, [*edited, *further], EDITED, name="run_edited")]


def _fused_validation() -> Node:
    inputs = [*_of("bm25", HELD_OUT), *_of("stage2", HELD_OUT), "tuning"]
    return node(constraining.fuse_validation, inputs, HELD_OUT, name="validate")


def _constrained(system: str) -> list[Node]:
    """A system's runs under what queries ask for, with those of the queries that are searched for by another text."""
    runs, edited, held_out = ([*_of(system, of), *_of(f"{system}_sought", of)] for of in (RUNS, EDITED, HELD_OUT))
    read = ["products", "stated_attributes"]
    tune = [*held_out, "queries", *read, "judgments"]
    inputs = [*read, "tuning", "query_splits", "params:constraints"]
    return [
        node(constraining.tune_constraints, [*tune, "params:constraints"], "tuning", name="tune"),
        node(constraining.constrain_runs, [*runs, "queries", *inputs], RUNS, name="run"),
        node(constraining.constrain_runs, [*edited, "edited_queries", *inputs], EDITED, name="run_edited"),
        _judge(judging.judge_system),
        _judge_edited(),
    ]


def _sought() -> list[Node | Pipeline]:
    """Runs of the queries that exclude something, searched for without it: by BM25, by stage 2, and by both."""
    fused = [*_of("bm25_sought", HELD_OUT), *_of("stage2_sought", HELD_OUT), "tuning"]
    inputs = ["products", *QUERIES, "tuning", "params:encoder", "params:evaluation"]
    lexical_runs = [
        *_run(lexical.run_bm25, inputs),
        node(lexical.validate_lexical, inputs, HELD_OUT, name="validate"),
    ]
    searched = [
        *_run(nodes.run_encoder, ["query_vectors", "index", *QUERIES, "params:evaluation"]),
        _validated_judged(),
        _validated(),
    ]
    both = [
        *_fused_runs(nodes.fuse_scores, ["tuning", "query_splits"], "_sought"),
        node(constraining.fuse_validation, fused, HELD_OUT, name="validate"),
    ]
    instead = {"queries": "sought_queries", "edited_queries": "edited_sought_queries"}
    return [
        node(constraining.find_sought, ["queries", "edited_queries"], SOUGHT, name="find_sought"),
        _in_namespace("bm25_sought", lexical_runs, instead | {"tuning": "bm25_tuning"}),
        _in_namespace("stage2_sought", searched, instead | {"query_vectors": "stage2_query_vectors", "index": "product_index"}),
        _in_namespace("hybrid_sum_sought", both, {"tuning": "hybrid_sum_tuning"}),
    ]  # fmt: skip


def _run(function: Callable[..., Any], inputs: list[str]) -> list[Node]:
    """Runs of the test queries, as they are and written differently."""
    edited = ["edited_queries" if name == "queries" else name for name in inputs]
    return [node(function, inputs, RUNS, name="run"), node(function, edited, EDITED, name="run_edited")]


def _judge(function: Callable[..., Any]) -> Node:
    return node(function, [*RUNS, *YARDSTICK, "params:metrics"], VERDICT, name="judge")


def _judge_edited() -> Node:
    inputs = ["scores", *EDITED, "edited_queries", "judgments", "query_splits", "params:metrics"]
    return node(judging.judge_edited, inputs, "robustness", name="judge_edited")


def _in_namespace(name: str, parts: list[Node], served: dict[str, str]) -> Pipeline:
    """A system's nodes under its name; what all systems read, `served` and the system's tables keep flat names."""
    whole = Pipeline(parts)
    flat = {dataset: f"{name}_{dataset}" for dataset in OWN} | served
    given = {dataset: dataset for dataset in whole.inputs() if dataset in SHARED or dataset.endswith("_run")}
    return pipeline(
        whole,
        namespace=name,
        inputs=given | _those_in(served, whole.inputs()),
        outputs=_those_in(flat, whole.all_outputs()),
        parameters={name: name for name in whole.inputs() if name.startswith("params:")},
    )


def _of(system: str, runs: list[str]) -> list[str]:
    """A system's runs as they are named outside its namespace."""
    return [f"{system}_{run}" for run in runs]


def _those_in(names: dict[str, str], datasets: set[str]) -> dict[str, str]:
    return {inner: outer for inner, outer in names.items() if inner in datasets}


def _further() -> Pipeline:
    """Systems that YAML or a dropped file adds, looped over into partitions."""
    run = [
        "stage2_query_vectors",
        "product_index",
        "external_runs",
        "teacher_run",
        "products",
        "queries",
        "edited_queries",
    ]
    run += ["judgments", "query_splits", "params:encoder", "params:evaluation"]
    judge = ["further_runs", "edited_queries", *YARDSTICK, "params:evaluation", "params:metrics"]
    verdict = [f"further_{table}" for table in (*VERDICT, "robustness")]
    return box(
        "further",
        [
            node(nodes.run_further_systems, run, "further_runs", name="run_further_systems"),
            node(judging.judge_further_systems, judge, verdict, name="judge_further_systems"),
        ],
    )


def _together(systems: list[str]) -> Pipeline:
    """All systems' tables as one, and the paired comparisons."""
    compared = ["per_query_metrics", "query_slices", "params:evaluation", "params:metrics"]
    conventions = {"judgments": "judgments", "splits": "query_splits", "further": "further_runs"}
    conventions |= {"config": "params:evaluation", "settings": "params:metrics"}
    conventions |= {run: run for run in [*(f"{name}_judged_run" for name in systems), *VALIDATED]}
    collected = [
        node(
            judging.collect,
            {"further": f"further_{table}"}
            | {system: f"{system}_{table}" for system in systems if (system, table) != ("random", "robustness")},
            dataset,
            name=f"collect_{table}",
        )
        for dataset, table in TOGETHER.items()
    ]
    compare = node(judging.compare_systems, compared, "comparisons", name="compare_systems")
    publish = node(published.judge_as_published, conventions, "published_results", name="judge_as_published")
    return box("together", [*collected, compare, publish, _weighed()])
