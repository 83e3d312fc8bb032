"""Colour words of many languages, and where a colour word is none: things that gave colours their names, kinds of food. Data.

Spellings are as `folding.fold` leaves them; add lines freely.
"""

_ENDINGS = {
    "de": ("e", "er", "es", "en", "em"),
    "ru": ("ыи", "ая", "ое", "ые", "ого", "ои"),
    "ru_soft": ("ии", "яя", "ее", "ие"),
    "es": ("o", "a", "os", "as"),
    "fr": ("", "e", "s", "es"),
    "pl": ("y", "a", "e"),
}
_STEMS = {
    "black": "de:schwarz ru:черн es:negr fr:noir pl:czarn",
    "white": "de:weiß de:weiss ru:бел es:blanc pl:bial",
    "grey": "de:grau ru:сер pl:szar",
    "silver": "ru:серебрян ru:серебрист pl:srebrn",
    "gold": "ru:золот ru:золотист es:dorad pl:zlot",
    "red": "de:rot ru:красн es:roj pl:czerwon",
    "blue": "de:blau ru_soft:син ru:голуб fr:bleu pl:niebiesk",
    "turquoise": "ru:бирюзов",
    "green": "de:grun ru:зелен fr:vert pl:zielon",
    "yellow": "de:gelb ru:желт es:amarill pl:zolt",
    "orange": "ru:оранжев pl:pomaranczow",
    "pink": "ru:розов pl:rozow",
    "purple": "de:violett ru:фиолетов es:morad pl:fioletow",
    "brown": "de:braun ru:коричнев fr:brun pl:brazow",
    "beige": "ru:бежев",
}
"""Language and stem; the endings are those of adjectives."""

_TINTS = {
    "dunkel hell": "blau:blue grun:green grau:grey rot:red braun:brown gelb:yellow rosa:pink lila:purple",
    "donker licht": "blauw:blue groen:green grijs:grey rood:red bruin:brown geel:yellow roze:pink paars:purple",
    "ciemno jasno": "niebieski:blue zielony:green szary:grey czerwony:red brazowy:brown rozowy:pink",
    "темно светло": "синии:blue синяя:blue серыи:grey серая:grey зеленыи:green зеленая:green коричневыи:brown коричневая:brown голубои:blue",
}
"""Prefixes, written onto the colour: a dark blue is a blue."""

_SHADES = {
    "black": "black blk schwarz schwarze schwarzer schwarzes noir noire nero nera neri nere negro negra preto zwart czarny czarna czarne jet черныи черная черное черные 黑 黑色 黒 ブラック اسود أسود سوداء",
    "white": "white wht weiss weiß weiße weißer weißes blanc blanche bianco bianca bianche blanco blanca branco wit bialy biale белыи белая белое белые 白 白色 ホワイト ابيض أبيض",
    "grey": "grey gray gry grau graue grauer graues gris grise grigio grigia grigi grigie grises cinza grijs szary szare ash серыи серая 灰 灰色 グレー رمادي",
    "silver": "silver slv silber argent argento plata plateado prata zilver srebrny chrome серебристыи 银色 シルバー فضي",
    "gold": "gold golden dore oro dorado goud zloty золотои 金色 ゴールド ذهبي",
    "red": "red rot rote roter rotes rouge rouges rosso rossa rosse rojo roja vermelho rood czerwony crimson scarlet cremise szkarlatny cherry ruby красныи красная красное 红 红色 赤 レッド احمر أحمر",
    "blue": "blue blu blau blaue blauer blaues bleu bleue azul azules azzurro azzurra azzurri azzurre blauw niebieski cobalt azure royal sky синии синяя голубои 蓝 蓝色 青 ブルー ازرق أزرق",
    "turquoise": "turquoise teal cyan aqua turkis turchese turquesa",
    "green": "green grn grun grune gruner grunes vert verte verde verdes verdi groen zielony emerald lime mint зеленыи зеленая 绿 绿色 緑 グリーン اخضر أخضر",
    "yellow": "yellow gelb gelbe gelber gelbes jaune jaunes giallo gialla gialli gialle amarillo amarelo geel zolty lemon желтыи желтая 黄 黄色 イエロー اصفر أصفر",
    "orange": "orange arancione naranja laranja oranje pomaranczowy оранжевыи 橙色 オレンジ برتقالي",
    "pink": "pink pnk rosa rose roze fuchsia magenta rozowy blush розовыи розовая 粉 粉色 粉红 ピンク وردي",
    "purple": "purple lila violet violett viola violeta morado paars fioletowy fiolet lavender plum фиолетовыи 紫色 パープル بنفسجي",
    "brown": "brown braun braune brauner braunes marron marrone castano bruin brazowy chocolate cognac espresso walnut коричневыи 棕色 茶色 ブラウン بني",
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
    "multicolour": "multi-colour multicolour multicolor multicoloured multicolored multicolore tricolour tricolor bunt mehrfarbig",
}


