"""Training speed and memory, as `name value` lines.

    python benchmarks/training.py                  against sentence-transformers' trainer: same pairs, batch, steps and device
    python benchmarks/training.py --linear         seconds of 2 and of 20 steps: cost against the number of pairs
    python benchmarks/training.py --large 8192     one step on that many pairs with GradCache: seconds and peak memory

sentence-transformers runs its in-batch loss as it comes (float32, the model's dropout of 0.1), in float32, where bf16 is fast in bf16 too, and its cached loss
in several mini-batch settings. `train_ratio_st` is against the faster of its two precisions, both without dropout as ours; `train_ratio_st_best` against the best of all. But for the default, all learn from the same pairs in the same order, without dropout or weight decay; the mean losses of the
steps are printed, so that the speed can be seen to cost nothing. Runs take turns, and the median step counts.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer import losses as theirs
from sentence_transformers.util import get_device_name
from torch.utils.data import SequentialSampler
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

import texts
from datasets import Dataset
from roar.encoder import decide, load_encoder
from roar.parameters import Encoder, Stage1
from roar.training.batching import ConflictFreeBatches
from roar.training.examples import Examples
from roar.training.objectives import ContrastiveObjective
from roar.training.trainer import train

BATCH, RATE, TEMPERATURE = 256, 5e-5, 0.02
CHOSEN = decide(torch.device(get_device_name())).precision
"""What `auto` takes on this machine."""

Timed = tuple[list[float], list[float]]
"""Seconds and loss of each step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--linear", action="store_true")
    parser.add_argument("--large", type=int, default=0)
    options = parser.parse_args()
    if options.linear:
        linear()
    elif options.large:
        large(options.large)
    else:
        compare(options.steps, options.rounds)


