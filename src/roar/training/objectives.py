"""What each stage minimises, from embeddings: a score matrix, a mask, and the losses of `roar.losses`.

`CachedLossMixin` of sentence-transformers bounds activation memory by one mini-batch (GradCache, arXiv 2101.06983), whatever the
batch; without it the same mini-batches keep their graphs, which saves a forward pass where memory allows.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
from sentence_transformers.base.losses.gradcache import CachedLossMixin
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import normalize

from roar.encoder.encoding import token_batches, trim
from roar.losses import contrastive_loss, false_negative_mask, roar_loss
from roar.parameters import Stage, Stage1, Stage2


class Objective(CachedLossMixin, nn.Module, ABC):
    """Embeds a collated batch and computes the stage's loss; subclasses give `terms`.

    Args:
        model: the encoder that is trained.
        config: temperatures, masks, mini-batch budget, Matryoshka dimensions.
    """

    def __init__(self, model: nn.Module, config: Stage) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.mini_batch_size = 1_000_000  # the token budget decides
        self.mini_batch_num_tokens = config.mini_batch_tokens
        self.last: dict[str, float] = {}  # the terms of the last batch
        self.queries = 0  # rows of the last batch

    def forward(self, features: Iterable[dict[str, Tensor]], labels: dict[str, Tensor]) -> Tensor:
        """Loss of a batch; see `Collator` for what features and labels hold."""
        if self.config.gradient_cache:
            return self.forward_cached(features, labels)  # type: ignore[arg-type]  # it hands them on unread
        embedded = [[self._embed(feature, rows) for rows in self._mini_batches(feature)] for feature in features]
        return self.calculate_loss(embedded, labels)

    def calculate_loss(  # type: ignore[override]  # the labels are a dict of our own
        self, reps: list[list[Tensor]], labels: dict[str, Tensor], *, with_backward: bool = False
    ) -> Tensor:
        """The loss from the embeddings of each mini-batch, [query, product]; scores are float32 under autocast."""
        with torch.autocast(reps[0][0].device.type, enabled=False):
            query, product = (torch.cat(part).float() for part in reps)
            query, product = query[labels["query"]], product[labels["product"]]
            terms: dict[str, Tensor] = {}
            loss = torch.zeros((), device=query.device)
            for dimension in self._dimensions(query.shape[1]):
                scores = normalize(query[:, :dimension], dim=1) @ normalize(product[:, :dimension], dim=1).T
                total, terms = self.terms(scores, labels)
                loss = loss + total / len(self._dimensions(query.shape[1]))
            self.last = {name: float(value) for name, value in terms.items()}
            self.queries = len(query)
            if with_backward:
                loss.backward()
                loss = loss.detach()
        return loss

    @abstractmethod
    def terms(self, scores: Tensor, labels: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of one score matrix (Q, C), and the terms to record."""

    def mask(self, scores: Tensor, labels: dict[str, Tensor]) -> Tensor:
        """The false negatives of the contrastive term."""
        return false_negative_mask(
            scores,
            labels["positive"],
            margin=self.config.margin,
            same_cluster=labels["same_cluster"] if self.config.mask_clusters else None,
            known_relevant=labels["known_relevant"] if self.config.mask_known_relevant else None,
        )

    def _dimensions(self, full: int) -> list[int]:
        """Matryoshka dimensions first, the full one last: its terms are the ones recorded."""
        return [*sorted(d for d in self.config.matryoshka if d < full), full]

    def _mini_batches(self, feature: dict[str, Tensor]) -> list[range]:
        return list(token_batches(feature["attention_mask"].sum(dim=1), self.config.mini_batch_tokens))

    def _embed(self, feature: dict[str, Tensor], rows: range) -> Tensor:
        part = trim({name: value[rows.start : rows.stop] for name, value in feature.items()})
        with _attention_kernel(part["input_ids"].device):
            return self.model(part)["sentence_embedding"]


def _attention_kernel(device: torch.device) -> AbstractContextManager[object]:
    """On a CPU, plain matrix products: the fused kernel's backward pass is slower on short texts than all else together."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


class ContrastiveObjective(Objective):
    """Stage 1: InfoNCE with the false-negative mask."""

    config: Stage1

    def terms(self, scores: Tensor, labels: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Contrastive loss; pairs weigh what their source says."""
        mask = self.mask(scores, labels)
        positive = labels["positive"]
        loss = contrastive_loss(
            scores, positive, mask=mask, temperature=self.config.temperature, weight=labels["weight"][positive]
        )
        return loss, {"contrastive": loss.detach(), "masked_share": mask.float().mean()}


class RoarObjective(Objective):
    """Stage 2: the contrastive term + beta * ROAR.

    The contrastive term takes each group's first (best) product as its positive. The group's other members are left out of its
    negatives: how they stand to each other is ROAR's to say, and a substitute is no negative.
    """

    config: Stage2

    def terms(self, scores: Tensor, labels: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The published L_total, with what the paper leaves open set by `Stage2`."""
        config = self.config
        rows = torch.arange(len(scores), device=scores.device)
        own = labels["group"][None, :] == rows[:, None]
        mask = self.mask(scores, labels)
        contrastive = contrastive_loss(scores, labels["positive"], mask=mask | own, temperature=config.temperature)
        alignment = roar_loss(
            scores,
            labels["group"],
            labels["grade"],
            temperature=config.roar.temperature,
            scope=config.roar.scope,
            ties=config.roar.ties,
            mask=mask,
            weight=labels["weight"] if config.roar.rater_weight else None,
            gap_weight=config.roar.gap_weight,
        )
        recorded = {
            "contrastive": contrastive.detach(),
            "alignment": alignment.detach(),
            "masked_share": mask.float().mean(),
        }
        return contrastive + config.beta * alignment, recorded
