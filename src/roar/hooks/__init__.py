"""What happens around every run: provenance of the data, the run record, several processes, unfinished work."""

from roar.hooks.distributed import DistributedHooks
from roar.hooks.provenance import ProvenanceHooks
from roar.hooks.run_record import RunRecordHooks
from roar.hooks.working_folders import WorkingFolderHooks

__all__ = ["DistributedHooks", "ProvenanceHooks", "RunRecordHooks", "WorkingFolderHooks"]
