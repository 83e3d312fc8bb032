"""What made the data on disk, and whether the same would be made now.

A stored dataset is current if what it was made from is what there is: the content of its inputs, the parameters and the code
of its node, and so on up to the raw tables. The record lies with the data and speaks of content, so that a copied or moved
folder stays current; files are hashed when their size or times have changed, and otherwise believed.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from roar.code_version import code_version
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
    """The record of one data folder.

    Args:
        path: the record's file; a missing or unreadable one knows nothing.
        parameters: the configuration as it is now, block by block.
        locate: the files and folders of a dataset; None for what has no content of its own.
    """

    def __init__(
        self, path: Path, parameters: Mapping[str, Any], locate: Callable[[str], Sequence[Path] | None]
    ) -> None:
        self.path, self.parameters, self.locate = path, parameters, locate
        record = _read(path)
        self.seen: dict[str, dict[str, str]] = record.get("seen", {})
        self.made: dict[str, dict[str, Any]] = record.get("made", {})
        self.values: dict[str, dict[str, Any]] = record.get("values", {})

    def write(self) -> None:
        """Replace the file."""
        used = {digest for made in self.made.values() for digest in made["parameters"].values()}
        self.values = {digest: value for digest, value in self.values.items() if digest in used}
        content = {"layout": _LAYOUT, "seen": self.seen, "made": self.made, "values": self.values}
        with replaced_file(self.path) as partial:
            partial.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")

    def content(self, dataset: str) -> str | None:
        """Fingerprint of what a dataset holds now; None for what has no content of its own."""
        paths = self.locate(dataset)
        if paths is None:
            return None
        there = [path for path in paths if path.exists()]
        if not there:
            return ABSENT
        seal = " ".join(map(stamp, there))
        if self.seen.get(dataset, {}).get("stamp") != seal:
            self.seen[dataset] = {"stamp": seal, "content": " ".join(map(fingerprint, there))}
        return self.seen[dataset]["content"]

    def record(self, dataset: str, by: Maker, inputs: Mapping[str, str], parameters: Mapping[str, Any]) -> None:
        """Note what made a dataset that was just saved.

        Args:
            dataset: its name.
            by: its node.
            inputs: fingerprints of what the node read.
            parameters: values of the blocks that it read.
        """
        blocks = {name: self._kept(value) for name, value in parameters.items()}
        self.made[dataset] = {
            "by": by.function,
            "reads": list(by.reads),
            "code": code_version(_module(by.function)),
            "content": self.content(dataset),
            "inputs": dict(inputs),
            "parameters": blocks,
        }

    def follow(self, dataset: str, before: str | None) -> None:
        """Take a dataset for unchanged where it was `before` to its readers: a run added to it what it made of it."""
        now = self.content(dataset)
        for made in self.made.values():
            if made["inputs"].get(dataset) == before:
                made["inputs"][dataset] = now

    def _kept(self, value: Any) -> str:
        model = f"{type(value).__module__}:{type(value).__qualname__}" if isinstance(value, BaseModel) else None
        entry = {"model": model, "value": decisive(value)}
        digest = _digest(entry)
        self.values[digest] = entry
        return digest

    def stale(self, datasets: Iterable[str], made_here: Mapping[str, Maker] | None = None) -> dict[str, str]:
        """Those of the datasets that would be made differently now, each with the reason.

        A file that was changed by hand counts as a raw one, as it is, unless this run makes it.

        Args:
            datasets: to look at.
            made_here: what this run can make, and by what; its content must be what that made.
        """
        reasons: dict[str, str] = {}
        named = {dataset: self._reason(dataset, made_here or {}, reasons) for dataset in datasets}
        return {dataset: reason for dataset, reason in named.items() if reason}

    def to_keep(self, dataset: str) -> bool:
        """Whether a dataset is on disk as its node made it, would be made the same now, and was not kept yet."""
        made = self.made.get(dataset)
        as_made = made is not None and "kept" not in made and made["content"] == self.content(dataset)
        return as_made and not self.stale([dataset])

    def kept(self, dataset: str) -> None:
        """Note that a copy was put by, which is done once for each time that a dataset is made."""
        self.made[dataset]["kept"] = True
        self.write()

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
        if made["code"] != code_version(_module(made["by"])):
            return f"the code of {made['by']} {_SINCE}"
        changed = [name for block, digest in made["parameters"].items() for name in self._changed(block, digest)]
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
            if reason := self._reason(name, made_here, known):
                return reason
            now = self.content(name)
            removed = now == ABSENT and self.made.get(name, {}).get("content") == content
            if now != content and not removed:
                return f"{name} {_SINCE}"
        return ""

    def _changed(self, block: str, digest: str) -> list[str]:
        """Names of the values of a block that are others than recorded; the whole block where it cannot be told."""
        entry = self.values.get(digest)
        value = _at(self.parameters, block)
        if entry is None:
            return [block]
        now = _normal(value, entry["model"])
        return [] if now == entry["value"] else _differing(entry["value"], now, block)


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


def _digest(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return record if record.get("layout") == _LAYOUT else {}
    except (ValueError, AttributeError):
        logger.warning("%s is unreadable: what made the data on disk is not known.", path)
        return {}
