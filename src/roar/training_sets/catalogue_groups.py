"""Graded groups out of the catalogue itself: nobody needs to annotate what the catalogue states.

From a product a short query: its type, now and then its brand, and a fact or two that it states, some of it written as hurried people
do (`edits`). The product and its other listings are exact; products of the same type that contradict one of the facts are substitutes;
accessories for it, and what the same shoppers ordered with it, complements; products of other types irrelevant. A product of the
type that is silent on the facts is in no group: it may be an answer.

The type is read off titles: the last words before "with", "for" or a comma, as many (three at most) as enough titles end with.
"""

import re

import numpy as np
import polars as pl

from roar.attributes import agreement, words
from roar.attributes.colours import COLOURS
from roar.attributes.tables import scan_all
from roar.near_duplicates import lexicon
from roar.parameters import AugmentationSource, CatalogueGroups, EditKinds
from roar.schemas import Grade
from roar.training_sets.augmentation import augmented, variants_of, words_of

TITLES = 5
"""Titles that have to end with the same words before these are a type."""

SOURCES = 4
"""Products drawn for each group that is wanted: not each makes one, and the encoder finds not each."""

_TYPE_WORDS = 3
_CLAUSE = re.compile(
    r"[,;:(|/]|\s[-–]\s|\s(?:with|for|in|by|to|of|w/|fits|from|mit|fur|für|pour|avec|para|con)\s", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_FACTS = COLOURS.keys() | words.SIZES.keys() | words.AUDIENCES.keys()
_BRANDS = 0.4
"""Share of the queries that name the brand, where it is known."""

PAIR = ["query_id", "product_id"]


def product_types(products: pl.DataFrame) -> pl.DataFrame:
    """What kind of thing each product is, read off its title.

    Args:
        products: product_id, title.

    Returns:
        product_id, type (words in lower case), head (its last word), serves (the words after "for", null where there are none);
        products whose title ends like hardly any other are left out.
    """
    _, plain = scan_all(products["title"])  # "memory card 64 GB" is a memory card
    ends = [_endings(title) for title in plain]
    table = pl.DataFrame(
        {
            "product_id": products["product_id"],
            "ending": ends,
            "serves": [_served(title) for title in products["title"]],
        },
        schema_overrides={"ending": pl.List(pl.String), "serves": pl.String},
    ).explode("ending")
    common = table.drop_nulls("ending").group_by("ending").len("titles").filter(pl.col("titles") >= TITLES)
    longest = (
        table.join(common, on="ending")
        .sort("product_id", pl.col("ending").str.len_chars(), descending=[False, True])
        .unique("product_id", keep="first", maintain_order=True)
    )
    return longest.select("product_id", type="ending", head=pl.col("ending").str.extract(r"(\S+)$"), serves="serves")


def catalogue_groups(
    products: pl.DataFrame,
    clusters: pl.DataFrame,
    search_log: pl.DataFrame | None,
    forbidden: pl.Series,
    config: CatalogueGroups | None = None,
    *,
    seed: int,
    without: pl.Series | None = None,
) -> pl.DataFrame:
    """Write queries from products, and grade other products by what they state.

    Args:
        products: product_id, title, brand, attributes.
        clusters: product_id, cluster_id.
        search_log: session_id, product_id, ordered; None or no rows where there is none.
        forbidden: held-out queries and their variants; no query of a group is a variant of one.
        config: how many, and how they are made.
        seed: of the draws.
        without: ids of products that must not train.

    Returns:
        query_id ("catalogue " and the product), query, variant_group (the query as it was before edits), product_id, grade, weight,
        source (the product that the query was written from); exact first within a query. Only queries with two grades.

    Cost: one reading of the catalogue's texts, and a draw within the type of each product.
    """
    config = config or CatalogueGroups()
    if without is not None and len(without):
        products = products.filter(~pl.col("product_id").is_in(without.implode()))
    known = products.join(product_types(products), on="product_id", maintain_order="left")
    stated = agreement.stated(known.select("product_id", "title", "brand", "attributes"))
    queries = _written(known, stated, config, seed)
    queries = queries.filter(~variants_of(queries["query"], forbidden))
    facts = queries.select("query_id", "facts").explode("facts").drop_nulls().unnest("facts")
    near = _members(queries, known, facts, stated, config, seed)
    members = pl.concat([_exact(queries, clusters), near, _complements(queries, known, search_log, config, seed)])
    groups = _one_grade_each(members, queries, clusters)
    edited = _edited(queries, forbidden, words_of(products["title"]), config, seed)
    graded = queries.drop("facts", "type", "head").join(groups, on="query_id").join(edited, on="query_id", how="left")
    return graded.select(
        "query_id", pl.coalesce("edited", "query").alias("query"), variant_group="query", product_id="product_id",
        grade="grade", weight=pl.lit(config.weight), source="source",
    ).sort("query_id", pl.col("grade").to_physical(), "product_id", descending=[False, True, False])  # fmt: skip


def _endings(title: str) -> list[str]:
    """The last one, two and three words of a title's first clause."""
    first = next((part for part in _CLAUSE.split(title) if _WORD.search(part)), "")
    found = [word for word in map(str.lower, _WORD.findall(first)) if word not in _FACTS][-_TYPE_WORDS:]
    return [" ".join(found[start:]) for start in range(len(found))]


def _served(title: str) -> str | None:
    parts = re.split(r"\s(?:for|fits|für|fur|pour|para)\s", title.lower(), maxsplit=1)
    return parts[1] if len(parts) > 1 else None


def _written(known: pl.DataFrame, stated: pl.DataFrame, config: CatalogueGroups, seed: int) -> pl.DataFrame:
    """query_id, source, type, head, query, facts: a query for each of some products that state something on which others differ."""
    askable = stated.filter(pl.col("role") == "has").join(known.select("product_id"), on="product_id", how="semi")
    drawn = pl.struct("product_id").hash(seed)
    sources = known.join(askable, on="product_id", how="semi").sort(drawn, "product_id").head(SOURCES * config.queries)
    turn = pl.struct("product_id", "dimension", "value").hash(seed + 1)
    picked = (
        askable.join(sources.select("product_id"), on="product_id", how="semi")
        .sort("product_id", turn)
        .unique(["product_id", "dimension"], keep="first", maintain_order=True)
        .group_by("product_id", maintain_order=True)
        .head(config.facts)
    )
    asked = picked.group_by("product_id", maintain_order=True).agg(
        facts=pl.struct("dimension", "value", "shown", "role"), spoken="shown"
    )
    random = np.random.default_rng(seed)
    rows = sources.join(asked, on="product_id", maintain_order="left")
    texts = [
        _text(kind, brand, spoken, random) for kind, brand, spoken in rows.select("type", "brand", "spoken").iter_rows()
    ]
    return rows.select(
        query_id=pl.format("catalogue {}", "product_id"), source="product_id", type="type", head="head",
        query=pl.Series(texts, dtype=pl.String), facts="facts",
    )  # fmt: skip


def _text(kind: str, brand: str | None, spoken: list[str], random: np.random.Generator) -> str:
    """The words of a query in an order that people use: the brand first, facts before or after the type."""
    before = [word.lower() for word in spoken if random.random() < 0.5]
    after = [word.lower() for word in spoken if word.lower() not in before]
    named = [brand.lower()] if brand and random.random() < _BRANDS and brand.lower() not in kind else []
    return " ".join([*named, *before, kind, *after])


def _exact(queries: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """The product itself: its other listings would take the places of other grades."""
    return queries.select("query_id", product_id="source", grade=pl.lit("exact"))


def _members(
    queries: pl.DataFrame,
    known: pl.DataFrame,
    facts: pl.DataFrame,
    stated: pl.DataFrame,
    config: CatalogueGroups,
    seed: int,
) -> pl.DataFrame:
    """Substitutes of the same type, and irrelevant products of other types: query_id, product_id, grade."""
    random = np.random.default_rng(seed + 2)
    by_type = dict(known.group_by("type").agg("product_id").iter_rows())
    everything, heads = known["product_id"].to_numpy(), dict(known.select("product_id", "head").iter_rows())
    alike, apart = [], []
    for query_id, kind, head in queries.select("query_id", "type", "head").iter_rows():
        alike += [(query_id, product) for product in _drawn(by_type[kind], config.looked_at, random)]
        others = [product for product in _drawn(everything, 4 * config.irrelevant, random) if heads[product] != head]
        apart += [(query_id, product, "irrelevant") for product in others[: config.irrelevant]]
    pairs = pl.DataFrame(alike, schema=dict.fromkeys(PAIR, pl.String), orient="row")
    said = agreement.positions(pairs, facts, stated).group_by(PAIR).agg(against=pl.col("against").sum())
    one = said.filter(pl.col("against") == 1).sort(pl.struct(PAIR).hash(seed), *PAIR)
    substitutes = one.group_by("query_id", maintain_order=True).head(config.substitutes)
    schema = {**dict.fromkeys(PAIR, pl.String), "grade": pl.String}
    return pl.concat(
        [
            substitutes.select(*PAIR, grade=pl.lit("substitute")),
            pl.DataFrame(apart, schema=schema, orient="row"),
        ]
    )


def _drawn(products: list[str] | np.ndarray, count: int, random: np.random.Generator) -> list[str]:
    """Up to `count` of the products, with no more work than that."""
    places = random.integers(len(products), size=count) if len(products) > count else range(len(products))
    return list(dict.fromkeys(str(products[int(place)]) for place in places))


def _complements(
    queries: pl.DataFrame, known: pl.DataFrame, search_log: pl.DataFrame | None, config: CatalogueGroups, seed: int
) -> pl.DataFrame:
    """Accessories that name the type as what they serve, and what was ordered in one session with the product."""
    serving = known.filter(pl.col("head").is_in(list(lexicon.ACCESSORIES)) & pl.col("serves").is_not_null())
    words = serving.select("product_id", own="type", served=pl.col("serves").str.extract_all(r"[\p{L}]{3,}")).explode(
        "served"
    )
    fitting = queries.join(words.rename({"served": "head"}).unique(), on="head").filter(pl.col("own") != pl.col("type"))
    parts = [fitting.select(*PAIR)]
    if search_log is not None and search_log.height:
        bought = search_log.filter(pl.col("ordered")).select("session_id", "product_id").unique()
        own = queries.select("query_id", "type", product_id="source").join(bought, on="product_id")
        together = (
            own.drop("product_id")
            .join(bought, on="session_id")
            .join(known.select("product_id", other="type"), on="product_id")
        )
        parts.append(together.filter(pl.col("other") != pl.col("type")).select(*PAIR))
    found = pl.concat(parts).unique().sort(pl.struct(PAIR).hash(seed + 3), *PAIR)
    return (
        found.group_by("query_id", maintain_order=True)
        .head(config.complements)
        .with_columns(grade=pl.lit("complement"))
    )


def _one_grade_each(members: pl.DataFrame, queries: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """query_id, product_id, grade: each item once, by its best grade, and queries of two grades at least."""
    items = clusters.select("product_id", "cluster_id")
    graded = members.with_columns(pl.col("grade").cast(Grade)).join(items, on="product_id", how="left")
    once = (
        graded.with_columns(item=pl.coalesce("cluster_id", "product_id"))
        .sort("query_id", pl.col("grade").to_physical(), "product_id", descending=[False, True, False])
        .unique(["query_id", "item"], keep="first", maintain_order=True)
    )
    contrasted = pl.col("grade").is_in(["substitute"]).any().over("query_id")
    return once.filter(contrasted).select("query_id", "product_id", "grade")


def _edited(
    queries: pl.DataFrame, forbidden: pl.Series, vocabulary: frozenset[str], config: CatalogueGroups, seed: int
) -> pl.DataFrame:
    """query_id, edited: some of the queries, written differently."""
    some = queries.filter(pl.struct("query_id").hash(seed + 4) % 1000 < round(1000 * config.edited))
    pairs = some.select("query", variant_group="query", product_id="query_id", weight=pl.lit(1.0))
    kinds = EditKinds(dropped=0, synonym=0)
    written = augmented(pairs, forbidden, vocabulary, {}, AugmentationSource(copies=1, kinds=kinds), seed=seed)
    return written.select(query_id="product_id", edited="query").unique("query_id", keep="first", maintain_order=True)
