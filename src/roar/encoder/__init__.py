"""The shared encoder of queries and products.

presets       which weights, where from, what suits them
product_text  what is read of a product
tokens        texts as ids, without padding
identity      which encoder this is
encoding      texts to vectors; `catalogue` streams a product table from disk to disk
adapters      LoRA
cpu           what makes a processor faster
model_card    what a saved encoder says of itself
"""

from roar.encoder.catalogue import encode_catalogue
from roar.encoder.encoding import encode
from roar.encoder.identity import identity_of
from roar.encoder.presets import PRESETS, Preset, load_encoder, preset_of, read_encoder, trains_lora
from roar.encoder.product_text import product_texts

__all__ = [
    "PRESETS",
    "Preset",
    "encode",
    "encode_catalogue",
    "identity_of",
    "load_encoder",
    "preset_of",
    "product_texts",
    "read_encoder",
    "trains_lora",
]
