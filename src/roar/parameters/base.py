"""What all parameter blocks share."""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """Base of all blocks: immutable, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
