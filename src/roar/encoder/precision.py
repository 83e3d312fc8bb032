"""In which precision matrix products run: bfloat16 where the device is really faster in it, float32 elsewhere.

Some processors have bf16 instructions and are two to three times as fast with them; on the others torch emulates them without a
word, 5 to 20 times slower than float32. So `encoder.precision: auto` asks the device once per process: an accelerator by what
its hardware has, a processor by the time of one matrix product of the encoder's own shape, both ways. float16 is never taken.
"""

import logging
import platform
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from roar.parameters import Encoder

logger = logging.getLogger(__name__)

Precision = Literal["bf16", "float32"]

MINILM_SHAPE = (384, 1536)
"""Width and inner width of the default encoder's blocks: what is measured where no encoder is loaded yet."""

_PAYS = 1.1
"""bf16 is taken where it is faster by this factor: for less, its rounding is not worth it."""

_MULTIPLICATIONS = 150_000_000
"""Of the product that is measured: a few milliseconds on one core, whatever the encoder's width."""

_ROUNDS = 5


class Decision(NamedTuple):
    """What suits a device, and why; `gain` is how many times faster bf16 is (None: not measured, the hardware says)."""

    precision: Precision
    device: str
    gain: float | None
    reason: str


_decided: dict[str, Decision] = {}
_warned: set[tuple[str, str]] = set()


def decide(device: torch.device, shape: tuple[int, int] = MINILM_SHAPE) -> Decision:
    """What suits a device: measured and logged the first time a process asks, remembered afterwards.

    Args:
        device: of the encoder.
        shape: width and inner width of the encoder's blocks.
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
    decision = decide(encoder.device, _shape(encoder))
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


def _decide(device: torch.device, shape: tuple[int, int]) -> Decision:
    if device.type == "cuda":
        name, has = torch.cuda.get_device_name(device), torch.cuda.is_bf16_supported(including_emulation=False)
        return _by_hardware(name, has)
    if device.type == "xpu":
        return _by_hardware(torch.xpu.get_device_name(device), torch.xpu.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return _by_hardware(device.type, has=False)
    gain = bf16_gain(shape)
    times = f"{gain:.1f} times faster" if gain >= 1 else f"{1 / gain:.1f} times slower"
    reason = f"bf16 products are {times} on this processor ({processor()}, {torch.get_num_threads()} threads)"
    return Decision("bf16" if gain > _PAYS else "float32", processor(), gain, reason)


def _by_hardware(name: str, has: bool) -> Decision:
    reason = f"{name} {'computes' if has else 'is not known to compute'} in bf16"
    return Decision("bf16" if has else "float32", name, None, reason)


def bf16_gain(shape: tuple[int, int]) -> float:
    """How many times faster this processor multiplies in bf16 than in float32, as autocast does it (casts included).

    Args:
        shape: width and inner width of the layer that is measured.
    """
    width, inner = shape
    rows = max(16, _MULTIPLICATIONS // (width * inner))
    layer, vectors = nn.Linear(width, inner), torch.ones(rows, width)
    seconds: dict[str, list[float]] = {"float32": [], "bf16": []}
    with torch.inference_mode():
        for _ in range(_ROUNDS):  # in turns: what else the machine does hits both
            for precision, times in seconds.items():
                times.append(_seconds(layer, vectors, precision))
    return min(seconds["float32"]) / min(seconds["bf16"])


def _seconds(layer: Callable[[Tensor], Tensor], vectors: Tensor, precision: str) -> float:
    start = time.perf_counter()
    with autocast(vectors.device, precision):
        layer(vectors)
    return time.perf_counter() - start


def _shape(encoder: SentenceTransformer) -> tuple[int, int]:
    """Width and inner width of an encoder's blocks, by its configuration; minilm's where it does not say."""
    config = getattr(getattr(encoder[0], "auto_model", None), "config", None)
    width, inner = (getattr(config, name, None) for name in ("hidden_size", "intermediate_size"))
    return (width, inner) if isinstance(width, int) and isinstance(inner, int) else MINILM_SHAPE


def processor() -> str:
    """The processor's name, as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.is_file() else None
    return found[1] if found else platform.processor() or platform.machine()
