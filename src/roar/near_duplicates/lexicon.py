"""What words mean to a shop: units, colours, audiences, pack words, accessory words. Data, no code.

Each table maps a spelling, as `text.normalise` leaves it (lower case, no accents), to its canonical meaning. A
spelling that is missing costs one agreement or one veto, never a wrong one; add lines freely.
"""

from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of measure."""

    kind: str
    """What is measured; values of one kind are comparable through `factor`."""
    factor: float
    """Size in the kind's base unit (mm, ml, g, MB, W, V, Hz, mAh, pixels, …)."""
    scale: str = ""
    """Values conflict only within one scale: a 3-inch display does not contradict an 18 mm lens."""


UNITS: dict[str, Unit] = {
    # length in mm: lenses and thickness, displays, cables and rooms differ in what they measure
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters"), Unit("length", 1.0, "mm")),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), Unit("length", 10.0, "cm")),
    **dict.fromkeys(("in", "inch", "inches", "zoll", "pouces", "pulgadas", "pollici"), Unit("length", 25.4, "cm")),
    **dict.fromkeys(("ft", "feet", "foot"), Unit("length", 304.8, "m")),
    **dict.fromkeys(("m", "meter", "metre", "meters", "metres"), Unit("length", 1000.0, "m")),
    **dict.fromkeys(("yd", "yard", "yards"), Unit("length", 914.4, "m")),
    "mark": Unit("marked length", 1.0),  # 26': feet to some shops, inches to others
    # volume in ml
    **dict.fromkeys(("ml", "milliliter", "millilitre"), Unit("volume", 1.0)),
    **dict.fromkeys(("cl", "centiliter", "centilitre"), Unit("volume", 10.0)),
    **dict.fromkeys(("l", "lt", "ltr", "liter", "litre", "liters", "litres"), Unit("volume", 1000.0)),
    **dict.fromkeys(("floz", "fl-oz"), Unit("volume", 29.5735)),
    **dict.fromkeys(("gal", "gallon", "gallons"), Unit("volume", 3785.41)),
    **dict.fromkeys(("qt", "quart", "quarts"), Unit("volume", 946.353)),
    **dict.fromkeys(("cuft", "cu-ft"), Unit("volume", 28316.8, "room")),
    # mass in g
    **dict.fromkeys(("mg", "milligram"), Unit("mass", 0.001, "mg")),
    **dict.fromkeys(("g", "gr", "gm", "gram", "grams", "gramm"), Unit("mass", 1.0)),
    **dict.fromkeys(("kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"), Unit("mass", 1000.0)),
    **dict.fromkeys(("oz", "ounce", "ounces"), Unit("mass", 28.3495)),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), Unit("mass", 453.592)),
    # storage in MB; RAM and disk are told apart by their scale (below 32 GB, and above)
    **dict.fromkeys(("kb",), Unit("storage", 0.001)),
    **dict.fromkeys(("mb", "mo", "megabyte", "megabytes"), Unit("storage", 1.0)),
    **dict.fromkeys(("gb", "go", "gig", "gigabyte", "gigabytes"), Unit("storage", 1000.0)),
    **dict.fromkeys(("tb", "terabyte", "terabytes"), Unit("storage", 1_000_000.0)),
    # electricity, light, sound, speed
    **dict.fromkeys(("w", "watt", "watts"), Unit("power", 1.0)),
    **dict.fromkeys(("kw", "kilowatt"), Unit("power", 1000.0)),
    **dict.fromkeys(("v", "volt", "volts"), Unit("voltage", 1.0)),
    **dict.fromkeys(("mah",), Unit("charge", 1.0)),
    **dict.fromkeys(("ah",), Unit("charge", 1000.0)),
    **dict.fromkeys(("hz", "hertz"), Unit("frequency", 1.0, "hz")),
    **dict.fromkeys(("khz",), Unit("frequency", 1e3, "khz")),
    **dict.fromkeys(("mhz",), Unit("frequency", 1e6, "radio")),
    **dict.fromkeys(("ghz",), Unit("frequency", 1e9, "radio")),
    **dict.fromkeys(("mp", "mpx", "megapixel", "megapixels", "megapixeles"), Unit("resolution", 1.0, "sensor")),
    **dict.fromkeys(("p",), Unit("lines", 1.0)),
    **dict.fromkeys(("x",), Unit("magnification", 1.0)),
    **dict.fromkeys(("dpi",), Unit("density", 1.0)),
    **dict.fromkeys(("rpm",), Unit("rotation", 1.0)),
    **dict.fromkeys(("btu", "btus"), Unit("heat", 1.0)),
    **dict.fromkeys(("lumen", "lumens", "lm"), Unit("light", 1.0)),
    **dict.fromkeys(("db",), Unit("loudness", 1.0)),
    **dict.fromkeys(("mbps",), Unit("rate", 1.0)),
    **dict.fromkeys(("gbps",), Unit("rate", 1000.0)),
    **dict.fromkeys(("ct", "carat", "carats"), Unit("carat", 1.0)),
    # counts
    **dict.fromkeys(
        ("pack", "packs", "pk", "pcs", "pc", "piece", "pieces", "count", "stuck", "stk", "er", "units", "tablets"),
        Unit("pack size", 1.0),
    ),
    **dict.fromkeys(("port", "ports"), Unit("ports", 1.0)),
    **dict.fromkeys(("cup", "cups"), Unit("cups", 1.0)),
    **dict.fromkeys(("disc", "discs", "cd"), Unit("discs", 1.0)),
}
"""Spelling to unit; `floz`, `cuft` are what `text.normalise` makes of "fl. oz", "cu. ft."."""

