"""Reading `conf/`: Kedro's loader, with errors that name file and line, and with merging that loses nothing unsaid.

Three rules beyond Kedro's. The environment is the name of its folder, and its data lie in `data/<environment>` unless its
own `globals.yml` says otherwise: the globals of `base` are those of `base`. `--params` changes the values it names, and
nothing else. And a block that an environment states replaces that of `base` as a whole (Kedro's merging, so that a
reader of the environment sees all that differs), but for values that `base` takes from the globals.
"""

import io
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from roar.errors import InputError, did_you_mean

BASE = "base"
LOCAL = "local"
"""A folder of one's own over `base`, not an environment: it has the data of `base`."""

_ENDINGS = {".yml", ".yaml", ".json"}
_OTHERS = ("logging*", "mlflow*", "spark*")
"""Files that plugins read."""


class ConfigLoader(OmegaConfigLoader):
    """Configuration of one environment over that of `base`."""

    def __init__(self, conf_source: str | Path, env: str | None = None, *args: Any, **settings: Any) -> None:
        """Describe the folders, and read the globals.

        Raises:
            InputError: there is no such environment, or its globals cannot be read.
        """
        self._conf = Path(conf_source)
        self._stated: dict[tuple[str, str], dict[str, Any]] = {}
        self._resolved: dict[str, dict[str, Any]] = {}
        if env and self._conf.is_dir() and not (Path(env).name == env and (self._conf / env).is_dir()):
            known = [name for name in environments(self._conf) if name != LOCAL]
            raise InputError(f"--env {env}: no folder {self._conf.name}/{env}; {did_you_mean(env, known)}")
        if not env and not (self._conf / LOCAL).is_dir():
            env = BASE  # a clone without the folder of one's own
        super().__init__(conf_source, env, *args, **settings)

    @property
    def environment(self) -> str:
        """The environment's name."""
        return BASE if (self.env or LOCAL) == LOCAL else str(self.env)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Kedro's, with errors for people; the files are read once.

        Raises:
            InputError: a file is no YAML, or refers to a value that is not there.
        """
        if key in self.data:
            return super().__getitem__(key)  # what a notebook has set
        if key not in self._resolved:
            try:
                config = super().__getitem__(key)
            except OmegaConfBaseException as error:
                raise _meant_for_people(error) or InputError(self._unresolved(key, error)) from error
            self._resolved[key] = self._with_facts(config) if key == "globals" else config
        return deepcopy(self._resolved[key])

    def stated(self, key: str, environment: str | None = None) -> dict[str, Any]:
        """What the environment's own files say, unresolved; not to be changed."""
        name = environment or self.env or self.default_run_env
        if (key, name) not in self._stated:
            parts = self._read_dir_configs(str(self._conf / name), self.config_patterns[key], key, set()).values()
            merged: Any = OmegaConf.to_container(OmegaConf.unsafe_merge(*parts), resolve=False) if parts else {}
            self._stated[key, name] = merged
        return self._stated[key, name]

    def strays(self) -> list[Path]:
        """Files of the environment's folder that nothing reads, by name."""
        folder = self._conf / (self.env or self.default_run_env)
        patterns = [*_OTHERS, *(pattern for patterns in self.config_patterns.values() for pattern in patterns)]
        read = {Path(path) for pattern in patterns for path in self._fs.glob(f"{folder.as_posix()}/{pattern}")}
        files = (path for path in folder.rglob("*") if path.suffix in _ENDINGS and path.is_file())
        return sorted(path for path in files if path not in read and not self._is_hidden(str(path)))

    def data_of(self, environment: str) -> str:
        """The folder that holds the data layers of an environment, as its globals say it."""
        stated = self.stated("globals", environment)
        return str(OmegaConf.to_container(OmegaConf.create(stated), resolve=True).get("data") or f"data/{environment}")  # type: ignore[union-attr]

    def _with_facts(self, config: dict[str, Any]) -> dict[str, Any]:
        stated = self.stated("globals") if self.environment != BASE else config
        if (said := stated.get("environment", self.environment)) != self.environment:
            raise InputError(
                f"{self._conf.name}/{self.env}/globals.yml says environment: {said}, in a folder that is called "
                f"{self.env}; an environment is its folder, take the line out or rename the folder"
            )
        data = config.get("data") if "data" in stated else None
        if data is not None and not (isinstance(data, str) and data.strip()):
            raise InputError(f"{self._conf.name}, globals.yml: data: expected the path of a folder, not {data!r}")
        return config | {"environment": self.environment, "data": data or f"data/{self.environment}"}

    def _merge_configs(self, config: dict[str, Any], env_config: dict[str, Any], key: str, env_path: str) -> Any:
        if key != "parameters":
            return super()._merge_configs(config, env_config, key, env_path)
        stated = self.stated(key)  # not the blocks that --params alone put there: `config` has them already
        own = {block: value for block, value in env_config.items() if block in stated}
        shared = [(path, _at(config, path)) for path in _from_globals(self.stated(key, self.base_env))]
        merged = super()._merge_configs(config, own, key, env_path)
        for path, value in shared:
            _fill(merged, path, value)
        return merged

    def _read_dir_configs(self, conf_path: str, *args: Any, **options: Any) -> dict[Path, DictConfig]:
        try:
            return super()._read_dir_configs(conf_path, *args, **options)
        except (YAMLError, OmegaConfBaseException, OSError, UnicodeError, ValueError, AttributeError) as error:
            files = sorted(path for path in Path(conf_path).rglob("*") if path.suffix in _ENDINGS and path.is_file())
            faults = (f"{path}{fault}" for path in files if (fault := _fault(path)))
            raise InputError(next(faults, " ".join(str(error).split()))) from error

    def _unresolved(self, key: str, error: OmegaConfBaseException) -> str:
        """What a `${...}` asks for that is not there, and what there is."""
        reason = (str(error).splitlines() or [""])[0].rstrip(".")
        name = next(iter(re.findall(r"'([^']*)'", reason)), reason.rpartition(" ")[2])
        if "interpolation type" in reason:
            known: list[str] = ["globals", "oc.env", "runtime_params"]
        elif "Globals key" in reason:
            known = list(self._globals)
        else:
            folders = dict.fromkeys((self.base_env, self.env or self.default_run_env))
            paths = [".".join(path) for folder in folders for path in _paths(self.stated(key, folder))]
            beside = (name.rpartition(".")[0], name.partition(".")[0])
            known = next((near for above in beside if (near := [p for p in paths if p.startswith(f"{above}.")])), [])
        where = f", {error.full_key}" if getattr(error, "full_key", None) else ""
        return f"conf, {key}{where}: {reason}; {did_you_mean(name, known, listed=12)}"


