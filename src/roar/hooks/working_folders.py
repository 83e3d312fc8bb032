"""Unfinished work is kept until what it led to is on disk."""

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node

from roar.datasets.working_folder import WorkingFolder
from roar.hooks.distributed import first_process


class WorkingFolderHooks:
    """Empties the working folders that a node read, once all its outputs are saved."""

    def __init__(self) -> None:
        self._folders: dict[str, WorkingFolder] = {}
        self._saved: set[str] = set()

    @hook_impl
    def before_node_run(self, node: Node, catalog: CatalogProtocol) -> None:
        """Find the node's working folders."""
        read = {name: catalog.get(name) for name in node.inputs if not name.startswith("params:")}
        self._folders = {name: folder for name, folder in read.items() if isinstance(folder, WorkingFolder)}
        self._saved = set()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Empty them after the last output."""
        self._saved.add(dataset_name)
        if first_process() and self._saved >= set(node.outputs):
            for folder in self._folders.values():
                folder.finish()
