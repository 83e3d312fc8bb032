"""Putting phrases together, many rows at a time, and writing them as hurried people do.

A text is built from phrase numbers: rows x places, each place with a sort key, 0 where the place stays empty. Order is
decided on numbers; strings are touched once, when polars gathers and joins them.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl",
    "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb",
    "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
"""Keys beside each other on a QWERTY keyboard."""


def join_phrases(phrases: pl.Series, pieces: np.ndarray, keys: np.ndarray, separator: str = " ") -> pl.Series:
    """Join each row's phrases in the order of its keys.

    Args:
        phrases: the texts; number 0 is null, the empty place.
        pieces: (rows, places) int phrase numbers.
        keys: (rows, places) float; smaller comes first.
        separator: goes between two phrases.
    """
    order = np.argsort(np.where(pieces == 0, np.inf, keys), axis=1, kind="stable")
    pieces = np.take_along_axis(pieces, order, axis=1)
    used = np.flatnonzero((pieces != 0).any(axis=0))
    columns = [phrases.gather(pieces[:, place]).alias(str(place)) for place in used]
    if not columns:
        return pl.repeat("", len(pieces), eager=True)
    return pl.select(pl.concat_str(columns, separator=separator, ignore_nulls=True)).to_series()


def _words(text: str, pattern: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(pattern, text)]


def misspell(text: str, where: float, how: float) -> str:
    """One slip inside a word of four letters or more: swapped, dropped, doubled or neighbouring key.

    Digits are never touched, so an attribute's value survives. `where` and `how` are uniform draws in [0, 1).
    """
    places = [i for start, end in _words(text, r"[^\W\d_]{4,}") for i in range(start + 1, end - 1)]
    if not places:
        return text
    i = places[int(where * len(places))]
    slips = (
        text[:i] + text[i + 1] + text[i] + text[i + 2 :],
        text[:i] + text[i + 1 :],
        text[:i] + text[i] + text[i:],
        text[:i] + NEIGHBOURS.get(text[i].lower(), text[i])[0] + text[i + 1 :],
    )
    return slips[int(how * len(slips))]


def join_words(text: str, where: float) -> str:
    """Leave out one space."""
    spaces = [i for i, character in enumerate(text) if character == " "]
    if not spaces:
        return text
    i = spaces[int(where * len(spaces))]
    return text[:i] + text[i + 1 :]


def split_word(text: str, where: float) -> str:
    """Put a space into a word of six letters or more."""
    places = [i for start, end in _words(text, r"[^\W\d_]{6,}") for i in range(start + 2, end - 2)]
    if not places:
        return text
    i = places[int(where * len(places))]
    return text[:i] + " " + text[i:]


def transliterate(text: str, table: Mapping[str, Sequence[str]], where: float, how: float) -> str:
    """Write one word of `table` as it sounds in another language; the text itself where it has none."""
    spans = [(start, end) for start, end in _words(text, r"\w+") if text[start:end] in table]
    if not spans:
        return text
    start, end = spans[int(where * len(spans))]
    spellings = table[text[start:end]]
    return text[:start] + spellings[int(how * len(spellings))] + text[end:]
