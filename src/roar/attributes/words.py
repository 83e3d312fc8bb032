"""What words mean to a shop: audiences, sizes, packs, and the words that turn a fact around. Data, no code.

Spellings are as `folding.fold` leaves them. A spelling that is missing costs one fact, never makes a wrong one; add lines freely.
"""

MEMORY_WORDS = frozenset({"ram", "memory", "ddr", "ddr2", "ddr3", "ddr4", "ddr5", "运行内存", "内存", "メモリ", "озу"})
"""Words after a number of bytes that make it working memory instead of storage."""

PACK_OF = frozenset({"pack", "set", "box", "case", "lot", "bundle"})
"""Words that make a pack size of the number after their "of"."""

PACK_WORDS = {
    "single": "1", "twin": "2", "double": "2", "two": "2", "triple": "3", "three": "3", "four": "4", "five": "5",
    "six": "6", "ten": "10",
}  # fmt: skip
"""Number words that count only before a pack word ("twin pack")."""

AUDIENCES: dict[str, str] = {
    spelling: audience
    for audience, spellings in {
        "men": "men mens man herren homme hommes uomo hombre hombres heren meskie male gents gent 男 男士 男款 メンズ мужскои мужские мужская رجالي للرجال",
        "women": "women womens woman wmns wmn ladies lady damen femme femmes donna mujer dames damskie female 女 女士 女款 レディース женскии женские женская نسائي للنساء",
        "kids": "kids kid junior jr youth boys girls boy girl child children kinder enfant enfants gs 儿童 キッズ 子供 детскии детские детская اطفال أطفال للأطفال toddler infant baby "
        "bambino nino ninos dzieciece",
    }.items()
    for spelling in spellings.split()
}
"""Whom a product is made for."""

SIZES = {
    "xxs": "xxs", "xs": "xs", "small": "s", "medium": "m", "large": "l", "xl": "xl", "xxl": "xxl", "2xl": "xxl",
    "xxxl": "xxxl", "3xl": "xxxl", "4xl": "xxxxl", "xxxxl": "xxxxl", "5xl": "xxxxxl", "xxxxxl": "xxxxxl",
}  # fmt: skip
"""Clothing sizes that speak for themselves."""

SIZE_WORDS = frozenset(
    {
        "size",
        "sz",
        "eu",
        "eur",
        "uk",
        "us",
        "grosse",
        "große",
        "gr",
        "taille",
        "talla",
        "taglia",
        "maat",
        "rozmiar",
        "размер",
        "尺码",
        "サイズ",
        "مقاس",
    }
)
"""Words before a number or a letter that make it a size; each is a scale of its own."""

SIZE_SCALES = frozenset({"eu", "eur", "uk", "us"})
"""Those of them that are a scale: 9 US is no 9 UK."""

FOR_WORDS = frozenset({"for", "fits", "fit", "compatible", "fur", "pour", "para", "per", "voor", "dla", "для"})
"""Words after which an accessory names the device it serves."""


EXCLUDING = frozenset(
    [
        "without",
        "w/o",
        "no",
        "not",
        "non",
        "minus",
        "except",
        "excluding",
        "ohne",
        "kein",
        "keine",
        "keinen",
        "sans",
        "sin",
        "senza",
        "zonder",
        "geen",
        "bez",
        "без",
        "不含",
        "无",
        "無",
        "بدون",
    ]
)
"""Words before what a product has not."""

ZERO_OF = ("sugar", "sugars", "calorie", "calories", "fat", "carb", "carbs", "caffeine", "gluten", "alcohol", "sodium", "zucker", "kalorien", "azucar",
           "sucre", "alcool", "alcohol", "zuccheri", "acucar", "cukru")  # fmt: skip
"""What is left out behind "zero" or "0": elsewhere that is a name ("cola zero cans")."""

FREE_BUT = frozenset(
    [
        "hands",
        "hand",
        "duty",
        "toll",
        "tax",
        "risk",
        "care",
        "worry",
        "buy",
        "shipping",
        "delivery",
        "maintenance",
        "trouble",
        "stress",
        "feel",
        "ein",
        "dozen",
        "wire",
        "cord",
        "range",
    ]
)
"""What stands before "free" without being left out."""

NOT_EXCLUDED = frozenset(
    [
        "frost",
        "name",
        "show",
        "tears",
        "limit",
        "more",
        "longer",
        "less",
        "fewer",
        "over",
        "under",
        "greater",
        "smaller",
        "problem",
        "iron",
        "stick",
        "doubt",
        "fuss",
        "matter",
        "only",
        "need",
        "slip",
        "sew",
        "drill",
        "mess",
        "fog",
        "run",
        "touch",
        "contact",
        "just",
        "for",
        "stock",
        "returns",
        "reserve",
        "bake",
        "included",
        "including",
        "necessary",
        "required",
        "needed",
        "available",
        "applicable",
        "the",
        "a",
        "an",
    ]
)
"""Words after "no" that name a kind of product ("no frost", "no show socks"), or nothing."""

