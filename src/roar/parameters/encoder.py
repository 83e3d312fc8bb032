"""The encoder: which one, what it reads of a product, how it computes, which of its weights are trained."""

from typing import Annotated, Literal

from pydantic import Field

from roar.parameters.base import MACHINE_ONLY, Parameters


class Lora(Parameters):
    """Low-rank adapters; the defaults are the paper's."""

    rank: int = Field(32, ge=1)
    alpha: int = Field(64, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    targets: tuple[str, ...] | None = None  # names of linear layers; null: all of the transformer's blocks


class Encoder(Parameters):
    """Which encoder to start from, what text of a product it reads, how it computes, and what of it is trained."""

    preset: str = "minilm"  # minilm, qwen3_0_6b, qwen3_4b, or any sentence-transformers model by hub id or folder
    max_tokens: int = Field(64, ge=4)
    product_fields: tuple[str, ...] = ("title", "brand", "attributes")  # in this order, cut at max_tokens
    query_prompt: str | None = None  # put before every query; null: the preset's, else what the encoder brings
    product_prompt: str | None = None  # likewise before every product
    dropout: float = Field(0.0, ge=0, lt=1)  # short fine-tuning does without
    precision: Literal["auto", "bf16", "float32"] = (
        "auto"  # of the matrix products: auto takes bf16 where it is really faster; scores and losses are float32 always
    )
    batch_tokens: Annotated[int | None, MACHINE_ONLY] = Field(
        None, ge=64
    )  # tokens encoded at once, sorted by length; null: what suits the device
    dimension: int | None = Field(None, ge=1)  # keep this many leading dimensions (Matryoshka); null keeps all
    fine_tuning: Literal["preset", "full", "lora"] = (
        "preset"  # which weights are trained: what suits the preset, or as said
    )
    lora: Lora = Lora()
    merge_adapters: bool = True  # fold LoRA into the weights after training; false saves base and adapters apart
    gradient_checkpointing: Annotated[bool, MACHINE_ONLY] = False  # less memory in training, for a second forward pass
