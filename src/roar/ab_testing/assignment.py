"""Which variant a unit is shown: a hash of salt and unit, so that every server says the same and nothing is stored.

SHA-256 mixes well enough that two salts give assignments which have nothing to do with each other (Kohavi, Tang and Xu,
"Trustworthy online controlled experiments", 2020, chapter 4: what weaker hashes do to a test).
"""

import hashlib
from collections.abc import Mapping


def place(unit: str, salt: str) -> float:
    """Where a unit stands between 0 and 1 (excluded)."""
    digest = hashlib.sha256(f"{salt}\0{unit}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


def assign(unit: str, split: Mapping[str, float], salt: str) -> str | None:
    """The variant of a unit; None outside the experiment.

    Args:
        unit: its id.
        split: variant -> share of the units, together at most 1. A variant whose share grows at the end of the split takes
            from those outside alone, so that a test is ramped up without moving anybody.
        salt: of this experiment.
    """
    at, edge = place(unit, salt), 0.0
    for variant, share in split.items():
        edge += share
        if at < edge:
            return variant
    return list(split)[-1] if edge > 1 - 1e-9 else None
