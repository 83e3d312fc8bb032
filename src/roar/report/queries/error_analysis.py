"""Why a query gained or lost: where its first products contradict it, carry another brand, or are of another kind.

Reasons are hints out of texts and columns, not verdicts: `attribute` (64 GB asked, 128 GB offered), `brand` (the query
names a brand of the catalogue, the product has another), `type` (another vertical, or no word in common with the query),
and for queries as a whole `typo` (a word that looks like a slip).
"""

import polars as pl

from roar.attributes.agreement import contradictions
from roar.metrics.inputs import PAIR
from roar.near_duplicates.text import normalise, tokens

REASONS = ("attribute", "brand", "type", "typo")
_NOTHING = 1e-9
_NO_VERTICAL = ("ambiguous", "unknown", "other")


def product_reasons(
    pairs: pl.DataFrame, queries: pl.DataFrame, products: pl.DataFrame, asked: pl.DataFrame, stated: pl.DataFrame
) -> pl.DataFrame:
    """What speaks against products that stand in a ranking.

    Args:
        pairs: query_id, product_id.
        queries: query_id, query, vertical.
        products: product_id, title, brand, vertical.
        asked: what queries ask for (`roar.attributes.agreement`).
        stated: what products state.

    Returns:
        query_id, product_id, reason (attribute, brand, type), detail (words to show); nothing for a product that fits.
    """
    distinct = pairs.select(PAIR).unique().sort(PAIR)
    shown = products.join(distinct, on="product_id", how="semi").select("product_id", "title", "brand", "vertical")
    against = contradictions(distinct, asked, stated).select(
        *PAIR, reason=pl.lit("attribute"), detail=pl.format("{} asked, {} offered", "asked", "stated")
    )
    return pl.concat(
        [against, _brands(distinct, queries, shown, products["brand"]), _types(distinct, queries, shown)]
    ).sort(*PAIR, "reason", "detail")


def _brands(pairs: pl.DataFrame, queries: pl.DataFrame, shown: pl.DataFrame, brands: pl.Series) -> pl.DataFrame:
    known = _plain(brands.drop_nulls().unique().rename("name")).unique("plain").rename({"name": "wanted"})
    words = tokens(queries, "query").with_columns(
        query_id=pl.lit(queries["query_id"]).gather(pl.col("row")), next=pl.col("token").shift(-1).over("row")
    )
    grams = pl.concat(
        [words.select("query_id", plain="token"), words.select("query_id", plain=pl.format("{} {}", "token", "next"))]
    )
    named = grams.drop_nulls().unique().join(known, on="plain")
    branded = shown.drop_nulls("brand").join(_plain(shown["brand"].drop_nulls().unique().rename("brand")), on="brand")
    offered = pairs.join(named, on="query_id").join(
        branded.select("product_id", "brand", other="plain"), on="product_id"
    )
    met = offered.with_columns(met=(pl.col("plain") == pl.col("other")).any().over(PAIR))
    return met.filter(~pl.col("met")).unique(PAIR, keep="first", maintain_order=True).select(
        *PAIR, reason=pl.lit("brand"), detail=pl.format("{} asked, {} offered", "wanted", "brand")
    )  # fmt: skip


def _plain(names: pl.Series) -> pl.DataFrame:
    """Names, and how they read in a query."""
    return names.to_frame().with_columns(plain=normalise(pl.col(names.name)).str.strip_chars())


