"""A small training run that a test makes in its own process, in one that it kills, or in two at once.

python tests/training/small_run.py '{"encoder": "folder", "stages": [...], ...}'
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from roar.encoder.adapters import add_lora
from roar.parameters import Alignment, Calibration, Encoder, Lora, Stage1, Stage2
from roar.training.checkpoints import Checkpoints
from roar.training.distributed import launched_ranks, rank
from roar.training.examples import Examples
from roar.training.objectives import ContrastiveObjective, RoarObjective
from roar.training.stages import agreed
from roar.training.trainer import train
from roar.training.weights import save_weights, trained_weights

KINDS = ["memory card", "running shoe", "coffee maker", "green tea", "desk lamp", "garden hose"]
COLOURS = ["red", "blue", "black", "white", "green", "grey"]


def examples(stage: str, mined: bool = False) -> Examples:
    """36 queries; one product each in stage 1 (two with a mined negative), two to five graded ones in stage 2."""
    rng = np.random.default_rng(5)
    names = [(kind, colour) for kind in KINDS for colour in COLOURS]
    sizes = np.full(36, 1 + mined) if stage == "stage1" else rng.integers(2, 6, 36)
    start = np.concatenate([[0], sizes.cumsum()])
    product = np.concatenate([(e + 7 * np.arange(size)) % 36 for e, size in enumerate(sizes)])
    grade = np.concatenate(
        [np.sort(rng.permutation(4)[: min(size, 4)].tolist() + [0] * (size - 4))[::-1] for size in sizes]
    )
    return Examples(
        query_text=[f"{kind} {colour}" for kind, colour in names],
        query_group=np.arange(36),
        start=start,
        product=product,
        grade=np.tile([3, 0][: 1 + mined], 36) if stage == "stage1" else grade,
        weight=rng.uniform(0.5, 1, len(product)).astype(np.float32),
        product_text=[f"{colour} {kind} " + "of the best make " * (e % 4) for e, (kind, colour) in enumerate(names)],
        cluster=np.arange(36) // 2,
        relevant={e: np.array([e, (e + 1) % 36]) for e in range(36)},
        mined=mined,
    )


def run(
    encoder: str,
    stage: str,
    *,
    lora: bool = False,
    mined: bool = False,
    gradient_cache: bool = False,
    steps: int = 3,
    folder: str | None = None,
    checkpoint_steps: int = 50,
    pause: float = 0.0,
    scores: Sequence[float] = (),
    patience: int | None = None,
) -> dict[str, torch.Tensor]:
    """The trained weights after some steps, and the losses under the name "loss"."""
    torch.manual_seed(0)
    model = SentenceTransformer(encoder, local_files_only=True, device="cpu")
    if lora:
        add_lora(model, Lora(rank=4, dropout=0.2), seed=1)
    settings: dict[str, Any] = {
        "batch_size": 12,
        "max_steps": steps,
        "epochs": 4,
        "validations": 3 if scores else 0,
        "gradient_cache": gradient_cache,
        "mini_batch_tokens": 64,
        "checkpoint_steps": checkpoint_steps,
        "patience": patience,
    }
    if stage == "stage1":
        config: Any = Stage1(**settings, query_negatives=True)
        made: Any = ContrastiveObjective
    else:
        # The last bit of a cosine decides what is masked at the margin: none of these batches' lies at this one.
        settings |= {"margin": 0.2, "beta": 1.0, "alignment": Alignment(temperature=0.1)}
        config = Stage2(**settings, calibration=Calibration(weight=0.3))
        made = RoarObjective

    class Slow(made):
        def forward(self, *args: Any) -> torch.Tensor:
            time.sleep(pause)
            return super().forward(*args)

    to_come = iter(scores)
    trained = train(
        model,
        examples(stage, mined),
        lambda m: Slow(m, config, 1),
        config,
        learning_rate=1e-3,
        precision="float32",
        seed=2,
        validate=lambda _: np.full(4, next(to_come)),
        checkpoints=Checkpoints(Path(folder), f"{stage} {lora}") if folder else None,
    )
    losses = trained.history.drop_nulls("loss")["loss"].to_numpy()
    return trained_weights(trained.encoder) | {"loss": torch.tensor(losses)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    options = json.loads(sys.argv[1])
    own = Encoder(precision="float32" if launched_ranks()[0] else "bf16")  # as on two kinds of machine
    (Path(options["out"]) / f"precision_{launched_ranks()[0]}.txt").write_text(agreed(own).precision)
    for name, arguments in options["runs"].items():
        weights = run(options["encoder"], **arguments)
        if rank() == 0:
            save_weights(weights, Path(options["out"]) / f"{name}.safetensors")
