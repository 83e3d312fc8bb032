"""What a unit is in the company of other words: bytes before "RAM", "ct" of a stone, "g" of a needle."""

import re

from roar.attributes import words
from roar.attributes.units import UNITS, Unit

_MEMORY = re.compile(rf"\s?(?:\w{{1,8}} )?(?:{'|'.join(words.MEMORY_WORDS)})(?!\s(?:card|stick))(?![\w])")


_FEW_CARATS = 10
"""What a stone weighs at most; more of "ct" are counted."""
_STONES = re.compile(
    r"(?<![\w])(?:diamonds?|gemstones?|moissanite|solitaire|brillant\w*|diamant\w*|zirconia|бриллиант\w*)(?![\w])"
)
_NEEDLES = re.compile(
    r"(?<![\w])(?:needles?|syringes?|lancets?|catheters?|cannulas?|kanule\w*|nadeln?|aiguilles?|aguja)(?![\w])"
)


def in_company(unit: Unit, value: float, folded: str, start: int, end: int) -> Unit:
    """The unit of a number that was read at `start` to `end`: "ct" of a stone are carats, "g" of a needle is its gauge,
    bytes before "RAM" are working memory.
    """
    spelling = folded[start:end].rstrip(" .")
    if (
        unit.fact == "count"
        and spelling.endswith("ct")
        and (value % 1 or (value <= _FEW_CARATS and _STONES.search(folded)))
    ):
        return UNITS["carat"]
    if unit.fact == "mass" and spelling.endswith("g") and 14 <= value <= 34 and _NEEDLES.search(folded):
        return UNITS["gauge"]
    if unit.fact == "storage" and _MEMORY.match(folded, end):
        return unit._replace(fact="memory")
    return unit
