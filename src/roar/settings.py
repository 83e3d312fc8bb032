"""Kedro settings: where configuration comes from, and the hooks that guard a run."""

from kedro.config import OmegaConfigLoader

from roar.datasets.environment import environment_variable
from roar.hooks import DistributedHooks, OneWriterHooks, ProvenanceHooks, RunRecordHooks, WorkingFolderHooks

_provenance = ProvenanceHooks()
HOOKS = (OneWriterHooks(), _provenance, RunRecordHooks(_provenance), DistributedHooks(), WorkingFolderHooks())

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"oc.env": environment_variable},
}
