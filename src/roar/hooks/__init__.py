"""What happens around every run: the configuration is read and checked, one run writes, data have provenance, the run has a record."""

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
