"""What each stage minimises, from embeddings: a score matrix, a mask, and the losses of `roar.losses`.

`CachedLossMixin` of sentence-transformers bounds activation memory by one mini-batch (GradCache, arXiv 2101.06983), whatever the
batch; without it the same mini-batches keep their graphs, which saves a forward pass where memory allows (`activations`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from sentence_transformers.base.losses.gradcache import CachedLossMixin, RandContext
from torch import Tensor, nn
from torch.nn.functional import normalize

from roar.encoder.encoding import trim
from roar.encoder.tokens import token_batches
from roar.losses import ALIGNMENT_LOSSES, DISTILLATION_LOSSES, contrastive_loss, false_negative_mask
from roar.parameters import Stage, Stage1, Stage2
from roar.schemas import GRADES
from roar.training.activations import fits
from roar.training.collation import Batch, gathered, judged_part
from roar.training.distributed import from_first
from roar.training.own_losses import alignment_loss

Terms = dict[str, Tensor]


class Objective(CachedLossMixin, nn.Module, ABC):
    """Embeds a collated batch and computes the stage's loss; subclasses give `terms`.

    Args:
        model: the encoder that is trained.
        config: temperatures, masks, mini-batch budget, Matryoshka dimensions.
        seed: of what a loss draws.
    """

    def __init__(self, model: nn.Module, config: Stage, seed: int = 0) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.seed = seed
        self.mini_batch_size = 1_000_000  # the token budget decides
        self.mini_batch_num_tokens = config.mini_batch_tokens
        self.caches = config.gradient_cache  # None until the first batch tells
        self.last: dict[str, float] = {}  # the loss and its terms of the last batch
        self.queries = 0  # rows of the last batch

    def forward(self, features: Iterable[dict[str, Tensor]], labels: dict[str, Tensor]) -> Tensor:
        """Loss of a batch; see `Collator` for what features and labels hold."""
        features = list(features)
        if self.caches is None:  # processes have to agree, so the first one's answer is everybody's
            self.caches = bool(from_first(float(not self._fits(features))))
        if self.caches:
            return self.forward_cached(features, labels)  # type: ignore[arg-type]  # it hands them on unread
        embedded = [[self._embed(feature, rows) for rows in self._mini_batches(feature)] for feature in features]
        return self.calculate_loss(embedded, labels)

    def calculate_loss(  # type: ignore[override]  # the labels are a dict of our own
        self, reps: list[list[Tensor]], labels: dict[str, Tensor], *, with_backward: bool = False
    ) -> Tensor:
        """The loss from the embeddings of each mini-batch, [query, product]; scores are float32 under autocast.

        Raises:
            FloatingPointError: an embedding, and so the loss, is NaN or infinite.
        """
        with torch.autocast(reps[0][0].device.type, enabled=False):
            query, product = (torch.cat(part).float() for part in reps)
            batch = gathered(query, product, labels)
            # After gathering, so that all processes stop together.
            if not torch.isfinite(batch.query.detach().sum() + batch.product.detach().sum()):
                raise FloatingPointError("the encoder's output is NaN or infinite")
            terms: Terms = {}
            loss = torch.zeros((), device=query.device)
            dimensions = self._dimensions(query.shape[1])
            for dimension in dimensions:
                # Matryoshka dimensions first, the full one last: its terms are the ones recorded.
                total, terms = self.terms(_cut(batch, dimension))
                loss = loss + total / len(dimensions)
            self.last = {"loss": float(loss.detach())} | {name: float(value) for name, value in terms.items()}
            self.queries = len(batch.query)
            if with_backward:
                loss.backward()
                loss = loss.detach()
        return loss

    @abstractmethod
    def terms(self, batch: Batch) -> tuple[Tensor, Terms]:
        """The loss of one batch of unit vectors, and the terms to record."""

    def mask(self, scores: Tensor, batch: Batch) -> Tensor:
        """The false negatives of the contrastive term."""
        return false_negative_mask(
            scores,
            batch.positive,
            margin=self.config.margin,
            same_cluster=batch.same_cluster if self.config.mask_clusters else None,
            known_relevant=batch.known_relevant if self.config.mask_known_relevant else None,
        )

    def embed_minibatch(
        self,
        sentence_feature: dict[str, Tensor],
        begin: int,
        end: int,
        with_grad: bool,
        copy_random_state: bool,
        random_state: RandContext | None = None,
    ) -> tuple[Tensor, RandContext | None]:
        """The library's step of GradCache, without padding on either side."""
        part = trim({name: value[begin:end] for name, value in sentence_feature.items()})
        return super().embed_minibatch(part, 0, end - begin, with_grad, copy_random_state, random_state)

    def _dimensions(self, full: int) -> list[int]:
        return [*sorted(d for d in self.config.matryoshka if d < full), full]

    def _fits(self, features: list[dict[str, Tensor]]) -> bool:
        """Whether the graphs of all mini-batches fit into memory, by the first of the products'."""
        rows = self._mini_batches(features[1])[0]
        mask = features[1]["attention_mask"]
        share = float(mask[rows.start : rows.stop].sum() / sum(feature["attention_mask"].sum() for feature in features))
        return fits(self.model, lambda: self._embed(features[1], rows), share)

    def _mini_batches(self, feature: dict[str, Tensor]) -> list[range]:
        length = feature["attention_mask"].sum(dim=1).cpu().numpy()
        return list(token_batches(length, self.config.mini_batch_tokens))

    def _embed(self, feature: dict[str, Tensor], rows: range) -> Tensor:
        part = trim({name: value[rows.start : rows.stop] for name, value in feature.items()})
        return self.model(part)["sentence_embedding"]


