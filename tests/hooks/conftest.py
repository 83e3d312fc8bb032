"""A small project of three environments: base, holt without globals of its own, and icecat."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from roar.hooks import ConfigLoader, ConfigurationHooks
from roar.settings import CONFIG_LOADER_ARGS

CATALOG = """\
_table: &table
  type: roar.datasets.table.Table
raw_products:
  <<: *table
  filepath: ${globals:data}/01_raw/products.parquet
raw_queries:
  <<: *table
  filepath: ${globals:data}/01_raw/queries.parquet
products:
  <<: *table
  filepath: ${globals:data}/03_primary/products.parquet
"{system}_scores":
  <<: *table
  filepath: ${globals:data}/07_model_output/{system}/scores.parquet
"""
PARAMETERS = """\
seed: ${globals:seed}
environment: ${globals:environment}
metrics: {page: 8, resamples: 700, seed: "${globals:seed}"}
stage2: {batch_size: 64, beta: 0.2}
evaluation: {depth: 50}
"""


class Project:
    """The project's folder, with what a test asks of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("conf/base/globals.yml", "seed: 11\ndata: data\nenvironment: base\n")
        self.write("conf/base/catalog/all.yml", CATALOG)
        self.write("conf/base/parameters/all.yml", PARAMETERS)
        self.write("conf/icecat/globals.yml", "seed: 11\ndata: data/icecat\nenvironment: icecat\n")
        self.write("conf/local/.gitkeep", "")
        self.write(
            "conf/holt/catalog/raw.yml",
            "raw_products:\n  type: roar.datasets.table.Table\n  filepath: shop.csv\n  read_only: true\n",
        )

    def write(self, path: str, text: str | bytes) -> None:
        """Write a file of the project."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())

    def loader(self, environment: str | None = "holt", **params: Any) -> ConfigLoader:
        """The loader of a run with `--params`."""
        nested = yaml.safe_load(yaml.safe_dump(params))
        return ConfigLoader(str(self.folder / "conf"), env=environment, runtime_params=nested, **CONFIG_LOADER_ARGS)

    def check(self, environment: str | None = "holt", **params: Any) -> None:
        """What the hook does before a run."""
        loader = self.loader(environment, **params)
        ConfigurationHooks().after_context_created(SimpleNamespace(config_loader=loader, project_path=self.folder))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
