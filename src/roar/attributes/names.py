"""Names with numbers inside: sizes, packs in words, threads, tyres, sockets. What they take is no quantity."""

import re
from collections.abc import Iterator

from roar.attributes import words
from roar.attributes.facts import FOLDED_UNITS, Fact, spelled
from roar.attributes.folding import fold
from roar.attributes.numbers import LETTER, value

_SIZE_SCALE = "|".join(sorted((fold(word)[0] for word in words.SIZE_WORDS), key=len, reverse=True))
_LETTER_SIZE = "|".join(sorted(["s", "m", "l", "xs", "xxs", *words.SIZES], key=len, reverse=True))
_MEASURE = r"(?!\s?-?(?:mm|cm|in\b|inch|ft|kg|g\b|ml|l\b|oz|lb|pack|pcs|count|x\s?\d|%|\d|[.,/]\d))"
_SOCKETS = ("e<", "u<", "x<", "r<", "g<", "b<", "bayonet")
_SPF = ("spf", "lsf", "fps", "factor")
_PAPERS = tuple(f"{letter}{number}" for letter in "ab" for number in range(8))
_SIZED = tuple(fold(word)[0] for word in words.SIZE_WORDS)
_SIZED_BEHIND = tuple(fold(word)[0] for word in ("サイズ", "码", "碼"))
_BEDS = ("king", "queen", "twin", "full", "double", "single")
_HALVED = (
    "gallon", "liter", "litre", "pint", "quart", "inch", "foot", "meter", "metre", "yard", "mile", "pound", "ounce", "kilo", "ton", "cup", "lb", "oz", "kg",
)  # fmt: skip
"""Units that people halve in words."""
_OF = (
    "pack", "set", "box", "case", "lot", "bundle", "bag", "jar", "carton", "paquet", "caja", "confez", "coffret", "boite", "karton", "kasten",
    "juego", "lote", "jeu", "pacco", "scatola", "satz", "doos", "zestaw", "opak", "набор", "упак", "комплект",
)  # fmt: skip
_STATED = ("qty", "quantity", "anzahl", "stuckzahl", "cantidad", "quantite", "quantita", "aantal", "ilosc", "количество", "数量")  # fmt: skip
"""Words before the number of pieces."""
_FITTED = (
    "dress", "jeans", "boot", "shoe", "sneaker", "sandal", "slipper", "trainer", "loafer", "kleid", "hose", "schuh", "stiefel", "sandale",
    "robe", "chaussure", "basket", "botte", "vestido", "zapato", "zapatilla", "bota", "vestito", "scarpa", "scarpe", "stivali", "sukienka", "buty", "spodnie",
    "платье", "туфли", "кроссовки", "ботинки", "джинсы",
)  # fmt: skip
"""What is worn in sizes that are numbers."""
_SEEN_THROUGH = (
    "reading",
    "readers",
    "lens",
    "lesebrille",
    "linse",
    "dioptr",
    "lunettes",
    "lentille",
    "gafas",
    "lentilla",
    "occhiali",
)
_HINTED: tuple[tuple[tuple[str, ...], str, re.Pattern[str]], ...] = (
    # What must stand in the text for the pattern to be worth a try, the fact, the pattern.
    (("/<",), "tyre", re.compile(r"(?<![\w])(?:p|lt)?(\d{3}/\d{2}\s?z?r\s?\d{2})(?!\d)(?:\s\d{2,3}[a-z](?!\w))?")),
    ((">x",), "tyre", re.compile(r"(?<![\w])(\d{2}\s?x\s?\d{1,2}[.,]\d{1,2}\s?r\s?\d{2}|700\s?x\s?\d{2}c)(?![\w])")),
    (("tire", "tyre", "reifen", "pneu", "neumatico", "gomme"), "tyre", re.compile(r"(?<![\w])([123][0-9]5 [3-9][05] (?:r ?)?(?:1[2-9]|2[0-4]))(?![\w])")),
    (("-<", " x "), "thread", re.compile(r"(?<![\w/.-])((?:[2-9]|1[02])-(?:20|24|28|32|36|40|48|56))(?=\s?x\s?\d)")),
    (("m<",), "thread", re.compile(r"(?<![\w])(m\d{1,2}\s?x\s?(?:[0-3]?[.,]\d{1,2}|[12]))(?:(?![\w.,])|(?=x\d))")),
    (("m<",), "thread", re.compile(r"(?<![\w])(m\d{1,2}\s?x\s?\d{1,4})(?=\s?mm(?![\w])|(?![\w.,]))")),
    (("m<",), "thread", re.compile(r"(?<![\w])(m[1-9]\d?)(?= (?:[a-z]+ )?(?:bolt|screw|nut|washer|stud|rod|tap|schraube|mutter|gewinde|vis|ecrou|tornillo|tuerca)(?:s|n|es)?(?![\w]))")),
    (("w<", ">w"), "viscosity", re.compile(r"(?<![\w])(\d{1,2}w-?\d{2})(?![\w])")),
    (("/<", "#<"), "thread", re.compile(r"(?<![\w/-])((?:#\d{1,2}|\d{1,2}/\d{1,2}\"?)-\d{2})(?!\s?(?:mm|cm|in\b|in\.|ft|\"|x\d)|[\w/.-])")),
    (_SOCKETS, "socket", re.compile(r"(?<![\w])(e ?(?:10|11|12|14|17|26|27|39|40)|gu ?(?:4|5\.3|10|24)|gx ?53|mr ?(?:11|16)|g ?(?:4|9|13|23|24)|b ?(?:15|22)|bayonet b22d?)(?![\w.-])")),
    (_SPF, "spf", re.compile(r"(?<![\w])(?<!\d )(?:spf|lsf|fps|factor)\s?-?\s?(\d{1,3})(?!\d)\+?")),
    (_SPF, "spf", re.compile(r"(?<![\w])(\d{1,3})\+?\s?(?:spf|lsf)(?![\w])")),
    ((">i", ">e", ">w", "合", "in one", "in 1", "in-1"), "functions", re.compile(r"(?<![\w])(\d{1,2}|two|three)[ -]?(?:in|en|em|w|в|合)[ -]?(?:1|one|uno|一)(?![\w])")),
    (("aa", "cr", "lr", "sr", "18650", "21700", "26650"), "size", re.compile(r"(?<![\w])(a{2,4}|cr ?\d{4}|lr ?\d{1,4}|sr ?\d{3,4}|18650|21700|26650)(?![\w])")),
    (_PAPERS, "size", re.compile(r"(?<![\w])(?:din )?([ab][0-7])(?![\w/-])")),
    (("単",), "size", re.compile(r"(単[1-5])(?!\d)")),
    (("号电", "号碱", "號電", "号鹼"), "size", re.compile(r"(?<!\d)([57][号號])(?=[电電碱鹼])")),
    (_SIZED_BEHIND, "size", re.compile(rf"(?<![a-z\d])((?:[2-6]|x{{1,4}})?[sml])(?={'|'.join(_SIZED_BEHIND)})")),
    ((" cell", " batter"), "size", re.compile(r"(?<![\w])([cd])(?= (?:cell|batter))")),
    (("w<",), "waist", re.compile(r"(?<![\w])w ?(\d{2})(?= ?/? ?l ?\d{2})")),
    (("w<",), "waist", re.compile(r"(?<![\w])w([2-5]\d)(?![\w./-])")),
    (("w<",), "inseam", re.compile(r"(?<=\d)[ /]{0,2}l ?(\d{2})(?![\w])")),
    (_SIZED, "size", re.compile(rf"(?<![\w])({_SIZE_SCALE})[ .:]{{0,2}}((?:\d{{1,2}}(?:[.,]5)?|\d{{1,2}} ?1/2|{_LETTER_SIZE}))(?![\w]){_MEASURE}")),
    ((">u", ">e"), "size", re.compile(r"(?<![\w])()(\d{1,2}(?:[.,]5)?) ?(us|uk|eu)(?![\w])")),
    ((">m", ">w", ">d", ">b", ">n", ">e", ">r"), "size", re.compile(
        r"(?<![\w])()(\d{1,2}(?:[.,]5)?) ?(?:[bdmnw]{1,2}|[2-4]?e{1,4}|medium|wide|narrow|regular)(?: ?\([mw]\))? (us|uk|eu)(?![\w])")),
    ((", ", " "), "fitted", re.compile(r"(?<=[a-z\d]{3}), ?(\d{1,2}(?:[.,]5)?)(?: ?[bdmw])?$")),
    (_FITTED, "fitted", re.compile(rf"(?:{'|'.join(_FITTED)})(?:es|s)?,? (\d{{1,2}}(?:[.,]5)?)(?![\w/%]|[.,-]\d){_MEASURE}")),
    (_SEEN_THROUGH, "dioptre", re.compile(r"(?<![\w.,])([+-] ?\d{1,2}[.,]\d{1,2})(?![\w%]|[.,]\d)")),
    (_BEDS, "size", re.compile(rf"(?<![\w])({words.BED_SIZES})(?=[ -](?:{words.BED_WORDS})(?![\w]))")),
    ((",", "(", "/", "|"), "size", re.compile(r"(?<=[,(|])\s?([sml])\s?(?=[),/|]|$)")),
    (("twin xl",), "size", re.compile(r"(?<![\w])(twin xl)(?![\w])")),
    (("large", "small"), "size", re.compile(r"(?<![\w])((?:x{1,4}|[2-5]x|extra)[ -](?:large|small))(?![\w])")),
    ((" s", " m", " l"), "worn", re.compile(r"(?<=[a-z]{3} )([sml])$")),
    (("x<", ">x"), "worn", re.compile(r"(?<=[a-z]{3} )([2-6]xl?)$")),
    ((" half", "half "), "half", re.compile(rf"(?<![\w])((?:(?:\d{{1,2}}|one|{'|'.join(words.COUNT_WORDS)}) and a )?half(?: an?| of a)?[ -]({'|'.join(_HALVED)}))s?(?![\w])")),
    ((">t",), "size", re.compile(r"(?<![\w])([2-6]t)(?![\w])")),
    (_OF, "count", re.compile(r"(?<![\w])(?<!\d )(?<!\d-)(?:pack|set|box|case|lot|bundle|bag|jar|carton|paquete|caja|confezione|coffret|boite|packung|packungen|karton|"
                         r"kasten|paquet|juego|lote|jeu|pacco|scatola|satz|doos|zestaw|opakowanie|набор|упаковка|комплект)s?(?: of| de| da| mit| von| a| van| из|:)? ?(\d{1,4})(?![\w])(?!\s?(?:[.,/]\d|x\s?\d|-\d))")),
    ((" of ",), "count", re.compile(rf"(?<![\w])(?:pack|set|box|case|lot|bundle|bag)s? of ({'|'.join(words.COUNT_WORDS)})(?![\w])")),
    (("pack", "piece", "er-pack"), "count", re.compile(rf"(?<![\w])({'|'.join(words.COUNT_WORDS)})[ -]?(?:packs?|pieces?|er[ -]?pack)(?![\w])")),
    (_STATED, "count", re.compile(rf"(?<![\w])(?<!\d )(?<!\d-)(?:{'|'.join(_STATED)})[ .:]{{0,2}}(\d{{1,4}})(?![\w])(?!\s?(?:[.,/]\d|x\s?\d|-\d))")),
    (("dozen",), "count", re.compile(r"(?<![\w])((?:(?:\d{1,2}|half a|half|two|three) )?dozen)(?![\w])")),
    (("x<",), "count", re.compile(r"(?<![\w])(?<!\d )(?<!\d)x ?(\d{1,3})(?![\w.,/-])")),
    ((">p", ">i"), "lines", re.compile(r"(?<![\w])(144|240|360|480|576|720|1080|1440|2160|4320)[pi](?![\w])")),
    ((">k",), "lines", re.compile(r"(?<![\w.])([48])k(?![\w])")),
    ((">g",), "network", re.compile(r"(?<![\w.,/-])([2-6])g(?![\w])")),
    ((">k",), "carat", re.compile(r"(?<![\w.])(8|9|10|12|14|18|20|21|22|24) ?(?:k|kt|karat)(?![\w.,/-])")),
    ((">x",), "magnification", re.compile(r"(?<![\w])(\d{1,3}(?:[.,]\d)?)[ -]?x(?= (?:optical|digital|zoom|magnif|hybrid))")),
)  # fmt: skip
_OF_ONE = re.compile(r"(?: (?:of|de|da|mit|von|a|van|из)|:) ?1$|^x")
_DOZENS = {"half dozen": 6, "half a dozen": 6, "dozen": 12, "two dozen": 24, "three dozen": 36}
_MEASURED_BEFORE = re.compile(r"(?:[\d.\"']|\d ?(?:in|ft|cm|mm|m|ml|l|g|kg|oz|cl)|(?<![a-z])[hwdlt]) ?$")
_MEASURED_AFTER = re.compile(
    rf" ?-?(?:{spelled([name for name, unit in FOLDED_UNITS.items() if unit.fact != 'count' and name != 'in'])}|in\.)(?![{LETTER}])"
)
_PAPER = re.compile(rf"(?:{'|'.join(words.PAPER_BUT)})\s$")


