"""Labelled pairs to measure near-duplicates by: sets as they come, sets in other forms, and sets made by rules.

A set is `Labelled`: products of two lists, and pairs of them with their label. `as_two_shops` turns any set into what two shops
would have made of it: each with a category tree and an idea of a model number of its own, columns that one has and the other
has not. `software` writes one by rules: editions, versions, licences, platforms and bundles, listed by two shops that
share little but a name. Nothing here was tuned to a result; seeds are fixed.
"""

import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from roar.near_duplicates import candidate_pairs
from roar.parameters import DuplicateCandidates, NearDuplicates

ENDS = ["product_id_a", "product_id_b"]
SCHEMA = {
    "product_id": pl.String,
    "title": pl.String,
    "description": pl.String,
    "brand": pl.String,
    "attributes": pl.String,
    "price": pl.Float64,
}


class Labelled(NamedTuple):
    """Products (the contract's columns; ids of the first list start with a, of the second with b) and labelled pairs."""

    products: pl.DataFrame
    pairs: pl.DataFrame


def read_matching(path: Path) -> Labelled:
    """Products of both lists, and the labelled pairs (ids in order)."""
    ids: dict[tuple[str, str], str] = {}
    pairs = []
    for line in path.read_text(encoding="utf-8").strip().split("\n"):  # titles hold other line breaks
        *texts, label = line.split("\t")
        ends = [ids.setdefault((side, text), f"{side}{len(ids):05d}") for side, text in zip("ab", texts, strict=True)]
        pairs.append((*ends, int(label)))
    rows = [(product_id, *_fields(text)) for (_, text), product_id in ids.items()]
    return Labelled(
        pl.DataFrame(rows, schema=SCHEMA, orient="row"), pl.DataFrame(pairs, schema=[*ENDS, "label"], orient="row")
    )


def _fields(text: str) -> tuple[str | None, ...]:
    """The contract's columns of `COL name VAL text COL …`; what it does not know is an attribute."""
    parts = re.split(r"COL (\S+) VAL ?", text)[1:]
    values = {key: value.strip() for key, value in zip(parts[::2], parts[1::2], strict=True)}
    title = values.pop("title", None) or values.pop("name", "")
    price, description = values.pop("price", ""), values.pop("description", None)
    brand = values.pop("brand", None) or values.pop("manufacturer", None)
    attributes = json.dumps({key: value for key, value in values.items() if value}) if any(values.values()) else None
    return title, description, brand or None, attributes, float(price) if re.fullmatch(r"[\d.]+", price) else None  # type: ignore[return-value]


_CODE = re.compile(r"(?<![\w-])(?=\S*\d)(?=\S*[a-zA-Z])[a-zA-Z\d][a-zA-Z\d/-]{4,}(?![\w-])")


def _model_of(title: str) -> str | None:
    """The last word of a title that looks as a model number does."""
    codes = [word for word in _CODE.findall(title) if not re.fullmatch(r"\d+(?:st|nd|rd|th|[a-zA-Z]{1,3}|-\w+)", word)]
    return codes[-1] if codes else None


class Form(NamedTuple):
    """What two shops make of one set.

    Attributes:
        model_column: the lists whose model number stands in a column `modelno`, and no longer in the title.
        own_numbers: the lists whose column `modelno` holds numbers of the shop's own where it holds no model.
        tree: whether each list has a category tree of its own.
        brand_column: the lists whose brand, the title's first word, is a column.
        description: whether descriptions are kept.
        cut: the lists whose titles keep their first four to six words.
        spread: how far each shop's price lies from the set's, as a standard deviation of logarithms.
        affixed: the lists that write the shop's letters before a model number, or a region behind it.
        makers: the lists that name the brand in a column alone, and no longer in the title.
        dear: the lists whose prices are 30% higher, and for a third of the products missing or 0.
        abbreviated: the lists that cut long words short.
        unmatched: the share of matched products of the first list that it does not sell after all.
    """

    model_column: str = ""
    own_numbers: str = ""
    tree: bool = False
    brand_column: str = ""
    description: bool = False
    cut: str = ""
    spread: float = 0.0
    affixed: str = ""
    makers: str = ""
    dear: str = ""
    abbreviated: str = ""
    unmatched: float = 0.0


FORMS = {
    "plain": Form(),
    "trees": Form(tree=True, brand_column="ab"),
    "numbers": Form(tree=True, own_numbers="b", model_column="a", brand_column="ab"),
    "own_numbers": Form(tree=True, own_numbers="ab", brand_column="a"),
    "one_column": Form(model_column="b", brand_column="b", description=True),
    "short": Form(tree=True, brand_column="a", cut="b", spread=0.2),
    "affixes": Form(tree=True, brand_column="a", affixed="b"),
    "makers": Form(tree=True, makers="a", dear="b"),
    "abbreviated": Form(brand_column="a", abbreviated="b", dear="b"),
    "unmatched": Form(tree=True, brand_column="ab", unmatched=0.8),
}
"""Forms in which a set is measured."""


