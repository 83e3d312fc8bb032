"""Both stages and encoding on an accelerator, as `name value` lines; nothing is downloaded, under 8 minutes on one GPU.

    python benchmarks/gpu.py            MiniLM, and a decoder of Qwen3-0.6B's shape with random weights and LoRA
    python benchmarks/gpu.py --tiny     a few texts and a two-layer decoder: that the script runs, on any processor

Stage 1 takes 1,024 pairs a step with GradCache, stage 2 64 groups of 8 with pairs across queries; sentence-transformers'
cached loss runs on as many pairs, and for stage 2, which it has no loss for, on as many texts. `_share_of_peak` is of one large matrix product
on the same device in the same precision; operations are counted for the tokens that are read (6 a weight and token where all weights are
trained, 4 with LoRA, 2 for encoding; the second forward pass of GradCache is not counted, as it is no gain). `agreement_` lines compare with the
processor in float32: losses should differ by less than 0.001, cosines exceed 0.999.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer import losses as theirs
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from sentence_transformers.util import get_device_name
from transformers import Qwen3Config, Qwen3Model
from transformers.trainer_callback import PrinterCallback

import texts
from datasets import Dataset
from roar.encoder import decide, encode, load_encoder
from roar.encoder.adapters import add_lora, has_lora
from roar.encoder.precision import autocast
from roar.losses import ALIGNMENT_LOSSES, contrastive_loss
from roar.parameters import Encoder, Lora, Stage1, Stage2
from roar.training.examples import Examples
from roar.training.objectives import ContrastiveObjective, RoarObjective
from roar.training.trainer import train
from training import TEMPERATURE, Clock, InOrder, groups, pool, report

DEVICE = torch.device(get_device_name())
PRECISION = decide(DEVICE).precision
RATE = 1e-6


class Size(NamedTuple):
    """How much is computed."""

    pairs: int = 1024
    groups: int = 64
    members: int = 8
    texts: int = 20_000
    steps: int = 4
    tokens: int = 16_384
    decoder: dict[str, int] = {  # noqa: RUF012
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151_669,
    }


WHOLE = Size()
TINY = Size(
    pairs=32,
    groups=4,
    members=4,
    texts=64,
    steps=2,
    tokens=1024,
    decoder=WHOLE.decoder
    | {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 16}
    | {"num_key_value_heads": 2, "vocab_size": 30_522},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true")
    size = TINY if parser.parse_args().tiny else WHOLE
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else decide(DEVICE).device
    print(f"device {name}, {PRECISION}", flush=True)
    peak = peak_flops(4096 if DEVICE.type == "cuda" else 512)
    report("peak_teraflops", peak / 1e12)
    for name, make in (("minilm", load_encoder), ("decoder", lambda: decoder(size))):
        with memory_of(name):
            measure(name, make, size, peak)
    agree(load_encoder(), size)


def decoder(size: Size) -> SentenceTransformer:
    """Qwen3-0.6B's shape with random weights, read by MiniLM's tokenizer, as the paper adapts it."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        Qwen3Model(Qwen3Config(**size.decoder)).save_pretrained(folder)
        load_encoder().tokenizer.save_pretrained(folder)
        transformer = Transformer(folder, max_seq_length=64)
        pooling = Pooling(size.decoder["hidden_size"], "lasttoken")
        encoder = SentenceTransformer(modules=[transformer, pooling, Normalize()])
    add_lora(encoder, Lora(), seed=0)
    return encoder


def measure(name: str, make: Callable[[], SentenceTransformer], size: Size, peak: float) -> None:
    """Stage 1, stage 2 and encoding of one encoder, ours and sentence-transformers' side by side."""
    queries, titles = texts.pairs(size.pairs * size.steps)
    members = size.groups * size.members * size.steps
    stage1 = Stage1(batch_size=size.pairs, gradient_cache=True, **_short(size))
    stage2 = Stage2(batch_size=size.groups, **_short(size))
    tasks: tuple[tuple[str, Examples, Any, int], ...] = (
        ("stage1", pool(queries, titles), stage1, size.pairs),
        ("stage2", groups(queries[:members], titles[:members], size.members), stage2, size.groups * size.members),
    )
    for stage, examples, config, products in tasks:
        encoder = make()
        per_step = tokens_of(encoder, examples) / size.steps
        operations = (4 if has_lora(encoder) else 6) * block_weights(encoder) * per_step
        kind = ContrastiveObjective if stage == "stage1" else RoarObjective
        seconds = _ours(encoder, examples, kind, config)
        beside = _theirs(make(), queries[: products * size.steps], titles[: products * size.steps], products, size)
        report(f"{name}_{stage}_products_per_second", products / seconds)
        report(f"{name}_{stage}_st_products_per_second", products / beside)
        report(f"{name}_{stage}_ratio_st", beside / seconds)
        report(f"{name}_{stage}_share_of_peak", operations / seconds / peak)
    encoding(name, make(), size, peak)


def _short(size: Size) -> dict[str, Any]:
    return {"max_steps": size.steps, "validations": 0, "mini_batch_tokens": size.tokens}


