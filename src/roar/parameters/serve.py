"""The service: which systems answer, how deep, and the limits that keep it answering."""

from typing import Annotated, Literal

from pydantic import Field

from roar.parameters.base import Parameters
from roar.parameters.evaluation import SystemName
from roar.parameters.serve_log import ServeExperiment, ServeLog


class ServedSystem(Parameters):
    """A further system of the service."""

    kind: Literal["dense", "bm25", "hybrid"] = "dense"  # the encoder, words, or both
    release: str | None = None  # folder of another release that answers; null: the one that is served
    weight: float | None = Field(None, ge=0, le=1)  # of the encoder in a hybrid; null: as validation chose
    penalty: float = Field(0.0, ge=0)  # of candidates that contradict what the query asks for, in units of the score
    bonus: float = Field(0.0, ge=0)  # of those that state it
    strict: bool = False  # leave out what contradicts, instead of letting it sink


class Serve(Parameters):
    """How a release is served."""

    systems: dict[
        SystemName, ServedSystem
    ] = {}  # beside stage2, bm25, hybrid, and both dense ones constrained: {strict: {penalty: 0.2, strict: true}}
    default: SystemName = "stage2"  # who answers where a request names nobody
    depth: int = Field(100, ge=10, le=1000)  # candidates of each retriever, and so the last rank that paging reaches
    limit: int = Field(100, ge=1, le=1000)  # hits of one answer at most
    query_characters: int = Field(500, ge=10)  # of a query at most
    threads: int | None = Field(None, ge=1)  # searches at a time; null: one a core
    queue: int = Field(128, ge=0)  # searches that wait at most; a further one is told to come again
    timeout_s: float = Field(2.0, gt=0)  # from a request's arrival to the end of its search
    cached_queries: int = Field(20_000, ge=0)  # query vectors kept
    watch_s: Annotated[float, Field(gt=0)] = 2.0  # how often to look for a newer release
    log: ServeLog = ServeLog()
    experiment: ServeExperiment | None = None
