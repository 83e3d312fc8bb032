"""The graph that Kedro-Viz draws reads as the method: few boxes at every level, layers in one order, something to see in each."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from kedro_viz.constants import ROOT_MODULAR_PIPELINE_ID as ROOT
from kedro_viz.data_access import DataAccessManager
from kedro_viz.integrations.kedro.data_loader import load_data
from kedro_viz.models.flowchart.model_utils import GraphNodeType
from kedro_viz.services.layers import sort_layers

from roar.pipelines.boxes import MOST

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, dict[str, Any], DataAccessManager]:
    """The project as Kedro-Viz loads it: catalog, pipelines, and what it would draw."""
    catalog, pipelines, extras = load_data(PROJECT, "base")
    manager = DataAccessManager()
    manager.add_catalog(catalog, pipelines)
    manager.add_node_extras(extras)
    manager.add_pipelines(pipelines)
    return catalog, pipelines, manager


def test_the_graph_opens_on_the_method(loaded) -> None:
    tree = loaded[2].create_modular_pipelines_tree_for_registered_pipeline("__default__")
    opened = {child.id for child in tree[ROOT].children if child.type == GraphNodeType.MODULAR_PIPELINE}
    assert opened == {"data_engineering", "stage_1", "stage_2", "evaluation", "release", "experiment", "report"}
    assert not [child for child in tree[ROOT].children if child.type == GraphNodeType.TASK]


def test_every_level_of_every_pipeline_has_few_boxes(loaded) -> None:
    _, pipelines, manager = loaded
    for name in pipelines:
        tree = manager.create_modular_pipelines_tree_for_registered_pipeline(name)
        levels = {
            level: sum(child.type in (GraphNodeType.TASK, GraphNodeType.MODULAR_PIPELINE) for child in box.children)
            for level, box in tree.items()
        }
        assert levels and all(0 < count <= MOST for count in levels.values()), (name, levels)


def test_every_node_stands_in_a_box_and_is_tagged_and_described(loaded) -> None:
    for pipeline in loaded[1].values():
        for node in pipeline.nodes:
            assert node.namespace and len(node.tags & {"method", "report", "experiment"}) == 1, node.name
            assert (node.func.__doc__ or "").strip(), f"{node.name}: its function says nothing"


def test_only_hand_over_datasets_lie_between_boxes_and_all_names_are_flat(loaded) -> None:
    """A section or a chart lies in the report's box: nothing outside makes or reads one."""
    for pipeline in loaded[1].values():
        assert not {name for name in pipeline.datasets() if "." in name and not name.startswith("params:")}
        outside = pipeline - pipeline.filter(tags=["report"]) if "report" in tags(pipeline) else pipeline
        made = {name for node in outside.nodes for name in node.outputs}
        assert not {name for name in made if name.endswith(("_section", "_chart"))} - {"experiment_plan_chart"}


def tags(pipeline: Any) -> set[str]:
    return {tag for node in pipeline.nodes for tag in node.tags}


def test_no_two_boxes_lead_into_one_another(loaded) -> None:
    """Kedro-Viz draws no box whose products come back into it: at no level does a way lead out of a box and in again."""
    for name, pipeline in loaded[1].items():
        for depth in (1, 2, 3):
            leads = defaultdict(set)
            for node, parents in pipeline.node_dependencies.items():
                own = ".".join(node.name.split(".")[:depth])
                leads[own] |= {".".join(parent.name.split(".")[:depth]) for parent in parents} - {own}
            sort(leads, name)


def sort(leads: dict[str, set[str]], what: str) -> None:
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter(leads).prepare()
    except CycleError as error:
        pytest.fail(f"{what}: {error.args[1]}")


def test_layers_have_one_order(loaded) -> None:
    _, pipelines, manager = loaded
    for name in pipelines:
        nodes = {node.id: node for node in manager.get_nodes_for_registered_pipeline(name)}
        dependencies = manager.get_node_dependencies_for_registered_pipeline(name)
        assert sort_layers(nodes, dependencies), f"{name}: its layers lead into one another, none is drawn"


def test_every_dataset_has_a_layer_and_every_table_and_chart_a_preview(loaded) -> None:
    catalog, pipelines, _ = loaded
    for name in sorted(set().union(*(pipeline.datasets() for pipeline in pipelines.values()))):
        if name.startswith("params:") or name == "parameters":
            continue
        dataset = catalog.get(name)
        shown = (getattr(dataset, "metadata", None) or {}).get("kedro-viz", {})
        assert shown.get("layer"), f"{name}: no layer"
        if type(dataset).__name__ in ("Table", "OptionalTable"):
            assert shown.get("preview_args", {}).get("nrows"), f"{name}: no preview"
        if name.endswith("_chart"):
            assert hasattr(dataset, "preview"), f"{name}: no preview"
