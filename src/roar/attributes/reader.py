"""Facts out of a text: numbers with what they measure, and words that name a colour, a size, an audience.

A text is folded (`folding`) and scanned once for numbers and the unit after them. Neighbouring numbers are then put
together by what stands between: "6 ft. 8 in." is one length, "140x200 cm" are two, "24x0,33l" is a count and a volume, "2-3 m"
is a range. What stands around decides the role: "up to", "without", "for". No name is a quantity: 3M is a company where it
leads a title, 5G a network beside a phone; what is too short to trust counts only where it is written onto its number.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from roar.attributes import colours, words
from roar.attributes.facts import EXCLUDES, HAS, Fact
from roar.attributes.folding import fold
from roar.attributes.names import named
from roar.attributes.quantities import quantities
from roar.attributes.roles import EXCLUDING, EXCLUDING_WORDS, FOR_WORDS, ends_with, phrases, with_role


def scan(text: str, kind: str = "product") -> list[Fact]:
    """All facts of `text`, in order of place; places are those of `text` itself."""
    folded, places = fold(text)
    found: list[Fact] = []
    taken = bytearray(len(folded))
    for fact in named(folded):
        if not any(taken[fact.start : fact.end]):
            found.append(fact)
            taken[fact.start : fact.end] = b"\x01" * (fact.end - fact.start)
    found += quantities(text, folded, kind, taken)
    spelled = list(_WORD.finditer(folded))
    distinct = {match[0].removesuffix("'s") for match in spelled}
    serving = not distinct.isdisjoint(FOR_WORDS) or not folded.isascii()
    found = [with_role(fact, folded, serving) for fact in found]
    if not distinct.isdisjoint(_INTERESTING) or not folded.isascii():
        found += _words(folded, spelled, taken, _things(found, [match[0] for match in spelled]))
    if (
        not distinct.isdisjoint(EXCLUDING_WORDS)
        or "fre" in folded
        or "zero" in folded
        or "0" in folded
        or not folded.isascii()
    ):
        found += _excluded(folded)
    found = list(_likely(found))
    found.sort(key=lambda fact: (fact.start, fact.end))
    if places is None:
        return found
    return [replace(fact, start=places[fact.start], end=places[fact.end - 1] + 1) for fact in found]


_VITAMIN = re.compile("b[0-7]")
_DISSOLVED = frozenset(["percent", "volume"])


def _likely(found: list[Fact]) -> Iterator[Fact]:
    """Without sizes that something beside them makes another thing: XL is the load of a tyre, B5 in 30 ml a vitamin."""
    facts = {fact.fact for fact in found}
    for fact in found:
        vitamin = fact.fact == "size" and fact.text is not None and _VITAMIN.fullmatch(fact.text)
        if not (fact.fact == "size" and "tyre" in facts) and not (vitamin and not facts.isdisjoint(_DISSOLVED)):
            yield fact


_SCRIPT = r"\u3040-\u30ff\u4e00-\u9fff"
_COLOURS = {fold(word)[0]: basic for word, basic in colours.COLOURS.items()}
_AUDIENCES = {fold(word)[0]: audience for word, audience in words.AUDIENCES.items()}
_WORD = re.compile(rf"[^\W\d_{_SCRIPT}]+(?:'s)?|(?<!\d)\d?x{{1,5}}[ls](?![\w])")
_KANA = r"[\u30a1-\u30ff]"
_IDEOGRAPHS = re.compile(
    "|".join(
        rf"(?<!{_KANA}){word}(?!{_KANA})" if re.match(_KANA, word) else word  # トイレット is not red
        for word in sorted(_COLOURS | _AUDIENCES, key=len, reverse=True)
        if re.match(f"[{_SCRIPT}]", word)
    ).replace("|粉|", r"|(?<![\u4e00-\u9fff])粉|")  # powder behind another sign
)
_NOT_COLOURS = frozenset(tuple(re.findall(r"[^\W\d_]+", phrase)) for phrase in colours.NOT_COLOURS)
_INTERESTING = _COLOURS.keys() | _AUDIENCES.keys() | words.SIZES.keys()


_FOODS, _FOR_FOOD = (frozenset(fold(word)[0] for word in of) for of in (colours.FOODS, colours.FOR_FOOD))
_TASTED, _PAINTED = (frozenset(fold(word)[0] for word in of) for of in (colours.TASTED, colours.PAINTED))
_FOOD_SIGNS = tuple(fold(sign)[0] for sign in colours.FOOD_SIGNS)
_SMALL_MEASURES = frozenset(["g", "oz", "mg", "ml", "cl", "fl oz"])


def _things(found: list[Fact], spelled: list[str]) -> frozenset[str]:
    """Words that name a thing in this text, and no colour: lime juice, 100 g of chocolate."""
    distinct = set(spelled)
    if not distinct.isdisjoint(_PAINTED):
        return frozenset()
    if not distinct.isdisjoint(_TASTED) and any(
        word in _TASTED and after not in _FOR_FOOD for word, after in zip(spelled, [*spelled[1:], ""], strict=True)
    ):
        return colours.THINGS
    measured = any(fact.scale in _SMALL_MEASURES for fact in found)
    return colours.RATHER_THINGS if measured else frozenset()


def _of_food(spelled: list[str], place: int) -> bool:
    """Whether the colour beside a food names its kind: black tea, vin rouge."""
    before, after, beyond = (spelled[i] if 0 <= i < len(spelled) else "" for i in (place - 1, place + 1, place + 2))
    return before in _FOODS - colours.THINGS or (after in _FOODS and beyond not in _FOR_FOOD)


def _words(folded: str, matches: list[re.Match[str]], taken: bytearray, things: frozenset[str]) -> list[Fact]:
    found = []
    spelled = [match[0] for match in matches]
    for place, word in enumerate(spelled):
        plain = word.removesuffix("'s")
        if plain not in _INTERESTING:
            continue
        start, end = matches[place].span()
        pair, before = (plain, *spelled[place + 1 : place + 2]), (*spelled[max(place - 1, 0) : place], plain)
        triple = (plain, *spelled[place + 1 : place + 3])
        named = {pair, before, triple} & _NOT_COLOURS or plain in things
        if plain in _COLOURS and not named and not _of_food(spelled, place):
            found += _coloured(folded, plain, start, end)
        if plain in _AUDIENCES:
            found.append(_word(folded, "audience", _AUDIENCES[plain], start, end))
        written_on = folded[start - 1 : start].isdigit()  # ink 603XL
        sized = plain in words.SIZES and not (taken[start] or written_on)
        if sized and spelled[max(place - 1, 0)] not in words.SIZE_WORDS:
            found.append(_word(folded, "size", words.SIZES[plain], start, end))
    if not folded.isascii():
        for match in _IDEOGRAPHS.finditer(folded):
            if folded[match.start() - 1 : match.start()] in ("昼", "温"):  # names of light
                continue
            if folded.startswith(_FOOD_SIGNS, match.end()):
                continue
            if match[0] in _COLOURS:
                found += _coloured(folded, match[0], *match.span())
            else:
                found.append(_word(folded, "audience", _AUDIENCES[match[0]], *match.span()))
    return found


def _coloured(folded: str, word: str, start: int, end: int) -> list[Fact]:
    return [_word(folded, "colour", basic, start, end) for basic in _COLOURS[word]]


def _word(folded: str, fact: str, text: str, start: int, end: int) -> Fact:
    left_out = ends_with(folded, start, EXCLUDING)
    return Fact(fact, None, text, None, start, end, EXCLUDES if left_out else HAS)


_WITHOUT = re.compile(
    rf"(?<![\w/])(?:{phrases(frozenset(word for word in words.EXCLUDING if word[0] < chr(0x3000)))})(?: (?:any|added|a|the)\b)?[ -]([^\W\d_]{{3,}})"
)
_FREE = re.compile(
    r"(?<![\w])([^\W\d_]{3,})(?:[ -]free|frei|freie|freies)(?![\w])(?! (?:shipping|delivery|from|of|standing|range|time|gift|sample))"
)
_ZERO = re.compile(rf"(?<![\w.,/])(?:zero|0(?: ?%)?) ({'|'.join(words.ZERO_OF)})(?![\w])")
_FREE_OF = re.compile(r"(?<![\w])(?:free (?:of|from)|frei von|libre de|خالي من|خال من)\s([^\W\d_]{3,})")
_WITHOUT_IDEOGRAPH = re.compile(
    rf"(?:不含([\u4e00-\u9fff]{{1,2}})|(?:无|無)([^{words.NAMED_WITHOUT}\W\d_a-z\u3040-\u30ff]))"
)


def _excluded(folded: str) -> list[Fact]:
    found = []
    for pattern in (_WITHOUT, _FREE, _FREE_OF, _ZERO, _WITHOUT_IDEOGRAPH):
        for match in pattern.finditer(folded):
            word = match[match.lastindex or 1]
            if word in _INTERESTING or word in words.NOT_EXCLUDED or (pattern is _FREE and word in words.FREE_BUT):
                continue
            found.append(Fact("feature", None, word, None, match.start(), match.end(), EXCLUDES))
    return found
