"""Boxes of the graph: every node stands in one, and every box opens into at most fifteen.

A box is a Kedro namespace for nodes alone. Datasets keep their flat names: what is on disk, and what a catalog names, does not
depend on how the graph is drawn. Boxes nest by dots: "report.data" is the box of the data inside the report's.
"""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline

MOST = 15
"""Boxes and nodes that a box, or the whole graph, opens into."""

_TAGS = {"report": "report", "experiment": "experiment"}
"""Outermost box -> tag of its nodes; all others are the method."""


def box(name: str, nodes: Iterable[Node | Pipeline]) -> Pipeline:
    """The nodes in a box of that name, tagged by the outermost box: `method`, `report` or `experiment`.

    Args:
        name: of the box; dots nest.
        nodes: nodes, and pipelines that may have boxes of their own.
    """
    tag = _TAGS.get(name.split(".", maxsplit=1)[0], "method")
    return Pipeline(list(nodes), namespace=name, tags=tag, prefix_datasets_with_namespace=False)
