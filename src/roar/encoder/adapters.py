"""LoRA (arXiv 2106.09685): train two thin matrices beside each linear layer, and fold them into it afterwards."""

import re

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from sentence_transformers import SentenceTransformer
from torch import nn

from roar.errors import InputError
from roar.parameters import Lora


def add_lora(encoder: SentenceTransformer, config: Lora, *, seed: int) -> None:
    """Freeze the encoder and put trainable adapters beside its linear layers; one that has adapters goes on with them.

    Args:
        encoder: is changed in place.
        config: rank, alpha, dropout, and which layers.
        seed: of the adapters' start (A random, B zero: nothing changes before training).

    Raises:
        InputError: no layer is called what `config.targets` says.
    """
    if has_lora(encoder):
        for name, parameter in encoder.named_parameters():
            parameter.requires_grad_("lora_" in name)
        return
    targets = _targets(encoder, config)
    torch.manual_seed(seed)
    encoder.add_adapter(
        LoraConfig(r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=targets)
    )


def has_lora(encoder: SentenceTransformer) -> bool:
    """Whether any layer has an adapter."""
    return any(isinstance(module, LoraLayer) for module in encoder.modules())


def merge_lora(encoder: SentenceTransformer) -> None:
    """Fold the adapters into the layers they stand beside: a plain encoder again, every weight trainable."""
    for name, module in list(encoder.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, leaf = name.rpartition(".")
            setattr(encoder.get_submodule(parent), leaf, module.get_base_layer())
    model = encoder[0].auto_model
    for attribute, plain in (("peft_config", {}), ("_hf_peft_config_loaded", False)):
        if hasattr(model, attribute):
            setattr(model, attribute, plain)
    encoder.requires_grad_(True)


def _targets(encoder: SentenceTransformer, config: Lora) -> list[str]:
    """Full names of the linear layers to adapt: those that `targets` names, or all of the transformer's blocks."""
    linear = [
        name for name, module in encoder[0].get_submodule("auto_model").named_modules() if isinstance(module, nn.Linear)
    ]
    blocks = [name for name in linear if re.search(r"\.\d+\.", name)]  # a pooler or a head is no block
    wanted = config.targets
    chosen = blocks if wanted is None else [n for n in linear if any(n == t or n.endswith(f".{t}") for t in wanted)]
    if not chosen:
        known = ", ".join(sorted({name.rpartition(".")[2] for name in linear})) or "none"
        said = "null finds no blocks" if wanted is None else f"{list(wanted)} match no linear layer"
        raise InputError(f"encoder.lora.targets: {said}; the linear layers of this encoder are {known}.")
    return chosen
