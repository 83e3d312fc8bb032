"""One spelling for what shops write in many, with the way back to the place in the original."""

import unicodedata
from functools import lru_cache

_DIGITS = {chr(zero + digit): str(digit) for zero in (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50) for digit in range(10)}
_ALIKE = _DIGITS | {
    **dict.fromkeys("×✕✖⨯∗＊", "x"), "х": "х", "⁄": "/", "∕": "/", "٫": ".", "٬": ",", "،": ",", "、": ",", "，": ",",
    **dict.fromkeys("‐‑‒–—−―", "-"), **dict.fromkeys("″”“„‟＂", '"'), **dict.fromkeys("′’‘´`ʼ", "'"), "～": "~", "〜": "~",
}  # fmt: skip
_FRACTION_SLASH = "\u2044"


@lru_cache(maxsize=65536)
def _folded(letter: str) -> str:
    if letter in _ALIKE:
        return _ALIKE[letter]
    if letter in "®™©\u00ad\u200b\u200e\u200f\ufeff":
        return " " if letter in "®™©" else ""
    if letter in "°№":
        return letter
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
    folded = "".join(parts)
    if len(folded) == len(text) and max(map(len, parts)) == 1:
        return folded, None
    return folded, [place for place, part in enumerate(parts) for _ in part]