NAMED_WITHOUT = "线線限人印界敌敵极極法数數论論双雙忧憂地料事理难難名形比价價"
"""Signs that make a name of 无 or 無 before them: 无线 is wireless, 无人机 a drone, 無料 free of charge."""

EXCLUDING_PHRASES = frozenset(
    {"with no", "with out", "comes without", "free of", "free from", "nicht", "keiner", "keines", "frei von", "pas de", "pas d'", "libre de", "exento de",
     "exenta de", "nada de", "mit ohne"}
)  # fmt: skip
"""Further words before what a product has not: phrases, and words too common to turn a fact around."""

WEAK_EXCLUDING = frozenset({"no", "not", "non", "nicht", "kein", "keine", "keinen"})
"""Those of them that as often begin a name: "no dig fence", "non slip tape"."""

NOT_INCLUDED = frozenset(
    {"not included", "sold separately", "not incl", "excluded", "nicht enthalten", "nicht inklusive", "separat erhaltlich", "non inclus", "non inclus e",
     "non incluse", "vendu separement", "no incluido", "no incluida", "no incluidos", "no incluidas", "se vende por separado", "non incluso"}
)  # fmt: skip
"""Words behind what a product has not."""

FREE_THINGS = frozenset(
    {"shipping", "delivery", "from", "of", "standing", "range", "time", "gift", "gifts", "sample", "samples", "trial", "returns", "weight", "weights", "for"}
)  # fmt: skip
"""What is free, not free of something."""

DETERMINERS = frozenset(
    {"any", "added", "a", "an", "the", "included", "including", "using", "having", "der", "die", "das", "den", "dem", "ein", "eine", "einen", "zusatz",
     "zugesetzten", "le", "la", "les", "l", "de", "du", "des", "d", "un", "une", "el", "los", "las", "una", "its", "your", "of"}
)  # fmt: skip
"""Words between a cue and what is left out."""

NO = frozenset(
    {
        "no",
        "none",
        "without",
        "false",
        "n",
        "nein",
        "ohne",
        "keine",
        "non",
        "sans",
        "aucun",
        "aucune",
        "sin",
        "ninguno",
        "ninguna",
        "0",
    }
)
"""Values of an attribute under which a product has not what the attribute's name says."""

CONJUNCTIONS = frozenset({"or", "and", "nor", "und", "oder", "noch", "et", "ou", "ni", "y", "o", "e", "&", "/"})
"""Words that join things that are left out."""

PHRASE_STOPS = frozenset(
    {"for", "with", "in", "on", "to", "from", "under", "over", "by", "at", "that", "which", "who", "but", "is", "are", "as", "only", "w", "per",
     "fur", "mit", "im", "aus", "zum", "zur", "von", "bei", "auf", "aber", "pour", "avec", "dans", "en", "sur", "mais", "para", "con", "por", "pero", "voor",
     "met", "dla", "z", "do", "для", "с"}
)  # fmt: skip
"""Words at which what is left out ends."""

AT_MOST = (
    "up to", "under", "below", "less than", "no more than", "not more than", "at most", "maximum", "max", "within", "until", "<", "<=", "≤",
    "smaller than", "shorter than", "lighter than", "narrower than", "thinner than", "cheaper than", "younger than", "fewer than", "not over",
    "kleiner als", "kurzer als", "leichter als", "schmaler als", "billiger als", "gunstiger als", "nicht mehr als", "pas plus de", "plus petit que",
    "moins cher que", "no mas de", "menor que", "mas barato que", "meno caro di", "дешевле", "не дороже",
    "bis zu", "bis", "unter", "weniger als", "hochstens", "maximal", "jusqu'a", "moins de", "maximum de", "hasta", "menos de", "maximo",
    "fino a", "meno di", "massimo", "tot", "minder dan", "onder", "do", "ponizej", "mniej niz", "maksymalnie", "ate", "abaixo de", "до", "не более", "менее", "不超过", "最多", "低于", "小于", "少于", "最大", "حتى", "اقل من", "أقل من", "تحت", "не больше", "меньше",
)  # fmt: skip
"""Words before a number that make it an upper bound."""

AT_LEAST = (
    "at least", "over", "above", "more than", "greater than", "minimum", "min", "no less than", "not less than", ">", ">=", "≥",
    "bigger than", "larger than", "longer than", "heavier than", "wider than", "taller than", "higher than", "thicker than", "older than",
    "starting at", "grosser als", "langer als", "schwerer als", "breiter als", "hoher als", "nicht weniger als", "a partir de", "plus grand que",
    "pas moins de", "no menos de", "mayor que", "desde", "больше",
    "mindestens", "ab", "uber", "mehr als", "plus de", "au moins", "minimum de", "mas de", "al menos", "minimo", "almeno", "piu di", "oltre",
    "minstens", "meer dan", "boven", "co najmniej", "powyzej", "wiecej niz", "mais de", "pelo menos", "acima de", "от", "свыше", "не меньше", "более", "не менее", "至少", "超过", "高于", "大于", "اكثر من", "أكثر من", "على الأقل", "فوق",
)  # fmt: skip
"""Words before a number that make it a lower bound."""

