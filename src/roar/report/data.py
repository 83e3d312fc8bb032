"""The data's section: what came in, what was dropped, and how it was divided."""

import polars as pl

from roar.report.section import Block, Expandable, Fact, Facts, Heading, Paragraph, Section, table
from roar.report.wording import ordered_levels

ANCHOR = "data"


def data_section(
    quality: pl.DataFrame,
    judgments: pl.DataFrame,
    strata: pl.DataFrame,
    splits: pl.DataFrame,
    pairs: pl.DataFrame,
    duplicates: pl.DataFrame,
    products: pl.DataFrame,
    *,
    counts: pl.DataFrame | None = None,
    leakage: pl.DataFrame | None = None,
    sample: int = 20,
) -> Section:
    """Build the section from the primary tables.

    Args:
        quality: the data-quality table of ingestion, shown as it is: what was checked, dropped, mended.
        judgments: query_id, product_id, grade.
        strata: query_id, vertical, stratum.
        splits: fold, query_id, split.
        pairs: stage-1 pairs with fold, source, weight.
        duplicates: pairs of near-duplicates: product_id_a, product_id_b, similarity, evidence.
        products: product_id, title.
        counts: rows, queries and products after each step of building the training sets.
        leakage: held-out queries and products that training saw: fold, split, what, seen, count, total, share.
        sample: how many near-duplicate pairs to show, spread over the range of similarity.
    """
    judged = judgments.select("query_id", "grade").join(strata, on="query_id", how="left")
    blocks: list[Block] = [
        Facts(facts=_facts(products, judgments, duplicates)),
        Heading(text="Data quality", anchor=f"{ANCHOR}-quality"),
        table(
            quality.rename(lambda name: name.replace("_", " ").capitalize()),
            "What ingestion checked, dropped and mended",
            searchable=quality.height > 12,
        ),
        Heading(text="Judged queries", anchor=f"{ANCHOR}-queries"),
        table(_grades(judged, "stratum"), "Judged queries and grades by frequency stratum", decimals=1),
        table(_grades(judged, "vertical"), "Judged queries and grades by vertical", decimals=1),
        table(_splits(splits), "Queries by fold and split"),
        Heading(text="Training pairs", anchor=f"{ANCHOR}-pairs"),
        table(_sources(pairs), "Stage-1 pairs by source", decimals=3),
        *_leakage(leakage),
        *_steps(counts),
        Heading(text="Near-duplicates", anchor=f"{ANCHOR}-duplicates"),
    ]
    return Section(title="Data", anchor=ANCHOR, order=20, blocks=(*blocks, *_duplicates(duplicates, products, sample)))


def _facts(products: pl.DataFrame, judgments: pl.DataFrame, duplicates: pl.DataFrame) -> tuple[Fact, ...]:
    queries = judgments["query_id"].n_unique()
    return (
        Fact(label="Products", value=f"{products.height:,}"),
        Fact(label="Judged queries", value=f"{queries:,}"),
        Fact(
            label="Judgments", value=f"{judgments.height:,}", detail=f"{judgments.height / max(queries, 1):.1f} a query"
        ),
        Fact(label="Near-duplicate pairs", value=f"{duplicates.height:,}"),
    )


def _grades(judged: pl.DataFrame, column: str) -> pl.DataFrame:
    """Level, queries, judgments, and the share of each grade in per cent."""
    shares = [
        (100 * (pl.col("grade").cast(pl.String) == grade).mean()).alias(f"{grade.capitalize()}, %")
        for grade in ("exact", "substitute", "complement", "irrelevant")
    ]
    name = column.capitalize()
    counted = judged.group_by(pl.col(column).cast(pl.String).fill_null("unknown").alias(name)).agg(
        pl.col("query_id").n_unique().alias("Queries"), pl.len().alias("Judgments"), *shares
    )
    order = ordered_levels(counted[name])
    return counted.sort(pl.col(name).replace_strict(dict(zip(order, range(len(order)), strict=True))))


def _splits(splits: pl.DataFrame) -> pl.DataFrame:
    counts = splits.group_by("fold").agg(
        (pl.col("split").cast(pl.String) == split).sum().alias(split.capitalize())
        for split in ("train", "validation", "test")
    )
    return counts.sort("fold").rename({"fold": "Fold"})


def _sources(pairs: pl.DataFrame) -> pl.DataFrame:
    counts = pairs.group_by("source").agg(
        pl.len().alias("Pairs"),
        pl.col("query").n_unique().alias("Queries"),
        pl.col("product_id").n_unique().alias("Products"),
        pl.col("weight").mean().alias("Mean weight"),
    )
    return counts.sort("Pairs", "source", descending=[True, False]).rename({"source": "Source"})


def _leakage(leakage: pl.DataFrame | None) -> list[Block]:
    """Of the test side, over all folds: how much of it training saw."""
    if leakage is None or leakage.is_empty():
        return []
    tested = leakage.filter(pl.col("split") == "test").group_by("what", "seen", maintain_order=True)
    seen = tested.agg(pl.col("count").sum(), pl.col("total").sum()).select(
        pl.col("what").str.to_titlecase().alias("Of the test side"),
        pl.col("seen").alias("Seen in training"),
        pl.col("count").alias("Number"),
        pl.col("total").alias("Of"),
        (100 * pl.col("count") / pl.col("total")).alias("Share, %"),
    )
    note = "Queries must not be seen under any spelling. Products may be: the catalogue is known when a shop trains."
    return [table(seen, "What training saw of the test side", decimals=1, note=note)]


def _steps(counts: pl.DataFrame | None) -> list[Block]:
    if counts is None or counts.is_empty():
        return []
    named = counts.rename(lambda name: name.capitalize())
    return [Expandable(title="Every step of building the training sets", blocks=(table(named, "What each step left"),))]


def _duplicates(duplicates: pl.DataFrame, products: pl.DataFrame, sample: int) -> list[Block]:
    if duplicates.is_empty():
        return [Paragraph(text="No two products were found to be listings of one item.")]
    ranked = duplicates.sort("similarity", "product_id_a", "product_id_b", descending=[True, False, False])
    spread = ranked.gather_every(max(1, ranked.height // max(sample, 1))).head(sample)
    titles = products.select("product_id", "title")
    shown = spread.join(titles.rename({"product_id": "product_id_a", "title": "Title"}), on="product_id_a", how="left")
    shown = shown.join(titles.rename({"product_id": "product_id_b", "title": "And"}), on="product_id_b", how="left")
    named = shown.sort("similarity", "product_id_a", "product_id_b", descending=[True, False, False]).select(
        "Title", "And", pl.col("similarity").alias("Similarity"), pl.col("evidence").alias("Evidence")
    )
    evidence = (
        duplicates.group_by("evidence").agg(pl.len().alias("Pairs")).sort("Pairs", "evidence", descending=[True, False])
    )
    listed = table(named, "A sample of the pairs taken for one item, from the most alike to the least", decimals=3)
    return [
        table(evidence.rename({"evidence": "Evidence"}), "Near-duplicate pairs by evidence"),
        Expandable(title=f"{named.height} pairs to look at", blocks=(listed,)),
    ]
