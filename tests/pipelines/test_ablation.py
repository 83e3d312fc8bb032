"""A small ablation through the real engine: every cell once, resumed at the next, and a section of the page."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import yaml

from roar.ablation.summary import SUMMARY

from .conftest import copy_project, run_pipelines

RUN = {"run": ["small"], "seeds": [1, 2], "metrics": ["ndcg@8", "recall@100"], "workers": 1}
STUDY = {
    "primary": [{"study": "small", "variant": "mined", "metric": "auc"}],
    "studies": {
        "small": {
            "baseline": "roar",
            "stage2": {"validations": 0},
            "variants": {
                "zero_shot": {"stages": 0},
                "stage1": {"stages": 1},
                "roar": {},
                "halfway": {"interpolate": 0.5},
                "mined": {"training_sets": {"hard_negatives": {"per_pair": 1}, "groups": {"fill": {"members": 1}}}},
            },
        }
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory, tiny_training) -> Path:
    """A project in which the small study has run."""
    folder = copy_project(tmp_path_factory.mktemp("ablation"))
    run_pipelines(folder, "test", "simulate")
    run_pipelines(folder, "test", "ablation", params=tiny_training | {"ablation": RUN, "ablation_studies": STUDY})
    return folder


def table(project: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(project / "data/test" / name)


def test_every_cell_scored_every_test_query(project):
    metrics = table(project, "07_model_output/ablation/metrics.parquet")
    tested = table(project, "05_model_input/query_splits.parquet").filter(pl.col("split") == "test")
    for _, cell in metrics.filter(metric="ndcg@8").group_by("variant", "seed"):
        assert set(cell["query_id"]) == set(tested["query_id"])
    assert metrics.select("variant", "seed").n_unique() == 10


def test_the_summary_compares_every_variant_on_every_metric(project):
    summary = table(project, "08_reporting/ablation.parquet")
    assert tuple(summary.columns) == SUMMARY and summary.height == 5 * 3
    assert set(summary["metric"]) == {"ndcg@8", "recall@100", "auc"}
    roar = summary.filter(variant="roar")
    assert roar["difference"].is_null().all() and (summary.filter(variant="stage1")["difference"] != 0).any()


def test_variants_that_differ_end_differently(project):
    means = dict(
        table(project, "08_reporting/ablation.parquet").filter(metric="auc").select("variant", "mean").iter_rows()
    )
    assert len({round(value, 9) for value in means.values()}) == 5


def test_the_simulated_truth_says_what_masks_are_worth(project):
    coverage = table(project, "08_reporting/mask_coverage.parquet")
    masked = dict(coverage.select("rule", "duplicates_masked").iter_rows())
    assert masked["none"] == 0 and masked["cluster"] > 0.5
    assert masked["margin+cluster+known_relevant"] >= max(v for v in masked.values() if v is not None) - 1e-9


def test_a_rerun_trains_only_what_is_missing(project, tiny_training):
    """As after a kill: one cell is gone, the others keep their files, and the result is the same."""
    folder = project / "data/test/07_model_output/ablation/cells"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    assert len(before) == 2 * (1 + 4 * 2), "zero-shot does not depend on the seed"
    assert not (folder / "weights").exists()
    metrics = table(project, "07_model_output/ablation/metrics.parquet")
    last = max(folder.glob("*.metrics.parquet"), key=lambda path: path.stat().st_mtime_ns)  # of the last seed, mined
    last.unlink()
    run_pipelines(project, "test", "ablation", params=tiny_training | {"ablation": RUN, "ablation_studies": STUDY})
    after = {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {last, last.with_name(last.name.replace("metrics", "scores"))}
    assert table(project, "07_model_output/ablation/metrics.parquet").equals(metrics)


def test_a_killed_study_leaves_no_worker_behind_and_ends_as_it_would_have(project, tiny_training, tmp_path):
    """Two workers, killed with their parent; the rerun gives what one worker gave that was never killed, of two of its variants."""
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    (folder / "data/test/07_model_output/ablation/metrics.parquet").unlink()
    cells = folder / "data/test/07_model_output/ablation/cells"
    shutil.rmtree(cells)
    said = folder / "conf/test/parameters/training.yml"
    small = STUDY["studies"]["small"]
    two = {name: small["variants"][name] for name in ("stage1", "roar")}
    studies = {"primary": None, "studies": {"small": small | {"variants": two}}}
    study = {"ablation": RUN | {"workers": 2}, "ablation_studies": studies}
    said.write_text(yaml.safe_dump(yaml.safe_load(said.read_text()) | tiny_training | study, sort_keys=False))
    command = [sys.executable, "-m", "kedro", "run", "--env", "test", "--pipelines", "ablation"]
    process = subprocess.Popen(
        command, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: any(cells.glob("*.metrics.parquet")), process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    wait_until(lambda: not _is_there(process.pid))
    assert len(list(cells.glob("*.metrics.parquet"))) < 4
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    metrics = table(project, "07_model_output/ablation/metrics.parquet").filter(pl.col("variant").is_in(list(two)))
    assert table(folder, "07_model_output/ablation/metrics.parquet").equals(metrics)


def wait_until(holds, process: subprocess.Popen | None = None) -> None:
    for _ in range(6000):  # a busy machine is no fault
        if holds():
            return
        assert process is None or process.poll() is None, "the study ended before it could be killed"
        time.sleep(0.1)
    pytest.fail("waited ten minutes in vain")


def _is_there(group: int) -> bool:
    """Whether a process of the group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_section_names_the_primary_comparison_and_all_variants(project):
    section = json.dumps(json.loads((project / "data/test/08_reporting/sections/ablation.json").read_text()))
    assert "Named before the runs: mined against roar" in section and "halfway" in section
