"""What the service logs, and the experiment that it runs."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from roar.parameters.base import Parameters


class ServeLog(Parameters):
    """How answered searches and what came of them are kept (`roar.service.logs`); `none` for not at all."""

    kept: bool = Field(True, description="whether there is a log")
    open_s: float = Field(1800.0, gt=0, description="seconds in which events of a search are taken")
    open_searches: int = Field(50_000, ge=1, description="searches that can be open at once; the oldest close first")
    roll_s: float = Field(300.0, gt=0, description="seconds between two rolls")
    roll_searches: int = Field(50_000, ge=1, description="closed searches that make a roll at once")
    queue: int = Field(
        20_000, ge=1, description="entries that may wait for the disk; beyond, they are lost and counted"
    )

    @model_validator(mode="before")
    @classmethod
    def _none(cls, given: Any) -> Any:
        return {"kept": False} if given == "none" else given


class ServeExperiment(Parameters):
    """Which units are shown which system."""

    name: str = Field(min_length=1, description="of the test; the salt where none is given")
    variants: dict[str, str] = Field(min_length=2, description="variant -> system")
    split: dict[str, float] = Field(
        default_factory=dict, description="variant -> share of the units; by default all alike, what is left is outside"
    )
    salt: str = Field("", description="another salt is another assignment")
    mode: Literal["ab", "interleaving"] = Field("ab", description="interleaving: all units see both variants' rankings")

    @model_validator(mode="after")
    def _splits(self) -> Self:
        if self.split and self.split.keys() != self.variants.keys():
            raise ValueError("split must give a share to each of variants, and to nothing else")
        if any(share <= 0 for share in self.split.values()) or sum(self.split.values()) > 1 + 1e-9:
            raise ValueError("the shares of split must be above 0, and together at most 1")
        if self.mode == "interleaving" and len(self.variants) != 2:
            raise ValueError("interleaving takes two variants")
        return self

    @property
    def shares(self) -> dict[str, float]:
        """Share of the units that each variant gets."""
        return self.split or dict.fromkeys(self.variants, 1 / len(self.variants))
