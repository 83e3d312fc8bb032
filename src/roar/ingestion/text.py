"""Clean-up of product and query texts: HTML, entities, control characters, Unicode, white space, length.

Texts run through it in slices, so that the peak over a large catalogue is one slice, not another copy of the column.
"""

from typing import NamedTuple

import polars as pl

from roar.parameters import TextCleaning
from roar.text import visible, without_entities

_SLICE = 100_000

# C0 and C1 controls stand for white space as a rule; tab and line ends are collapsed with the rest of it below.
_CONTROLS = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}]"
_SCRIPTS = r"(?is)<(?:script|style)\b.*?</(?:script|style)\s*>|<!--.*?-->"
# A tag starts with a letter right after "<" ("5 < 10 > 2" is text), but for a few that feeds write with a space.
_TAGS = r"(?i)</?[a-z!][^<>]*>|<\s*/?\s*(?:br|p|li|ul|ol|b|i|strong|em)\s*/?\s*>"


class Cleaned(NamedTuple):
    """Clean texts and, for each rule, which rows it changed (Boolean, no nulls)."""

    texts: pl.Series
    html: pl.Series
    controls: pl.Series
    cut: pl.Series


def clean(texts: pl.Series, config: TextCleaning, *, markup: bool) -> Cleaned:
    """Clean a String column; texts with nothing left become null.

    Args:
        texts: String values, nulls allowed.
        config: What to do, and the greatest length in characters.
        markup: Whether the texts may hold HTML (product texts do, queries do not).
    """
    slices = [_clean(part, config, markup and config.html) for part in texts.to_frame().iter_slices(_SLICE)]
    if not slices:
        nothing = pl.Series(texts.name, [], dtype=pl.Boolean)
        return Cleaned(texts, nothing, nothing, nothing)
    return Cleaned(*(pl.concat(parts) for parts in zip(*slices, strict=True)))


def _clean(part: pl.DataFrame, config: TextCleaning, markup: bool) -> Cleaned:
    raw = part.to_series()
    plain = _strip_markup(raw) if markup else raw
    shown = plain.to_frame("x").select(visible(pl.col("x").str.replace_all(_CONTROLS, " "))).to_series()
    composed = shown if config.unicode == "none" else shown.str.normalize(config.unicode)
    texts = composed.str.replace_all(r"\s+", " ").str.strip_chars()
    long = (texts.str.len_chars() > config.max_characters).fill_null(False)
    if long.any():
        texts = texts.str.slice(0, config.max_characters).str.strip_chars()
    texts = texts.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()
    return Cleaned(texts, plain.ne_missing(raw), shown.ne_missing(plain), long)


def _strip_markup(texts: pl.Series) -> pl.Series:
    """Without tags, scripts and entities; entities go first, since feeds also carry escaped tags (`&lt;b&gt;`)."""
    escaped = texts.str.contains("&", literal=True).fill_null(False).arg_true()
    if len(escaped):
        # scatter() works on a copy: the input is left as it is.
        texts = texts.clone().scatter(escaped, [without_entities(text) for text in texts.gather(escaped).to_list()])
    if not texts.str.contains("<", literal=True).any():
        return texts
    return texts.str.replace_all(_SCRIPTS, " ").str.replace_all(_TAGS, " ")
