"""What an address of the page asks for, and the address that reproduces what is seen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from roar.service.faults import ServiceError

NONE = "none"
"""In the place of the second system: one alone."""
LIMIT = 10
_RATER = 40
"""Characters of a judge's name."""


@dataclass(frozen=True)
class PageQuery:
    """q: as typed; a, b: systems; offset: hits before this page; judge: who grades; place: in the annotation queue, from 1."""

    q: str = ""
    a: str = ""
    b: str = ""
    offset: int = 0
    limit: int = LIMIT
    judge: str = ""
    place: int = 0

    @property
    def address(self) -> str:
        """Path and parameters, those left out that are as always."""
        plain = PageQuery()
        kept = {name: value for name, value in vars(self).items() if value != getattr(plain, name)}
        return "/?" + urlencode(kept) if kept else "/"

    def at(self, **changed: str | int) -> str:
        """The address with something else in it."""
        return replace(self, **changed).address  # type: ignore[arg-type]


def page_query(given: Mapping[str, str], first: str, second: str) -> PageQuery:
    """Read an address; `first` and `second` are shown where it names no systems.

    Raises:
        ServiceError: 422, a number is none or the judge's name is too long.
    """
    judge = " ".join(given.get("judge", "").split())
    if len(judge) > _RATER or not judge.isprintable():
        raise ServiceError(422, f"a name of at most {_RATER} printable characters.", "judge")
    return PageQuery(
        q=given.get("q", ""),
        a=given.get("a") or first,
        b=given.get("b") or second,
        offset=_number(given, "offset", 0),
        limit=_number(given, "limit", LIMIT),
        judge=judge,
        place=_number(given, "place", 0),
    )


def _number(given: Mapping[str, str], name: str, otherwise: int) -> int:
    text = given.get(name, "").strip()
    if not text:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ServiceError(422, "expected a whole number, 0 or more.", name)
    return int(text)