def _cut(batch: Batch, dimension: int) -> Batch:
    """The batch's unit vectors of the leading dimensions."""
    query, product = (normalize(vectors[:, :dimension], dim=1) for vectors in (batch.query, batch.product))
    return batch._replace(query=query, product=product)


class ContrastiveObjective(Objective):
    """Stage 1: InfoNCE with the false-negative mask.

    By choice with the further terms of Qwen3-Embedding (arXiv 2506.05176) in the denominator: other queries that are close to the
    query, and products that are close to the positive product.
    """

    config: Stage1

    def terms(self, batch: Batch) -> tuple[Tensor, Terms]:
        """Contrastive loss; pairs weigh what their source says."""
        scores = batch.query @ batch.product.T
        mask = self.mask(scores, batch)
        recorded = {"masked_share": mask.float().mean()}
        further = [*self._query_negatives(batch), *self._product_negatives(batch)]
        if further:
            blocks, always = (torch.cat(parts, dim=1) for parts in zip(*further, strict=True))
            whole = torch.cat([scores, blocks], dim=1)
            beaten = false_negative_mask(whole, batch.positive, margin=self.config.margin)[:, scores.shape[1] :]
            scores, mask = whole, torch.cat([mask, beaten | always], dim=1)
        weight = batch.weight[batch.positive]
        loss = contrastive_loss(scores, batch.positive, mask=mask, temperature=self.config.temperature, weight=weight)
        return loss, {"contrastive": loss.detach(), **recorded}

    def _query_negatives(self, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """(Q, Q) scores of queries against queries, and those of one question, which are never negatives."""
        if not self.config.query_negatives:
            return []
        return [(batch.query @ batch.query.T, batch.query_group[:, None] == batch.query_group[None, :])]

    def _product_negatives(self, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """(Q, C) scores of the positives against products, and listings of one item, which are never negatives."""
        if not self.config.product_negatives:
            return []
        same = batch.same_cluster | batch.known_relevant
        return [(batch.product[batch.positive] @ batch.product.T, same)]


class RoarObjective(Objective):
    """Stage 2: the contrastive term + beta * alignment, by choice + a calibration term + distillation.

    The contrastive term takes each group's first (best) product as its positive. The group's other members are left out of its
    negatives, but for those that `own_negatives` names: how they stand to each other is the alignment's to say, and a substitute
    is no negative.
    """

    config: Stage2

    def terms(self, batch: Batch) -> tuple[Tensor, Terms]:
        """The published L_total, with what the paper leaves open set by `Stage2`; a teacher speaks of further products."""
        judged, distillation = judged_part(batch), self.config.distillation
        loss, recorded = self._judged(judged) if len(judged.query) else (batch.query.sum() * 0.0, {})
        if not distillation.weight:
            return loss, recorded
        scores = batch.query @ batch.product.T
        towards = DISTILLATION_LOSSES[distillation.loss]
        taught = towards(scores, batch.group, batch.target, temperature=distillation.temperature)
        return loss + distillation.weight * taught, recorded | {"distillation": taught.detach()}

    def _judged(self, batch: Batch) -> tuple[Tensor, Terms]:
        config = self.config
        scores = batch.query @ batch.product.T
        mask = self.mask(scores, batch)
        weight = batch.weight if config.alignment.rater_weight else None
        alignment = self._alignment(scores, batch, mask, weight)
        recorded = {"alignment": alignment.detach(), "masked_share": mask.float().mean()}
        loss = config.beta * alignment
        if config.contrastive:
            left_out, margin = self._own_negatives(mask, batch)
            contrastive = contrastive_loss(
                scores, batch.positive, mask=left_out, margin=margin, temperature=config.temperature
            )
            recorded["contrastive"] = contrastive.detach()
            loss = loss + contrastive
        if config.calibration.weight:
            across = ALIGNMENT_LOSSES[config.calibration.loss]
            options: dict[str, Any] = {
                "temperature": config.calibration.temperature,
                **config.calibration.comparisons.options(),
            }
            calibration = across(scores, batch.group, batch.grade, mask=mask, weight=weight, **options)
            recorded["calibration"] = calibration.detach()
            loss = loss + config.calibration.weight * calibration
        return loss, recorded

    def _own_negatives(self, mask: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """(Q, C) what the contrastive term leaves out, and the margins of the group's own products that it does not."""
        own = batch.group[None, :] == torch.arange(len(mask), device=mask.device)[:, None]
        left_out, margin = mask | own, None
        for grade, extra in self.config.own_negatives:
            if extra is not None:
                chosen = own & (batch.grade == GRADES.index(grade))[None, :]
                left_out = left_out & ~chosen  # it was judged: no rule calls it a false negative
                margin = extra * chosen.float() + (0.0 if margin is None else margin)
        return left_out, margin

    def _alignment(self, scores: Tensor, batch: Batch, mask: Tensor, weight: Tensor | None) -> Tensor:
        config = self.config.alignment
        options: dict[str, Any] = {} if config.temperature is None else {"temperature": config.temperature}
        options |= config.comparisons.options()
        loss = alignment_loss(config.loss)
        return loss(scores, batch.group, batch.grade, mask=mask, weight=weight, generator=self._draws(batch), **options)

    def _draws(self, batch: Batch) -> torch.Generator:
        """Draws that depend on the seed and the batch alone: the same on all processes, and after a resumed run."""
        generator = torch.Generator(device=batch.query.device)
        return generator.manual_seed(self.seed + int(batch.product_id.sum()))
