"""One spelling for what shops write in many, with the way back to the place in the original."""

import re
import unicodedata
from functools import lru_cache

_ALIKE = {
    **dict.fromkeys("®™©", " "), "°": "°", "№": "№",
    **dict.fromkeys("×✕✖⨯∗＊", "x"), "х": "х", "⁄": "/", "∕": "/", "٫": ".", "٬": ",", "،": ",", "、": ",", "，": ",",
    **dict.fromkeys("‐‑‒–—−―", "-"), **dict.fromkeys("″”“„‟＂", '"'), **dict.fromkeys("′’‘´`ʼ", "'"), "～": "~", "〜": "~", "ł": "l", "ø": "o", "đ": "d", "ı": "i",
}  # fmt: skip
_LATIN = str.maketrans("авекмнорстх", "abekmhopctx")
_LOOKALIKE = re.compile(r"(?<=\d) ?х(?= ?\d)|(?<![^\W\d_])[авекмнорстх](?=\d)|(?<!\w)а{2,3}(?!\w)")
"""Cyrillic letters that stand for Latin ones: 3х70, А4, М8, ААА."""

_FRACTION_SLASH = "\u2044"


@lru_cache(maxsize=65536)
def _folded(letter: str) -> str:
    if letter.lower() in _ALIKE:
        return _ALIKE[letter.lower()]
    if unicodedata.category(letter) == "Cf":  # marks that nobody sees
        return ""
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    plain = unicodedata.normalize("NFKD", letter).lower()
    plain = "".join(_ALIKE.get(part, part) for part in plain if not unicodedata.category(part).startswith("M"))
    if _FRACTION_SLASH in unicodedata.normalize("NFKD", letter):
        return f" {plain}"  # 1½ is 1 1/2
    return plain.replace("\n", " ").replace("\t", " ").replace("\r", " ")


def fold(text: str) -> tuple[str, list[int] | None]:
    """Lower case without accents, digits and signs of all scripts in one spelling.

    Returns:
        The folded text, and for each of its characters the place of the original's; None where the places are the same.
    """
    if text.isascii():
        return text.lower().replace("\n", " ").replace("\t", " ").replace("\r", " "), None
    parts = [_folded(letter) for letter in text]
    folded = _LOOKALIKE.sub(lambda match: match[0].translate(_LATIN), "".join(parts))
    if len(folded) == len(text) and max(map(len, parts)) == 1:
        return folded, None
    return folded, [place for place, part in enumerate(parts) for _ in part]
