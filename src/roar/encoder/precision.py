"""In which precision matrix products run: bfloat16 where the device is really faster in it, float32 elsewhere.

Some processors have bf16 instructions and are two to three times as fast with them; on the others torch emulates them without a
word, 5 to 20 times slower than float32. So `encoder.precision: auto` asks the device once per process: an accelerator by what
its hardware has, a processor by the time of one matrix product of the encoder's own shape, both ways. float16 is never taken.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, NamedTuple

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from roar.parameters import Encoder
from roar.run_record import processor

logger = logging.getLogger(__name__)

Precision = Literal["bf16", "float32"]


class Shape(NamedTuple):
    """An encoder's blocks: width, inner width, and how many there are."""

    width: int
    inner: int
    blocks: int

    @property
    def weights(self) -> int:
        """Weights that every token is multiplied with."""
        return self.blocks * self.width * (4 * self.width + 2 * self.inner)


MINILM = Shape(384, 1536, 6)
"""The default encoder: what is measured where another one does not say."""

_PAYS = 1.1
"""bf16 is taken where it is faster by this factor: for less, its rounding is not worth it."""

_MULTIPLICATIONS = 150_000_000
"""Of the product that is measured: a few milliseconds on one core, whatever the encoder's width."""

_ROUNDS = 5


class Decision(NamedTuple):
    """What suits a device, and why.

    Attributes:
        precision: to compute in.
        device: its name.
        threads: that a processor computes with, in words; None on an accelerator.
        gain: how many times faster bf16 is; None where the hardware says so and nothing was measured.
        gflops: billions of operations a second in the product that was measured, over all threads; None likewise.
        reason: in words.
    """

    precision: Precision
    device: str
    threads: str | None
    gain: float | None
    gflops: float | None
    reason: str


_decided: dict[str, Decision] = {}
_warned: set[tuple[str, str]] = set()


def decide(device: torch.device, shape: Shape = MINILM) -> Decision:
    """What suits a device: measured and logged the first time a process asks, remembered afterwards.

    Args:
        device: of the encoder.
        shape: of the encoder.
    """
    if device.type not in _decided:
        _decided[device.type] = decision = _decide(device, shape)
        logger.info("%s: %s.", decision.precision, decision.reason)
    return _decided[device.type]


def decisions() -> dict[str, dict[str, Any]]:
    """What this process has decided so far, by type of device, for the run record."""
    return {kind: decision._asdict() for kind, decision in _decided.items()}


def settled(config: Encoder, encoder: SentenceTransformer) -> Encoder:
    """The configuration with `precision` as it will be computed: never "auto". A stated one is obeyed, and warned of if slow."""
    config_of_model = getattr(getattr(encoder[0], "auto_model", None), "config", None)
    decision = decide(encoder.device, shape_of(config_of_model))
    if config.precision == "auto":
        return config.model_copy(update={"precision": decision.precision})
    if config.precision != decision.precision and (config.precision, encoder.device.type) not in _warned:
        _warned.add((config.precision, encoder.device.type))
        logger.warning(
            "encoder.precision is set to %s, the slow one here (%s); auto would take %s.",
            config.precision, decision.reason, decision.precision,
        )  # fmt: skip
    return config


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """bfloat16 matrix products where `precision` is "bf16"."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _decide(device: torch.device, shape: Shape) -> Decision:
    if device.type == "cuda":
        name, has = torch.cuda.get_device_name(device), torch.cuda.is_bf16_supported(including_emulation=False)
        return _by_hardware(name, has)
    if device.type == "xpu":
        return _by_hardware(torch.xpu.get_device_name(device), torch.xpu.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return _by_hardware(device.type, has=False)
    float32, bf16 = product_gflops(shape)
    gain, count = bf16 / float32, torch.get_num_threads()
    threads = f"{count} thread{'s' if count > 1 else ''}"
    times = f"{gain:.1f} times faster" if gain >= 1 else f"{1 / gain:.1f} times slower"
    reason = f"bf16 products are {times} on this processor ({processor()}, {threads})"
    precision: Precision = "bf16" if gain > _PAYS else "float32"
    return Decision(precision, processor(), threads, gain, count * max(float32, bf16), reason)


def _by_hardware(name: str, has: bool) -> Decision:
    reason = f"{name} {'computes' if has else 'is not known to compute'} in bf16"
    return Decision("bf16" if has else "float32", name, None, None, None, reason)


def product_gflops(shape: Shape) -> tuple[float, float]:
    """Billions of operations a second on one core, in float32 and in bf16 as autocast does it (casts included).

    One matrix product of the encoder's inner layer is timed on a single thread by the processor time that it takes: what else
    the machine does cannot turn the verdict, and both precisions share out over cores alike.

    Args:
        shape: of the encoder.
    """
    width, inner, _ = shape
    rows = max(16, _MULTIPLICATIONS // (width * inner))
    layer, vectors = nn.Linear(width, inner), torch.ones(rows, width)
    seconds: dict[str, list[float]] = {"float32": [], "bf16": []}
    with torch.inference_mode(), _one_thread():
        for _ in range(_ROUNDS):
            for precision, times in seconds.items():
                times.append(_seconds(layer, vectors, precision))
    float32, bf16 = (2e-9 * rows * width * inner / min(times) for times in seconds.values())
    return float32, bf16


def _seconds(layer: Callable[[Tensor], Tensor], vectors: Tensor, precision: str) -> float:
    start = time.thread_time()
    with autocast(vectors.device, precision):
        layer(vectors)
    return time.thread_time() - start


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def shape_of(config: Any) -> Shape:
    """The shape that a transformer's configuration states; minilm's where it does not."""
    sizes = [getattr(config, name, None) for name in ("hidden_size", "intermediate_size", "num_hidden_layers")]
    stated = [size for size in sizes if isinstance(size, int)]
    return Shape(*stated) if len(stated) == len(sizes) else MINILM
