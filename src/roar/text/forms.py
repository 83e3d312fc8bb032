"""One form for what is written in many: Unicode forms, invisible marks, digits of all scripts, ids, words for nothing."""

import html
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from html.entities import html5

import polars as pl

INVISIBLE = (
    r"[\x{AD}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}"
    r"\x{2060}-\x{206F}\x{3164}\x{FE00}-\x{FE0F}\x{FEFF}\x{FFA0}\x{FFF0}-\x{FFFB}\x{E0000}-\x{E0FFF}]"
)
"""Marks that nobody sees (Unicode's default ignorable code points): soft hyphen, zero-width space, byte-order mark,
direction marks, variation selectors, tags. Joiners (U+200C, U+200D) are not among them: Persian and emoji mean them."""

INVISIBLE_RE = re.compile(re.sub(r"\\x\{([0-9A-F]+)\}", lambda code: re.escape(chr(int(code[1], 16))), INVISIBLE))
"""The same for Python's regular expressions."""

MISSING = (
    "null", "(null)", "\\n", "none", "(none)", "nil", "nan", "-nan", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nat",
    "#null!", "#value!", "#ref!", "undefined", "not available", "-", "--", "---", "\u2013", "\u2014",
)  # fmt: skip
"""What exports write where there is nothing, in lower case."""


@cache
def _digits() -> dict[str, str]:
    """Decimal digits beyond ASCII: all of Unicode is looked through, once, when a text needs it."""
    others = filter(str.isdecimal, map(chr, range(0x80, sys.maxunicode + 1)))
    return {digit: str(unicodedata.decimal(digit)) for digit in others}


_ACCENTS = r"[\x{300}-\x{36F}\x{483}-\x{487}\x{591}-\x{5C7}\x{610}-\x{61A}\x{64B}-\x{65F}\x{670}\x{6D6}-\x{6ED}\x{1AB0}-\x{1AFF}\x{1DC0}-\x{1DFF}\x{20D0}-\x{20FF}\x{FE20}-\x{FE2F}]"
"""Marks that a writer may leave out: accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic. Vowel signs of
Indic scripts, Thai tones and Japanese voicing marks are letters in all but name, and stay."""

_CASE = {"ß": "ss", "ς": "σ", "i\u0307": "i", "ı": "i"}
"""What lower case leaves apart and Unicode's case folding (of Turkish, its plain form) brings together."""

Change = Callable[[pl.Expr], pl.Expr]


def _beyond_ascii(text: pl.Expr, change: Change, others: Change = lambda plain: plain) -> pl.Expr:
    """`change` where a text holds more than ASCII, `others` elsewhere: most rows of most shops need no slow step."""

    def apply(values: pl.Series) -> pl.Series:
        column = pl.col("x")
        frame = values.cast(pl.String).to_frame("x")
        plain = frame.select((column.str.len_bytes() == column.str.len_chars()).fill_null(True)).to_series()
        if plain.all():
            return frame.select(others(column)).to_series()
        if not plain.any():
            return frame.select(change(column)).to_series()
        result = frame.select(others(column)).to_series()
        rows = (~plain).arg_true()
        return result.scatter(rows, frame[rows].select(change(column)).to_series())

    return text.map_batches(apply, return_dtype=pl.String, is_elementwise=True)


def visible(text: pl.Expr) -> pl.Expr:
    """The text without its invisible marks, and without joiners beside Latin letters and digits, which never join."""
    joined = text.str.replace_all(r"([\p{Latin}0-9])[\x{200C}\x{200D}]+", "$1")
    return joined.str.replace_all(r"[\x{200C}\x{200D}]+([\p{Latin}0-9])", "$1").str.replace_all(INVISIBLE, "")


def ascii_digits(text: pl.Expr) -> pl.Expr:
    """Decimal digits of every script as 0 to 9."""
    return _beyond_ascii(text, lambda other: other.str.replace_many(_digits()))


def folded(text: pl.Expr) -> pl.Expr:
    """One spelling whatever the case, the width of letters and the composition of marks: NFKC, then case folding.

    Digits are ASCII and invisible marks gone; accents stay.
    """
    return _beyond_ascii(
        text,
        lambda other: ascii_digits(visible(other.str.normalize("NFKC"))).str.to_lowercase().str.replace_many(_CASE),
        lambda plain: plain.str.to_lowercase(),
    )


def without_accents(text: pl.Expr) -> pl.Expr:
    """The text in compatibility form, without the marks that a writer may leave out."""
    return _beyond_ascii(
        text, lambda other: other.str.normalize("NFKD").str.replace_all(_ACCENTS, "").str.normalize("NFC")
    )


def is_missing(text: pl.Expr, words: Sequence[str] = MISSING) -> pl.Expr:
    """Whether a text is one of the words for nothing, whatever its case and the blanks around it; null where the text is."""
    return text.str.strip_chars().str.to_lowercase().is_in([word.lower() for word in words])


def as_ids(values: pl.Series, missing: Sequence[str] = MISSING) -> pl.Series:
    """Ids in the one form in which they are compared: text in NFC, without blanks around or invisible marks inside.

    Whole floats lose the `.0` that a table gets when gaps make its integers floats: of a numeric column each value, of a
    text column only if every id has it, since "1.0" may be a version. Empty ids and words for nothing are null.

    Args:
        values: any type that casts to String.
    """
    if values.dtype.is_float():
        whole = values.to_frame("x").select(
            pl.when((pl.col("x") == pl.col("x").floor()) & (pl.col("x").abs() < 2**53))
            .then(pl.col("x").cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(pl.when(pl.col("x").is_finite()).then(pl.col("x").cast(pl.String)))
        )
        return whole.to_series().alias(values.name)
    text = visible(pl.col("x").str.normalize("NFC")).str.strip_chars()
    clean = pl.when((text != "") & ~is_missing(text, missing)).then(text)
    ids = values.cast(pl.String).to_frame("x").select(clean.alias("x"))
    decimal = ids.select(pl.col("x").str.contains(r"^[0-9]+\.0$").all() & pl.col("x").is_not_null().any()).item()
    return (ids["x"].str.strip_suffix(".0") if decimal else ids["x"]).alias(values.name)


_ENTITY = re.compile(r"&(?:#[0-9]{1,7};|#[0-9]{2,7}(?![0-9])|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")


def without_entities(text: str) -> str:
    """Well-formed HTML entities as the characters they stand for, once: "Pen&notebook" names none, "&#153" does without its end."""
    return _ENTITY.sub(_character, text)


def _character(entity: re.Match[str]) -> str:
    name = entity[0][1:]
    return html.unescape(entity[0]) if name[0] == "#" else html5.get(name, entity[0])
