"""The teacher: a cross-encoder that reads query and product together."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from roar.parameters.base import MACHINE_ONLY, Parameters
from roar.parameters.ingestion import MappedColumn

Share = Annotated[float, Field(ge=0, le=1)]


class Teacher(Parameters):
    """How the teacher is trained and cross-fitted, what it scores, and how a file of another teacher's scores is read."""

    parts: int = Field(2, ge=2)  # of a fold's train queries: each is scored by the teacher that trained on the others
    targets: dict[Literal["exact", "substitute", "complement", "irrelevant"], Share] = {
        "exact": 1.0,
        "substitute": 0.43,
        "complement": 0.14,
        "irrelevant": 0.0,
    }  # what a grade is worth: the gains of NDCG over the largest
    learning_rate: float = Field(1e-4, gt=0)
    warmup: float = Field(0.1, ge=0, lt=1)  # share of steps over which the learning rate rises
    weight_decay: float = Field(0.01, ge=0)
    epochs: int = Field(2, ge=1)
    batch_size: int = Field(32, ge=1)  # judged pairs a step
    max_steps: int | None = Field(None, ge=1)
    max_tokens: int = Field(96, ge=8)  # of query and product together
    candidates: int = Field(
        10, ge=0
    )  # products a query that are scored beside the judged ones: nearest by BM25 and encoder
    logged_queries: int = Field(0, ge=0)  # unjudged queries, the most frequent, whose candidates are scored too
    checkpoint_steps: Annotated[int, MACHINE_ONLY] = Field(200, ge=1)  # a killed run goes on from the last checkpoint
    columns: dict[
        Literal["query_id", "query", "product_id", "score", "fold", "teacher"], MappedColumn
    ] = {}  # of a file
    # of another teacher's scores, as in ingestion; what is not named is the column of the same name

    @model_validator(mode="after")
    def _targets_fall_with_the_grade(self) -> "Teacher":
        ordered = [self.targets.get(grade, -1.0) for grade in ("exact", "substitute", "complement", "irrelevant")]
        if -1.0 in ordered or ordered != sorted(ordered, reverse=True):
            raise ValueError("targets needs all four grades, and no grade may be worth more than a better one")
        return self
