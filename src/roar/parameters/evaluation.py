"""Evaluation: how systems are run and compared, and what is measured."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, field_validator

from roar.errors import did_you_mean
from roar.parameters.base import Parameters
from roar.parameters.training_sets import EditKinds

SystemName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""Names files and columns: lower-case letters, digits, underscores."""


OWN_SYSTEMS = (
    "random",
    "bm25",
    "base",
    "stage1",
    "stage2",
    "stage2_deployed",
    "hybrid_rrf",
    "hybrid_sum",
    "stage2_constrained",
    "hybrid_constrained",
)
"""The systems that are judged in any case."""


TEACHER = "teacher"
"""The system that is judged where the pipeline of its name was run."""


class Evaluation(Parameters):
    """How systems are run and which are compared."""

    depth: int = Field(100, ge=8)  # products kept per query in catalogue retrieval
    index: str = "Flat"  # a FAISS index factory string: Flat is exact; "HNSW32,Flat" serves large catalogues
    deployed_dimension: int = Field(256, ge=1)  # of stage2_deployed; an encoder with fewer keeps its own
    further_dimensions: tuple[Annotated[int, Field(ge=1)], ...] = (128, 64)  # each a system, stage2_128, ...
    encoders: dict[SystemName, str] = {}  # further systems: name to preset, hub id or folder
    bm25_k1: tuple[Annotated[float, Field(ge=0)], ...] = Field((0.4, 0.8, 1.2, 2.0), min_length=1)
    bm25_b: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field((0.2, 0.5, 0.75, 1.0), min_length=1)
    fusion_constant: int = Field(60, ge=1)  # of reciprocal rank fusion: how little the first ranks stand out
    fusion_weights: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(  # of the encoder in the weighted sum
        tuple(round(0.1 * step, 1) for step in range(11)), min_length=1
    )
    edits: EditKinds = EditKinds(dropped=0, synonym=0)  # how robustness writes the test queries differently
    published: Literal["esci"] | None = None  # whose conventions are measured beside ours (docs/evaluation.md)
    baseline: str = "base"  # every other system is compared with it
    comparisons: tuple[tuple[str, str], ...] = (  # (baseline, system), beside those; the first is the primary one
        ("stage1", "stage2"),
        ("bm25", "stage2"),
        ("stage2", "stage2_deployed"),
        ("stage2", "stage2_constrained"),
        ("hybrid_sum", "hybrid_constrained"),
    )

    @property
    def own_systems(self) -> list[str]:
        """The systems that are judged without being asked for."""
        return [*OWN_SYSTEMS, *(f"stage2_{dimension}" for dimension in self.further_dimensions)]

    @property
    def systems(self) -> list[str]:
        """All systems but other engines' runs."""
        return [*self.own_systems, *self.encoders]


_CUT_OFF = ("ndcg", "map", "mrr", "recall", "precision")
_MEASURES = (
    *(f"{name}@k" for name in _CUT_OFF),
    *(f"condensed_{name}@k" for name in _CUT_OFF),
    "ndcg",
    "judged@k",
    *(f"share_{grade}@k" for grade in ("exact", "substitute", "complement", "irrelevant")),
    "grade_ordering",
    "order_exact_substitute",
    "order_substitute_complement",
    "order_complement_irrelevant",
    "auc_query",
    "bpref",
)


def _measured(name: str) -> str:
    if re.sub(r"@[1-9]\d*$", "@k", name) not in _MEASURES:
        raise ValueError(
            f"no metric {name!r}; {did_you_mean(re.sub(r'@.*', '@k', name), _MEASURES)} (k: a number from 1)"
        )
    return name


MetricName = Annotated[str, AfterValidator(_measured)]
"""A metric of one query: a measure of `roar.metrics.ranking` and, where it has one, its cut-off."""


class MetricSettings(Parameters):
    """What is measured for each query, and how certain the means are."""

    names: tuple[MetricName, ...] = Field(
        (
            "ndcg@8",
            "map@8",
            "mrr@10",
            "recall@10",
            "recall@20",
            "recall@50",
            "recall@100",
            "precision@1",
            "grade_ordering",
            "order_exact_substitute",
            "order_substitute_complement",
            "order_complement_irrelevant",
            "auc_query",
            "judged@8",
            "condensed_ndcg@8",
            "bpref",
            "share_exact@8",
            "share_substitute@8",
            "share_complement@8",
            "share_irrelevant@8",
        ),
        min_length=1,
    )
    gains: dict[Literal["exact", "substitute", "complement", "irrelevant"], NonNegativeInt] = {
        "exact": 7,
        "substitute": 3,
        "complement": 1,
        "irrelevant": 0,
    }
    page: int = Field(8, ge=1)  # first products looked at one by one: attribute conflicts, grades by rank, rankings
    robustness: tuple[MetricName, ...] = ("ndcg@8", "map@8", "recall@100")  # kept when queries are written differently?
    score_bins: int = Field(20, ge=2)  # of the charts of scores by grade
    confidence: float = Field(0.95, gt=0.5, lt=1)
    resamples: int = Field(2_000, ge=100)
    permutations: int = Field(10_000, ge=100)
    auc_resamples: int = Field(1_000, ge=100)
    power: float = Field(0.8, gt=0.5, lt=1)
    seed: int = Field(20261123, ge=0)

    @field_validator("gains")
    @classmethod
    def _gains_fall_with_the_grade(cls, gains: dict[str, int]) -> dict[str, int]:
        ordered = [gains.get(grade, -1) for grade in ("exact", "substitute", "complement", "irrelevant")]
        if -1 in ordered or ordered != sorted(ordered, reverse=True):
            raise ValueError("metrics.gains needs all four grades, and no grade may gain more than a better one")
        return gains
