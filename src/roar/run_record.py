"""What a run was: parameters, seed, versions, commit, fingerprints of the data, time and memory of every node.

A record is a plain dictionary, ready for JSON. Runs that make metrics are kept side by side, so that two of them can be
compared, and so that runs that differ in their seed alone show how much a figure moves between trainings.
"""

import hashlib
import json
import os
import platform
import re
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from roar.errors import InputError, did_you_mean

Record = dict[str, Any]

DIFFERENCES = {"what": pl.String, "name": pl.String, "first": pl.String, "second": pl.String}


class KeptRun(NamedTuple):
    """A run that was kept: its record, its tidy metric table, and, where they were kept too, its per-query metrics."""

    record: Record
    metrics: pl.DataFrame
    per_query: pl.DataFrame | None = None


def surroundings(folder: Path) -> Record:
    """Commit, versions and machine."""
    return {
        "commit": commit(folder),
        "versions": versions(),
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
        },
    }


def processor() -> str:
    """The processor's name, as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.is_file() else None
    return found[1] if found else platform.processor() or platform.machine()


def commit(folder: Path) -> str:
    """The git commit of a folder, "(changed)" behind it where files differ from it; "unknown" outside git."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        return head + (" (changed)" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return answer.stdout.strip()


def versions() -> dict[str, str]:
    """Installed versions of the project and of what it depends on."""
    found = {}
    for requirement in ("roar", *(line for line in requires("roar") or [] if "extra ==" not in line)):
        name = re.split(r"[\s\[<>=!~;(]", requirement, maxsplit=1)[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def peak_memory_mb() -> float:
    """The most memory that this process has held so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes here
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def run_name(record: Record) -> str:
    """Seed, and a digest of what decides the figures: parameters, commit, data."""
    decisive = {key: record.get(key) for key in ("environment", "parameters", "commit", "data")}
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()
    return f"seed{record.get('seed')}-{digest[:8]}"


def same_but_seed(record: Record, other: Record) -> bool:
    """Whether two runs differ in nothing but the seed."""
    return record.get("seed") != other.get("seed") and _without_seed(record) == _without_seed(other)


def _without_seed(record: Record) -> Record:
    """What decides the figures, every value that follows the seed blanked; the simulated data change with it."""
    text = json.dumps(record.get("parameters"), sort_keys=True, default=str)
    unseeded = re.sub(r'"seed": \d+', '"seed": 0', text)
    return {"parameters": unseeded, **{key: record.get(key) for key in ("environment", "commit")}}


def two_runs(runs: Mapping[str, KeptRun], first: str | None, second: str | None, asking: str) -> tuple[str, str]:
    """Names of two kept runs: those that are named, else the latest as the second and the one before it as the first.

    Args:
        runs: kept runs by name.
        first: a name, or None.
        second: likewise.
        asking: who asks, for messages.

    Raises:
        InputError: fewer than two runs were kept, or one that is named was not.
    """
    by_time = sorted(runs, key=lambda name: (str(runs[name].record.get("finished")), name))
    if len(runs) < 2:
        raise InputError(
            f"{asking}: {len(runs)} run(s) were kept, two are needed; run the pipelines again, with other parameters."
        )
    for name in filter(None, (first, second)):
        if name not in runs:
            raise InputError(f"{asking}: no run {name!r} was kept; {did_you_mean(name, by_time)}")
    second = second or next(name for name in reversed(by_time) if name != first)
    return first or next(name for name in reversed(by_time) if name != second), second


def compare_records(first: Record, second: Record) -> pl.DataFrame:
    """What differs between two records: what, name, first, second; a value that one lacks is null."""
    rows = []
    for what in ("parameters", "versions", "data", "stale", "machine"):
        a, b = (_flat(record.get(what) or {}) for record in (first, second))
        rows += [(what, name, a.get(name), b.get(name)) for name in sorted(a | b) if a.get(name) != b.get(name)]
    for what in ("commit", "environment", "peak_memory_mb"):
        one, other = _text(first.get(what)), _text(second.get(what))
        rows += [("run", what, one, other)] if one != other else []
    seconds = [{name: node["seconds"] for name, node in (r.get("nodes") or {}).items()} for r in (first, second)]
    rows += [
        ("seconds", n, _text(seconds[0].get(n)), _text(seconds[1].get(n))) for n in sorted(seconds[0] | seconds[1])
    ]
    return pl.DataFrame(rows, schema=DIFFERENCES, orient="row")


def compare_metrics(first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """Two metric tables side by side: system, protocol, slice, level, metric, first, second, difference, apart.

    `apart` says that the intervals do not even touch. The runs may have tested different queries, so this is no test.
    """
    key = ["system", "protocol", "slice", "level", "metric"]
    a, b = (table.select(*key, "mean", "low", "high") for table in (first, second))
    both = a.join(b, on=key, how="full", coalesce=True, suffix="_second", maintain_order="left_right")
    return both.select(
        *key, first="mean", second="mean_second", difference=pl.col("mean_second") - pl.col("mean"),
        apart=(pl.col("low_second") > pl.col("high")) | (pl.col("high_second") < pl.col("low")),
    )  # fmt: skip


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested mappings as dotted names; everything else as text."""
    if not isinstance(value, Mapping):
        return {prefix: _text(value) or "null"}
    parts: Iterable[dict[str, str]] = (
        _flat(inner, f"{prefix}.{key}" if prefix else str(key)) for key, inner in value.items()
    )
    return {name: text for part in parts for name, text in part.items()}


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=str)
