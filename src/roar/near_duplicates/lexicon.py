"""What words mean to a shop: accessories, generations, function words. Data, no code.

Each table maps a spelling, as `text.normalise` leaves it (lower case, no accents), to its canonical meaning. A
spelling that is missing costs one agreement or one veto, never a wrong one; add lines freely.
"""

_BUNDLED = (
    "case bag backpack pouch tripod lens card kit bundle battery dock tasche hulle etui rucksack stativ objektiv speicherkarte akku "
    "housse sac trepied objectif batterie funda bolsa tripode objetivo bateria custodia borsa treppiede obiettivo batteria"
)
BUNDLED = frozenset(_BUNDLED.split())
"""Accessories that make a bundle of the product that they are sold with."""

WITH = frozenset({"with", "w", "plus", "mit", "avec", "con"})

ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11", "xii": "12"}
"""Generations; I, V and X alone are too often letters."""

_ACCESSORIES = (
    "case cover sleeve pouch bag backpack skin holster strap band protector charger battery batteries adapter adaptor "
    "cable cord dock mount bracket stand tripod remote lens filter hood cap grip stylus earpads cartridge toner ink "
    "refill replacement cradle holder kit bundle housing film card reader plate clamp handset antenna lamp bulb "
    "hulle handyhulle schutzhulle tasche akku ladegerat ladekabel kabel netzteil panzerglas halterung funda bateria cargador "
    "housse coque etui chargeur custodia caricatore hoesje oplader pokrowiec ladowarka capa carregador "
    "чехол зарядка аккумулятор кабель"
)
ACCESSORIES = frozenset(_ACCESSORIES.split()) | BUNDLED
"""Nouns that turn the name of a device into the name of something for it."""

_FUNCTION_WORDS = (
    "a an and the of for with in on to by from or at is it its w new de la le les el und mit et con y e & amp buy sale "
    "shop online free shipping page seite"
)
EDITIONS = frozenset({"professional", "plus", "max", "mini", "lite", "ultra", "se", "xl", "upgrade"})
"""Words after a generation that make it another model: "12 pro max" is not "12"."""

FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that say nothing about which product it is."""

ABBREVIATIONS = {
    "pro": "professional", "prof": "professional", "std": "standard", "stnd": "standard", "dlx": "deluxe", "prem": "premium",
    "ult": "ultimate", "upg": "upgrade", "upgrd": "upgrade", "upgd": "upgrade", "ent": "enterprise", "ed": "edition", "edn": "edition",
    "ver": "version", "vers": "version", "lic": "license", "licence": "license", "acad": "academic", "edu": "academic",
    "educational": "academic", "education": "academic", "win": "windows", "mac": "macintosh", "osx": "macintosh",
    "xp": "windows", "vista": "windows", "sw": "software", "softw": "software",
}  # fmt: skip
"""Short forms of words that tell editions apart."""

_SOFTWARE_EDITIONS = (
    "professional standard premium deluxe ultimate enterprise home student business basic starter essentials express "
    "advanced extended elements platinum gold complete family personal server workgroup premier collector"
)
SOFTWARE_EDITIONS = frozenset(_SOFTWARE_EDITIONS.split())
"""Words that name an edition; two different ones are two items."""

PLATFORMS = {"windows": "windows", "macintosh": "mac", "linux": "linux", "unix": "unix"}

LICENCES = {
    "upgrade": "upgrade",
    "academic": "academic",
    "oem": "oem",
    "bundle": "bundle",
    "upsell": "upgrade",
    "renewal": "renewal",
    "subscription": "subscription",
}
"""Words that make a listing other than the plain full version."""

SOFTWARE_CUES = frozenset({"software", "version", "edition", "license", "suite", "cdrom", "upgrade", *PLATFORMS}) | (
    SOFTWARE_EDITIONS - {"home", "gold", "basic", "complete", "family", "server", "business", "advanced", "express"}
)
"""Words of titles whose numbers are releases."""
