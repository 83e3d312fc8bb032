"""Constraints at query time: what a contradiction costs, and what a statement gains."""

from typing import Annotated

from pydantic import Field

from roar.parameters.base import Parameters


class Constraints(Parameters):
    """Weights that validation queries choose from, in units of the system's score: cosines, or the hybrid's 0 to 1."""

    penalties: tuple[Annotated[float, Field(ge=0)], ...] = Field(  # of what contradicts the query; 0: no constraint
        (0.0, 0.025, 0.05, 0.1, 0.2, 0.4), min_length=1
    )
    bonus_shares: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(  # of the penalty, for what states it
        (0.0, 0.25, 0.5), min_length=1
    )
    strict: bool = False  # leave out what contradicts, instead of letting it sink
