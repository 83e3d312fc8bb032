"""The encoder: which one, what it reads of a product, how it computes."""

from typing import Literal

from pydantic import Field

from roar.parameters.base import Parameters


class Encoder(Parameters):
    """Which encoder to start from, what text of a product it reads, and how it computes."""

    preset: str = "minilm"  # minilm, qwen3_0_6b, qwen3_4b, or any sentence-transformers model by hub id or folder
    max_tokens: int = Field(64, ge=4)
    product_fields: tuple[str, ...] = ("title", "brand", "attributes")  # in this order, cut at max_tokens
    dropout: float = Field(0.0, ge=0, lt=1)  # short fine-tuning does without; attention is a third faster
    precision: Literal["bf16", "float32"] = "bf16"  # of the matrix products; scores and losses are float32 always
    batch_tokens: int = Field(4096, ge=64)  # tokens encoded at once; texts are sorted by length first
    dimension: int | None = Field(None, ge=1)  # keep this many leading dimensions (Matryoshka); null keeps all