def _spellings() -> dict[str, tuple[str, ...]]:
    table = {spelling: tuple(basic.split()) for basic, spellings in _SHADES.items() for spelling in spellings.split()}
    for basic, stems in _STEMS.items():
        for language, stem in (entry.split(":") for entry in stems.split()):
            table |= {f"{stem}{ending}": (basic,) for ending in _ENDINGS[language]}
    for prefixes, colours in _TINTS.items():
        for colour, basic in (entry.split(":") for entry in colours.split()):
            table |= {f"{prefix}{colour}": (basic,) for prefix in prefixes.split()}
    return table


COLOURS: dict[str, tuple[str, ...]] = _spellings()
"""Colour words to basic colours. A shade between two (navy, ivory) is both, and so contradicts neither of them."""

_METAL_PARTS = "elbow pipe tube tubing tee fitting fittings coupling adapter wire coil sheet foil cap union sulfate peptide peptides cable conductor nails mesh scourer"
_OF_METAL = _METAL_PARTS.split()
"""Things that are of a metal, whose colour nobody sees."""

NOT_COLOURS = (
    *(f"{kind} chocolate" for kind in ("dark", "milk", "white", "hot")),
    *(f"chocolate {food}" for food in ("bar", "chip", "chips", "cake", "powder", "spread", "milk", "cookies")),
    *(
        f"{kind} cream"
        for kind in ("day", "night", "hand", "face", "body", "ice", "sour", "foot", "shaving", "eye", "whipped")
    ),
    "cream cheese",
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
    "the vert",
    "the noir",
    "schwarzer tee",
    "schwarztee",
    "gruner tee",
    "te verde",
    "te negro",
    "black tea",
    "brown rice",
    "red wine",
    "wine glass",
    "wine glasses",
    "wine bottle",
    "wine rack",
    "wine cooler",
    "wine fridge",
    "wine opener",
    "white wine",
    "orange juice",
    *(f"{metal} {part}" for metal in ("copper", "bronze") for part in _OF_METAL),
)
"""Phrases whose colour word is none."""

_THINGS = (
    "chocolate espresso cognac walnut cherry plum lemon lime mint lavender wine champagne cream olive oliva orange naranja rose rosa viola sand "
    "copper coffee bordeaux burgundy"
)
THINGS = frozenset(_THINGS.split())
"""Things that gave colours their names; beside a food or a scent they are themselves."""

RATHER_THINGS = THINGS - {"orange", "naranja", "rose", "rosa", "viola", "sand", "copper", "olive"}
"""Those that are things wherever a text is weighed in grams or ounces, or poured in millilitres."""

_TASTED = (
    "capsules bars tea coffee juice sauce syrup candy candies gum cookie cookies biscuit biscuits cake jam marmalade yogurt yoghurt soda drink "
    "liqueur snack snacks flavour flavor flavoured flavored taste scent scented fragrance soap shampoo lotion candle candles oil extract protein "
    "pudding cereal muesli granola vinegar tomatoes salad kapseln kaffee saft sirup bonbon bonbons kekse kuchen seife kerze ol geschmack duft cafe jus "
    "sirop savon bougie huile gout parfum zumo jarabe galletas jabon vela aceite sabor perfume caffe succo biscotti sapone candela olio gusto "
    "чаи кофе сок сироп печенье мыло масло свеча вкус аромат"
)
TASTED = frozenset(_TASTED.split())
"""Foods and scents."""

_PAINTED = "paint paints stain dye polish lipstick lack farbe nagellack peinture vernis pintura esmalte vernice smalto краска лак"
PAINTED = frozenset(_PAINTED.split())
"""What is poured and has a colour for all that."""

_FOODS = (
    "tea чаи wine wein vin vino vinho вино chocolate chocolat schokolade cioccolato шоколад pepper pfeffer poivre pimienta pepe перец rice reis riz "
    "arroz riso рис beans bohnen haricots frijoles lentils linsen lentilles bread brot хлеб sugar zucker sucre azucar zucchero сахар vinegar essig "
    "vinaigre olives oliven onion onions zwiebeln mustard truffle truffel"
)
FOODS = frozenset(_FOODS.split())
"""Foods whose colour names their kind, beside them: black tea, vin rouge."""

_FOR_FOOD = (
    "cooker maker mill grinder pot kettle box bin caddy dispenser glass glasses rack cooler fridge holder jar canister shaker table tables machine "
    "mug mugs cup cups tin stand warmer scoop dish pump tray press"
)
FOR_FOOD = frozenset(_FOR_FOOD.split())
"""Words that make a thing of the food before them: a white rice cooker is white."""

FOOD_SIGNS = ("茶", "酒", "糖", "米", "豆", "椒", "葱", "醋", "酢", "菜", "ワイン", "巧克力", "チョコ", "砂糖", "胡椒")
"""The same in scripts without blanks, behind the colour."""