def as_two_shops(labelled: Labelled, form: Form) -> Labelled:
    """The same pairs, listed by two shops that keep their columns as `form` says."""
    labelled = _unsold(labelled, form.unmatched)
    rows = [_filed(row, form) for row in labelled.products.iter_rows(named=True)]
    return Labelled(pl.DataFrame(rows, schema=SCHEMA, orient="row"), labelled.pairs)


def _unsold(labelled: Labelled, share: float) -> Labelled:
    """Without that share of the first list's matched products, and their pairs."""
    matched = labelled.pairs.filter(pl.col("label") == 1).select(product_id=ENDS[0]).unique().sort("product_id")
    gone = matched.sample(fraction=share, seed=0)
    return Labelled(
        labelled.products.join(gone, on="product_id", how="anti", maintain_order="left"),
        labelled.pairs.join(gone, left_on=ENDS[0], right_on="product_id", how="anti", maintain_order="left"),
    )


def _filed(row: dict[str, object], form: Form) -> tuple[object, ...]:
    product_id, title = str(row["product_id"]), str(row["title"])
    side, chance = product_id[0], np.random.default_rng(zlib.crc32(product_id.encode()))
    words = re.findall(r"[^\W\d_]{4,}", title.lower()) or ["other"]
    attributes = {}
    if form.tree:
        kind = max(words, key=lambda word: zlib.crc32(word.encode()) % 97)  # much the same word in both lists
        shelf = zlib.crc32(f"{side}{kind}".encode()) % 40
        attributes["category"] = f"{kind} & more" if side == "a" else f"department {shelf}"
    model = _model_of(title)
    if side in form.model_column and model:
        title = re.sub(rf"\s*\(?{re.escape(model)}\)?", " ", title).strip() or title
        attributes["modelno"] = model
    elif side in form.own_numbers and chance.random() < 0.8:
        digits = "".join(map(str, chance.integers(0, 10, 10)))
        attributes["modelno"] = (
            f"{digits[:3]}-{digits[3:8]}-{digits[8:]}" if side == "b" else f"{words[0]} {digits[:3]}"
        )
    if side in form.cut:
        title = " ".join(title.split()[: chance.integers(4, 7)])
    if side in form.affixed and model and side not in form.model_column:
        written = (
            f"{words[0][:3]}-{model}" if chance.random() < 0.4 else model + str(chance.choice(["/b", "-us", "eu", ""]))
        )
        title = title.replace(model, written)
    if side in form.makers:
        title = re.sub(rf"(?i)\b{words[0]}\b ?", "", title).strip() or title
    if side in form.abbreviated:
        title = " ".join(word[:4] if len(word) > 6 and chance.random() < 0.5 else word for word in title.split())
    price = float(row["price"]) * float(np.exp(chance.normal(0, form.spread))) if row["price"] else None  # type: ignore[arg-type]
    if side in form.dear and price:
        price = float(chance.choice([1.3 * price] * 4 + [float("nan"), 0.0]))
        price = None if np.isnan(price) else price
    brand = words[0] if side in form.brand_column + form.makers else None
    return (
        product_id,
        title,
        row["description"] if form.description else None,
        brand,
        json.dumps(attributes) if attributes else None,
        None if price is None else round(price, 2),
    )


PUBLISHERS = {
    "northwind": "office,paint,mail,calc,planner",
    "adair": "photoworks,illustra,layout,web studio,aftermotion",
    "sundial": "tax preparer,payroll,bookkeeper,invoice,checkwriter",
    "kestrel": "antivirus,internet security,backup,firewall,ghost image",
    "learnco": "typing,phonics,math blaster,spanish,french,geography",
    "parlance": "german,italian,japanese,dictation,translator",
    "vector works": "cad,landscape,home design,floor plan,3d modeler",
    "roxbury": "dvd creator,cd burner,video capture,media manager,sound studio",
    "oakroot": "family tree,scrapbook,greeting cards,label maker,calendar",
    "gamehaus": "solitaire,sea battle,city planner,train simulator,chess",
}
_HEROES = ("sponge harry", "captain kite", "the piglets", "dino dan", "")
EDITIONS = ("standard", "professional", "home", "premium", "deluxe", "home & student", "small business", "ultimate", "")
LICENCES = ("", "", "", "", "upgrade", "full version", "academic", "5 user", "oem")
PLATFORMS = ("windows", "windows", "mac", "windows & mac", "")
_SHORT = {
    "professional": "pro",
    "standard": "std",
    "windows & mac": "win/mac",
    "windows": "win",
    "mac": "mac",
    "upgrade": "upg",
    "full version": "full",
    "deluxe": "dlx",
    "small business": "small business ed",
}
_FILLER = (
    "complete package",
    "cd-rom",
    "retail box",
    "dvd case",
    "english",
    "software",
    "( pc )",
    "jewel case",
    "1 user",
)