def environments(conf: Path) -> list[str]:
    """Names of the folders of `conf/` that hold configuration, the folder of one's own included."""
    folders = (path for path in conf.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))
    return sorted(f.name for f in folders if f.name in {BASE, LOCAL} or any(p.suffix in _ENDINGS for p in f.rglob("*")))


def _meant_for_people(error: BaseException) -> InputError | None:
    """The first error in the chain that a resolver of ours raised."""
    link: BaseException | None = error
    while link is not None and not isinstance(link, InputError):
        link = link.__cause__ or link.__context__
    return link


def _fault(path: Path) -> str | None:
    """Why a file is no configuration, from the place on; None where it is."""
    try:
        config = OmegaConf.load(io.StringIO(path.read_bytes().decode("utf8")))
    except UnicodeError:
        return ": not UTF-8; save it in that encoding"
    except YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return f"{where}: {' '.join(problem.split())}{_hint(problem)}"
    except OmegaConfBaseException as error:
        return f", {error.full_key or 'a value'}: {str(error).splitlines()[0]}"
    except OSError as error:
        return f": {' '.join(str(error).split())}; expected `name: value` lines"
    return None if isinstance(config, DictConfig) else ": expected `name: value` lines, not a list"


def _hint(problem: str) -> str:
    if r"'\t'" in problem:
        return "; YAML is indented by blanks, never by tabs"
    if "escape character" in problem:
        return "; in double quotes a backslash begins an escape: put patterns and paths in single quotes"
    return "; one of the two must go" if "duplicate key" in problem else ""


def _paths(config: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every value's place in nested mappings."""
    if not isinstance(config, Mapping):
        yield above
        return
    for name, value in config.items():
        yield from _paths(value, (*above, str(name)))


def _from_globals(config: dict[str, Any]) -> list[tuple[str, ...]]:
    """Places of the values inside blocks that come from the globals."""
    return [path for path in _paths(config) if len(path) > 1 and "${globals:" in str(_at(config, path))]


def _at(config: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        config = config.get(name) if isinstance(config, Mapping) else None
    return config


def _fill(config: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a value where a mapping says nothing of it."""
    for name in path[:-1]:
        config = config.setdefault(name, {})
        if not isinstance(config, dict):
            return
    config.setdefault(path[-1], value)
