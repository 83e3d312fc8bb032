"""Workers that die: what tests of lost workers send to an engine."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class DyingOnce(NamedTuple):
    """A `Verify` whose first caller's process is gone at once, as one that is killed."""

    marker: Path

    def __call__(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Likeness and veto of rows, by their numbers."""
        try:
            self.marker.touch(exist_ok=False)
        except FileExistsError:
            return (7 * a + 13 * b) % 10 / 10, (a + b) % 11 == 0
        os._exit(9)