class Software(NamedTuple):
    """What makes one item of software."""

    publisher: str
    product: str
    version: str
    edition: str
    licence: str
    platform: str
    bundled: str


class Listed(NamedTuple):
    """Listings of two shops, and the item of each."""

    products: pl.DataFrame
    item: dict[str, int]


def software(items: int = 900, seed: int = 0) -> Listed:
    """A software catalogue by rules, listed by two shops."""
    chance = np.random.default_rng(seed)
    catalogue = list(dict.fromkeys(_software(chance) for _ in range(items)))
    rows, item = [], {}
    for number, thing in enumerate(catalogue):
        price = float(np.exp(chance.normal(4, 0.9))) * (0.5 if thing.licence in ("upgrade", "academic") else 1)
        for side in "ab" if chance.random() < 0.6 else chance.choice(["a", "b"]):
            product_id = f"{side}{number:05d}"
            item[product_id] = number
            title = _listed(thing, chance) if side == "a" else _listed_short(thing, chance)
            brand = thing.publisher if side == "a" or chance.random() < 0.15 else None
            rows.append((product_id, title, None, brand, None, round(price * float(np.exp(chance.normal(0, 0.25))), 2)))
    return Listed(pl.DataFrame(rows, schema=SCHEMA, orient="row"), item)


def blocked(listed: Listed) -> Labelled:
    """Pairs across the two lists that share the most words, labelled by the item, at about nine of two items to one of one."""
    products, item = listed
    wide = NearDuplicates(candidates=DuplicateCandidates(rarest_terms=6, neighbours=25))
    near = candidate_pairs(products.select("product_id", "title"), wide)
    across = near.filter(pl.col(ENDS[0]).str.head(1) != pl.col(ENDS[1]).str.head(1))
    one = pl.Series([item[a] == item[b] for a, b in across.select(ENDS).iter_rows()], dtype=pl.Boolean)
    others = across.filter(~one)
    others = others.sample(min(len(others), 9 * int(one.sum())), seed=0).with_columns(label=0)
    return Labelled(products, pl.concat([across.filter(one).with_columns(label=1), others]).sort(ENDS))


def _software(chance: np.random.Generator) -> Software:
    publisher = chance.choice(list(PUBLISHERS))
    product = chance.choice(PUBLISHERS[publisher].split(","))
    if publisher in ("learnco", "gamehaus"):
        product = f"{chance.choice(_HEROES)} {product}".strip()
    version = chance.choice(["", "2005", "2006", "2007", "2008", "8.0", "9", "10", "11", "cs3", "v4"])
    bundled = chance.choice(PUBLISHERS[publisher].split(",")) if chance.random() < 0.06 else ""
    fields = version, chance.choice(EDITIONS), chance.choice(LICENCES), chance.choice(PLATFORMS)
    return Software(publisher, product, *map(str, fields), bundled if bundled != product else "")


def _listed(thing: Software, chance: np.random.Generator) -> str:
    """As a shop that writes everything out."""
    head = f"{thing.publisher} {thing.product}" if chance.random() < 0.7 else thing.product
    named = [
        head,
        *chance.permutation([thing.edition, thing.version]),
        thing.bundled and f"with {thing.bundled} bundle",
    ]
    tail = [thing.licence, thing.platform and f"( {thing.platform} )" if chance.random() < 0.5 else ""]
    return " ".join(filter(None, map(str, [*named, *tail])))


def _listed_short(thing: Software, chance: np.random.Generator) -> str:
    """As a feed that abbreviates, leaves out and adds."""

    def written(name: str) -> str:
        return _SHORT.get(name, name) if chance.random() < 0.6 else name

    number = f"{chance.integers(10_000, 99_999)}" if chance.random() < 0.3 else ""
    head = [thing.publisher if chance.random() < 0.5 else "", number, thing.product]
    middle = [written(thing.edition), thing.version, written(thing.licence)]
    bundle = f"/ {thing.bundled} bundle" if thing.bundled else ""
    filler = chance.choice(_FILLER, chance.integers(0, 4), replace=False)
    platform = written(thing.platform) if chance.random() < 0.6 else ""
    return " ".join(filter(None, map(str, [*head, *chance.permutation(middle), bundle, platform, *filler])))


