"""README's results are what is stored, a run's figures are taken over by one command, and what differs is said."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from fences import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """README, the script and what it reads, in a folder of their own."""
    for path in (ROOT / "README.md", ROOT / "docs/readme_tables.py", *(ROOT / "docs/findings").glob("*/*.csv")):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "docs/readme_tables.py", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def readme(project: Path) -> str:
    return (project / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("figure", "other"),
    [
        ("| random | 0.", "| random | 9."),
        ("Stage 1 over base: NDCG@8 +", "Stage 1 over base: NDCG@8 +9"),
        ("| esci: recall@100 | 0.", "| esci: recall@100 | 9."),
    ],
)
def test_the_results_are_the_stored_figures_and_what_differs_is_said(project: Path, figure: str, other: str) -> None:
    page = readme(project)
    assert run(project, "--check").returncode == 0 and page.count(figure) == 1
    (project / "README.md").write_text(page.replace(figure, other), encoding="utf-8")
    checked = run(project, "--check")
    assert checked.returncode == 1 and f"-{other}" in checked.stderr and f"+{figure}" in checked.stderr
    assert run(project).returncode == 0 and readme(project) == page


def fabricated(folder: Path, environment: str) -> None:
    """Tables of a run, with other slices and metrics that nobody asked for."""
    folder.mkdir(parents=True)
    (folder / "run_record.json").write_text(json.dumps({"environment": environment}))
    means = [
        (system, protocol, metric, part, "all", 90, 0.5 + place / 10, 0.4, 0.6)
        for place, system in enumerate(("bm25", "base", "stage1", "stage2"))
        for protocol, metric in (("judged", "ndcg@8"), ("catalogue", "recall@100"), ("judged", "bpref"))
        for part in ("overall", "vertical")
    ]
    names = ["system", "protocol", "metric", "slice", "level", "n", "mean", "low", "high"]
    pl.DataFrame(means, names, orient="row").write_parquet(folder / "metrics.parquet")
    gains = [
        (
            *pair,
            protocol,
            metric,
            "overall",
            "all",
            90,
            -0.0123,
            *((None, None) if metric == "ndcg@8" else (-0.02, 0.01)),
            0.2,
        )
        for pair in (("base", "stage1"), ("stage1", "stage2"), ("bm25", "stage2"))
        for protocol, metric in (("judged", "ndcg@8"), ("catalogue", "recall@100"))
    ]
    names = ["system_a", "system_b", "protocol", "metric", "slice", "level", "n", "difference", "low", "high", "p"]
    pl.DataFrame(gains, names, orient="row").write_parquet(folder / "comparisons.parquet")


def test_another_set_is_taken_over_by_one_command(project: Path) -> None:
    fabricated(project / "data/wands/08_reporting", "wands")
    assert run(project, "--from", "data", "--env", "wands").returncode == 0
    lines = [line for line in readme(project).splitlines() if line.startswith("| wands")]
    assert lines[0].startswith("| wands, 90 queries: NDCG@8 | 0.500 | 0.600 | 0.700 | 0.800 | −1.23 (no interval) |")
    assert (
        lines[1]
        == "| wands: recall@100 | 0.500 | 0.600 | 0.700 | 0.800 | −1.23 (−2.00 to +1.00) | −1.23 (−2.00 to +1.00) |"
    )
    stored = pl.read_csv(project / "docs/findings/wands/differences.csv")
    assert stored.height == 4, "what the tables show, and no more"
    assert run(project, "--check").returncode == 0


def test_a_run_of_another_environment_is_refused(project: Path) -> None:
    page = readme(project)
    fabricated(project / "data/esci/08_reporting", "crowdflower")
    for arguments, said in ((("--env", "esci"), "a run of crowdflower, expected esci"), ((), "no run of base there")):
        refused = run(project, "--from", "data", *arguments)
        assert refused.returncode == 1 and said in refused.stderr and "Traceback" not in refused.stderr
    assert readme(project) == page
