"""One check of the whole configuration before a run: parameters, catalog, and where the environment keeps its data."""

import inspect
import logging
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import AbstractDataset
from kedro.io.core import parse_dataset_definition
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

import roar.datasets
from roar.errors import InputError, did_you_mean, nearest
from roar.hooks.config_loader import LOCAL, ConfigLoader, environments
from roar.parameters import Evaluation, Reporting
from roar.parameters.blocks import check_parameters, control_characters

logger = logging.getLogger(__name__)

SIMULATED_ENVIRONMENTS = ("base", "test", "spark")
"""Environments whose raw tables the simulator writes."""

_KEDRO_KEYS = {
    "type",
    "metadata",
    "validator",
    "versioned",
    "credentials",
    "save_args",
    "load_args",
    "fs_args",
    "layer",
}
_ALIKE = 0.85


class ConfigurationHooks:
    """Refuses a configuration that names what is not there, before anything is read or written."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check everything that `conf/` says."""
        loader = context.config_loader
        if not isinstance(loader, ConfigLoader):
            return
        check_strays(loader)
        parameters = loader["parameters"]
        check_globals(loader, parameters)
        check_parameters(parameters)
        catalog, project = loader["catalog"], Path(context.project_path)
        check_catalog(catalog, loader)
        check_systems(parameters, catalog, project)
        check_folders(catalog, loader, project)


def check_strays(loader: ConfigLoader) -> None:
    """Refuse a file that nobody reads: what it says would go unheard.

    Raises:
        InputError: names the file and where it would be read.
    """
    if strays := loader.strays():
        raise InputError(
            f"{strays[0]} is read by nothing; files are globals.yml, catalog/….yml and parameters/….yml: rename or move it"
        )


def check_globals(loader: ConfigLoader, parameters: Mapping[str, Any]) -> None:
    """Refuse a global that nearly is another, and another environment's name as a parameter.

    Raises:
        InputError: names the global.
    """
    base, own = loader.stated("globals", loader.base_env), loader.stated("globals")
    for name in own.keys() - base.keys():
        if nearest(name, base, alike=_ALIKE):
            raise InputError(f"globals.yml of {loader.environment}: no global {name}; {did_you_mean(name, base)}")
    said = parameters.get("environment", loader.environment)
    if said != loader.environment:
        raise InputError(
            f"Parameters: environment is {said!r}, in a run of {loader.environment}; choose environments by --env"
        )


def check_catalog(catalog: Mapping[str, Any], loader: ConfigLoader) -> None:
    """Refuse an entry of an unknown class or with unknown options, and a name that nearly is another.

    Raises:
        InputError: names the entry, what is wrong, and what there is.
    """
    for place, what in control_characters(catalog):
        raise InputError(f"Catalog: {place} {what}, and write paths with / or in single quotes")
    base = loader.stated("catalog", loader.base_env)
    own = loader.stated("catalog")
    for name, entry in catalog.items():
        if fault := _entry_fault(name, entry):
            raise InputError(f"Catalog: {name}: {fault}")
        free = [known for known in base if known not in own and not known.startswith("_")]
        raw = name.startswith("raw_") and name not in base
        if name not in base and (raw or nearest(name, free, alike=_ALIKE)):
            known = [known for known in base if known.startswith("raw_")] if raw else free
            raise InputError(f"Catalog: no pipeline knows the dataset {name}; {did_you_mean(name, known, listed=12)}")


def _entry_fault(name: str, entry: Any) -> str | None:
    """What is wrong with an entry, from its class on; None where nothing is."""
    if not isinstance(entry, Mapping):
        return f"expected keys with values (type, filepath, …), not {str(entry)[:60]!r}"
    if not isinstance(entry.get("type"), str):
        return "no type; roar.datasets.table.Table reads parquet, CSV and TSV"
    try:
        kind, _ = parse_dataset_definition({key: value for key, value in entry.items() if key != "validator"})
    except Exception:
        return f"no dataset class {entry['type']}; {did_you_mean(entry['type'], _classes())}"
    known = _options(kind)
    for key, value in entry.items() if known else ():
        if key not in known and key not in _KEDRO_KEYS:
            return f"{entry['type']} has no option {key!r}; {did_you_mean(str(key), known)}"
        if key in known and (fault := _value_fault(known[key].annotation, value)):
            return f"option {key}: {fault}, not {str(value)[:60]!r}"
    missing = sorted(name for name, option in known.items() if option.default is option.empty and name not in entry)
    return f"{entry['type']} needs the option {missing[0]}" if missing else _class_fault(entry)


def _options(kind: type) -> dict[str, inspect.Parameter]:
    """The options that a dataset class takes; none where it takes any, as those of other projects may."""
    known: dict[str, inspect.Parameter] = {}
    for parent in kind.__mro__:
        if "__init__" not in vars(parent):
            continue
        parameters = list(inspect.signature(vars(parent)["__init__"]).parameters.values())[1:]
        named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        known |= {option.name: option for option in named}
        if len(named) == len(parameters):
            return known
    return {}


