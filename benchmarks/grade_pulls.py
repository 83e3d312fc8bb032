"""Which terms of stage 2 pull two grades apart and which push them together, to first order.

    python benchmarks/grade_pulls.py [--data data] [--batches 8] [--weights FOLDER]

`data` is the data folder of a run of stage 1 on one split. The soft share of right pairs of two consecutive grades (a sigmoid of the
margin over 0.02, validation queries) has a gradient; along it each term of the objective, and each comparison in it, rises or
falls (training queries, by central differences). Descent on a term that falls there raises the share: printed is by how many
points, for a step of plain descent at rate 0.001. The parts of the default objective add up; what could take their place
follows, each at weight 1. Adam's steps are scaled parameter by parameter.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from roar.encoder import product_texts, read_encoder
from roar.losses import contrastive_loss, log_odds, roar_loss
from roar.losses.graded import Pairs, graded_pairs, own_scores
from roar.parameters import Calibration, Encoder, Groups, OwnNegatives, Stage2
from roar.schemas import GRADES
from roar.training.batching import ConflictFreeBatches
from roar.training.collation import Batch, Collator
from roar.training.examples import Examples, group_examples
from roar.training.objectives import RoarObjective
from roar.training_sets import graded_groups

RATE, SOFT, SHIFT, SEED = 1e-3, 0.02, 0.02, 1
ALTERNATIVES: dict[str, OwnNegatives | dict[str, Any]] = {
    "contrastive, own I": OwnNegatives(irrelevant=0.0),
    "contrastive, own I + 0.1": OwnNegatives(irrelevant=0.1),
    "contrastive, own C - 0.1, I": OwnNegatives(complement=-0.1, irrelevant=0.0),
    "roar": {},
    "roar, I counts 3 times": {"by_worse": (3.0, 1.0, 1.0)},
    "roar, others joined": {"others": "joined"},
    "roar, others apart": {"others": "apart"},
}
Terms = dict[str, Tensor]
Split = Callable[[RoarObjective, Tensor, Batch], Terms]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--weights", type=Path, help="the encoder that is looked at; stage 1's without")
    chosen = parser.parse_args()
    model = read_encoder(chosen.weights or chosen.data / "06_models/stage1_encoder/holdout")
    gradients = order_gradients(model, examples(chosen.data, "validation"), chosen.batches)
    training = examples(chosen.data, "train")
    pulls = {name: slopes(model, gradient, training, chosen.batches) for name, gradient in gradients.items()}
    print(f"{'':<28}" + "".join(f"{name:>8}" for name in pulls))
    for term in next(iter(pulls.values())):
        print(f"{term:<28}" + "".join(f"{-100 * RATE * slope[term]:8.2f}" for slope in pulls.values()))


def examples(data: Path, split: str) -> Examples:
    """The graded groups of one split, cut as those of training."""
    layers = ("products", "queries", "judgments")
    products, queries, judgments = (pl.read_parquet(data / f"03_primary/{name}.parquet") for name in layers)
    clusters = pl.read_parquet(data / "04_feature/product_clusters.parquet")
    pairs = pl.read_parquet(data / "05_model_input/stage1_pairs.parquet")
    splits = pl.read_parquet(data / "05_model_input/query_splits.parquet").filter(split=split)
    as_train = splits.with_columns(split=pl.lit("train"))
    groups = graded_groups(queries, judgments, clusters, as_train, Groups(max_size=8), seed=SEED)
    encoder = Encoder()
    texts = product_texts(products, encoder.product_fields, encoder.max_tokens)
    return group_examples(groups, pairs, products, texts, clusters)


class _Split(RoarObjective):
    """Stage 2's objective by its terms instead of their sum."""

    def __init__(self, model: torch.nn.Module, split: Callable[[RoarObjective, Tensor, Batch], Terms]) -> None:
        super().__init__(model, Stage2(matryoshka=()))
        self.split = split
        self.named: Terms = {}

    def terms(self, batch: Batch) -> tuple[Tensor, Terms]:
        self.named = self.split(self, batch.query @ batch.product.T, batch)
        return torch.stack(list(self.named.values())).sum(), {}


def terms_of(model: torch.nn.Module, pool: Examples, batches: int, split: Split) -> Iterator[Terms]:
    """Terms of the first batches."""
    objective, collator = _Split(model, split), Collator(pool, model)
    for _, batch in zip(range(batches), ConflictFreeBatches(pool, 32, SEED), strict=False):
        collated = collator([{"example": example} for example in batch])
        sides = [
            {name.removeprefix(side): value for name, value in collated.items() if name.startswith(side)}
            for side in ("query_", "product_")
        ]
        objective(sides, collated["label"])
        yield objective.named


