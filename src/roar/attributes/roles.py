"""What stands around a fact and turns it: bounds, "without", "for"."""

import re
from dataclasses import replace

from roar.attributes import words
from roar.attributes.facts import AT_LEAST, AT_MOST, EXCLUDES, FOR, HAS, Fact
from roar.attributes.folding import fold


def phrases(spellings: tuple[str, ...] | frozenset[str]) -> str:
    """Folded spellings as one pattern, the longest first."""
    return "|".join(re.escape(fold(spelling)[0]) for spelling in sorted(spellings, key=len, reverse=True))


_BEFORE = {
    role: tuple(fold(spelling)[0] for spelling in spellings)
    for role, spellings in ((AT_MOST, words.AT_MOST), (AT_LEAST, words.AT_LEAST))
}
_AFTER = {
    role: re.compile(rf"\s?(?:{phrases(spellings)})(?![a-z])")
    for role, spellings in ((AT_MOST, words.AFTER_AT_MOST), (AT_LEAST, words.AFTER_AT_LEAST))
}
_PLUS = re.compile(r"\+(?![\w+]|\s?\d)")
EXCLUDING_WORDS = frozenset(fold(spelling)[0] for spelling in words.EXCLUDING)
EXCLUDING = tuple(sorted(EXCLUDING_WORDS))
FOR_WORDS = frozenset(fold(spelling)[0] for spelling in words.FOR_CUES)
_CLAUSE = re.compile(r"[,;()|]|\s-\s|\swith\s|\smit\s|\savec\s|\scon\s")
_FOR = re.compile(rf"(?:(?<![\w])|(?<=[\u3040-\u9fff]))(?:{phrases(words.FOR_CUES)})\s")
_NAMED_MAX = re.compile(r"(?:\d ?-?v(?:olts?)?[ -]|(?<![a-z])(?:pro|air|note|ultra|plus|mini)[ -]?)max[ .:-]*$")
"""The name of a range of tools, of a telephone or a shoe, and no bound."""
_ENDS_IN_MAX = re.compile(r"\w(?<!ram)(?<!memory)(?<!storage)(?<!speicher)(?<!capacity)(?<!card)(?<!ssd)[ -]max $")
"""So do telephones, whose storage follows at once; "RAM max 64 GB" is a bound."""

_NEAR = 24


def ends_with(folded: str, end: int, spellings: tuple[str, ...]) -> int:
    """The length of the longest of the words that end right before `end`, as words of their own; 0 if none does."""
    before = folded[max(0, end - _NEAR) : end].rstrip(" .:-")
    if not before.endswith(spellings):
        return 0
    fit = ((before[: -len(spelling)], len(spelling)) for spelling in spellings if before.endswith(spelling))
    return max((n for head, n in fit if not head or not (head[-1].isalnum() and head[-1] < "\u3040")), default=0)


def bound_before(folded: str, start: int) -> str | None:
    """ "at_most" or "at_least" where a word before `start` says so."""
    longest, role = max((ends_with(folded, start, spellings), role) for role, spellings in _BEFORE.items())
    return role if longest else None  # "no less than" ends with "less than"


def bound_behind(folded: str, end: int) -> str | None:
    """ "at_most" or "at_least" where words after `end` say so: "or less", "以下"."""
    return next((role for role, pattern in _AFTER.items() if pattern.match(folded, end)), None)


def with_role(fact: Fact, folded: str, serving: bool) -> Fact:
    """The fact with the role that its surroundings give it; `serving`: the text has a word such as "for"."""
    if fact.role != HAS:
        return fact
    named = (_NAMED_MAX if fact.fact not in ("storage", "memory") else _ENDS_IN_MAX).search(
        folded, max(0, fact.start - 16), fact.start
    )
    role = None if named else bound_before(folded, fact.start)
    if role is None and fact.fact != "voltage" and fact.value is not None:
        role = bound_behind(folded, fact.end)
        if (
            role is None
            and fact.fact not in ("spf", "dioptre")
            and ("+" in folded[fact.start : fact.end] or _PLUS.match(folded, fact.end))
        ):
            role = AT_LEAST
    if role is None and ends_with(folded, fact.start, EXCLUDING):
        role = EXCLUDES
    if role is None and serving and _serves(folded, fact.start):
        role = FOR
    return fact if role is None else replace(fact, role=role)


def _serves(folded: str, start: int) -> bool:
    """Whether a word such as "for" stands before, in the same clause."""
    nearby = folded[max(0, start - 60) : start]
    ends = [match.end() for match in _FOR.finditer(nearby) if not nearby.startswith(words.FOR_BUT, match.end())]
    return bool(ends) and not _CLAUSE.search(nearby, ends[-1])
