"""How numbers are written: decimals with a point or a comma, thousands, fractions, mixed numbers, Chinese numerals."""

import re
from fractions import Fraction

LETTER = r"a-z\u00df-\u024f\u0370-\u10ff\u1200-\u1fff"
"""Letters of scripts that put blanks between words; Chinese, Japanese and Korean do not."""

NUMBER = (
    r"(?:(?:\d{1,2} |\d{1,3} ?- ?)\d{1,2}/\d{1,3}(?![\d/])"  # 1 1/4, 1-1/4
    r"|\d{1,3}/\d{1,3}(?![\d/])"
    r"|\d{1,3}(?:[.,']\d{3})+(?:[.,]\d{1,2})?(?![\d])(?![.,]\d)"
    r"|\d{1,3}(?: 000)+(?!\d)"
    r"|\d{1,9}(?:[.,]\d{1,6})?(?!\d)(?![.,]\d)"
    r"|[.,]\d{1,6}(?!\d))"
)

_CHINESE = {letter: place for place, letter in enumerate("零一二三四五六七八九十")} | {"两": 2, "兩": 2, "半": 0.5}
_POWERS = {"十": 10, "百": 100, "千": 1000}
CHINESE_NUMBER = r"(?:[一二三四五六七八九十两兩][一二三四五六七八九十百千零两兩]*|半)"


def value(written: str, *, small: bool = False) -> float | None:
    """What a number that `NUMBER` or `CHINESE_NUMBER` matches is worth; None for what is none after all ("9/1").

    A comma before three digits marks thousands, but after a leading zero ("0,375") decimals. A point before three digits
    marks decimals, but thousands where it stands twice, or where the unit is `small` and the last digit a zero ("1.500 ml").
    """
    if written[0] in _CHINESE:
        return _chinese(written)
    if "/" in written:
        return _fraction(written)
    written = re.sub(r"[ ']", "", written)
    marks = re.findall(r"[.,]", written)
    if len(set(marks)) == 2:
        decimal = written[max(written.rfind("."), written.rfind(","))]
        other = "," if decimal == "." else "."
        return float(written.replace(other, "").replace(decimal, "."))
    grouped = re.fullmatch(r"[1-9]\d{0,2}([.,])\d{3}", written)
    if len(marks) > 1 or (grouped and (grouped[1] == "," or (small and written.endswith("0")))):
        return float(re.sub(r"[.,]", "", written))
    return float(written.replace(",", "."))


def _chinese(written: str) -> float:
    """五百 is 500, 十二 is 12, 两 is 2."""
    total, digit = 0.0, 0.0
    for letter in written:
        if letter in _POWERS:
            total, digit = total + (digit or 1) * _POWERS[letter], 0.0
        else:
            digit = float(_CHINESE[letter])
    return total + digit


def _fraction(written: str) -> float | None:
    whole, above, below = re.fullmatch(r"(?:(\d+)\s?[ -]\s?)?(\d+)/(\d+)", written).groups()  # type: ignore[union-attr]
    if int(below) not in (2, 3, 4, 5, 6, 8, 10, 12, 16, 32, 64) or int(above) >= int(below):
        return None
    return float(int(whole or 0) + Fraction(int(above), int(below)))
