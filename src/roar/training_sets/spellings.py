"""How hurried people write: keys, sounds, units, numbers, other alphabets. Data, no code; add lines freely.

Left stands what a query has, right what it may become. Rules on letters never meet a digit, a unit, a colour, a size or
a negation: `edits` keeps those words away from them.
"""

KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""Keys beside each other on one row are mistaken for one another."""

PHONETIC: dict[str, tuple[str, ...]] = {
    "ph": ("f",), "ck": ("k",), "qu": ("kw", "q"), "x": ("ks",), "tion": ("shun", "sion"), "sion": ("tion",),
    "ee": ("ea", "i"), "ea": ("ee",), "ie": ("ei",), "ei": ("ie",), "oo": ("u",), "ou": ("u",), "ai": ("ay",),
    "ay": ("ai",), "au": ("o",), "aw": ("o",), "ow": ("ou",), "igh": ("y",), "ght": ("t",), "tch": ("ch",),
    "dge": ("ge",), "kn": ("n",), "wr": ("r",), "wh": ("w",), "sc": ("s",), "ce": ("se",), "ci": ("si",),
    "ge": ("je",), "er": ("or", "ar"), "or": ("er",), "le": ("el",), "ll": ("l",), "tt": ("t",), "ss": ("s",),
    "ff": ("f",), "pp": ("p",), "nn": ("n",), "mm": ("m",), "rr": ("r",), "ca": ("ka",), "co": ("ko",), "cr": ("kr",),
}  # fmt: skip
"""English as it sounds to who never saw it written."""

TRANSLITERATION: dict[str, tuple[str, ...]] = {
    "ch": ("tch",), "sh": ("s",), "th": ("t", "z"), "w": ("v",), "ph": ("f",), "qu": ("kv",), "x": ("ks",), "c": ("k",),
    "j": ("dzh", "y"), "y": ("i", "j"), "ee": ("i", "ii"), "oo": ("u", "uu"), "ea": ("i",), "ou": ("au",), "ai": ("ej",),
    "ow": ("au",), "er": ("ar",), "v": ("w",), "ck": ("k",), "g": ("gh",), "tion": ("shan",),
}  # fmt: skip
"""English heard, written in another alphabet, and typed in Latin letters again."""

ALPHABETS: dict[str, str] = {
    **dict(zip("абвгдезийклмнопрстуфхцыэ", "abvgdeziyklmnoprstufhcye", strict=True)),
    "ё": "yo", "ж": "zh", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "yu", "я": "ya",
    "є": "ye", "і": "i", "ї": "yi", "ґ": "g",
    **dict(zip("αβγδεζηικλμνοπρσςτυφω", "avgdeziiklmnoprsstyfo", strict=True)),
    "θ": "th", "ξ": "x", "χ": "ch", "ψ": "ps",
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae", "œ": "oe", "ñ": "n", "ç": "c",
    "ı": "i", "ğ": "g", "ş": "s", "ł": "l", "đ": "d", "ž": "z", "š": "s", "č": "c",
    "á": "a", "à": "a", "â": "a", "ã": "a", "é": "e", "è": "e", "ê": "e", "ë": "e", "í": "i", "î": "i", "ï": "i",
    "ó": "o", "ò": "o", "ô": "o", "õ": "o", "ú": "u", "ù": "u", "û": "u",
}  # fmt: skip
"""Letters as who has no such key types them."""

UNITS: tuple[dict[str, float], ...] = (
    {"ml": 1, "cl": 10, "l": 1000, "litre": 1000, "liter": 1000},
    {"g": 1, "gram": 1, "kg": 1000, "kilo": 1000},
    {"mm": 1, "cm": 10},
    {"m": 1, "meter": 1, "metre": 1},
    {"in": 1, "inch": 1, "inches": 1},
    {"mb": 1, "gb": 1000, "gig": 1000, "tb": 1_000_000},
    {"w": 1, "watt": 1, "watts": 1, "kw": 1000},
    {"v": 1, "volt": 1, "volts": 1},
    {"mah": 1, "ah": 1000},
    {"oz": 1, "ounce": 1},
    {"lb": 1, "lbs": 1, "pounds": 1},
    {"ft": 1, "feet": 1, "foot": 1},
)
"""Units of one kind and their size in the smallest: a quantity may be written in any of them."""

PACKS = ("pack of {}", "{} pack", "{} pcs", "{}pk", "set of {}")
"""Ways to say how many are in it."""

NEGATIONS = frozenset(
    {"no", "not", "non", "without", "w/o", "free", "less", "sans", "ohne", "sin", "senza", "zonder", "bez"}
)
"""Words that turn the next, or the one before, into its opposite."""
