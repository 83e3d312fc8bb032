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

import roar.datasets
from roar.errors import InputError, did_you_mean, nearest
from roar.hooks.config_loader import LOCAL, ConfigLoader, environments
from roar.parameters.blocks import check_parameters, control_characters

logger = logging.getLogger(__name__)

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
        check_globals(loader)
        check_parameters(loader["parameters"])
        catalog, project = loader["catalog"], Path(context.project_path)
        check_catalog(catalog, loader)
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


def check_globals(loader: ConfigLoader) -> None:
    """Refuse a global that nearly is another, and another environment's name as a parameter.

    Raises:
        InputError: names the global.
    """
    base, own = loader.stated("globals", loader.base_env), loader.stated("globals")
    for name in own.keys() - base.keys():
        if nearest(name, base, alike=_ALIKE):
            raise InputError(f"globals.yml of {loader.environment}: no global {name}; {did_you_mean(name, base)}")
    said = loader["parameters"].get("environment", loader.environment)
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
    known, needed = _options(kind)
    if known is None:
        return None
    for key in entry:
        if key not in known | _KEDRO_KEYS:
            return f"{entry['type']} has no option {key!r}; {did_you_mean(str(key), known)}"
    return f"{entry['type']} needs the option {sorted(needed - set(entry))[0]}" if needed - set(entry) else None


def _options(kind: type) -> tuple[set[str] | None, set[str]]:
    """The options that a dataset class takes, and those it needs; None where it takes any."""
    known: set[str] = set()
    needed: set[str] = set()
    for parent in kind.__mro__:
        if "__init__" not in vars(parent):
            continue
        parameters = list(inspect.signature(vars(parent)["__init__"]).parameters.values())[1:]
        named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        known |= {p.name for p in named}
        needed |= {p.name for p in named if p.default is p.empty}
        if len(named) == len(parameters):
            return known, needed
    return None, set()


def _classes() -> list[str]:
    """The dataset classes of this project."""
    found = []
    for module in iter_modules(roar.datasets.__path__, "roar.datasets."):
        members = vars(import_module(module.name)).values()
        own = (m for m in members if isinstance(m, type) and m.__module__ == module.name)
        found += [f"{m.__module__}.{m.__name__}" for m in own if issubclass(m, AbstractDataset)]
    return found


def check_folders(catalog: Mapping[str, Any], loader: ConfigLoader, project: Path) -> None:
    """Refuse a run that could write into another environment's data.

    Raises:
        InputError: names both environments and the folder.
    """
    own = _absolute(project, str(loader["globals"]["data"]))
    written = {f"catalog {name}": _absolute(project, path) for name, path in _written(catalog)}
    for other, folder in _data_folders(loader, project):
        if own == folder or _in_layer(own, folder):
            raise InputError(
                f"globals.yml of {loader.environment}: data: {loader['globals']['data']} is the folder of the environment "
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
