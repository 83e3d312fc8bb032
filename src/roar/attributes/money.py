"""Money, which measures nothing: prices that a shopper would pay, and what is taken off one."""

import re

from roar.attributes import words
from roar.attributes.facts import AT_LEAST, AT_MOST, Fact
from roar.attributes.folding import fold
from roar.attributes.roles import bound_before, bound_behind

_MONEY_BEFORE = re.compile(r"(?:[$€£¥₽₹₩₺]|r\$|(?<![\w])(?:usd|eur|gbp|rs|inr|chf|aed|sar|pln))\.?\s?$")
_MYRIAD = tuple(fold(sign)[0] for sign in "万萬만")
"""Ten thousands, before the currency."""

_ASIAN = "|".join(fold(sign)[0] for sign in ("円", "元", "원", "रुपये", "रु"))
_CODES = {fold(sign)[0]: code for sign, code in words.CURRENCIES.items()}
_MONEY_AFTER = re.compile(
    rf"\s?(?:[$€£¥₽₹₩₺¢](?!\s?\d)|(?:{'|'.join(_MYRIAD)})? ?(?:{_ASIAN})(?![a-z])|(?:usd|eur|euros?|евро|dollars?|bucks|gbp|quid|руб(?:леи|ля)?|rub|zl|pln|chf|rupees|krw|cents?|sek|kr|aed|ريال)(?![\w]))"
)


def is_money(folded: str, start: int, end: int) -> bool:
    """Whether a currency stands before or behind."""
    return bool(_MONEY_BEFORE.search(folded, max(0, start - 6), start) or _MONEY_AFTER.match(folded, end))


_SAVED_BEFORE = re.compile(
    r"(?:(?<![\w])(?:save|sale|spare|sparen|rabatt|reduced by|discount|remise|reduction|sconto|descuento|desconto|скидка|خصم)(?: (?:of|up to|bis zu|von|de|del|до))?"
    r"|(?:^|[\s(])(?=-$)|省|立减|優惠|优惠)[ :-]{0,2}$"
)
_SAVED_AFTER = re.compile(
    r" ?(?:(?:off|discount|rabatt|reduziert|gunstiger|(?:de )?(?:remise|reduction|rabais)|(?:di )?sconto|(?:de )?(?:descuento|desconto)|скидк[аи]|خصم)(?![\w])"
    r"|オフ|引き|优惠|優惠|折扣)"
)


def is_discount(folded: str, start: int, end: int) -> bool:
    """Whether a percentage is taken off a price."""
    return bool(_SAVED_BEFORE.search(folded, max(0, start - 24), start) or _SAVED_AFTER.match(folded, end))


def asked_price(folded: str, run: list[tuple[int, int, float]], kind: str) -> list[Fact]:
    """In a query, money with a bound is what the shopper would pay; elsewhere it says nothing of the product."""
    start, end = run[0][0], run[-1][1]
    before, after = _MONEY_BEFORE.search(folded, max(0, start - 6), start), _MONEY_AFTER.match(folded, end)
    start, end = (before.start() if before else start), (after.end() if after else end)
    if kind != "query":
        return []
    sign = (before or after)[0].strip(" .")  # type: ignore[index]
    myriad = next((part for part in _MYRIAD if sign.startswith(part)), "")
    many = 10_000 if myriad else 1
    code = _CODES.get(sign.removeprefix(myriad).strip()) or None
    if len(run) == 2 and run[0][2] < run[1][2]:
        sides = zip(run, (AT_LEAST, AT_MOST), strict=True)
        return [Fact("price", amount * many, None, code, start, end, role) for (_, _, amount), role in sides]
    bounded = bound_before(folded, start) or bound_behind(folded, end)
    return [Fact("price", run[0][2] * many, None, code, start, end)] if bounded else []
