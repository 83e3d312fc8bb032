"""The accelerator's benchmark runs on any processor, and what it compares agrees."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_script_runs_tiny_and_prints_every_figure():
    run = subprocess.run(
        [sys.executable, "benchmarks/gpu.py", "--tiny"],
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = dict(
        line.split(" ", 1) for line in run.stdout.splitlines() if line.split(" ")[0].replace("_", "").isalnum()
    )
    for encoder in ("minilm", "decoder"):
        for task in ("stage1_products", "stage2_products", "encode_texts"):
            assert float(lines[f"{encoder}_{task}_per_second"]) > 0
        assert 0 < float(lines[f"{encoder}_stage1_share_of_peak"]) < 1
    assert float(lines["agreement_smallest_cosine"]) > 0.999
    assert all(float(lines[f"agreement_{loss}_difference"]) < 1e-3 for loss in ("contrastive", "roar", "pooled"))