GLUED_ONLY = frozenset({"m", "x", "p", "in", "cd", "pc", "mg", "cup", "er"})
"""Units too short to trust after a blank ("size 10 m", "set of 4 in black"): read only glued to their number."""

MEMORY_WORDS = frozenset({"ram", "memory", "ddr", "ddr2", "ddr3", "ddr4", "ddr5"})
"""Words after a number of bytes that make it working memory instead of storage."""

PACK_OF = frozenset({"pack", "set", "box", "case", "lot", "bundle"})
"""Words that make a pack size of the number after their "of"."""

PACK_WORDS = {
    "single": "1", "twin": "2", "double": "2", "two": "2", "triple": "3", "three": "3", "four": "4", "five": "5",
    "six": "6", "ten": "10",
}  # fmt: skip
"""Number words that count only before a pack word ("twin pack")."""

ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11", "xii": "12"}
"""Generations; I, V and X alone are too often letters."""

_SHADES = {
    "black": "black blk schwarz schwarze schwarzer schwarzes noir noire nero negro negra preto zwart czarny czarna czarne jet",
    "white": "white wht weiss weiß weiße weißer weißes blanc blanche bianco bianca blanco blanca branco wit bialy biale",
    "grey": "grey gray gry grau graue grauer graues gris grise grigio grigia cinza grijs szary szare ash",
    "silver": "silver slv silber argent argento plata plateado prata zilver srebrny chrome",
    "gold": "gold golden dore oro dorado goud zloty",
    "red": "red rot rote roter rotes rouge rosso rossa rojo roja vermelho rood czerwony crimson scarlet cremise szkarlatny cherry ruby",
    "blue": "blue blu blau blaue blauer blaues bleu bleue azul blauw niebieski cobalt azure royal sky",
    "turquoise": "turquoise teal cyan aqua turkis turchese turquesa",
    "green": "green grn grun grune gruner grunes vert verte verde groen zielony emerald lime mint",
    "yellow": "yellow gelb gelbe gelber gelbes jaune giallo amarillo amarelo geel zolty lemon",
    "orange": "orange arancione naranja laranja oranje pomaranczowy",
    "pink": "pink pnk rosa rose roze fuchsia magenta rozowy blush",
    "purple": "purple lila violet violett viola violeta morado paars fioletowy fiolet lavender plum",
    "brown": "brown braun braune brauner braunes marron marrone castano bruin brazowy chocolate cognac espresso walnut",
    "beige": "beige sand cream nude champagne ecru",
    "white beige": "ivory",
    "beige brown": "tan",
    "grey black": "graphite anthracite anthrazit charcoal gunmetal",
    "grey silver": "metallic titanium",
    "blue navy": "navy marine midnight",
    "green olive": "olive khaki camo camouflage oliva",
    "red burgundy": "burgundy maroon bordeaux wine",
    "gold brown": "bronze copper bronzo",
    "transparent": "transparent",
    "multicolour": "multicolour multicolor multicoloured multicolored multicolore tricolour tricolor bunt mehrfarbig",
}
COLOURS: dict[str, tuple[str, ...]] = {
    spelling: tuple(basic.split()) for basic, spellings in _SHADES.items() for spelling in spellings.split()
}
"""Colour words to basic colours. A shade between two (navy, ivory) is both, and so contradicts neither of them."""