_BESIDE_DIGIT = re.compile(r"(?<=\d)(?=[ -]?([a-z]))|([a-z#/])(?= ?-?\d)")
"""The first takes nothing: a letter between two numbers ("501 w32") is beside both."""


_WORDED = tuple(entry for entry in _HINTED if not all("<" in hint or ">" in hint for hint in entry[0]))
"""Those that may read a text without a digit."""


def named(folded: str) -> Iterator[Fact]:
    """All names of a folded text; they may overlap, the first is right."""
    beside = "".join({f">{after}" if after else f"{before}<" for after, before in _BESIDE_DIGIT.findall(folded)})
    hinted = f"{folded}\n{beside}"
    for hints, fact, pattern in _HINTED if beside else _WORDED:
        if any(map(hinted.__contains__, hints)):
            for match in pattern.finditer(folded):
                yield from _half(match) if fact == "half" else _name(fact, match, folded)


def _name(fact: str, match: re.Match[str], folded: str) -> Iterator[Fact]:
    written, (start, end) = match[1], match.span()
    if fact == "size" and match.re.groups > 1:
        yield from _scaled(match, start, end)
    elif fact in ("size", "tyre", "thread", "socket", "viscosity"):
        whole = fact == "size" and not written[-1].isdigit()
        name = _worded(written) if whole else re.sub(r"[\s\"]", "", _slashed(written)).replace(",", ".")
        name = words.BATTERIES.get(name, name)
        if not (_A_SHEET.fullmatch(name) and _PAPER.search(folded, max(0, start - 12), start)):
            yield Fact(fact, None, name, None, start, end)
    elif fact == "count":
        measured = folded[start] == "x" and _MEASURED_BEFORE.search(folded, max(0, start - 12), start)
        alone = written == "1" and not _OF_ONE.search(match[0])  # "jewel case 1 user"
        if not (measured or alone or _MEASURED_AFTER.match(folded, end)):
            yield Fact("count", _count(written), None, None, start, end)
    elif fact == "network":
        if _is_network(folded, match):
            yield Fact(fact, None, f"{written}g", None, start, end)
    elif fact in ("worn", "fitted"):
        yield from _worn(fact, match, folded)
    elif fact in _NEEDED and not _NEEDED[fact].search(folded):
        return
    elif fact in ("waist", "inseam"):
        yield Fact("size", float(written), None, fact, start, end, scale=fact)
    else:
        number = _SPOKEN.get((fact, written)) or value(written)
        yield Fact(fact, number, None, "ct" if fact == "carat" else None, start, end)


