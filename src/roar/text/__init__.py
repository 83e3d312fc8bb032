"""Text in any script, read one way by everybody: normal forms, digits, words, and tables of attributes.

    forms           one form for what is written in many: Unicode, invisible marks, digits of all scripts, ids, words for nothing
    words           where words begin and end, also in scripts that write no blanks between them
    attribute_json  the JSON object that says more of a product: one parser, one canonical form, one reader

Everything is a polars expression or takes whole columns: linear in the letters, and fast on millions of rows.
"""

from roar.text.attribute_json import as_attributes, attribute_pairs
from roar.text.forms import (
    INVISIBLE,
    MISSING,
    as_ids,
    ascii_digits,
    folded,
    is_missing,
    visible,
    without_accents,
    without_entities,
)
from roar.text.words import spaced, words, writes_no_blanks

__all__ = [
    "INVISIBLE",
    "MISSING",
    "as_attributes",
    "as_ids",
    "ascii_digits",
    "attribute_pairs",
    "folded",
    "is_missing",
    "spaced",
    "visible",
    "without_accents",
    "without_entities",
    "words",
    "writes_no_blanks",
]
