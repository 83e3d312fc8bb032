"""A fact, and how spellings become patterns."""

import re
from dataclasses import dataclass

from roar.attributes.folding import fold
from roar.attributes.numbers import LETTER
from roar.attributes.units import GLUED_ONLY, UNITS

HAS, FOR, EXCLUDES, AT_LEAST, AT_MOST = "has", "for", "excludes", "at_least", "at_most"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact, with its place in the folded text; `scale` names the unit as it was written."""

    fact: str
    value: float | None
    text: str | None
    unit: str | None
    start: int
    end: int
    role: str = HAS
    scale: str = ""


FOLDED_UNITS = {fold(spelling)[0]: unit for spelling, unit in UNITS.items()}
FOLDED_GLUED_ONLY = frozenset(fold(spelling)[0] for spelling in GLUED_ONLY)


def spelled(names: list[str]) -> str:
    """Longest first, blanks and full stops optional."""
    forms = (re.escape(name).replace(r"\ ", r"[ .\-]{0,2}").replace(r"\.", r"\.?") for name in names)
    return "|".join(sorted(forms, key=len, reverse=True))


def bounded(name: str) -> bool:
    """Whether a spelling ends where a word does: Chinese and Japanese put no blanks."""
    return bool(re.search(rf"[{LETTER}]$", name)) and not re.search(r"[\u1100-\u11ff\u3040-\u9fff]", name)
