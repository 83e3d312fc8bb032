"""The annotation queue, a query at a time: which products it asks about, and how far a rater has come."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any


@dataclass(frozen=True)
class Task:
    """A query of the queue and the products that are to be judged for it.

    place: from 1; queries: in the queue; done, pairs: of the whole queue.
    """

    place: int
    queries: int
    query_id: str
    query: str
    product_ids: list[str]
    done: int
    pairs: int


def task(queue: Iterable[Mapping[str, Any]], judged: Iterable[Mapping[str, Any]], place: int) -> Task | None:
    """The query at a place; for 0 the first one that the rater has not judged all products of.

    Returns:
        None where the queue is empty or all of it is judged, or the place is beyond it.
    """
    given = {(row["query_id"], row["product_id"]) for row in judged}
    groups = [list(rows) for _, rows in groupby(queue, key=lambda row: row["query_id"])]
    pairs = [[(row["query_id"], row["product_id"]) for row in rows] for rows in groups]
    open_ = [number for number, own in enumerate(pairs, 1) if not given.issuperset(own)]
    place = place or (open_[0] if open_ else 0)
    if not 1 <= place <= len(groups):
        return None
    rows = groups[place - 1]
    done = sum(pair in given for own in pairs for pair in own)
    ids = [row["product_id"] for row in rows]
    return Task(place, len(groups), rows[0]["query_id"], rows[0]["query"], ids, done, sum(map(len, pairs)))
