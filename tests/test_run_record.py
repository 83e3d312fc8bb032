"""Run records: what decides the figures is named, fingerprinted and compared."""

import json
import subprocess
from pathlib import Path

import polars as pl
import pytest

from roar.run_record import (
    commit,
    compare_metrics,
    compare_records,
    peak_memory_mb,
    run_name,
    same_but_seed,
    surroundings,
)

RECORD = {
    "environment": "test",
    "seed": 1,
    "parameters": {"seed": 1, "stage2": {"beta": 0.1}, "metrics": {"seed": 1}},
    "commit": "abc",
    "versions": {"torch": "2"},
    "data": {"raw_products": "1f"},
    "nodes": {"train": {"seconds": 3.0}},
    "peak_memory_mb": 10.0,
}


def test_surroundings_name_every_dependency_and_survive_json() -> None:
    found = json.loads(json.dumps(surroundings(Path(__file__).parent)))
    assert {"roar", "torch", "polars", "faiss-cpu", "sentence-transformers"} <= found["versions"].keys()
    assert "pytest" not in found["versions"]
    assert "not installed" not in found["versions"].values()
    assert found["machine"]["cores"] >= 1
    assert peak_memory_mb() > 50


def test_commit_is_that_of_the_folder_and_says_when_files_differ(tmp_path: Path) -> None:
    assert commit(tmp_path) == "unknown"
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "file").write_text("1")
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    clean = commit(tmp_path)
    assert len(clean) == 40
    (tmp_path / "file").write_text("2")
    assert commit(tmp_path) == f"{clean} (changed)"


def test_a_run_is_named_by_what_decides_its_figures() -> None:
    """Timings and memory do not; a parameter, the data or the commit do."""
    name = run_name(RECORD)
    assert name.startswith("seed1-")
    assert run_name(RECORD | {"nodes": {}, "peak_memory_mb": 99, "finished": "later"}) == name
    for change in ({"parameters": {}}, {"data": {}}, {"commit": "abd"}):
        assert run_name(RECORD | change) != name


def test_only_the_seed_may_differ_among_siblings() -> None:
    other = RECORD | {"seed": 2, "parameters": {"seed": 2, "stage2": {"beta": 0.1}, "metrics": {"seed": 2}}, "data": {}}
    assert same_but_seed(RECORD, other)
    assert not same_but_seed(RECORD, RECORD)
    assert not same_but_seed(
        RECORD, other | {"parameters": {"seed": 2, "stage2": {"beta": 0.3}, "metrics": {"seed": 2}}}
    )
    assert not same_but_seed(RECORD, other | {"commit": "abd"})


def test_records_are_compared_key_by_key() -> None:
    other = RECORD | {
        "parameters": {"seed": 1, "stage2": {"beta": 0.3}, "metrics": {"seed": 1}, "new": True},
        "nodes": {"train": {"seconds": 4.5}, "score": {"seconds": 1.0}},
    }
    rows = set(compare_records(RECORD, other).rows())
    assert rows == {
        ("parameters", "stage2.beta", "0.1", "0.3"),
        ("parameters", "new", None, "true"),
        ("seconds", "train", "3.0", "4.5"),
        ("seconds", "score", None, "1.0"),
    }


def test_metrics_stand_side_by_side_and_say_when_intervals_are_apart() -> None:
    def table(**means: float) -> pl.DataFrame:
        rows = [(s, "judged", "overall", "all", "ndcg@8", m, m - 0.01, m + 0.01) for s, m in means.items()]
        columns = ["system", "protocol", "slice", "level", "metric", "mean", "low", "high"]
        return pl.DataFrame(rows, schema=columns, orient="row")

    both = compare_metrics(table(a=0.5, b=0.5, gone=0.1), table(a=0.6, b=0.51, new=0.2))
    rows = {row["system"]: row for row in both.iter_rows(named=True)}
    assert rows["a"]["difference"] == pytest.approx(0.1)
    assert [rows[name]["apart"] for name in ("a", "b", "gone")] == [True, False, None]
    assert (rows["gone"]["second"], rows["new"]["first"]) == (None, None)
