"""Where words begin and end: one splitter for BM25, query variants, near-duplicates and slices.

Most scripts write blanks between words. Chinese, Japanese, Thai, Lao, Khmer and Burmese do not; there, runs of letters are
cut into overlapping pairs, which need no dictionary, never disagree between query and product, and find nearly what a
segmentation finds (McNamee and Mayfield 2004; Lucene's CJK analysis does the same). Korean writes blanks and keeps its
words. A letter takes its marks with it: no vowel sign is ever cut off.
"""

import re

import polars as pl

_LETTER = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\x{30FC}\x{3006}"
_UNSPACED = rf"(?:[{_LETTER}--[\p{{M}}\p{{P}}\p{{Nd}}]]\p{{M}}*)"
"""A letter of a script without blanks, with its marks; U+30FC prolongs a vowel of kana."""

_WORD = rf"{_UNSPACED}+|[\w--[{_LETTER}--[\p{{M}}\p{{P}}\p{{Nd}}]]]+"
_HAN = r"\p{Han}\p{M}*"


def spaced(text: pl.Expr, size: int = 2) -> pl.Expr:
    """The text with blanks where scripts write none, so that whatever splits at blanks splits it.

    Args:
        text: a String column; text of other scripts is left as it is.
        size: letters of each piece: 2 gives overlapping pairs (a letter alone stays), 1 gives every letter.
    """
    if size == 1:
        return text.str.replace_all(_UNSPACED, " $0 ")
    pieces = text.str.replace_all(rf"{_UNSPACED}+", "\x02$0\x03").str.replace_all(_UNSPACED, "$0$0")
    # A run abc is now aabbcc; without its ends abbc, which is read two by two: ab, bc. A letter alone stays itself.
    pieces = pieces.str.replace_all(rf"\x02({_UNSPACED}){_UNSPACED}\x03", " $1 ")
    pieces = pieces.str.replace_all(rf"\x02{_UNSPACED}({_UNSPACED}+){_UNSPACED}\x03", " $1 ")
    pieces = pieces.str.replace_all(rf"{_UNSPACED}{{2}}", "$0 ")
    return pl.when(text.str.contains(_UNSPACED)).then(pieces).otherwise(text)


_UNSPACED_RE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\U00020000-\U0003ffff]"
)


def writes_no_blanks(word: str) -> bool:
    """Whether a word has letters of a script that writes no blanks: it may be a whole sentence."""
    return bool(_UNSPACED_RE.search(word))


def words(text: pl.Expr) -> pl.Expr:
    """Words as a list, in the order of the text and in the case and form it has; fold it first (`forms.folded`).

    A word is letters, digits, marks and underscores; single characters count ("size 8" is not "size 9"). Chinese characters
    stand alone as well as in pairs, at the end of the list: a query may be a single one of them.
    """
    pairs = spaced(text).str.extract_all(_WORD)
    single = text.str.extract_all(_HAN)
    return pl.when(text.str.contains(_HAN)).then(pl.concat_list(pairs, single)).otherwise(pairs)
