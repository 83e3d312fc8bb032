"""What all parameter blocks share."""

from typing import Any

from pydantic import BaseModel, ConfigDict

MACHINE_ONLY = "machine only"
"""Annotates a parameter that changes time and memory, and of what is computed nothing but its rounding."""


class Parameters(BaseModel):
    """Base of all blocks: immutable, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def decisive(self) -> dict[str, Any]:
        """All that decides a result, defaults included, ready for JSON."""
        fields = type(self).model_fields
        return self.model_dump(mode="json", exclude={name for name in fields if MACHINE_ONLY in fields[name].metadata})