def electronics(size: int = 3_000, seed: int = 0) -> Listed:
    """The simulated shop listed by two: trees, names of attributes and numbers of their own."""
    from roar.marketplace.catalogue import generate_products
    from roar.parameters import Simulation

    streams = zip(*generate_products(Simulation(products=size), seed=seed), strict=True)
    products, truths = (pl.concat(parts) for parts in streams)
    item = dict(zip(truths["product_id"], truths["item_id"], strict=True))
    rows, of = [], {}
    for row in products.iter_rows(named=True):
        side = "ab"[zlib.crc32(row["product_id"].encode()) % 2]
        product_id = f"{side}{row['product_id']}"
        of[product_id] = item[row["product_id"]]
        rows.append((product_id, row["title"], row["description"], row["brand"], _own_columns(row, side), row["price"]))
    return Listed(pl.DataFrame(rows, schema=SCHEMA, orient="row"), of)


def _own_columns(row: dict[str, object], side: str) -> str:
    """The attributes under the second shop's names, its tree, and a number of its own for the model's."""
    attributes = dict(json.loads(str(row["attributes"] or "{}")))
    attributes.pop("model", None)
    digits = f"{zlib.crc32((side + str(row['product_id'])).encode()):010d}"
    attributes["modelno"] = f"{digits[:3]}-{digits[3:8]}" if side == "b" else f"nr {digits[:6]}"
    if side == "b":
        attributes = {f"spec {name}": value for name, value in attributes.items()}
    attributes["category"] = (
        f"department {zlib.crc32(str(row['title'])[-5:].encode()) % 40}" if side == "b" else row["vertical"]
    )
    return json.dumps({name: value for name, value in attributes.items() if value})


MATCHING = {
    "abt_buy": "Abt-Buy.txt",
    "wdc_cameras": "wdc-cameras-test.txt",
    "wdc_shoes": "wdc-shoes-test.txt",
    "wdc_watches": "wdc-watches-test.txt",
}
"""Labelled sets in `ROAR_REAL_DATA/matching`."""


def every_set(folder: Path) -> Iterator[tuple[str, Labelled]]:
    """All sets by name: those of `folder` that are there, their forms, and those made by rules."""
    for name, file in MATCHING.items():
        if (folder / file).exists():
            labelled = read_matching(folder / file)
            yield name, labelled
            yield from ((f"{name}_{form}", as_two_shops(labelled, how)) for form, how in FORMS.items())
    yield from made()


SOFTWARE_TREES = FORMS["trees"]._replace(brand_column="")


def made() -> Iterator[tuple[str, Labelled]]:
    """The sets made by rules."""
    yield "electronics", blocked(electronics())
    licences = blocked(software())
    yield "software", licences
    yield "software_trees", as_two_shops(licences, SOFTWARE_TREES)


def whole(folder: Path) -> Iterator[tuple[str, Listed]]:
    """Catalogues of which every pair is known: Abt-Buy in four forms, and what is made by rules."""
    if (file := folder / MATCHING["abt_buy"]).exists():
        abt_buy = read_matching(file)
        item = items(abt_buy)
        for form in ("plain", "trees", "numbers", "short"):
            yield f"abt_buy_{form}", Listed(as_two_shops(abt_buy, FORMS[form]).products, item)
    yield "electronics", electronics()
    licences = software()
    yield "software", licences
    filed = as_two_shops(Labelled(licences.products, blocked(licences).pairs), SOFTWARE_TREES)
    yield "software_trees", Listed(filed.products, licences.item)


def items(labelled: Labelled) -> dict[str, int]:
    """The item of each product, by the pairs that are one."""
    place = {product_id: place for place, product_id in enumerate(labelled.products["product_id"])}
    one = labelled.pairs.filter(pl.col("label") == 1)
    ends = ([place[product_id] for product_id in one[end]] for end in ENDS)
    graph = coo_matrix((np.ones(len(one)), tuple(ends)), shape=(len(place), len(place)))
    component = connected_components(graph, directed=False)[1]
    return dict(zip(place, component.tolist(), strict=True))


def sold_once(listed: Listed, share: float) -> Listed:
    """Without all but the first listing of that share of the items: a shop that lists few things twice."""
    order = sorted(listed.products["product_id"])
    first = {listed.item[product_id]: product_id for product_id in reversed(order)}
    kept = [
        product_id
        for product_id in order
        if first[listed.item[product_id]] == product_id
        or zlib.crc32(first[listed.item[product_id]].encode()) % 1000 >= 1000 * share
    ]
    return Listed(listed.products.filter(pl.col("product_id").is_in(kept)), listed.item)