NOT_COLOURS = (
    "black friday",
    "charcoal filter",
    "black decker",
    "black & decker",
    "black and decker",
    "blu ray",
    "white noise",
    "red dot",
    "red eye",
    "gold plated",
    "blue tooth",
    "clear view",
    "rose gold",
    "colour",
    "green tea",
    "black tea",
    "brown rice",
    "red wine",
    "white wine",
    "orange juice",
)
"""Phrases whose colour word is none."""

AUDIENCES: dict[str, str] = {
    spelling: audience
    for audience, spellings in {
        "men": "men mens man herren homme hommes uomo hombre hombres heren meskie male gents gent",
        "women": "women womens woman wmns wmn ladies lady damen femme femmes donna mujer dames damskie female",
        "kids": "kids kid junior jr youth boys girls boy girl child children kinder enfant enfants gs toddler infant baby "
        "bambino nino ninos dzieciece",
    }.items()
    for spelling in spellings.split()
}
"""Whom a product is made for."""

SIZES = {
    "xxs": "xxs", "xs": "xs", "small": "s", "medium": "m", "large": "l", "xl": "xl", "xxl": "xxl", "2xl": "xxl",
    "xxxl": "xxxl", "3xl": "xxxl",
}  # fmt: skip
"""Clothing sizes that speak for themselves."""

SIZE_WORDS = frozenset({"size", "sz", "eu", "eur", "uk", "us", "grosse", "große", "gr", "taille", "talla", "taglia"})
"""Words before a number or a letter that make it a size; each is a scale of its own."""

SIZE_SCALES = frozenset({"eu", "eur", "uk", "us"})
"""Those of them that are a scale: 9 US is no 9 UK."""

_ACCESSORIES = (
    "case cover sleeve pouch bag backpack skin holster strap band protector charger battery batteries adapter adaptor "
    "cable cord dock mount bracket stand tripod remote lens filter hood cap grip stylus earpads cartridge toner ink "
    "refill replacement cradle holder kit bundle housing film card reader plate clamp handset antenna lamp bulb "
    "hulle handyhulle schutzhulle tasche akku ladegerat ladekabel kabel netzteil panzerglas halterung funda bateria cargador "
    "housse coque etui chargeur custodia caricatore hoesje oplader pokrowiec ladowarka capa carregador "
    "чехол зарядка аккумулятор кабель"
)
ACCESSORIES = frozenset(_ACCESSORIES.split())
"""Nouns that turn the name of a device into the name of something for it."""

FOR_WORDS = frozenset({"for", "fits", "fit", "compatible", "fur", "pour", "para", "per", "voor", "dla", "для"})
"""Words after which an accessory names the device it serves."""

_FUNCTION_WORDS = (
    "a an and the of for with in on to by from or at is it its w new de la le les el und mit et con y e & amp buy sale "
    "shop online free shipping page seite"
)
EDITIONS = frozenset({"pro", "plus", "max", "mini", "lite", "ultra", "se", "xl", "upgrade"})
"""Words after a generation that make it another model: "12 pro max" is not "12"."""

FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that say nothing about which product it is."""
