"""Which terms of stage 2 pull two grades apart and which push them together, to first order.

    python benchmarks/grade_pulls.py [--data data] [--batches 8] [--weights FOLDER]

`data` is the data folder of a run of stage 1 on one split. For each term of the objective, and each comparison in it, the gradient over
training batches; for each two consecutive grades, that of the soft share of right pairs of validation queries (a sigmoid of the
margin over 0.02). Printed: what a step of length 0.01 against the whole gradient does to that share, in points, by term: the parts
add up. It is a step of plain descent: Adam scales it parameter by parameter.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from roar.encoder import product_texts, read_encoder
from roar.losses import contrastive_loss, log_odds
from roar.losses.graded import Pairs, graded_pairs, own_scores
from roar.parameters import Encoder, Groups, Stage2
from roar.schemas import GRADES
from roar.training.batching import ConflictFreeBatches
from roar.training.collation import Batch, Collator
from roar.training.examples import Examples, group_examples
from roar.training.objectives import RoarObjective
from roar.training_sets import graded_groups

LENGTH, SOFT, SEED = 0.01, 0.02, 1
Terms = dict[str, Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--weights", type=Path, help="where the step starts; stage 1's without")
    chosen = parser.parse_args()
    model = read_encoder(chosen.weights or chosen.data / "06_models/stage1_encoder/holdout")
    pulls = mean_gradients(model, examples(chosen.data, "train"), chosen.batches, objective_terms)
    orders = mean_gradients(model, examples(chosen.data, "validation"), chosen.batches, right_order)
    pulls["whole"] = torch.stack(list(pulls.values())).sum(dim=0)
    step = LENGTH / pulls["whole"].norm()
    print(f"{'':<16}{'length':>8}" + "".join(f"{name:>8}" for name in orders))
    for name, pull in pulls.items():
        effects = [-100 * step * pull @ order for order in orders.values()]
        print(f"{name:<16}{pull.norm():8.3f}" + "".join(f"{effect:8.2f}" for effect in effects))


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


def mean_gradients(
    model: torch.nn.Module, pool: Examples, batches: int, split: Callable[[RoarObjective, Tensor, Batch], Terms]
) -> Terms:
    """The gradient of each term, one vector over all weights, averaged over batches."""
    objective, collator = _Split(model, split), Collator(pool, model)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    found: Terms = {}
    for _, batch in zip(range(batches), ConflictFreeBatches(pool, 32, SEED), strict=False):
        collated = collator([{"example": example} for example in batch])
        sides = [
            {name.removeprefix(side): value for name, value in collated.items() if name.startswith(side)}
            for side in ("query_", "product_")
        ]
        objective(sides, collated["label"])
        for name, term in objective.named.items():
            parts = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
            flat = [
                (torch.zeros_like(w) if part is None else part).flatten()
                for w, part in zip(weights, parts, strict=True)
            ]
            found[name] = found.get(name, 0) + torch.cat(flat) / batches
    return found


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
