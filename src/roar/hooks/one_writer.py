"""One run at a time writes into a data folder."""

from pathlib import Path

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from roar.files import Lock
from roar.hooks.distributed import first_process


class OneWriterHooks:
    """Holds the lock of the environment's data folder from before a run's first look at it until after its last word.

    The first of several processes holds it for all. What only reads (Kedro-Viz, notebooks) needs none.
    """

    def __init__(self) -> None:
        self._lock: Lock | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Find the data folder."""
        self._data = Path(context.project_path) / context.config_loader["globals"]["data"]

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self) -> None:
        """Take the lock, or say who has it."""
        if first_process():
            self.release()
            self._lock = Lock(self._data)
            self._lock.take()

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Give it up."""
        self.release()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Give it up."""
        self.release()

    def release(self) -> None:
        """Give the lock up, where it is held."""
        if self._lock is not None:
            self._lock.release()
