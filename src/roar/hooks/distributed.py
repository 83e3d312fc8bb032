"""One run over many processes: all compute, the first writes."""

import os
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node


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
        wait_for_all()


def wait_for_all() -> None:
    """Go on when every launched process is here."""
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
