"""The configuration as a whole: YAML equals the models' defaults, every dataset is in the catalog, kedro stays out of libraries."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.framework.project import configure_project, pipelines
from kedro.io import DataCatalog

from roar.hooks import ConfigLoader, ConfigurationHooks
from roar.parameters.blocks import BLOCKS
from roar.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ("base", "test", "spark", "esci", "icecat", "crowdflower", "homedepot", "wands")
WITH_KEDRO = ("pipelines", "datasets", "settings.py", "pipeline_registry.py", "__main__.py", "cli.py", "hooks")


@pytest.fixture(scope="module", autouse=True)
def project():
    configure_project("roar")


def loader(environment: str, monkeypatch) -> ConfigLoader:
    monkeypatch.setenv("ROAR_REAL_DATA", "somewhere")
    return ConfigLoader(str(ROOT / "conf"), env=environment, **CONFIG_LOADER_ARGS)


@pytest.mark.parametrize("block", BLOCKS)
def test_base_yaml_repeats_the_defaults_of_its_model(block, monkeypatch):
    written = loader("base", monkeypatch)["parameters"][block]
    assert BLOCKS[block].model_validate(written) == _with_globals(BLOCKS[block], written)
    named = {field.alias or name for name, field in BLOCKS[block].model_fields.items()}
    missing = named - written.keys()
    assert not missing, f"conf/base/parameters says nothing of {block}: {sorted(missing)}"


def _with_globals(model, written):
    """The defaults, but for the values that base takes from globals.yml, and for what has no default: the studies."""
    declared = {key for key, field in model.model_fields.items() if field.is_required()}
    shared = {key: written[key] for key in {"environment", "seed"} | declared if key in written}
    return model(**shared)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_has_valid_parameters(environment, monkeypatch):
    written = loader(environment, monkeypatch)["parameters"]
    assert set(BLOCKS) | {"seed", "environment"} == set(written), "a block without a model, or a model without a block"
    for block, model in BLOCKS.items():
        model.model_validate(written[block])
    assert written["environment"] == environment


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_passes_the_check_before_a_run(environment, monkeypatch):
    context = SimpleNamespace(config_loader=loader(environment, monkeypatch), project_path=ROOT)
    ConfigurationHooks().after_context_created(context)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_dataset_of_every_pipeline_is_in_the_catalog(environment, monkeypatch):
    configuration = loader(environment, monkeypatch)
    catalog = DataCatalog.from_config(configuration["catalog"])
    used = set().union(*(pipeline.datasets() for pipeline in dict(pipelines).values()))
    missing = {name for name in used if not name.startswith("params:") and name != "parameters" and name not in catalog}
    assert used and not missing


@pytest.mark.parametrize("environment", [e for e in ENVIRONMENTS if e != "base"])
def test_environments_keep_their_data_apart(environment, monkeypatch):
    assert loader(environment, monkeypatch)["globals"]["data"] == f"data/{environment}"


def test_every_parameter_block_is_read_by_a_pipeline_or_by_a_command():
    read = {"params:serve"}.union(*(pipeline.inputs() for pipeline in dict(pipelines).values()))
    assert {f"params:{block}" for block in BLOCKS} <= read


def test_only_the_kedro_side_imports_kedro():
    offenders = []
    for path in (ROOT / "src" / "roar").rglob("*.py"):
        if path.relative_to(ROOT / "src" / "roar").parts[0] in WITH_KEDRO:
            continue
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else []
            names += [statement.module or ""] if isinstance(statement, ast.ImportFrom) else []
            offenders += [f"{path}: {name}" for name in names if name.split(".")[0].startswith("kedro")]
    assert not offenders


def test_a_plain_run_never_simulates():
    names = {node.name for node in pipelines["__default__"].nodes}
    assert "stage_2.align_grades" in names and not {node.name for node in pipelines["simulate"].nodes} & names