def _value_fault(annotation: Any, value: Any) -> str | None:
    """Why a value is none of an option's; None where it is, or where the option's type is not known."""
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return None
    try:
        TypeAdapter(annotation, config=ConfigDict(strict=True, arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError as error:
        return error.errors()[0]["msg"].replace("Input should be", "should be")
    except PydanticUserError:
        return None
    return None


def _class_fault(entry: Mapping[str, Any]) -> str | None:
    """A schema or validator that is not there."""
    validator = entry.get("validator")
    named = [entry.get("schema"), validator.get("class") if isinstance(validator, Mapping) else validator]
    for path in filter(None, named):
        module, _, name = str(path).rpartition(".")
        try:
            there = vars(import_module(module))
        except (ImportError, ValueError):
            return f"no module {module or path} for {path}"
        if name not in there:
            return f"no {path}; {did_you_mean(name, [other for other in there if other[:1].isupper() and not other.isupper()])}"
    return None


def _classes() -> list[str]:
    """The dataset classes of this project."""
    found = []
    for module in iter_modules(roar.datasets.__path__, "roar.datasets."):
        members = vars(import_module(module.name)).values()
        own = (m for m in members if isinstance(m, type) and m.__module__ == module.name)
        found += [f"{m.__module__}.{m.__name__}" for m in own if issubclass(m, AbstractDataset)]
    return found


def check_systems(parameters: Mapping[str, Any], catalog: Mapping[str, Any], project: Path) -> None:
    """Refuse a comparison with a system that no run can have: training would come first, and the error last.

    Raises:
        InputError: names the parameter and the systems that there are.
    """
    folder = catalog.get("external_runs", {}).get("filepath")
    external = [path.stem for path in (project / folder).glob("[!.]*")] if isinstance(folder, str) else []
    evaluation = Evaluation.model_validate(parameters.get("evaluation", {}))
    reporting = Reporting.model_validate(parameters.get("reporting", {}))
    shown = [name for pair in reporting.comparisons for name in (pair.baseline, pair.system)]
    asked = {
        "evaluation.baseline": [evaluation.baseline],
        "evaluation.comparisons": [name for pair in evaluation.comparisons for name in pair],
        "reporting.baseline": [reporting.baseline],
        "reporting.comparisons": shown,
    }
    known = [*evaluation.systems, *external]
    for parameter, names in asked.items():
        for name in names:
            if name not in known:
                raise InputError(
                    f"Parameters: {parameter} names {name}, which is no system; {did_you_mean(name, known)}"
                )


def check_folders(catalog: Mapping[str, Any], loader: ConfigLoader, project: Path) -> None:
    """Refuse a run that could write into another environment's data.

    Raises:
        InputError: names both environments and the folder.
    """
    data = str(loader["globals"]["data"])
    own = _absolute(project, data)
    written = {f"catalog {name}": _absolute(project, path) for name, path in _written(catalog)}
    if loader.environment in SIMULATED_ENVIRONMENTS:
        for what, path in written.items():
            if what.startswith("catalog raw_") and not path.is_relative_to(own):
                raise InputError(
                    f"{what}: {path} lies outside {data}, and `simulate` would write over it; set read_only: true, or bring "
                    "the shop as an environment of its own (docs/bring_your_own_data.md)"
                )
    for other, folder in _data_folders(loader, project):
        if own == folder or _in_layer(own, folder):
            raise InputError(
                f"globals.yml of {loader.environment}: data: {data} is the folder of the environment "
                f"{other}; leave the line out (data/{loader.environment}), or name another folder"
            )
        for what, path in written.items():
            if _in_layer(path, folder) and not path.is_relative_to(own):
                raise InputError(
                    f"{what}: {path.relative_to(project) if path.is_relative_to(project) else path} is data of the "
                    f"environment {other}; start the path with ${{globals:data}}, or set read_only: true"
                )


def _written(catalog: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, entry in catalog.items():
        path = entry.get("filepath")
        if isinstance(path, str) and "://" not in path and not entry.get("read_only"):
            yield name, path


def _data_folders(loader: ConfigLoader, project: Path) -> Iterator[tuple[str, Path]]:
    """The other environments and their data folders."""
    for other in environments(Path(loader.conf_source)):
        if other in (loader.environment, LOCAL):
            continue
        try:
            yield other, _absolute(project, loader.data_of(other))
        except Exception as error:
            logger.debug("globals of %s: %s", other, error)  # its own run will say so


def _in_layer(path: Path, folder: Path) -> bool:
    """Whether a path is one of the layers of a data folder, or lies in one."""
    return path.is_relative_to(folder) and path != folder and path.relative_to(folder).parts[0][:1].isdigit()


def _absolute(project: Path, path: str) -> Path:
    return (project / path).resolve()