AFTER_AT_MOST = (
    "or less",
    "or under",
    "or smaller",
    "or fewer",
    "and under",
    "max",
    "maximum",
    "oder weniger",
    "ou moins",
    "o menos",
    "以下",
    "以内",
    "未満",
    "이하",
    "미만",
    "까지",
    "से कम",
    "तक",
    "или меньше",
    "i mniej",
)
AFTER_AT_LEAST = (
    "or more",
    "or above",
    "or larger",
    "or greater",
    "and up",
    "and over",
    "and above",
    "plus",
    "min",
    "minimum",
    "oder mehr",
    "ou plus",
    "o mas",
    "以上",
    "이상",
    "초과",
    "से अधिक",
    "से ज्यादा",
    "или больше",
    "i wiecej",
)
"""Words after a quantity that bound it."""

CURRENCIES: dict[str, str] = {
    spelling: code
    for code, spellings in {
        "USD": "$ us$ usd dollar dollars bucks", "EUR": "€ eur euro euros евро", "GBP": "£ gbp quid", "JPY": "¥ jpy yen 円", "CNY": "元 rmb cny",
        "RUB": "₽ rub руб рублеи рубля", "INR": "₹ inr rs rupees रुपये रु", "PLN": "zl pln", "CHF": "chf", "SEK": "sek kr", "KRW": "₩ 원 krw", "TRY": "₺",
        "BRL": "r$", "AED": "aed", "SAR": "sar ريال", "": "¢ cent cents",
    }.items()
    for spelling in spellings.split()
}  # fmt: skip
"""Money is a price, and no quantity of the product."""

FOR_CUES = frozenset(["for", "fits", "compatible", "fur", "pour", "para", "voor", "dla", "для", "适用于", "适用", "لل"])
"""Words after which sizes are those of what the product serves; "per" is as often a rate."""

FOR_BUT = ("all mankind", "men", "women", "kids", "home", "sale")
"""What behind "for" is no other product."""

COUNT_WORDS: dict[str, int] = {
    "single": 1, "twin": 2, "double": 2, "two": 2, "triple": 3, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8,
    "ten": 10, "twelve": 12, "zwei": 2, "drei": 3, "doppel": 2, "zweier": 2, "dreier": 3, "vierer": 4, "sechser": 6,
}  # fmt: skip
"""Number words before a pack word."""

BATTERIES = {
    "lr6": "aa",
    "lr03": "aaa",
    "lr3": "aaa",
    "lr14": "c",
    "lr20": "d",
    "lr1": "n",
    "単1": "d",
    "単2": "c",
    "単3": "aa",
    "単4": "aaa",
    "単5": "n",
    "5号": "aa",
    "5號": "aa",
    "7号": "aaa",
    "7號": "aaa",
}
"""Sizes of batteries as standards, Japan and China number them."""

BED_SIZES = "twin xl|california king|cal king|queen|king|twin|full|double|single|super king"
BED_WORDS = (
    "size|sized|bed|mattress|sheet|sheets|comforter|duvet|quilt|headboard|bedding|bedspread|blanket|pillowcase|frame"
)
"""A bed's size, before a word that says so."""

PHONE_WORDS = frozenset(
    [
        "phone",
        "smartphone",
        "iphone",
        "galaxy",
        "router",
        "modem",
        "lte",
        "network",
        "wifi",
        "wlan",
        "sim",
        "handy",
        "mobile",
        "tablet",
        "hotspot",
        "dongle",
        "android",
        "pixel",
        "xiaomi",
        "redmi",
        "oneplus",
        "oppo",
        "realme",
        "motorola",
        "nokia",
        "unlocked",
        "dual",
        "cellular",
        "antenna",
    ]
)
"""Company in which "5g" is a network."""

PAPER_BUT = frozenset(["audi", "galaxy", "samsung", "oppo", "moto", "apple", "bionic", "chip"])
"""Words before "a4" that make it a name."""

SIDES = {
    "width": ("w|width|breite|largeur|anchura|ancho", "wide|breit"),
    "height": ("h|height|höhe|hauteur|altura|alto", "high|tall|hoch"),
    "depth": ("d|depth|tiefe|profondeur|profundidad|fondo", "deep|tief"),
    "length": ("l|length|länge|longueur|longitud|largo", "long|lang"),
}
"""What names a side, before a length or behind it, and what does behind it alone: a large bowl is not wide."""
