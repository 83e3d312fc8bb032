"""What made the data on disk, and whether the same would be made now.

A stored dataset is current if what it was made from is what there is: the content of its inputs, the parameters and the code
of its node, and so on up to the raw tables. The record lies with the data and speaks of content, so that a copied or moved
folder stays current; files are hashed when their size or times have changed, and otherwise believed.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from pydantic import BaseModel, ValidationError

from roar.code_version import code_version, text_version
from roar.errors import InputError
from roar.files import fingerprint, replaced_file, stamp
from roar.parameters import Parameters

logger = logging.getLogger(__name__)

ABSENT = "absent"
"""Fingerprint of what is not there: an optional table counts by its absence, too."""

_LAYOUT = 2
_SINCE = "has changed since the data on disk were made"


class Maker(NamedTuple):
    """What makes a dataset: the "module:function" of its node, and the names of what that reads, in order."""

    function: str
    reads: tuple[str, ...]


class Provenance:
    """The records of one data folder: a small file for each dataset, so that nodes may run side by side.

    Args:
        folder: of the records; one that is missing or unreadable knows nothing.
        parameters: the configuration as it is now, block by block.
        locate: the files and folders of a dataset; None for what has no content of its own.
        writes: whether this process writes what it finds out.
    """

    def __init__(
        self,
        folder: Path,
        parameters: Mapping[str, Any],
        locate: Callable[[str], Sequence[Path] | None],
        *,
        writes: bool = True,
    ) -> None:
        self.folder, self.parameters, self.locate, self.writes = folder, parameters, locate, writes
        records = {unquote(path.stem): _read(path) for path in folder.glob("[!.]*.json")}
        self.seen = {dataset: record["seen"] for dataset, record in records.items() if "seen" in record}
        self.made: dict[str, dict[str, Any]] = {
            dataset: record["made"] for dataset, record in records.items() if "made" in record
        }

    def _write(self, dataset: str) -> None:
        if self.writes:
            record = {"layout": _LAYOUT, "seen": self.seen.get(dataset), "made": self.made.get(dataset)}
            kept = {name: part for name, part in record.items() if part is not None}
            with replaced_file(self.folder / f"{quote(dataset, safe='')}.json") as partial:
                partial.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def content(self, dataset: str) -> str | None:
        """Fingerprint of what a dataset holds now; None for what has no content of its own.

        Raises:
            InputError: it is there and cannot be read.
        """
        paths = self.locate(dataset)
        if paths is None:
            return None
        try:
            there = [path for path in paths if path.exists()]
            now = " ".join(map(stamp, there))
            if there and self.seen.get(dataset, {}).get("stamp") != now:
                self.seen[dataset] = {"stamp": now, "content": " ".join(map(fingerprint, there))}
                self._write(dataset)
        except OSError as error:
            raise InputError(
                f"{dataset}: {error.filename} cannot be read ({error.strerror}); change its owner or mode, or bring it back."
            ) from error
        return self.seen[dataset]["content"] if there else ABSENT

    def record(self, dataset: str, by: Maker, inputs: Mapping[str, str], parameters: Mapping[str, Any]) -> None:
        """Note what made a dataset that was just saved.

        Args:
            dataset: its name.
            by: its node.
            inputs: fingerprints of what the node read.
            parameters: values of the blocks that it read.
        """
        self.made[dataset] = {
            "by": by.function,
            "reads": list(by.reads),
            "text": text_version(_module(by.function)),
            "code": code_version(_module(by.function)),
            "content": self.content(dataset),
            "inputs": dict(inputs),
            "parameters": {
                name: {"model": _model(value), "value": decisive(value)} for name, value in parameters.items()
            },
        }
        self._write(dataset)

    def follow(self, dataset: str, before: str | None, readers: Iterable[str]) -> None:
        """Take a dataset that was `before` to these readers for unchanged: their run added to it what it made of it."""
        now = self.content(dataset)
        for reader in readers:
            if reader in self.made and self.made[reader]["inputs"].get(dataset) == before:
                self.made[reader]["inputs"][dataset] = now
                self._write(reader)

    def by_other_hands(self, datasets: Iterable[str]) -> list[str]:
        """Those of the datasets that are there, and not as their node made them."""
        return [dataset for dataset in datasets if dataset in self.made and not self._is_its_own(dataset)]

    def stale(self, datasets: Iterable[str], made_here: Mapping[str, Maker] | None = None) -> dict[str, str]:
        """Those of the datasets that would be made differently now, each with the reason.

        Args:
            datasets: to look at.
            made_here: what this run can make, and by what. Whatever else it reads is then given, as it is; without this
                argument everything is traced back to the raw tables, and to files that were changed by hand.
        """
        reasons: dict[str, str] = {}
        named = {dataset: self._reason(dataset, made_here or {}, reasons) for dataset in datasets}
        return {dataset: reason for dataset, reason in named.items() if reason}

    def to_keep(self, dataset: str, made_here: Mapping[str, Maker]) -> bool:
        """Whether a dataset is what this run makes of what it is given, and was not kept yet."""
        made = self.made.get(dataset)
        return made is not None and "kept" not in made and not self.stale([dataset], made_here)

    def kept(self, dataset: str) -> None:
        """Note that a copy was put by, which is done once for each time that a dataset is made."""
        self.made[dataset]["kept"] = True
        self._write(dataset)

    def _reason(self, dataset: str, made_here: Mapping[str, Maker], known: dict[str, str]) -> str:
        if dataset not in known:
            known[dataset] = ""  # until it is known: no circle is endless
            known[dataset] = self._own_reason(dataset, made_here) or self._inherited(dataset, made_here, known)
        return known[dataset]

    def _own_reason(self, dataset: str, made_here: Mapping[str, Maker]) -> str:
        if dataset in made_here and (reason := self._not_made_by(dataset, made_here[dataset])):
            return reason
        if not self._is_its_own(dataset):
            return ""
        made = self.made[dataset]
        module = _module(made["by"])
        if made["text"] != text_version(module) and made["code"] != code_version(module):
            return f"the code of {made['by']} {_SINCE}"
        changed = [name for block, was in made["parameters"].items() for name in self._changed(block, was)]
        return f"parameter {', '.join(changed)} {_SINCE}" if changed else ""

    def _not_made_by(self, dataset: str, maker: Maker) -> str:
        """Why a stored dataset is not what a node of this run made; nothing for one that is not there."""
        made, now = self.made.get(dataset), self.content(dataset)
        if made is None:
            return "" if now in (ABSENT, None) else "no record says what made the data on disk"
        if maker != (made["by"], tuple(made["reads"])):
            return f"what {made['by']} reads, or makes, {_SINCE}"
        return "" if now in (ABSENT, None, made["content"]) else f"{dataset} {_SINCE}, by other hands"

    def _is_its_own(self, dataset: str) -> bool:
        """Whether a dataset is what its record speaks of, or would be if it had not been removed."""
        return dataset in self.made and self.content(dataset) in (ABSENT, None, self.made[dataset]["content"])

    def _inherited(self, dataset: str, made_here: Mapping[str, Maker], known: dict[str, str]) -> str:
        if not self._is_its_own(dataset):
            return ""
        for name, content in self.made[dataset]["inputs"].items():
            if (not made_here or name in made_here) and (reason := self._reason(name, made_here, known)):
                return reason
            now = self.content(name)
            removed = now == ABSENT and self.made.get(name, {}).get("content") == content
            if now != content and not removed:
                return f"{name} {_SINCE}"
        return ""

    def _changed(self, block: str, was: Mapping[str, Any]) -> list[str]:
        """Names of the values of a block that are others than recorded."""
        now = _normal(_at(self.parameters, block), was["model"])
        return [] if now == was["value"] else _differing(was["value"], now, block)


def _model(value: Any) -> str | None:
    return f"{type(value).__module__}:{type(value).__qualname__}" if isinstance(value, BaseModel) else None


def decisive(value: Any) -> Any:
    """A parameter's value in one form, ready for JSON, without what only the machine cares for."""
    plain = value.decisive() if isinstance(value, Parameters) else value
    return json.loads(json.dumps(plain, default=str))


def _normal(value: Any, model: str | None) -> Any:
    """A configured value in the form of the recorded ones, which were checked and completed by their model."""
    if model is None or isinstance(value, BaseModel):
        return decisive(value)
    module, _, name = model.partition(":")
    try:
        return decisive(getattr(import_module(module), name).model_validate(value))
    except (ImportError, AttributeError, ValidationError):
        return decisive(value)


def _differing(before: Any, now: Any, name: str) -> list[str]:
    """Dotted names of the leaves that differ."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [name] if before != now else []
    keys = sorted(before.keys() | now.keys())
    return [leaf for key in keys for leaf in _differing(before.get(key), now.get(key), f"{name}.{key}")]


def _at(parameters: Mapping[str, Any], name: str) -> Any:
    """The value of a dotted name; None where there is none."""
    value: Any = parameters
    for key in name.split("."):
        value = value.get(key) if isinstance(value, Mapping) else getattr(value, key, None)
    return value


def _module(function: str) -> str:
    return function.partition(":")[0]


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return record if record.get("layout") == _LAYOUT else {}
    except (OSError, ValueError, AttributeError):
        logger.warning("%s is unreadable: what made the data is not known.", path)
        return {}
