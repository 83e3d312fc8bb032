"""Ablation: which variants are trained, on which folds and seeds, and how they are compared."""

from typing import Any, Literal

from pydantic import Field, model_validator

from roar.parameters.base import Parameters

Block = dict[str, Any]
"""What a variant says of a parameter block; the rest stays as the environment has it."""


class Variant(Parameters):
    """One way to train: what differs from the environment's parameters."""

    stages: Literal[0, 1, 2] = 2  # 0: the base encoder as it is; 1: stage 1 alone; 2: both
    stage1: Block = {}
    stage2: Block = {}
    training_sets: Block = {}  # other training pairs and groups: sources, hard negatives
    interpolate: float | None = Field(None, ge=0, le=1)  # share of the way from stage 1's weights to stage 2's
    against: str | None = None  # what it is compared with; null: the study's baseline


class Study(Parameters):
    """Variants that are compared with one of them."""

    baseline: str
    stage1: Block = {}  # said of all variants, before what each says
    stage2: Block = {}
    variants: dict[str, Variant] = Field(min_length=2)

    @model_validator(mode="after")
    def _baseline_is_there(self) -> "Study":
        if self.baseline not in self.variants:
            raise ValueError(f"baseline: {self.baseline!r} is none of the variants {', '.join(self.variants)}")
        for name, variant in self.variants.items():
            if variant.against is not None and variant.against not in self.variants:
                raise ValueError(f"{name}.against: {variant.against!r} is none of the variants")
        return self

    def against(self, variant: str) -> str:
        """What a variant is compared with."""
        return self.variants[variant].against or self.baseline


class Primary(Parameters):
    """The comparison that was named before the runs."""

    study: str
    variant: str
    metric: str


class Ablation(Parameters):
    """The studies of the `ablation` pipeline."""

    run: tuple[str, ...] = ("objectives",)  # studies to run, of those below
    seeds: tuple[int, ...] = Field((1, 2), min_length=1)
    folds: int | None = Field(None, ge=1)  # the first so many folds; null: all
    metrics: tuple[str, ...] = ("ndcg@8", "map@8", "grade_ordering", "auc_query", "recall@100")
    equivalence: float = Field(0.005, gt=0)  # an interval within plus and minus this says: as good as equal
    primary: Primary | None
    studies: dict[str, Study] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_known(self) -> "Ablation":
        if unknown := set(self.run) - set(self.studies):
            raise ValueError(f"run: {', '.join(sorted(unknown))} are none of the studies {', '.join(self.studies)}")
        named = self.primary
        if named is not None and named.variant not in self.studies.get(named.study, _NONE).variants:
            raise ValueError(f"primary: no variant {named.variant!r} in a study {named.study!r}")
        if named is not None and named.metric not in (*self.metrics, "auc"):
            raise ValueError(f"primary: the metric {named.metric!r} is not among {', '.join(self.metrics)}, auc")
        return self


_NONE = Study(baseline="a", variants={"a": Variant(), "b": Variant()})
