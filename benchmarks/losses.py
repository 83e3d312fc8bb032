"""How fast the alignment losses are, and how exact the log odds.

    python benchmarks/losses.py [products] [queries]

Prints `name value` lines. `<loss>_ratio`: forward and backward of a batch (scores to gradient), as a multiple of a plain softmax
cross-entropy of the same shape: processor time of one thread, which other work on the machine hardly changes. Every loss
takes its turn in each round and repeats its step in a turn, the first time unmeasured, so that memory is laid out as it will be
step after step; the median of all.
`log_odds_error_<temperature>`: the largest absolute difference from float64; float32 itself rounds a log odds
of 1 / temperature by about 6e-8 / temperature, given beside it.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from roar.losses import ALIGNMENT_LOSSES, contrastive_loss, log_odds

ROUNDS, REPETITIONS = 5, 3
TEMPERATURES = (1.0, 0.01, 1e-4)


def main(products: int = 4096, queries: int = 512) -> None:
    for name, ratio in speed(products, queries).items():
        print(f"{name}_ratio {ratio:.2f}", flush=True)
    for temperature in TEMPERATURES:
        print(f"log_odds_error_{temperature:g} {log_odds_error(temperature):.2g}")
        print(f"float32_rounding_{temperature:g} {torch.finfo(torch.float32).eps / 2 / temperature:.2g}")


def speed(products: int, queries: int) -> dict[str, float]:
    """Each loss's median time over that of the cross-entropy; the cross-entropy's own, in ms, first."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    scores = (torch.rand(queries, products, generator=generator) * 0.8).requires_grad_()
    group = torch.arange(products) % queries
    grade = torch.randint(4, (products,), generator=generator)
    mask = torch.rand(queries, products, generator=generator) < 0.01
    positive = torch.arange(queries)
    contenders: dict[str, Callable[[], Tensor]] = {
        "cross_entropy": lambda: cross_entropy(scores / 0.02, positive),
        "contrastive_masked": lambda: contrastive_loss(scores, positive, mask=mask),
    }
    for name, loss in ALIGNMENT_LOSSES.items():
        contenders[name] = partial(loss, scores, group, grade, generator=generator)
    contenders["roar_masked"] = partial(ALIGNMENT_LOSSES["roar"], scores, group, grade, mask=mask)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            turn = [forward_and_backward(contender, scores) for _ in range(1 + REPETITIONS)]
            times[name] += turn[1:]
    median = {name: statistics.median(values) for name, values in times.items()}
    print(f"cross_entropy_ms {1000 * median['cross_entropy']:.1f}")
    return {name: value / median["cross_entropy"] for name, value in median.items()}


def forward_and_backward(loss: Callable[[], Tensor], scores: Tensor) -> float:
    scores.grad = None
    start = time.process_time()
    loss().backward()
    return time.process_time() - start


def log_odds_error(temperature: float, queries: int = 200, products: int = 40) -> float:
    """Rows of random cosines, half of them with one product far ahead of the rest."""
    scores = torch.rand(queries, products, generator=torch.Generator().manual_seed(1)) * 2 - 1
    scores[::2, 0] = 1.0
    scores[::2, 1:] *= 0.3
    return float((log_odds(scores, temperature=temperature).double() - reference(scores, temperature)).abs().max())


def reference(scores: Tensor, temperature: float) -> Tensor:
    """Float64 log odds, each product's excluded log-sum-exp taken over the others by themselves."""
    x = scores.double() / temperature
    others = x[:, None, :].masked_fill(torch.eye(x.shape[1], dtype=torch.bool), -torch.inf)
    return x - torch.logsumexp(others, dim=2)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
