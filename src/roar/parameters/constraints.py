"""Constraints at query time: what a contradiction costs, and what a statement gains."""

from typing import Annotated

from pydantic import Field

from roar.parameters.base import Parameters


class Constraints(Parameters):
    """Weights that validation queries choose from, in units of the system's score: cosines, or the hybrid's 0 to 1."""

    penalties: tuple[Annotated[float, Field(ge=0)], ...] = Field(  # of what contradicts, the usual one first; 0: none
        (0.2, 0.1, 0.4, 0.05, 0.025, 0.0), min_length=1
    )
    bonus_shares: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(  # of the penalty, for what states it
        (0.5, 0.25, 0.0), min_length=1
    )
    sought: tuple[bool, ...] = Field(
        (False, True), min_length=1
    )  # whether what a query excludes is left out of the search
    strict: bool = False  # leave out what contradicts, instead of letting it sink
