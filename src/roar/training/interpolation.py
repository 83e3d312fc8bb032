"""Weights between the start and the end of training (WiSE-FT, arXiv 2109.01903), chosen on validation.

Fine-tuning gains where it was trained and may lose elsewhere; a point on the line between both is often better than either
end, at no cost when serving.
"""

import logging
from collections.abc import Callable, Sequence

from sentence_transformers import SentenceTransformer
from torch import Tensor

from roar.training.recorder import trained_weights

logger = logging.getLogger(__name__)


def interpolated(start: dict[str, Tensor], end: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights a share of the way from start to end.

    Adapters start without effect, so theirs is scaled: a share of B times A is that share of their change of the weights.
    """
    adapters = any("lora_" in name for name in end)
    if not adapters:
        return {name: start[name].lerp(weight, share) for name, weight in end.items()}
    return {name: weight * share if "lora_B" in name else weight for name, weight in end.items()}


def best_interpolation(
    encoder: SentenceTransformer,
    start: dict[str, Tensor],
    shares: Sequence[float],
    validate: Callable[[SentenceTransformer], float],
    score: float | None,
    title: str,
) -> float:
    """Set the encoder to the weights that validate best: its own (share 1), or one of the shares of the way to them.

    Args:
        encoder: is changed.
        start: its weights before training.
        shares: between 0 (the start) and 1 (as it is).
        validate: scores the encoder, higher is better.
        score: of the encoder as it is; None to measure it.
        title: what the log says.

    Returns:
        The share chosen.
    """
    end = trained_weights(encoder)
    scores = {1.0: validate(encoder) if score is None else score}
    for share in shares:
        encoder.load_state_dict(interpolated(start, end, share), strict=False)
        scores[share] = validate(encoder)
    best = max(scores, key=lambda share: (scores[share], share))
    encoder.load_state_dict(interpolated(start, end, best), strict=False)
    logger.info("%s: weights %.2f of the way from the start, ndcg@8 %.4f.", title, best, scores[best])
    return best
