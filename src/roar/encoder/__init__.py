"""The shared encoder of queries and products.

presets       which weights, where from, what suits them
product_text  what is read of a product
tokens        texts as ids, without padding
identity      which encoder this is
encoding      texts to vectors; `catalogue` streams a product table from disk to disk
precision     bf16 where it is faster, else float32
adapters      LoRA
cpu           what makes a processor faster
model_card    what a saved encoder says of itself
"""

from typing import TYPE_CHECKING

from roar.lazy import loader

if TYPE_CHECKING:
    from roar.encoder.catalogue import encode_catalogue
    from roar.encoder.encoding import encode
    from roar.encoder.identity import identity_of
    from roar.encoder.precision import decide, settled
    from roar.encoder.presets import PRESETS, Preset, load_encoder, preset_of, read_encoder, trains_lora
    from roar.encoder.product_text import product_texts

__all__ = [
    "PRESETS",
    "Preset",
    "decide",
    "encode",
    "encode_catalogue",
    "identity_of",
    "load_encoder",
    "preset_of",
    "product_texts",
    "read_encoder",
    "settled",
    "trains_lora",
]

_HOMES = {
    "catalogue": ("encode_catalogue",),
    "encoding": ("encode",),
    "identity": ("identity_of",),
    "precision": ("decide", "settled"),
    "presets": ("PRESETS", "Preset", "load_encoder", "preset_of", "read_encoder", "trains_lora"),
    "product_text": ("product_texts",),
}

__getattr__ = loader(__name__, _HOMES)  # who reads texts of products alone does without torch