def compare(steps: int, rounds: int) -> None:
    fast = CHOSEN == "bf16"  # elsewhere nobody would choose bf16, and a step takes minutes
    cached = partial(sentence_transformers, bf16=fast, loss="cached")
    contenders: dict[str, Callable[[int], Timed]] = {
        "roar": ours,
        "st_default": partial(sentence_transformers, bf16=False, dropout=0.1),
        "st_float32": partial(sentence_transformers, bf16=False),
        "st_cached_8": partial(cached, mini_batch_size=8),
        "st_cached_32": partial(cached, mini_batch_size=32),
        "st_cached_128": partial(cached, mini_batch_size=128),
        "st_cached_1024_tokens": partial(cached, mini_batch_size=BATCH, mini_batch_num_tokens=1024),
    }
    if fast:
        contenders |= {
            "roar_float32": partial(ours, precision="float32"),
            "st_bf16": partial(sentence_transformers, bf16=True),
        }
    found: dict[str, Timed] = {name: ([], []) for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            seconds, loss = run(steps)
            found[name] = (found[name][0] + seconds[1:], loss)  # the first step warms up
    rate = {name: BATCH / statistics.median(seconds) for name, (seconds, _) in found.items()}
    for name, pairs_per_second in rate.items():
        report(f"{name}_pairs_per_second", pairs_per_second)
        report(f"{name}_mean_loss", statistics.mean(found[name][1]))
    best = max(rate[name] for name in rate if name.startswith("st_"))
    plain = max(rate[name] for name in ("st_float32", "st_bf16") if name in rate)
    report("precision_bf16", fast)
    report("train_ratio_st", rate["roar"] / plain)
    report("train_ratio_st_default", rate["roar"] / rate["st_default"])
    report("train_ratio_st_best", rate["roar"] / best)
    report("train_ratio_float32", rate["roar_float32" if fast else "roar"] / rate["st_float32"])


def report(name: str, value: float) -> None:
    print(f"{name} {float(value):.4g}", flush=True)


class Clock(TrainerCallback):
    """Seconds and loss of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.losses: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.start = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - self.start)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        if "loss" in logs:
            self.losses.append(float(logs["loss"]))


class InOrder(SentenceTransformerTrainer):
    """Their trainer, in the order of the data."""

    def get_batch_sampler(self, dataset: Any, batch_size: int, drop_last: bool, **_: Any) -> Any:
        return torch.utils.data.BatchSampler(SequentialSampler(dataset), batch_size, drop_last)


def sentence_transformers(
    steps: int, *, bf16: bool, loss: str = "plain", dropout: float = 0.0, **mini_batches: Any
) -> Timed:
    """A few steps of the library's trainer as its documentation says; without dropout, losses are those of ours."""
    encoder = load_encoder(Encoder(dropout=dropout))
    examples = pool(*texts.pairs(BATCH * steps))
    order = [e for batch in ConflictFreeBatches(examples, BATCH, seed=0) for e in batch]
    queries, titles = ([side[e] for e in order] for side in (examples.query_text, examples.product_text))
    made = (
        theirs.MultipleNegativesRankingLoss(encoder, scale=1 / TEMPERATURE)
        if loss == "plain"
        else theirs.CachedMultipleNegativesRankingLoss(encoder, scale=1 / TEMPERATURE, **mini_batches)
    )
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = InOrder(
            model=encoder,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=BATCH,
                max_steps=steps,
                learning_rate=RATE,
                lr_scheduler_type="cosine",
                bf16=bf16,
                use_cpu=not torch.cuda.is_available(),
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict({"anchor": queries, "positive": titles}),
            loss=made,
            callbacks=[clock],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock.seconds, clock.losses


def ours(steps: int, *, precision: str = CHOSEN, batch: int = BATCH, **settings: Any) -> Timed:
    """As many steps of the project's engine, on the same pairs in the same order, without masks: the same loss."""
    encoder = load_encoder(Encoder())
    clock: list[float] = []
    config = Stage1(
        batch_size=batch,
        temperature=TEMPERATURE,
        margin=None,
        mask_clusters=False,
        mask_known_relevant=False,
        validations=0,
        max_steps=steps,
        warmup=0,
        matryoshka=(),
        weight_decay=0.0,
        **settings,
    )

    class Timed(ContrastiveObjective):
        def forward(self, *args: Any) -> torch.Tensor:
            clock.append(time.perf_counter())
            return super().forward(*args)

    examples = pool(*texts.pairs(batch * steps))
    trained = train(
        encoder, examples, lambda m: Timed(m, config), config, learning_rate=RATE, precision=precision, seed=0
    )
    clock.append(time.perf_counter())
    return list(np.diff(clock)), trained.history["loss"].to_list()


def pool(queries: list[str], titles: list[str]) -> Examples:
    """Pairs as examples, none of which is another's duplicate."""
    count = len(queries)
    return Examples(
        query_text=queries,
        query_group=np.arange(count),
        start=np.arange(count + 1),
        product=np.arange(count),
        grade=np.full(count, 3),
        weight=np.ones(count, dtype=np.float32),
        product_text=titles,
        cluster=np.arange(count),
    )


def linear() -> None:
    """Seconds of 2 and of 20 steps: ten times the pairs."""
    for steps in (2, 20):
        start = time.perf_counter()
        seconds, _ = ours(steps)
        report(f"steps_{steps}_seconds", sum(seconds))
        report(f"steps_{steps}_whole_seconds", time.perf_counter() - start)
        report(f"steps_{steps}_seconds_per_1000_pairs", sum(seconds) / (steps * BATCH) * 1000)


def large(batch: int) -> None:
    """One step on a large batch, GradCache on."""
    seconds, loss = ours(1, batch=batch, gradient_cache=True)
    report("pairs_in_a_step", batch)
    report("step_seconds", seconds[0])
    report("step_loss", loss[0])
    report("peak_memory_gb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)


def groups(queries: list[str], titles: list[str], size: int = 4) -> Examples:
    """Graded groups of a fixed size."""
    count = len(queries) // size
    whole = pool(queries[: count * size], titles[: count * size])
    return Examples(
        query_text=queries[:count],
        query_group=np.arange(count),
        start=np.arange(0, count * size + 1, size),
        product=whole.product,
        grade=np.tile([3, 2, 1, 0], count),
        weight=whole.weight,
        product_text=whole.product_text,
        cluster=whole.cluster,
    )


if __name__ == "__main__":
    main()