def order_gradients(model: torch.nn.Module, pool: Examples, batches: int) -> dict[str, list[Tensor]]:
    """For each two consecutive grades the gradient of their right order, weight by weight."""
    weights, found = list(model.parameters()), {}
    for terms in terms_of(model, pool, batches, right_order):
        for name, term in terms.items():
            parts = torch.autograd.grad(term / batches, weights, retain_graph=True, allow_unused=True)
            filled = [torch.zeros_like(w) if part is None else part for w, part in zip(weights, parts, strict=True)]
            found[name] = [a + b for a, b in zip(found[name], filled, strict=True)] if name in found else filled
    return found


@torch.no_grad()
def slopes(model: torch.nn.Module, gradient: list[Tensor], pool: Examples, batches: int) -> dict[str, float]:
    """How each term changes along a gradient, per unit of it; after the default's terms their sum."""
    length = float(torch.stack([part.norm() for part in gradient]).norm())
    found: dict[str, float] = {}
    for sign in (1, -1):
        with shifted(model, gradient, sign * SHIFT / length):
            for terms in terms_of(model, pool, batches, objective_terms):
                whole = {"whole": torch.stack([term for name, term in terms.items() if name not in ALTERNATIVES]).sum()}
                for name, term in (terms | whole).items():
                    found[name] = found.get(name, 0.0) + sign * float(term) / (2 * SHIFT / length * batches)
    return found


@contextmanager
def shifted(model: torch.nn.Module, along: list[Tensor], step: float) -> Iterator[None]:
    """The model's weights moved for the length of a block."""
    before = [weight.clone() for weight in model.parameters()]
    for weight, part in zip(model.parameters(), along, strict=True):
        weight.add_(part, alpha=step)
    yield
    for weight, old in zip(model.parameters(), before, strict=True):
        weight.copy_(old)


def objective_terms(objective: RoarObjective, scores: Tensor, batch: Batch) -> Terms:
    """The default objective of stage 2, taken apart."""
    mask, config = objective.mask(scores, batch), objective.config
    own = batch.group[None, :] == torch.arange(len(scores))[:, None]
    odds = log_odds(scores, member=~mask | own)[batch.group, torch.arange(len(batch.group))]
    level = own_scores(scores, batch.group, config.calibration.temperature)
    within, across = (
        graded_pairs(batch.group, batch.grade, "adjacent"),
        graded_pairs(torch.zeros_like(batch.group), batch.grade, "all"),
    )
    terms = {"contrastive": contrastive_loss(scores, batch.positive, mask=mask | own, temperature=config.temperature)}
    terms |= {f"roar {name}": config.beta * part for name, part in by_grades(odds, within, batch)}
    terms |= {f"pooled {name}": config.calibration.weight * part for name, part in by_grades(level, across, batch)}
    graded = {"mask": mask, "weight": batch.weight}
    for name, made in ALTERNATIVES.items():
        if isinstance(made, OwnNegatives):
            other = RoarObjective(
                objective.model, Stage2(own_negatives=made, beta=0, calibration=Calibration(weight=0))
            )
            terms[name] = other.terms(batch)[0]
        else:
            terms[name] = roar_loss(scores, batch.group, batch.grade, **graded, **made)
    return terms


def by_grades(x: Tensor, pairs: Pairs, batch: Batch) -> Iterator[tuple[str, Tensor]]:
    """Each two grades' part of a mean over comparisons; the parts add up to it."""
    weight = batch.weight[pairs.better] * batch.weight[pairs.worse] / pairs.size
    loss = weight * torch.nn.functional.softplus(x[pairs.worse] - x[pairs.better]) / weight.sum()
    for a, b in ((3, 2), (2, 1), (1, 0), (3, 1), (2, 0), (3, 0)):
        here = (batch.grade[pairs.better] == a) & (batch.grade[pairs.worse] == b)
        yield _named(a, b), (loss * here).sum()


def right_order(_: RoarObjective, scores: Tensor, batch: Batch) -> Terms:
    """The soft share of right pairs of each two consecutive grades."""
    pairs = graded_pairs(batch.group, batch.grade, "all")
    x = own_scores(scores, batch.group, SOFT)
    right = torch.sigmoid(x[pairs.better] - x[pairs.worse])
    better, worse = batch.grade[pairs.better], batch.grade[pairs.worse]
    return {_named(a, a - 1): right[(better == a) & (worse == a - 1)].mean() for a in (3, 2, 1)}


def _named(a: int, b: int) -> str:
    return f"{GRADES[a][0].upper()} > {GRADES[b][0].upper()}"


if __name__ == "__main__":
    main()
