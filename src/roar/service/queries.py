"""A query's text as ingestion cleans those that the encoder was trained on."""

import re
from functools import lru_cache

import polars as pl

from roar.ingestion.text import clean
from roar.parameters import TextCleaning
from roar.service.faults import ServiceError

_UNSEEN = (
    r"\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffd" + "\U000e0000-\U000e0fff"
)
VISIBLE = f"[^{_UNSEEN}]"
"""Pattern of a character that cleaning leaves and somebody sees: a query has one, and the schema says so."""


def understood(query: str, longest: int, parameter: str = "q") -> str:
    """The query in one Unicode form, without control characters and invisible marks, white space as single blanks.

    Raises:
        ServiceError: it is too long, or nothing is left of it.
    """
    if len(query) > longest:
        raise ServiceError(422, f"{len(query):,} characters; a query has {longest:,} at most.", parameter)
    text = _cleaned(query)
    if not re.search(VISIBLE, text):
        raise ServiceError(422, "it is empty, or of invisible characters alone; type what a shopper would.", parameter)
    return text


@lru_cache(maxsize=10_000)
def _cleaned(query: str) -> str:
    """Bytes that are no UTF-8 arrive as U+FFFD, halves of surrogate pairs as they are: neither says anything."""
    readable = "".join(" " if mark == "\ufffd" or "\ud800" <= mark <= "\udfff" else mark for mark in query)
    return clean(pl.Series([readable]), TextCleaning(), markup=False).texts[0] or ""
