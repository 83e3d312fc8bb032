"""Ablation: which variants are trained, on which folds and seeds, and how they are compared."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from roar.errors import did_you_mean
from roar.parameters.base import MACHINE_ONLY, Parameters
from roar.parameters.evaluation import MetricName

Block = dict[str, Any]
"""What a variant says of a parameter block; the rest stays as the environment has it."""


class Variant(Parameters):
    """One way to train: what differs from the environment's parameters."""

    stages: Literal[0, 1, 2] = 2  # 0: the base encoder as it is; 1: stage 1 alone; 2: both
    encoder: Block = {}  # another preset: a decoder beside minilm
    stage1: Block = {}
    stage2: Block = {}
    training_sets: Block = {}  # other training pairs and groups: sources, hard negatives
    interpolate: float | None = Field(None, ge=0, le=1)  # share of the way from stage 1's weights to stage 2's
    against: str | None = None  # what it is compared with; null: the study's baseline


class Study(Parameters):
    """Variants that are compared with one of them."""

    baseline: str
    family: str | None = None  # studies of one family that run together share one correction; null: a study has its own
    metrics: tuple[MetricName, ...] = ()  # measured besides those of `Ablation.metrics`
    stage1: Block = {}  # said of all variants, before what each says
    stage2: Block = {}
    variants: dict[str, Variant] = Field(min_length=2)

    @model_validator(mode="after")
    def _baseline_is_there(self) -> "Study":
        if self.baseline not in self.variants:
            there = did_you_mean(self.baseline, self.variants)
            raise ValueError(f"baseline: {self.baseline!r} is none of the variants; {there}")
        for name, variant in self.variants.items():
            if variant.against is not None and variant.against not in self.variants:
                there = did_you_mean(variant.against, self.variants)
                raise ValueError(f"{name}.against: {variant.against!r} is none of the variants; {there}")
        return self

    def against(self, variant: str) -> str:
        """What a variant is compared with."""
        return self.variants[variant].against or self.baseline


class Primary(Parameters):
    """A comparison that was named before the runs."""

    study: str
    variant: str
    metric: str


class AblationStudies(Parameters):
    """The studies that are declared."""

    primary: tuple[Primary, ...]  # of a study at most one; or a single one, or null
    studies: dict[str, Study] = Field(min_length=1)

    @field_validator("primary", mode="before")
    @classmethod
    def _one_or_several(cls, primary: Any) -> Any:
        return () if primary is None else (primary,) if isinstance(primary, Mapping | Primary) else primary

    @model_validator(mode="after")
    def _primary_comparisons_are_there(self) -> "AblationStudies":
        for named in self.primary:
            if named.study not in self.studies or named.variant not in self.studies[named.study].variants:
                raise ValueError(f"primary: no variant {named.variant!r} in a study {named.study!r}")
        of = [named.study for named in self.primary]
        if twice := sorted({study for study in of if of.count(study) > 1}):
            raise ValueError(f"primary: {', '.join(twice)} has several; a study has one, or none")
        return self


class Ablation(Parameters):
    """Which of the studies the `ablation` pipeline runs, and how they are read."""

    run: tuple[str, ...] = Field(("objectives",), min_length=1)  # or one string, names apart by spaces
    seeds: tuple[int, ...] = Field((1, 2), min_length=1)
    folds: int | None = Field(None, ge=1)  # the first so many folds; null: all
    workers: Annotated[int | None, MACHINE_ONLY] = Field(
        None, ge=1
    )  # trainings at once; null: one a core, or one on an accelerator
    catalogue: int | None = Field(
        None, ge=1
    )  # products that recall is measured in: the tested queries' own, and others up to so many
    metrics: tuple[str, ...] = ("ndcg@8", "map@8", "grade_ordering", "auc_query", "recall@100")
    equivalence: float = Field(0.005, gt=0)  # an interval within plus and minus this says: as good as equal

    @field_validator("run", mode="before")
    @classmethod
    def _names(cls, run: Any) -> Any:
        """On Kedro's command line a comma begins the next parameter: several studies are named in one string there."""
        return tuple(run.split()) if isinstance(run, str) else run
