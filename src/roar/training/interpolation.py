"""Weights between the start and the end of training (WiSE-FT, arXiv 2109.01903), chosen on validation.

Fine-tuning gains where it was trained and may lose elsewhere; a point on the line between both is often better than either
end, at no cost when serving.
"""

from torch import Tensor

from roar.errors import InputError


def interpolated(start: dict[str, Tensor], end: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights a share of the way from start to end.

    Adapters start without effect, so theirs is scaled: a share of B times A is that share of their change of the weights.

    Raises:
        InputError: the adapters had an effect at the start, and what lies between is no adapter of this kind.
    """
    if not any("lora_" in name for name in end):
        return {name: start[name].lerp(weight, share) for name, weight in end.items()}
    if any(weight.any() for name, weight in start.items() if "lora_B" in name):
        raise InputError(
            "interpolation between adapters that go on is not possible; set encoder.merge_adapters to true."
        )
    return {name: weight * share if "lora_B" in name else weight for name, weight in end.items()}
