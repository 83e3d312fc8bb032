"""What happens around every run: one writer, provenance of the data, the run record, several processes, unfinished work."""

from roar.hooks.distributed import DistributedHooks
from roar.hooks.one_writer import OneWriterHooks
from roar.hooks.provenance import ProvenanceHooks
from roar.hooks.run_record import RunRecordHooks
from roar.hooks.working_folders import WorkingFolderHooks

__all__ = ["DistributedHooks", "OneWriterHooks", "ProvenanceHooks", "RunRecordHooks", "WorkingFolderHooks"]
