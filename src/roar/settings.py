"""Kedro settings: where configuration comes from, and the hooks that guard a run."""

from roar.datasets.environment import environment_variable
from roar.hooks import (
    ConfigLoader,
    ConfigurationHooks,
    DistributedHooks,
    ProvenanceHooks,
    ResultHooks,
    RunRecordHooks,
    WorkingFolderHooks,
)

HOOKS = (
    ResultHooks(),
    ConfigurationHooks(),
    ProvenanceHooks(),
    RunRecordHooks(),
    DistributedHooks(),
    WorkingFolderHooks(),
)

CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"oc.env": environment_variable},
}
