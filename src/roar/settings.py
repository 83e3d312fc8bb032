"""Kedro settings: where configuration comes from, and the hooks that guard a run."""

from roar.datasets.environment import environment_variable
from roar.hooks import (
    ConfigLoader,
    ConfigurationHooks,
    DistributedHooks,
    ForecastHooks,
    OneWriterHooks,
    ProvenanceHooks,
    ResultHooks,
    RunRecordHooks,
    WorkingFolderHooks,
)

_provenance = ProvenanceHooks()
HOOKS = (
    ResultHooks(),
    ConfigurationHooks(),
    OneWriterHooks(),
    _provenance,
    RunRecordHooks(_provenance),
    ForecastHooks(),
    DistributedHooks(),
    WorkingFolderHooks(),
)

CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"oc.env": environment_variable},
}
