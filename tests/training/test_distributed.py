"""Two nodes, a process each that its own launcher started, train as one process would on the union of their batches."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import run

SCRIPT = Path(__file__).with_name("small_run.py")
RUNS = {
    "stage1": {"stage": "stage1"},
    "stage1_mined": {"stage": "stage1", "mined": True},
    "stage2": {"stage": "stage2"},
    "stage1_cached": {"stage": "stage1", "gradient_cache": True},
    "stage2_cached": {"stage": "stage2", "gradient_cache": True},
}


@pytest.fixture(scope="module")
def two_processes(tiny_bert_folder, tmp_path_factory) -> Path:
    """The folder with what two gloo processes ended with, in each run; the encoder has no dropout.

    They meet as those of two machines do: two launchers that know an endpoint, and nothing of each other.
    """
    out = tmp_path_factory.mktemp("two_processes")
    options = json.dumps({"encoder": str(still(tiny_bert_folder, out)), "out": str(out), "runs": RUNS})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    meeting = ["--rdzv_backend=c10d", f"--rdzv_endpoint={endpoint}", "--rdzv_id=roar", "--local_addr=127.0.0.1"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc_per_node=1", *meeting]
    nodes = [
        subprocess.Popen([*launch, str(SCRIPT), options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for node in nodes:
            said = node.communicate(timeout=300)[1]
            assert node.returncode == 0, said[-3000:]
    finally:
        for node in nodes:
            node.kill()
    return out


def still(encoder: Path, folder: Path) -> Path:
    """A copy without dropout: processes draw their own."""
    from roar.encoder import load_encoder
    from roar.parameters import Encoder

    load_encoder(Encoder(preset=str(encoder))).save_pretrained(str(folder / "encoder"), create_model_card=False)
    return folder / "encoder"


def test_processes_on_two_kinds_of_machine_compute_in_the_precision_of_the_first(two_processes):
    said = [(two_processes / f"precision_{process}.txt").read_text() for process in range(2)]
    assert said == ["bf16", "bf16"]


@pytest.mark.parametrize("name", RUNS)
def test_the_same_losses_and_the_same_weights_after_three_steps(name, two_processes):
    together = load_file(two_processes / f"{name}.safetensors")
    alone = run(str(two_processes / "encoder"), **RUNS[name])
    assert together.keys() == alone.keys() and len(alone["loss"]) == 3
    torch.testing.assert_close(together["loss"], alone["loss"], rtol=1e-4, atol=1e-5)
    before = run(str(two_processes / "encoder"), **RUNS[name] | {"steps": 1})
    moved = max(float((alone[key] - before[key]).abs().max()) for key in before if key != "loss")
    assert moved > 5e-4, "three steps must move the weights for the comparison to mean anything"
    # A softmax does not see what all keys share: the gradient of their bias is rounding, which Adam blows up to full steps.
    compared = [key for key in alone if "key.bias" not in key]
    assert len(compared) > 20
    for key in compared:
        weight = alone[key]
        torch.testing.assert_close(together[key], weight, rtol=1e-3, atol=2e-5)
