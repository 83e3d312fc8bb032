"""The version of the code behind a function: a hash of what its module says, and all that this imports from the project.

Comments, docstrings and layout do not count: syntax trees are compared. Parameters do not either, because their values are
compared themselves, nor do other packages: an upgrade is the user's to follow by a full run.
"""

import ast
import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from roar.files import sha256

ROOT = Path(__file__).parent
_LEFT_OUT = f"{ROOT.name}.parameters"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORT = re.compile(rf"^\s*from ({ROOT.name}[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


@cache
def code_version(module: str) -> str:
    """Hash of a module of this project with everything it imports from there; empty where there is no such module."""
    return _together(module, _meaning)


@cache
def text_version(module: str) -> str:
    """The same of the files as they are, comments included: equal texts mean equal code, and are had in an instant."""
    return _together(module, sha256)


def _together(module: str, version: Callable[[Path], str]) -> str:
    files = sorted(_closure(module))
    named = "".join(f"{path.relative_to(ROOT)} {version(path)}\n" for path in files)
    return hashlib.sha256(named.encode()).hexdigest()[:16] if files else ""


@cache
def _closure(module: str) -> frozenset[Path]:
    """Files of the module, of what it imports, and what lies beside them."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name not in found and path is not None:
            found[name] = path
            waiting += _imported(path)
    return frozenset(found.values()) | _resources(set(found.values()))


def _file(module: str) -> Path | None:
    """A module's file; None for what is none of the project's, or left out."""
    first, *rest = module.split(".")
    if first != ROOT.name or module == _LEFT_OUT or module.startswith(f"{_LEFT_OUT}."):
        return None
    place = ROOT.joinpath(*rest)
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


@cache
def _imported(path: Path) -> frozenset[str]:
    """Modules that a file names in `from … import …`, the project's one way to import from itself."""
    return frozenset(home for module, names in _imports(path) for name in names if (home := _home(module, name)))


def _imports(path: Path) -> Iterator[tuple[str, list[str]]]:
    for module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
        plain = re.sub(r"#[^\n]*", "", names.strip("()"))
        yield module, [name.split()[0] for name in plain.split(",") if name.strip()]


def _home(module: str, name: str) -> str:
    """The module that a name comes from: a submodule, what a package's front passes on, or the module itself."""
    if _file(f"{module}.{name}"):
        return f"{module}.{name}"
    path = _file(module)
    if path is not None and path.name == "__init__.py":
        passed_on = (source for source, names in _imports(path) if name in names and source != module)
        return next((_home(source, name) for source in passed_on), module)
    return module


def _resources(modules: set[Path]) -> set[Path]:
    """What lies beside modules and is no Python: word lists, templates."""
    folders = {path.parent for path in modules} - {ROOT}
    return {path for folder in folders for path in folder.rglob("*.*") if path.suffix not in (".py", ".pyc")}


@cache
def _meaning(path: Path) -> str:
    if path.suffix != ".py":
        return sha256(path)
    tree = ast.parse(path.read_text(encoding="utf-8"), path.name)
    for part in ast.walk(tree):
        if isinstance(part, _DOCUMENTED) and ast.get_docstring(part, clean=False) is not None:
            part.body = part.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
