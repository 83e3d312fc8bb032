"""Numbers as shops write them, a column at a time: "$5.50", "1.010,00 €", "CHF 1'010.–", "1 010,5 kr", "from 9.99", "١٢٫٥".

The convention. Around a number may stand a currency (a sign, an ISO 4217 code, a local word), "from" in a few languages, or a
second number that makes it a range: "from" and ranges give the lower end, which is counted. Blanks and apostrophes group
thousands. Of point and comma, the last one is the decimal mark where both occur; one that occurs twice groups thousands; one
that is not followed by exactly three digits is the decimal mark. What is left ("1,234") is read as the column's other values
say; where they say nothing, a comma groups and a point is the decimal mark. Where they contradict each other, or a point may
group ("1.500" and nothing that tells), the value is ambiguous: not read, unless the mapping states the decimal mark. Anything
else that holds a number ("pack of 2", "12%", "01.02.2026") is not one.
"""

import re
from typing import NamedTuple

import polars as pl

from roar.text import ascii_digits, visible, without_entities

_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP
CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD
IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS
SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW
ZWL RMB
"""
"""ISO 4217, and RMB."""

_WORDS = """
kr kr. zł zl zł. Kč Kc Ft lei leu лв лв. руб руб. р. грн грн. TL Rs Rs. RM Rp Rp. Bs S/ S/. Fr Fr. SFr SFr. din din. ден
euro euros eur dollars dollar pounds zloty US$ A$ AU$ C$ CA$ NZ$ HK$ NT$ S$ R$ MX$ R 元 円 圆 원 บาท د.إ ر.س kn
"""

_FROM = r"from|starting\s+at|as\s+low\s+as|ab|von|à\s+partir\s+de|a\s+partir\s+de|a\s+partire\s+da|dès|desde|da|vanaf|fra|från|fr\.|od|от|від"
_TO = r"-|–|—|~|〜|\.\.\.?|…|to|bis|à|a|til|till|do|до"


def _literal(words: str) -> str:
    """Alternatives, longest first."""
    return "|".join(re.escape(word) for word in sorted(words.split(), key=len, reverse=True))


_CURRENCY = rf"(?:{_literal(_CODES + _WORDS)}|\p{{Sc}})"
_GROUP = r"[\s'’‘´`ʼ٬]"
_NUMBER = rf"(?:[0-9]+(?:(?:[.,٫]|{_GROUP})[0-9]+)*|[.,][0-9]+)"
_END = r"(?:[.,:/][-–—]+)?"
_AMOUNT = (
    rf"^(?i:(?P<from>{_FROM})\s*)?(?P<minus>[-−])?\s*(?:(?i:{_CURRENCY})\s*)?(?P<sign>[-−])?\s*(?P<number>{_NUMBER}){_END}"
    rf"\s*(?i:{_CURRENCY})?(?P<to>\s*(?i:{_TO})\s*(?:(?i:{_CURRENCY})\s*)?{_NUMBER}{_END}\s*(?i:{_CURRENCY})?|\s*\+)?$"
)

_COMMA = r"^[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*$|^[0-9]{1,3}(?:\.[0-9]{3}){2,}$|^[0-9]*,[0-9]+$"
"""Shapes that only a decimal comma gives (the ambiguous one left out)."""
_POINT = r"^[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}\.[0-9]*$|^[0-9]{1,3}(?:,[0-9]{2,3})+,[0-9]{3}$|^[0-9]*\.[0-9]+$"
"""Shapes that only a decimal point gives, Indian groups of two included."""
_EITHER = r"^[1-9][0-9]{0,2}[.,][0-9]{3}$"

LONGEST = 64
"""Characters of a text that may be a number."""


class Numbers(NamedTuple):
    """Float64 values, null where there is none; and which rows (Boolean) gave the lower end of a range, or were ambiguous."""

    values: pl.Series
    lower_ends: pl.Series
    ambiguous: pl.Series


def read_numbers(texts: pl.Series, decimal: str | None = None) -> Numbers:
    """Read a String column by the convention above.

    Args:
        texts: the column.
        decimal: the decimal mark, "." or ",", where the reader knows it; None leaves it to the column.

    Cost: linear; a cast where a column is plain, a dozen regular expressions over the other rows.
    """
    clean = texts.to_frame("x").select(ascii_digits(visible(pl.col("x"))).str.strip_chars()).to_series()
    plain = clean.cast(pl.Float64, strict=False)
    other = clean.to_frame("x").select(
        (plain.is_null() & (pl.col("x") != "") | pl.col("x").str.contains(r"^-?[0-9]{1,3}\.[0-9]{3}$")).fill_null(False)
    )
    rows = other.to_series().arg_true()
    nothing = pl.repeat(False, len(texts), eager=True)
    if not len(rows):
        return Numbers(plain.alias(texts.name), nothing, nothing)
    found = _amounts(clean.gather(rows), decimal, elsewhere=clean)
    return Numbers(
        plain.scatter(rows, found["value"]).alias(texts.name),
        nothing.clone().scatter(rows, found["lower"]),
        nothing.clone().scatter(rows, found["ambiguous"]),
    )


def _amounts(texts: pl.Series, decimal: str | None, elsewhere: pl.Series) -> pl.DataFrame:
    """value, lower, ambiguous of texts that are no plain numbers; `elsewhere` are all texts, which tell the decimal mark."""
    escaped = texts.str.contains("&", literal=True).fill_null(False).arg_true()
    if len(escaped):
        plain = [without_entities(text) for text in texts.gather(escaped).to_list()]
        texts = texts.scatter(escaped, plain).str.strip_chars()
    short = pl.when(pl.col("x").str.len_chars() <= LONGEST).then("x")
    groups = texts.to_frame("x").select(short.str.extract_groups(_AMOUNT).alias("amount")).unnest("amount")
    digits = pl.col("number").str.replace_all(_GROUP, "'")
    grouped = ~digits.str.contains("'") | digits.str.contains(r"^[0-9]{1,3}(?:'[0-9]{3})+(?:[.,٫][0-9]*)?$")
    digits = pl.when(grouped).then(digits.str.replace_all("'", ""))
    frame = groups.with_columns(digits=digits)
    n = pl.col("digits")
    either = n.str.contains(_EITHER)
    arabic = n.str.contains(r"^[0-9]+٫[0-9]+$")
    comma, point = n.str.contains(_COMMA) & ~either, n.str.contains(_POINT) & ~either
    tells_point = elsewhere.str.contains(r"^-?(?:[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,})|0?\.[0-9]+|[0-9]{4,}\.[0-9]+)$").any()
    frame = frame.with_columns(either=either, arabic=arabic, comma=comma, point=point)
    mark = decimal or _mark(frame, bool(tells_point))
    comma_read = n.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    point_read = n.str.replace_all(",", "", literal=True)
    text = (
        pl.when("arabic").then(n.str.replace("٫", "."))
        .when("comma").then(comma_read)
        .when("point").then(point_read)
        .when(pl.col("either") & (mark == ",")).then(comma_read)
        .when(pl.col("either") & (mark == ".")).then(point_read)
        .when(n.str.contains(r"^[0-9]+$")).then(n)
    )  # fmt: skip
    negative = pl.col("minus").is_not_null() | pl.col("sign").is_not_null()
    value = text.cast(pl.Float64, strict=False) * pl.when(negative).then(-1.0).otherwise(1.0)
    return frame.select(
        value=value,
        lower=(value.is_not_null() & (pl.col("from").is_not_null() | pl.col("to").is_not_null())).fill_null(False),
        ambiguous=(pl.col("either").fill_null(False) & value.is_null()),
    )


def _mark(frame: pl.DataFrame, plain_point: bool) -> str | None:
    """The decimal mark that a column's other values tell for "1,234"; None where they contradict, or tell too little."""
    comma, point = bool(frame["comma"].any()), plain_point or bool(frame["point"].any())
    if comma or point:
        return None if comma and point else "," if comma else "."
    pointed = frame.filter(pl.col("either") & pl.col("digits").str.contains(".", literal=True))
    commas = frame.filter(pl.col("either") & pl.col("digits").str.contains(",", literal=True))
    if len(pointed) and len(commas):
        return None
    return None if pointed["digits"].str.ends_with("0").any() else "."