def _ours(encoder: SentenceTransformer, examples: Examples, kind: Any, config: Any) -> float:
    """Median seconds of a step after the first."""
    clock: list[float] = []

    class Timed(kind):  # type: ignore[misc]
        def forward(self, *args: Any) -> torch.Tensor:
            _finish()
            clock.append(time.perf_counter())
            return super().forward(*args)

    train(encoder, examples, lambda m: Timed(m, config), config, learning_rate=RATE, precision=PRECISION, seed=0)
    _finish()
    return statistics.median(np.diff([*clock, time.perf_counter()])[1:])


def _theirs(encoder: SentenceTransformer, queries: list[str], titles: list[str], batch: int, size: Size) -> float:
    """The library's trainer with its cached loss, mini-batches by tokens as ours."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = InOrder(
            model=encoder,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=batch,
                max_steps=size.steps,
                learning_rate=RATE,
                bf16=PRECISION == "bf16",
                use_cpu=DEVICE.type == "cpu",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict({"anchor": queries, "positive": titles}),
            loss=theirs.CachedMultipleNegativesRankingLoss(
                encoder, scale=1 / TEMPERATURE, mini_batch_size=batch, mini_batch_num_tokens=size.tokens
            ),
            callbacks=[clock],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return statistics.median(clock.seconds[1:])


def encoding(name: str, encoder: SentenceTransformer, size: Size, peak: float) -> None:
    """Texts a second, ours and the library's in the same precision."""
    read = (texts.products(size.texts)["title"].to_list() * size.texts)[: size.texts]

    def library() -> object:
        with autocast(DEVICE, PRECISION):
            return encoder.encode(read, normalize_embeddings=True, batch_size=256)

    config = Encoder(precision=PRECISION)
    seconds = {"": _timed(lambda: encode(encoder, read, config=config)), "_st": _timed(library)}
    for who, each in seconds.items():
        report(f"{name}_encode{who}_texts_per_second", len(read) / each)
    report(f"{name}_encode_ratio_st", seconds["_st"] / seconds[""])
    operations = 2 * block_weights(encoder) * sum(map(len, encoder.tokenizer(read)["input_ids"]))
    report(f"{name}_encode_share_of_peak", operations / seconds[""] / peak)


def block_weights(encoder: SentenceTransformer) -> int:
    """Weights that every token is multiplied with: matrices of the blocks."""
    named = encoder.named_parameters()
    return sum(p.numel() for name, p in named if p.ndim == 2 and "embed" not in name and "lora_" not in name)


def tokens_of(encoder: SentenceTransformer, examples: Examples) -> int:
    read = [*examples.query_text, *(examples.product_text[number] for number in examples.product)]
    return sum(map(len, encoder.tokenizer(read, truncation=True, max_length=64)["input_ids"]))


def agree(encoder: SentenceTransformer, size: Size) -> None:
    """The processor in float32 against the device: losses of one batch in float32, vectors as they are served."""
    queries, titles = texts.pairs(size.groups * size.members)
    batch = groups(queries, titles, size.members)
    on_cpu = deepcopy(encoder).cpu()
    own, far = (
        [torch.from_numpy(encode(e, read, kind=kind, config=Encoder(precision=precision))) for kind, read in
         (("query", batch.query_text), ("product", titles))]
        for e, precision in ((on_cpu, "float32"), (encoder, PRECISION))
    )  # fmt: skip
    report("agreement_smallest_cosine", min(float((a * b).sum(1).min()) for a, b in zip(own, far, strict=True)))
    scores, group = own[0] @ own[1].T, torch.arange(len(titles)) // size.members
    grade = torch.from_numpy(np.asarray(batch.grade))
    losses: dict[str, Callable[..., torch.Tensor]] = {
        "contrastive": lambda s, g, r: contrastive_loss(s, torch.arange(len(s), device=s.device) * size.members),
        "roar": ALIGNMENT_LOSSES["roar"],
        "pooled": ALIGNMENT_LOSSES["ranknet_pooled"],
    }
    for name, loss in losses.items():
        here, there = (float(loss(*(t.to(d) for t in (scores, group, grade)))) for d in ("cpu", DEVICE))
        report(f"agreement_{name}_difference", abs(here - there))


def peak_flops(side: int) -> float:
    """Operations a second of one large matrix product in the precision that is trained in."""
    kind = torch.bfloat16 if PRECISION == "bf16" else torch.float32
    left, right = (torch.randn(side, side, device=DEVICE, dtype=kind) for _ in range(2))
    seconds = min(_timed(lambda: [left @ right for _ in range(10)]) for _ in range(3))
    return 10 * 2 * side**3 / seconds


@contextmanager
def memory_of(name: str) -> Iterator[None]:
    """Report the most that the device held meanwhile."""
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    yield
    if DEVICE.type == "cuda":
        report(f"{name}_peak_memory_gb", torch.cuda.max_memory_allocated() / 2**30)


def _timed(run: Callable[[], object]) -> float:
    run()  # warms up
    _finish()
    start = time.perf_counter()
    run()
    _finish()
    return time.perf_counter() - start


def _finish() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
