"""What happens around every run: the configuration is read and checked, one run writes, data have provenance, the run has a record."""

from typing import TYPE_CHECKING

from roar.lazy import loader

if TYPE_CHECKING:
    from roar.hooks.config_loader import ConfigLoader
    from roar.hooks.configuration import ConfigurationHooks
    from roar.hooks.distributed import DistributedHooks
    from roar.hooks.forecast import ForecastHooks
    from roar.hooks.one_writer import OneWriterHooks
    from roar.hooks.provenance import ProvenanceHooks
    from roar.hooks.results import ResultHooks
    from roar.hooks.run_record import RunRecordHooks
    from roar.hooks.working_folders import WorkingFolderHooks

__all__ = [
    "ConfigLoader",
    "ConfigurationHooks",
    "DistributedHooks",
    "ForecastHooks",
    "OneWriterHooks",
    "ProvenanceHooks",
    "ResultHooks",
    "RunRecordHooks",
    "WorkingFolderHooks",
]

_HOMES = {
    "config_loader": ("ConfigLoader",),
    "configuration": ("ConfigurationHooks",),
    "distributed": ("DistributedHooks",),
    "forecast": ("ForecastHooks",),
    "one_writer": ("OneWriterHooks",),
    "provenance": ("ProvenanceHooks",),
    "results": ("ResultHooks",),
    "run_record": ("RunRecordHooks",),
    "working_folders": ("WorkingFolderHooks",),
}

__getattr__ = loader(__name__, _HOMES)  # a command that reads the configuration alone starts without the rest
