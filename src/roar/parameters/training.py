"""Both stages of training."""

from typing import Literal

from pydantic import Field

from roar.parameters.base import Parameters


class Stage(Parameters):
    """What both stages of training share."""

    learning_rate: float | None = Field(None, gt=0)  # null: the encoder preset's
    warmup: float = Field(0.1, ge=0, lt=1)  # share of steps over which the learning rate rises
    weight_decay: float = Field(0.01, ge=0)
    epochs: int = Field(1, ge=1)
    batch_size: int = Field(256, ge=2)  # queries a step
    temperature: float = Field(0.02, gt=0)
    margin: float | None = 0.1  # false-negative margin delta; null switches the rule off
    mask_clusters: bool = True  # near-duplicates of a query's product are no negatives of it
    mask_known_relevant: bool = True  # nor are products known to answer the query
    matryoshka: tuple[int, ...] = ()  # further dimensions trained beside the full one
    mini_batch_tokens: int = Field(1024, ge=64)  # tokens embedded at once
    gradient_cache: bool = (
        False  # bound activation memory by one mini-batch (GradCache), at the price of a second forward pass
    )
    max_steps: int | None = Field(None, ge=1)
    validations: int = Field(
        2, ge=0
    )  # validation ndcg@8 before training and this many times in it; the best weights are kept
    validation_queries: int = Field(150, ge=1)  # drawn from the validation split


class Stage1(Stage):
    """Stage 1: contrastive learning over pairs."""


class Roar(Parameters):
    """The alignment loss of stage 2 (roar.losses.roar_loss)."""

    temperature: float = Field(0.01, gt=0)
    scope: Literal["batch", "group"] = "batch"
    ties: Literal["pairs", "means", "chain"] = "pairs"
    gap_weight: bool = False
    rater_weight: bool = True  # weigh a product by the agreement of its raters


class Stage2(Stage):
    """Stage 2: contrastive loss + beta * ROAR over graded groups."""

    batch_size: int = Field(32, ge=1)  # queries a step, each with its group
    beta: float = Field(0.1, ge=0)
    roar: Roar = Roar()
