"""Which weights of a training are kept: the best that it passed through, unless they are worse than the start beyond noise.

A validation over a few hundred queries is itself uncertain, and a difference to the start within its own noise says nothing.
To go back to the start at every difference below 0 would throw away in half of all cases a training that changed nothing on
the validation queries, and its gain with it where they cannot show one.
"""

from typing import Any, NamedTuple

import numpy as np


class Look(NamedTuple):
    """One validation: the criterion's mean, and how the weights stand to those that training started from.

    Attributes:
        step: after which; 0 is the start.
        score: mean of the criterion over the validation queries.
        gain: mean of the paired differences to the start.
        error: its standard error over queries.
    """

    step: int
    score: float
    gain: float
    error: float


class Choice:
    """What has been seen of a training, and what follows.

    Args:
        worse_by: standard errors below the start at which the start is kept.
    """

    def __init__(self, worse_by: float) -> None:
        self.worse_by = worse_by
        self.start: np.ndarray | None = None
        self.best: Look | None = None
        self.worse_in_a_row = 0

    def look(self, step: int, values: np.ndarray) -> Look:
        """Take note of a validation.

        Args:
            step: after which; the first one is the start's.
            values: the criterion by query, (queries,) float64, always of the same queries.
        """
        if self.start is None:
            self.start = values
        seen = Look(step, float(values.mean()), *paired(values, self.start))
        better = step > 0 and seen.score > (self.best.score if self.best else self.start.mean())
        self.worse_in_a_row = 0 if better or step == 0 else self.worse_in_a_row + 1
        if step > 0 and (self.best is None or seen.score > self.best.score):
            self.best = seen
        return seen

    @property
    def keeps_start(self) -> bool:
        """Whether the best of the trained weights are worse than the start beyond noise."""
        return self.best is not None and self.best.gain < -self.worse_by * self.best.error

    @property
    def reason(self) -> str:
        """The choice in words."""
        if self.best is None or self.start is None:
            return "the last weights are kept: nothing was validated"
        compared = f"{self.best.score:.4f} against {self.start.mean():.4f} of the start, {self.best.gain:+.4f} ± {self.best.error:.4f}"
        if self.keeps_start:
            return f"the start's weights are kept: the best of training are worse beyond noise ({compared})"
        return f"weights of step {self.best.step} are kept ({compared})"

    def state(self) -> dict[str, Any]:
        """As JSON takes it, for a checkpoint."""
        start = None if self.start is None else self.start.tolist()
        return {"start": start, "best": self.best and tuple(self.best), "worse_in_a_row": self.worse_in_a_row}

    def resume(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.start = None if state["start"] is None else np.array(state["start"], dtype=np.float64)
        self.best = None if state["best"] is None else Look(*state["best"])
        self.worse_in_a_row = state["worse_in_a_row"]


def paired(values: np.ndarray, start: np.ndarray) -> tuple[float, float]:
    """Mean of the differences by query, and its standard error (sample standard deviation over the root of the queries).

    The error of a single query is infinite: one tells nothing.
    """
    difference = values - start
    if len(difference) < 2:
        return float(difference.mean()), float("inf") if difference.any() else 0.0
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))