def _worn(fact: str, match: re.Match[str], folded: str) -> Iterator[Fact]:
    """Sizes of clothes and shoes by their place: a letter, or a number, at the end, or a number right behind what is worn."""
    written, (start, end) = match[1], match.span(1)
    if fact == "fitted":
        if _FITS.search(folded) and not _PAIRS.match(folded, end) and not _MEASURED_AFTER.match(folded, end):
            yield Fact("size", value(written), None, None, start, end)
    elif _WORN.search(folded):
        size = f"{written.removesuffix('l')}l" if written[0].isdigit() else written
        yield Fact("size", None, words.SIZES.get(size, size), None, start, end)


_PAIRS = re.compile(r" (?:pairs?|prs?|paar|paires?|pares|x)(?![\w])")


def _half(match: re.Match[str]) -> Iterator[Fact]:
    """Half a gallon, one and a half inch."""
    unit, whole = FOLDED_UNITS[match[2]], match[1].split(" and ")[0] if " and " in match[1] else "0"
    amount = 0.5 + (int(whole) if whole.isdigit() else words.COUNT_WORDS.get(whole, 1))
    yield Fact(unit.fact, amount * unit.factor, None, unit.base, *match.span(), scale=unit.name)


def _slashed(written: str) -> str:
    """A tyre as people type it: "205 55 16" is "205/55 R16"."""
    typed = re.fullmatch(r"(\d{3}) (\d{2}) (?:r ?)?(\d{2})", written)
    return f"{typed[1]}/{typed[2]}r{typed[3]}" if typed else written


