"""Reporting: what the page shows, and how it names it."""

from typing import Literal

from pydantic import Field

from roar.parameters.base import Parameters
from roar.parameters.evaluation import MetricName


class Comparison(Parameters):
    """Two systems to set against each other; the difference is `system` minus `baseline`."""

    baseline: str
    system: str


class Reporting(Parameters):
    """What the page shows, and how it names it."""

    title: str = "Semantic product retrieval: is the new model better, and for whom?"
    systems: dict[str, str] = {
        "random": "Random",
        "bm25": "BM25",
        "base": "Base encoder",
        "stage1": "Stage 1",
        "stage2": "Stage 2 (ROAR)",
        "stage2_deployed": "Stage 2, deployed dimension",
        "stage2_128": "Stage 2, 128 dimensions",
        "stage2_64": "Stage 2, 64 dimensions",
        "teacher": "Teacher (cross-encoder, not served)",
        "hybrid_rrf": "Hybrid, reciprocal ranks",
        "hybrid_sum": "Hybrid, weighted sum",
        "stage2_constrained": "Stage 2, constrained",
        "hybrid_constrained": "Hybrid, constrained",
    }
    grade_labels: dict[Literal["exact", "substitute", "complement", "irrelevant"], str] = {}
    headline_metric: MetricName = "ndcg@8"
    headline_protocol: Literal["judged", "catalogue"] = "judged"
    baseline: str = "base"
    comparisons: tuple[Comparison, ...] = Field(
        (Comparison(baseline="stage1", system="stage2"), Comparison(baseline="base", system="stage1")), min_length=1
    )
    judged_metrics: tuple[str, ...] = (
        "map@8",
        "ndcg@8",
        "auc",
        "auc_query",
        "mrr@10",
        "precision@1",
        "grade_ordering",
        "order_exact_substitute",
        "order_substitute_complement",
        "order_complement_irrelevant",
        "attribute_conflict@8",
    )
    catalogue_metrics: tuple[str, ...] = (
        "map@8",
        "ndcg@8",
        "condensed_ndcg@8",
        "bpref",
        "mrr@10",
        "precision@1",
        "recall@10",
        "recall@100",
        "judged@8",
        "attribute_conflict@8",
    )
    small_cell: int = Field(30, ge=0)
    significance: float = Field(0.05, gt=0, lt=0.5)
    examples: int = Field(15, ge=0)
    listed_queries: int = Field(2_000, ge=0)
    annotations: int = Field(200, ge=0)
