"""A query's text as ingestion cleans those that the encoder was trained on."""

from functools import lru_cache

import polars as pl

from roar.ingestion.text import clean
from roar.parameters import TextCleaning
from roar.service.faults import ServiceError


def understood(query: str, longest: int, parameter: str = "q") -> str:
    """The query in one Unicode form, without control characters and invisible marks, white space as single blanks.

    Raises:
        ServiceError: it is too long, or nothing is left of it.
    """
    if len(query) > longest:
        raise ServiceError(422, f"{len(query):,} characters; a query has {longest:,} at most.", parameter)
    text = _cleaned(query)
    if not text:
        raise ServiceError(422, "it is empty, or of invisible characters alone; type what a shopper would.", parameter)
    return text


@lru_cache(maxsize=10_000)
def _cleaned(query: str) -> str:
    """Bytes that are no UTF-8 arrive as U+FFFD, halves of surrogate pairs as they are: neither says anything."""
    readable = "".join(" " if mark == "\ufffd" or "\ud800" <= mark <= "\udfff" else mark for mark in query)
    return clean(pl.Series([readable]), TextCleaning(), markup=False).texts[0] or ""