def _worded(size: str) -> str:
    """A size in letters: "extra large" is "xl"."""
    letters = re.fullmatch(r"(x+|\dx|extra)[ -](large|small)", size)
    if not letters:
        return size
    short = letters[1].replace("extra", "x") + letters[2][0]
    return words.SIZES.get(short, short)


_WORN = re.compile(
    r"(?:shirts?|\b(?:tees?|tops?|vests?)|cardigans?|blazers?|tunics?|bluse|pulli|weste|spodnie|sukienka|kurtka|koszula|bluza|hoodies?|jackets?|dress|pants|polo|pullover|sweaters?|jeans|leggings|gloves|shorts|skirt|coat|blouse|jacke|hose|hemd|kleid|mantel|"
    r"chemise|robe|veste|pantalon|camiseta|camisa|vestido|chaqueta|maglia|camicia|giacca|pantaloni|футболка|куртка|платье)(?![^\W\d_])"
)
"""Clothes, whose last letter is a size."""
_FITS = re.compile(
    rf"{_WORN.pattern}|(?<![\w])(?:{'|'.join(_FITTED)}|heel|pump|mule|clog|flip flop|swimsuit|bikini|bra|bodysuit)(?:es|s)?(?![^\W\d_])"
)
"""Clothes and shoes, whose last number is a size."""
_TROUSERS = re.compile(
    r"(?<![\w])w ?\d\d ?/? ?l ?\d\d|(?<![\w])(?:jeans?|denim|chinos?|trousers?|pants?|shorts|hosen?|fit|slim|skinny|vaqueros?|pantalon\w*|levis?)(?![\w])"
)
_JEWELS = re.compile(
    r"(?<![\w])(?:gold|or jaune|or blanc|oro|zlot\w*|золот\w+|rings?|earrings?|necklaces?|bracelets?|pendants?|chains?|jewell?e?ry|anillo|bague|anello)(?![\w])"
)
_NEEDED = {"waist": _TROUSERS, "carat": _JEWELS}
"""What the text must speak of besides."""
_A_SHEET = re.compile("[ab][0-7]")
_NUMBER_OF_SIZE = re.compile(r"\d[\d.,/ ]*")
_SPOKEN = {("lines", "4"): 2160.0, ("lines", "8"): 4320.0, ("functions", "two"): 2.0, ("functions", "three"): 3.0}


def _scaled(match: re.Match[str], start: int, end: int) -> Iterator[Fact]:
    """A size with the word that makes it one."""
    scale = (match[1] or (match[3] if match.re.groups > 2 else "")).strip()
    size = match[2]
    if scale == "eur" and not re.fullmatch(r"[1-4]\d(?:[.,]5)?", size):
        return  # a price
    unit = scale.upper().replace("EUR", "EU") if scale in words.SIZE_SCALES else None
    if _NUMBER_OF_SIZE.fullmatch(size):  # "2xl" is a word
        yield Fact("size", value(size), None, unit, start, end, scale=unit or "")
    else:
        yield Fact("size", None, words.SIZES.get(size, size), unit, start, end, scale=unit or "")


def _count(written: str) -> float:
    spoken = words.COUNT_WORDS.get(written) or _DOZENS.get(written)
    return float(spoken or int(written.split(maxsplit=1)[0]) * (12 if "dozen" in written else 1))


def _is_network(folded: str, match: re.Match[str]) -> bool:
    """5G beside a phone, not five grams."""
    nearby = folded[max(0, match.start() - 200) : match.end() + 200]
    return not words.PHONE_WORDS.isdisjoint(re.findall(r"[a-z]+", nearby))
