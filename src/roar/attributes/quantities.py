"""Numbers with what they measure, put together with their neighbours, and money, which measures nothing."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from roar.attributes.company import in_company
from roar.attributes.facts import AT_LEAST, AT_MOST, FOLDED_GLUED_ONLY, FOLDED_UNITS, Fact, bounded, spelled
from roar.attributes.money import asked_price, is_discount, is_money
from roar.attributes.numbers import CHINESE_NUMBER, LETTER, NUMBER, value
from roar.attributes.roles import bound_before
from roar.attributes.units import SMALL, UNITS, Unit


@dataclass(slots=True)
class Atom:
    """A number and, if it has one, its unit."""

    start: int
    end: int
    written: str
    value: float
    unit: Unit | None
    apart: bool


LONGEST_RUN = 6
"""Numbers that belong together at most: three lengths of feet and inches."""

_WORD_UNITS = spelled([name for name in FOLDED_UNITS if bounded(name) or name[-1].isdigit()])
_SIGN_UNITS = spelled([name for name in FOLDED_UNITS if not (bounded(name) or name[-1].isdigit())])
_ATOM = re.compile(
    rf"(?<![{LETTER}\d#№])(?<!\d[.,/])(?<!\bf/)(?<!\bno\.)(?<!\bno\. )(?<!\bnr\. )(?<!№ )(?:(?<![{LETTER}]-)|(?<=\d[a-z]-)|(?<=\d[a-z]{{2}}-))(?!0\d)(?P<number>{NUMBER})"
    rf"(?:(?P<gap>\+? {{0,2}}-? ?)(?:(?P<unit>{_WORD_UNITS})(?![{LETTER}\d])|(?P<sign>{_SIGN_UNITS}))\.?"
    rf"|(?P<mark> ?(?:\"|'')|'(?=[ )x\x00,.]|\d|$|-))"
    rf"|(?![{LETTER}])|(?=x(?: |$)))"
)
_JOINED = re.compile(
    rf"(?:(?<=[\d\"'])|(?<=\d[cm]m)|(?<=\d[mcd]l)|(?<=\d[km]g)|(?<=\d(?:oz|lb|in|ft))|(?<=\d[mlgw])|(?<=[\u3040-\u30ff\u4e00-\u9fff])) ?x ?(?={NUMBER})"
)
"""Crosses between numbers; they are no letters to `_ATOM`."""

_DIGIT = re.compile(r"\d")
_CHINESE = re.compile(rf"({CHINESE_NUMBER})({_SIGN_UNITS})")
_TIMES = re.compile(r"\s?(?:[hwdlt]\.? |wide |tall |high |long |deep |thick )?(?:x|by|\*)\s?")
_TO = re.compile(r"\s?(?:-|~|to|bis|a|до|إلى|الى)\s?[$€£]?")
_COMPOUND = {("ft", "in"), ("lb", "oz"), ("m", "cm"), ("kg", "g"), ("h", "minute"), ("hour", "minute")}
_MARKS = {'"': UNITS["in"], "''": UNITS["in"], "'": UNITS["ft"]}


def quantities(text: str, folded: str, kind: str, taken: bytearray) -> list[Fact]:
    """Facts of all numbers of a text; `taken` marks what names have taken."""
    atoms = sorted(_atoms(text, folded, taken), key=lambda atom: atom.start)
    found: list[Fact] = []
    place = 0
    while place < len(atoms):
        run, between = [atoms[place]], []
        while len(run) < LONGEST_RUN and place + len(run) < len(atoms):
            following = atoms[place + len(run)]
            gap = folded[run[-1].end : following.start]
            how = _link(gap, run[-1], following) or _span(folded, run[0], gap)
            if len(gap) > 8 or not how or (how == "-" and "-" in between):  # a range has two ends
                break
            run.append(following)
            between.append(how)
        place += len(run)
        last = run[-1]
        if not (last.unit and last.unit.fact == "percent" and is_discount(folded, last.start, last.end)):
            found += _run(folded, run, between, kind)
    return found


def _atoms(text: str, folded: str, taken: bytearray) -> Iterator[Atom]:
    numbered: Iterator[re.Match[str]] = iter(())
    if _DIGIT.search(folded):
        numbered = _ATOM.finditer(_JOINED.sub(lambda match: match[0].replace("x", "\x00"), folded))
    for match in numbered:
        start, end = match.span()
        if any(taken[start:end]):
            end = start + len(match["number"])
            if any(taken[start:end]):
                continue
            match_unit = None
        else:
            match_unit = match["unit"] or match["sign"]
        yield from _atom(text, folded, match, match_unit, start, end)
    for match in () if folded.isascii() else _CHINESE.finditer(folded):
        unit = FOLDED_UNITS[match[2]]
        yield Atom(match.start(), match.end(), match[1], value(match[1]) or 0.0, unit, False)


def _atom(text: str, folded: str, match: re.Match[str], spelling: str | None, start: int, end: int) -> Iterator[Atom]:
    number = match["number"]
    unit = None
    gap = match["gap"] or ""
    if spelling:
        unit = _unit(spelling)
        if not _plausible(_Reading(text, folded, start, end, gap, number), spelling):
            unit, end = None, start + len(number)
    elif match["mark"] and end == match.end():
        mark = match["mark"].strip()
        unit = None if mark == '"' and _quoted(folded, start, end) else _MARKS[mark]
    if unit is None:
        end = start + len(number)
    amount = value(number, small=unit is not None and unit.name in SMALL)
    if amount is None:
        if unit is not None and unit.fact == "length":  # 90/200 cm
            cut = start + number.index("/")
            for first, last in ((start, cut), (cut + 1, start + len(number))):
                yield Atom(
                    first,
                    last,
                    folded[first:last],
                    float(folded[first:last].replace("-", " ").split()[-1]),
                    unit,
                    False,
                )
        return
    if (
        unit is not None
        and unit.fact == "temperature"
        and folded[start - 1 : start] == "-"
        and folded[start - 2 : start - 1] in ("", " ", "(")
    ):
        amount, start = -amount, start - 1
    yield Atom(start, end, number, amount, unit, bool(gap))


_OPENING = re.compile(r'(?<![^\s(\[|])"(?=\S)')


def _quoted(folded: str, start: int, end: int) -> bool:
    """Whether the mark before `end` closes a quotation: 'Speedlight "SB 700"' has no inches."""
    if folded[end : end + 1] == "@":
        return True  # web data name the language of a text after it
    before = folded[max(0, start - 200) : start]
    opened = [match.end() for match in _OPENING.finditer(before)]
    return bool(opened) and '"' not in before[opened[-1] :]


@lru_cache(maxsize=4096)
def _unit(spelling: str) -> Unit:
    plain = re.sub(r"[ .\-]+", " ", spelling).strip()
    for form in (spelling, plain, plain.replace(" ", ""), spelling.rstrip(".")):
        if form in FOLDED_UNITS:
            return FOLDED_UNITS[form]
    bare = plain.replace(" ", "")
    return next(unit for name, unit in FOLDED_UNITS.items() if re.sub(r"[ .\-]", "", name) == bare)


_IN_STOPS = re.compile(
    r" (?:\d|(?:a|an|the|one|black|white|red|blue|green|grey|gray|brown|silver|gold|stock|store|box|pack|case|total|each|our|and|or)"
    r"(?![a-z]))"
)
_CABLES = re.compile(r"\s?(?:cable|hdmi|usb|x|long|wide|\d|$)")


@dataclass(frozen=True, slots=True)
class _Reading:
    """A number with what may be its unit, and where it stands."""

    text: str
    folded: str
    start: int
    end: int
    gap: str
    written: str

    @property
    def amount(self) -> float:
        return value(self.written) or 0.0

    @property
    def kelvins(self) -> float:
        return value(self.written, small=True) or 0.0

    @property
    def dotted(self) -> bool:
        return self.folded[self.end - 1] == "."


def _metres(reading: _Reading) -> bool:
    """No shoe width ("10 M"), and no company: 3M leads its titles."""
    around = reading.text[max(0, reading.start - 60) : reading.end + 60]
    capital = reading.text[reading.start : reading.end].rstrip(".").endswith("M") and not around.isupper()
    company = reading.amount == 3 and not reading.gap and _leads(reading.folded, reading.start)
    company = company and not _CABLES.match(reading.folded, reading.end)
    return not company and not (capital and reading.amount <= 16)


def _inches(reading: _Reading) -> bool:
    """No preposition: "set of 4 in black", "3 in 1"."""
    if not reading.gap or reading.dotted or reading.gap.strip() == "-":
        return True
    before = reading.folded.endswith(("of ", "pack ", "set "), 0, reading.start)
    return not before and not _IN_STOPS.match(reading.folded, reading.end)


_BYTES = frozenset([1, 2, 4, 8, 16, 32, 64, 128, 256, 500, 512, 1000])
_RULES: dict[str, Callable[[_Reading], bool]] = {
    "m": _metres,
    "in": _inches,
    "k": lambda reading: 1000 <= reading.kelvins <= 20000 and reading.kelvins % 50 == 0,
    "к": lambda reading: 1000 <= reading.kelvins <= 20000 and reading.kelvins % 50 == 0,
    "carat": lambda reading: reading.amount <= 30,
    "nm": lambda reading: not reading.folded.startswith("-b", reading.end),
    "billion": lambda reading: "biotic" in reading.folded or "lactobac" in reading.folded,
    "mp": lambda reading: reading.amount < 500,
    "go": lambda reading: not reading.gap or reading.amount in _BYTES,
    "iu": lambda reading: not reading.gap or reading.amount >= 10,
    **dict.fromkeys(("ui", "ie"), lambda reading: not reading.gap or reading.amount >= 100),
    **dict.fromkeys(("db", "bar", "port", "day", "light", "cup", "set", "box", "card"), lambda reading: reading.amount < 1000),
}  # fmt: skip
"""Spellings that are units only where what stands around says so."""


_RATE = re.compile(r" ?/ ?(?:m2|sqm|m3|ml|l|kg|100|cm2|h|day)(?![a-z])")
"""After a unit that is one of a rate: 80 g/m² is no mass."""

_NO_UNIT = Unit("", "", 1.0, "")
_VOLTS = frozenset([5, 6, 9, 12, 18, 20, 24, 36, 48, 110, 127, 220, 230, 240, 380, 400])
_NUMBERED = re.compile(
    r"(?<![\w])(?:omega|vitamin|no|nr|number|type|stage|phase|step|level|series|mark|model|gen|version|motel|formula|chapter|part|"
    r"vol|volume|book|season|grade|class)[ .-]{1,2}$"
)
"""Words whose number is a name, and counts nothing that follows."""


def _plausible(reading: _Reading, spelling: str) -> bool:
    """Whether the unit is one, by how it is written and what stands around it."""
    if _RATE.match(reading.folded, reading.end):
        return False
    abbreviated = reading.dotted and spelling not in ("a", "to", "er")
    if reading.gap and spelling == "в":
        return reading.amount in _VOLTS and reading.text[reading.start : reading.end].rstrip(" .").endswith("В")
    if FOLDED_UNITS.get(spelling, _NO_UNIT).fact == "count" and _NUMBERED.search(
        reading.folded, max(0, reading.start - 12), reading.start
    ):
        return False
    if reading.gap and spelling in FOLDED_GLUED_ONLY and not abbreviated and reading.gap.strip() != "-":
        return False
    return spelling not in _RULES or _RULES[spelling](reading)


def _leads(folded: str, start: int) -> bool:
    return start <= 3 and not folded[:start].strip(" (\"'")


def _link(gap: str, left: Atom, right: Atom) -> str:
    if left.unit and right.unit and (left.unit.name, right.unit.name) in _COMPOUND and not gap.strip(" -"):
        limit = {"in": 12, "oz": 16, "cm": 100, "g": 1000, "minute": 60}[right.unit.name]
        return "+" if right.value < limit else ""
    if _TIMES.fullmatch(gap):
        return "x"
    if (
        gap.strip() == "/"
        and left.unit
        and right.unit
        and left.unit.name in ("mg", "mcg")
        and right.unit.fact == "volume"
    ):
        return "/"
    if _TO.fullmatch(gap) and gap:
        return "-"
    return ""


_AND = re.compile(r"\s(?:and|und|et|y|e|en|и)\s[$€£]?")
_BETWEEN = re.compile(r"(?:(?<![\w])(?:between|zwischen|entre|tra|tussen|между) [$€£]?)$")


def _span(folded: str, first: Atom, gap: str) -> str:
    """Between A and B is a range."""
    return "-" if _AND.fullmatch(gap) and _BETWEEN.search(folded, max(0, first.start - 12), first.start) else ""


def _run(folded: str, run: list[Atom], between: list[str], kind: str) -> list[Fact]:
    """Facts of numbers that belong together."""
    run, between = _compounded(run, between)
    if is_money(folded, run[0].start, run[-1].end):
        return asked_price(folded, [(atom.start, atom.end, atom.value) for atom in run], kind)
    if between == ["-"]:
        low, high = run
        unit = high.unit
        if unit is None:  # "12V-15" is a name
            return [_fact(low, low.unit)] if low.unit else []
        if low.unit in (None, unit) or (low.unit and low.unit.fact == unit.fact):
            own = low.unit or unit
            if low.value * own.factor < high.value * unit.factor:
                span = (run[0].start, run[-1].end)
                return [
                    replace(_fact(low, own), role=AT_LEAST, start=span[0], end=span[1]),
                    replace(_fact(high, unit), role=AT_MOST, start=span[0], end=span[1]),
                ]
        return [_fact(atom, atom.unit) for atom in run if atom.unit]
    if "x" in between or "/" in between:
        return _product(folded, run) if "x" in between else [_strength(run[0], run[1])]
    return _alone(folded, run, kind) if len(run) == 1 else [_fact(atom, atom.unit) for atom in run if atom.unit]


def _compounded(run: list[Atom], between: list[str]) -> tuple[list[Atom], list[str]]:
    """6 ft. 8 in. as one length."""
    whole, links = [run[0]], []
    for atom, how in zip(run[1:], between, strict=True):
        last = whole[-1]
        if how == "+" and last.unit and atom.unit:
            amount = last.value + atom.value * atom.unit.factor / last.unit.factor
            whole[-1] = Atom(last.start, atom.end, last.written, amount, last.unit, last.apart)
        else:
            whole.append(atom)
            links.append(how)
    return whole, links


def _strength(mass: Atom, volume: Atom) -> Fact:
    """100 mg/5 ml, in milligrams a millilitre."""
    assert mass.unit and volume.unit
    amount = mass.value * mass.unit.factor * 1e6 / (volume.value * volume.unit.factor * 1e3)
    return Fact("concentration", float(f"{amount:.10g}"), None, "mg/ml", mass.start, volume.end, scale="mg/ml")


_SPATIAL = ("length", "area")


def _product(folded: str, run: list[Atom]) -> list[Fact]:
    """A x B unit: lengths share their unit, of anything else there are A."""
    units = [atom.unit for atom in run]
    if not any(units):
        text = "x".join(f"{atom.value:g}" for atom in run)
        return [Fact("dimensions", None, text, None, run[0].start, run[-1].end)]
    spaced = re.fullmatch(r"x ", folded[run[0].end : run[1].start])
    found, many, first = [], 1.0, None
    for place, atom in enumerate(run):
        unit = atom.unit
        near = next((u for u in [*units[place:], *reversed(units[:place])] if u), None)
        if unit is None and near and near.fact in _SPATIAL and not (place == 0 and spaced and len(run) == 2):
            unit = UNITS["m"] if near.fact == "area" else near
        if unit is None:
            many, first = many * atom.value, first or atom
        else:
            found.append(_fact(atom, unit))
    if first and many < 10_000:
        found.insert(0, Fact("count", many, None, None, first.start, first.end))
    return found


_ORDINAL = re.compile(r"\s?x(?: (?=[a-z])|(?= ?$))")


def _alone(folded: str, run: list[Atom], kind: str) -> list[Fact]:
    atom = run[0]
    if atom.unit:
        return [_fact(atom, in_company(atom.unit, atom.value, folded, atom.start, atom.end))]
    times = _ORDINAL.match(folded, atom.end)
    if times:
        return [
            Fact(
                "count" if _leads(folded, atom.start) else "magnification",
                atom.value,
                None,
                None,
                atom.start,
                times.end(),
            )
        ]
    if kind == "query" and bound_before(folded, atom.start):
        return [Fact("price", atom.value, None, None, atom.start, atom.end)]
    return []


def _fact(atom: Atom, unit: Unit | None) -> Fact:
    assert unit is not None
    amount = atom.value * unit.factor
    if unit.fact == "temperature" and unit.name == "°f":
        amount = (atom.value - 32) / 1.8
    return Fact(unit.fact, float(f"{amount:.10g}"), None, unit.base or None, atom.start, atom.end, scale=unit.name)
