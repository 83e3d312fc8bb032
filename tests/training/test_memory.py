"""GradCache bounds activation memory whatever the batch: 8,192 pairs take a step in what the score matrix needs."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import resource, sys
import numpy as np, torch
from sentence_transformers import SentenceTransformer
from roar.parameters import Stage1
from roar.training.examples import Examples
from roar.training.objectives import ContrastiveObjective
from roar.training.trainer import train

torch.set_num_threads(2)
count = int(sys.argv[2])
encoder = SentenceTransformer(sys.argv[1], local_files_only=True, device="cpu")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
examples = Examples(
    query_text=[f"shoe {i}" for i in range(count)], query_group=np.arange(count), start=np.arange(count + 1),
    product=np.arange(count), grade=np.full(count, 3), weight=np.ones(count, np.float32),
    product_text=[f"red running shoe {i} size {i % 50}" for i in range(count)], cluster=np.arange(count),
    relevant={i: np.array([i]) for i in range(count)},
)
config = Stage1(batch_size=count, gradient_cache=True, validations=0)
trained = train(encoder, examples, lambda m: ContrastiveObjective(m, config), config, learning_rate=1e-3, precision="float32", seed=0)
assert trained.history["loss"].is_finite().all()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024**2)
"""


def test_a_batch_of_8192_pairs_takes_a_step(tiny_bert_folder: Path) -> None:
    """Score matrix, masks, logits and their gradients are 8,192 x 8,192: 3 GB at most, of the 8 GB promised."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tiny_bert_folder), "8192"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.split()[-1]) < 3.0