def _types(pairs: pl.DataFrame, queries: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    words = normalise(pl.col("text")).str.extract_all(r"\p{L}{3,}").list.eval(pl.element().str.replace(r"s$", ""))
    asked = queries.select("query_id", asked=pl.col("vertical"), text="query").with_columns(words=words).drop("text")
    offered = shown.select("product_id", "vertical", text="title").with_columns(titled=words).drop("text")
    both = pairs.join(asked, on="query_id").join(offered, on="product_id")
    telling = pl.col("asked").is_not_null() & ~pl.col("asked").str.to_lowercase().is_in(_NO_VERTICAL)
    elsewhere = telling & (pl.col("asked") != pl.col("vertical")).fill_null(False)
    apart = (pl.col("words").list.len() > 0) & (pl.col("words").list.set_intersection("titled").list.len() == 0)
    detail = pl.when(elsewhere).then(pl.format("{} instead of {}", "vertical", "asked"))
    return both.with_columns(detail=detail.when(apart).then(pl.lit("no word in common"))).drop_nulls("detail").select(
        *PAIR, reason=pl.lit("type"), detail="detail"
    )  # fmt: skip


def query_changes(
    before: pl.DataFrame, after: pl.DataFrame, pages: pl.DataFrame, reasons: pl.DataFrame, noisy: pl.Series
) -> pl.DataFrame:
    """Every query's change between two systems, with the reasons that speak for it.

    Args:
        before: query_id, value of the baseline.
        after: query_id, value of the system.
        pages: side (before, after), query_id, rank, product_id, grade: the first products of both.
        reasons: as `product_reasons` returns.
        noisy: ids of queries with a word that looks like a slip.

    Returns:
        query_id, before, after, difference, why (reasons that weigh more on the worse page, heaviest first, each product
        discounted by its rank as in NDCG; and typo; empty where nothing tells), worst first. Queries that lack the metric
        are left out.
    """
    both = before.select("query_id", before="value").join(after.select("query_id", after="value"), on="query_id")
    changed = both.drop_nulls().with_columns(difference=pl.col("after") - pl.col("before"))
    found = reasons.select(*PAIR, "reason").unique()
    counted = (
        pages.filter(pl.col("grade") != "exact")
        .join(found, on=PAIR)
        .group_by("query_id", "reason")
        .agg(lean=(pl.col("side").replace_strict({"before": -1.0, "after": 1.0}) / (pl.col("rank") + 1).log(2)).sum())
        .join(changed, on="query_id")
        .with_columns(lean=-pl.col("lean") * pl.col("difference").sign())
        .filter(pl.col("lean") > _NOTHING)
        .sort(pl.col("lean"), "reason", descending=[True, False])
    )
    why = counted.group_by("query_id", maintain_order=True).agg(pl.col("reason"))
    slips = pl.when(pl.col("query_id").is_in(noisy.implode()) & (pl.col("difference") < 0)).then(pl.lit("typo"))
    told = changed.join(why, on="query_id", how="left").with_columns(slip=slips)
    return told.sort("difference", "query_id").select(
        "query_id", "before", "after", "difference",
        why=pl.concat_str(pl.col("reason").list.join(", "), "slip", separator=", ", ignore_nulls=True),
    )  # fmt: skip


def annotation_queue(pages: pl.DataFrame, queries: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """Products that nobody judged and both systems show: each judgment of one tells about both.

    Args:
        pages: side (before, after), query_id, rank, product_id, grade, of the full catalogue.
        queries: query_id, query.
        products: product_id, title.

    Returns:
        query_id, query, unjudged (such products of the query), product_id, title, rank_before, rank_after: queries with
        most of them first, and of a query the best ranks.
    """
    holes = pages.filter(grade="unjudged").select("side", "rank", *PAIR)
    before, after = (holes.filter(side=side).drop("side") for side in ("before", "after"))
    shared = before.join(after, on=PAIR, suffix="_after").rename({"rank": "rank_before"})
    shared = shared.with_columns(unjudged=pl.len().over("query_id").cast(pl.Int64))
    named = shared.join(queries.select("query_id", "query"), on="query_id", how="left").join(
        products.select("product_id", "title"), on="product_id", how="left"
    )
    order = ["unjudged", "query_id", pl.col("rank_before") + pl.col("rank_after"), "product_id"]
    return named.sort(order, descending=[True, False, False, False]).select(
        "query_id", "query", "unjudged", "product_id", "title", "rank_before", "rank_after"
    )
