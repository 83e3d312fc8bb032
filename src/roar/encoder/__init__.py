"""The shared encoder of queries and products: presets, product text, and encoding without padding waste."""

from roar.encoder.encoding import encode
from roar.encoder.presets import PRESETS, Preset, load_encoder, preset_of, read_encoder
from roar.encoder.product_text import product_texts

__all__ = ["PRESETS", "Preset", "encode", "load_encoder", "preset_of", "product_texts", "read_encoder"]
