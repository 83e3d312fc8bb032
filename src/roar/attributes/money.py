"""Money, which measures nothing: prices that a shopper would pay, and what is taken off one."""

import re

from roar.attributes import words
from roar.attributes.facts import AT_LEAST, AT_MOST, Fact
from roar.attributes.roles import bound_before, bound_behind

_MONEY_BEFORE = re.compile(r"(?:[$€£¥₽₹₩₺]|r\$|(?<![\w])(?:usd|eur|gbp|rs|inr|chf|aed|sar|pln))\.?\s?$")
_MONEY_AFTER = re.compile(
    r"\s?(?:[$€£¥₽₹₩₺¢](?!\s?\d)|円|元|(?:usd|eur|euros?|евро|dollars?|bucks|gbp|quid|руб(?:леи|ля)?|rub|zl|pln|chf|rupees|cents?|sek|kr|aed|ريال)(?![\w]))"
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
    code = words.CURRENCIES.get(sign) or None
    if len(run) == 2 and run[0][2] < run[1][2]:
        sides = zip(run, (AT_LEAST, AT_MOST), strict=True)
        return [Fact("price", amount, None, code, start, end, role) for (_, _, amount), role in sides]
    bounded = bound_before(folded, start) or bound_behind(folded, end)
    return [Fact("price", run[0][2], None, code, start, end)] if bounded else []
