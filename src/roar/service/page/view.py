"""What the template shows: two answers side by side, each hit with its place in the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from roar.service.models import Hit, SearchAnswer

KEYS = {"exact": "1", "substitute": "2", "complement": "3", "irrelevant": "4"}
"""The key that gives each grade."""


@dataclass(frozen=True)
class Row:
    """A hit, or a product to judge.

    other: its rank in the other answer; None where that one does not have it. move: places won there against here, None
    where nothing is compared. grade: as it was judged; own: the rater's grade; comment: the rater's.
    """

    hit: Hit
    other: int | None = None
    compared: bool = False
    grade: str | None = None
    own: str | None = None
    comment: str = ""

    @property
    def against(self) -> list[Any]:
        """Stated attributes that contradict the query."""
        return [fact for fact in self.hit.facts or () if not fact.agrees]

    @property
    def agreeing(self) -> list[Any]:
        """Those that meet it."""
        return [fact for fact in self.hit.facts or () if fact.agrees]

    @property
    def move(self) -> int | None:
        """Places that it stands higher here than in the other answer."""
        return self.other - self.hit.rank if self.other is not None else None

    @property
    def prices(self) -> str:
        """As it is read."""
        return "" if self.hit.price is None else f"{self.hit.price:,.2f}"


@dataclass(frozen=True)
class Column:
    """An answer of a system; `took_ms` is that of encoding and retrieving, not of what the page marks."""

    system: str
    rows: list[Row] = field(default_factory=list)
    total: int = 0
    took_ms: float = 0.0
    hint: str | None = None

    @property
    def only(self) -> int:
        """Products of this page that the other answer does not have at all."""
        return sum(row.compared and row.other is None for row in self.rows)


def columns(
    pages: Mapping[str, SearchAnswer],
    ranks: Mapping[str, Mapping[str, int]],
    grades: Mapping[str, str],
    own: Mapping[str, Mapping[str, Any]],
) -> list[Column]:
    """One or two answers as columns.

    Args:
        pages: the part that is shown, by system.
        ranks: by system, every product that it found and its rank.
        grades: known ones, by product.
        own: the rater's rows, by product.
    """
    found = []
    for system, answer in pages.items():
        others = [name for name in pages if name != system]
        rows = []
        for hit in answer.hits:
            mine = own.get(hit.product_id, {})
            rows.append(
                Row(
                    hit=hit,
                    other=ranks[others[0]].get(hit.product_id) if others else None,
                    compared=bool(others),
                    grade=grades.get(hit.product_id),
                    own=mine.get("grade"),
                    comment=mine.get("comment") or "",
                )
            )
        took = sum(answer.took_ms.get(part, 0.0) for part in ("encode", "retrieve"))
        found.append(Column(system, rows, answer.estimated_total, took, answer.hint))
    return found
