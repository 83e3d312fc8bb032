"""Why nothing was found, and what to change."""

import polars as pl

from roar.errors import did_you_mean
from roar.retrieval import SearchIndex
from roar.retrieval.ranking import Ranking
from roar.service.models import Paged

_LISTED = 2_000
"""Values of a field among which the nearest one is looked for."""


def hint(index: SearchIndex, asked: Paged, ranking: Ranking, total: int) -> str | None:
    """One line on an empty page; None where there is nothing to say."""
    if total:
        return f"offset {asked.offset} is beyond the last of {total} hits."
    if len(ranking.rows):
        best = max(ranking.parts.get("dense", ranking.parts.get("bm25")).scores, default=0.0)  # type: ignore[union-attr]
        return f"no hit reaches score_threshold {asked.score_threshold:g}; the best one has {best:.3f}."
    where = asked.where() or {}
    for name in ("vertical", "brand"):
        for value in where.get(name, []):
            if unknown := _unknown(index, name, value):
                return unknown
    return "no product meets all filters." if where else "no product has any of these words."


def _unknown(index: SearchIndex, name: str, value: str) -> str | None:
    known: pl.Series = index.products[name].drop_nulls().unique()
    if value in known:
        return None
    listed = known.to_list() if len(known) <= _LISTED else []
    return f"no product has {name} {value[:40]!r}" + (
        f"; {did_you_mean(value[:40], listed, listed=10)}" if listed else "."
    )
