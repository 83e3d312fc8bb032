"""Both stages of training."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from roar.parameters.base import MACHINE_ONLY, Parameters

Criterion = Literal["judged", "catalogue", "joined"]
"""What chooses weights: order of judged products, retrieval from a sampled catalogue, or both."""


class Validation(Parameters):
    """How weights are chosen: held-out queries search a sampled catalogue that holds all their judged products."""

    criterion: Criterion = "joined"  # judged: ndcg@8 of judged products; catalogue: ndcg@100 of all; joined: their mean
    queries: int = Field(100, ge=1)  # at least so many, where there are as many
    share: float = Field(
        0.1, ge=0, lt=1
    )  # and more while validation reads no more than this share of what training does
    products: int = Field(2000, ge=0)  # of the catalogue: the judged ones, and others up to so many
    worse_by: float = Field(1.64, ge=0)  # the start is kept where the best are worse by so many standard errors


class Stage(Parameters):
    """What both stages of training share."""

    learning_rate: float | None = Field(None, gt=0)  # null: the encoder preset's
    warmup: float = Field(0.1, ge=0, lt=1)  # share of steps over which the learning rate rises
    weight_decay: float = Field(0.01, ge=0)
    epochs: int = Field(1, ge=1)
    batch_size: int = Field(256, ge=2)  # queries a step, over all devices
    temperature: float = Field(0.02, gt=0)
    margin: float | None = 0.1  # false-negative margin delta; null switches the rule off, below 0 is GIST-like
    mask_clusters: bool = True  # near-duplicates of a query's product are no negatives of it
    mask_known_relevant: bool = True  # nor are products known to answer the query
    matryoshka: tuple[int, ...] = (256,)  # further dimensions trained beside the full one: the one that is deployed
    mini_batch_tokens: Annotated[int, MACHINE_ONLY] = Field(1024, ge=64)  # tokens embedded at once
    gradient_cache: Annotated[bool | None, MACHINE_ONLY] = (
        None  # bound activation memory by one mini-batch (GradCache), for a second forward pass; null: where it needs to be
    )
    max_steps: int | None = Field(None, ge=1)
    validations: int = Field(2, ge=0)  # validated before training and this many times in it; 0 keeps the last weights
    validation: Validation = Validation()
    patience: int | None = Field(None, ge=1)  # stop after this many validations without a better one; null never does
    interpolate: tuple[
        float, ...
    ] = ()  # WiSE-FT: shares of the way from the start to the best weights that validation chooses from
    checkpoint_steps: Annotated[int, MACHINE_ONLY] = Field(50, ge=1)  # a killed run goes on from the last checkpoint


class Stage1(Stage):
    """Stage 1: contrastive learning over pairs."""

    query_negatives: bool = False  # other queries of the batch in the denominator too (Qwen3-Embedding)
    product_negatives: bool = False  # and what is close to the positive product instead of the query


AlignmentName = Literal[
    "none",
    "roar",
    "roar_chain",
    "roar_means",
    "roar_group",
    "roar_gap",
    "roar_joined",
    "roar_apart",
    "ranknet_adjacent",
    "ranknet_all",
    "ranknet_pooled",
    "list_mle",
    "list_net",
    "lambda",
    "bixse",
    "margin_mse",
]


FURTHER_LOSSES: set[str] = set()
"""Names that `roar.training.register_alignment_loss` was given in this process, beside ours."""


def _or_registered(name: Any, check: ValidatorFunctionWrapHandler) -> Any:
    return name if isinstance(name, str) and name in FURTHER_LOSSES else check(name)


class Comparisons(Parameters):
    """What the comparisons of two grades weigh in their mean, by the grade of the worse product."""

    irrelevant: float = Field(1.0, ge=0)
    complement: float = Field(1.0, ge=0)
    substitute: float = Field(1.0, ge=0)

    def options(self) -> dict[str, tuple[float, ...]]:
        """What a loss is told; nothing where all weigh the same."""
        weights = (self.irrelevant, self.complement, self.substitute)
        return {} if weights == (1.0, 1.0, 1.0) else {"by_worse": weights}


class OwnNegatives(Parameters):
    """A group's own products among the negatives of its contrastive term: by how much more cosine than other queries' products
    one of each grade must stay below the positive; null leaves the grade out, as published."""

    complement: float | None = None
    irrelevant: float | None = None


class Alignment(Parameters):
    """What orders a group's products by grade (roar.losses.ALIGNMENT_LOSSES)."""

    loss: Annotated[AlignmentName, WrapValidator(_or_registered), PlainSerializer(str)] = (
        "roar"  # roar compares pairs of consecutive grades; roar_chain is the published reading
    )
    temperature: float | None = Field(None, gt=0)  # null: the loss's own (tau_a = 0.01 of ROAR)
    rater_weight: bool = True  # weigh a product by the agreement of its raters
    comparisons: Comparisons = Comparisons()  # of roar… and ranknet…

    @model_validator(mode="after")
    def _comparisons_are_read(self) -> "Alignment":
        if self.comparisons.options() and not self.loss.startswith(("roar", "ranknet")):
            raise ValueError(f"comparisons: {self.loss} does not compare two grades; roar… and ranknet… do")
        return self


class Calibration(Parameters):
    """A term that makes scores comparable across queries: a pointwise one (BiXSE), or RankNet over pairs of any two queries."""

    loss: Literal["bixse", "ranknet_pooled"] = "ranknet_pooled"
    weight: float = Field(1.0, ge=0)  # 0 switches it off
    temperature: float = Field(0.05, gt=0)
    comparisons: Comparisons = Comparisons()  # of ranknet_pooled

    @model_validator(mode="after")
    def _comparisons_are_read(self) -> "Calibration":
        if self.comparisons.options() and self.loss != "ranknet_pooled":
            raise ValueError(f"comparisons: {self.loss} does not compare two grades; ranknet_pooled does")
        return self


class Distillation(Parameters):
    """A term that draws a query's scores towards a teacher's (`teacher_scores`), over judged products and candidates alike."""

    loss: Literal["margin_mse", "listwise_kl"] = "margin_mse"
    weight: float = Field(0.0, ge=0)  # 0 switches it off: the table is then not read
    temperature: float = Field(0.1, gt=0)  # cosines that one standard deviation of the teacher's scores is worth
    candidates: int = Field(4, ge=0)  # unjudged products a query, drawn at random of those that the teacher scored


class Stage2(Stage):
    """Stage 2: contrastive loss + beta * alignment + weight * calibration + weight * distillation over graded groups."""

    batch_size: int = Field(32, ge=1)  # queries a step, each with its group
    beta: float = Field(0.1, ge=0)
    contrastive: bool = True  # keep the contrastive term; false trains on the others alone
    own_negatives: OwnNegatives = OwnNegatives()
    alignment: Alignment = Alignment()
    calibration: Calibration = Calibration()
    distillation: Distillation = Distillation()
