"""Where a run's results lie: the path of what a person looks at is printed when the run ends."""

import logging
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from roar.hooks.distributed import first_process

logger = logging.getLogger(__name__)


class ResultHooks:
    """Prints the path of every output whose catalog entry says `shown_as` in its metadata."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Print them, once everything is on disk."""
        for name in sorted(pipeline.all_outputs()) if first_process() else []:
            dataset: Any = catalog.get(name)
            metadata = getattr(dataset, "metadata", None) or {}
            if "shown_as" in metadata:
                logger.info("%s: %s", metadata["shown_as"], getattr(dataset, "_path", name))
