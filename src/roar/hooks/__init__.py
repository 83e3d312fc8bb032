"""What happens around every run: one writer, its forecast, provenance of the data, the run record, several processes, unfinished work."""

from roar.hooks.distributed import DistributedHooks
from roar.hooks.forecast import ForecastHooks
from roar.hooks.one_writer import OneWriterHooks
from roar.hooks.provenance import ProvenanceHooks
from roar.hooks.run_record import RunRecordHooks
from roar.hooks.working_folders import WorkingFolderHooks

__all__ = [
    "DistributedHooks",
    "ForecastHooks",
    "OneWriterHooks",
    "ProvenanceHooks",
    "RunRecordHooks",
    "WorkingFolderHooks",
]
