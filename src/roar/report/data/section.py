"""The data's section: what came in, what was dropped, and how it was divided."""

import polars as pl

from roar.ingestion.quality import SIMULATED
from roar.near_duplicates import grade_agreement
from roar.report.data import charts as draw
from roar.report.page.section import Block, Expandable, Fact, Facts, Heading, Paragraph, Section, chart, table
from roar.report.page.wording import ordered_levels
from roar.training_sets.counts import limited

ANCHOR = "data"
ENDS = ("product_id_a", "product_id_b")


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
    groups: pl.DataFrame | None = None,
    clusters: pl.DataFrame | None = None,
    judged_duplicates: pl.DataFrame | None = None,
    sample: int = 200,
) -> Section:
    """Build the section from the primary tables.

    Args:
        quality: the data-quality table of ingestion, shown as it is: what was checked, dropped, mended.
        judgments: query_id, product_id, grade and, where raters were several, weight: how far they agree.
        strata: query_id, vertical, stratum.
        splits: fold, query_id, split.
        pairs: stage-1 pairs with fold, source, weight.
        duplicates: pairs of near-duplicates: product_id_a, product_id_b, similarity, evidence.
        products: product_id, title.
        counts: rows, queries and products after each step of building the training sets.
        leakage: held-out queries and products that training saw: fold, split, what, seen, count, total, share.
        groups: graded groups: fold, query_id, grade.
        clusters: product_id, cluster_id.
        judged_duplicates: what judgments say of the pairs (`roar.near_duplicates.judged_pairs`).
        sample: how many near-duplicate pairs to list, spread over the range of similarity, and how many clusters.
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
        *_ingestion(quality),
        Heading(text="Judged queries", anchor=f"{ANCHOR}-queries"),
        *_judged(judged, judgments),
        table(_splits(splits), "Queries by fold and split"),
        Heading(text="Training pairs", anchor=f"{ANCHOR}-pairs"),
        table(_sources(pairs), "Stage-1 pairs by source", decimals=3),
        *_leakage(leakage),
        *_steps(counts),
        *_groups(groups),
        Heading(text="Near-duplicates", anchor=f"{ANCHOR}-duplicates"),
    ]
    return Section(
        title="Data",
        anchor=ANCHOR,
        order=20,
        simulated=SIMULATED in quality["rule"] if "rule" in quality.columns else False,
        blocks=(
            *blocks,
            *_duplicates(duplicates, products, sample),
            *_doubtful(duplicates, products),
            *_grades_within(judgments, clusters, judged_duplicates, products, sample),
            *_clusters(clusters, duplicates, products, sample),
        ),
    )


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


def _ingestion(quality: pl.DataFrame) -> list[Block]:
    figure = draw.ingestion_chart(quality) if {"rule", "action", "count"} <= set(quality.columns) else None
    if figure is None:
        return []
    return [chart("What ingestion dropped, merged and repaired", figure, alternative="The counts of the table above.")]


def _judged(judged: pl.DataFrame, judgments: pl.DataFrame) -> list[Block]:
    """Queries and grades by stratum and by vertical, as charts and as tables; how far raters agree."""
    blocks: list[Block] = []
    tables: list[Block] = []
    for column, name in (("stratum", "frequency stratum"), ("vertical", "vertical")):
        counts = _grades(judged, column)
        levels = counts[column.capitalize()].to_list()
        figure = draw.grades_chart(judged, column, levels)
        said = "The shares of the table below it."
        blocks.append(chart(f"Grades by {name}", figure, alternative=said, half=True))
        tables.append(table(counts, f"Judged queries and grades by {name}", decimals=1))
    agreement = draw.agreement_chart(judgments)
    if agreement is not None:
        note = "A judgment weighs what its raters agree; a grade that is often doubted teaches less."
        tables.append(chart("Agreement of raters by grade", agreement, note=note, half=True))
    return blocks + tables


def _groups(groups: pl.DataFrame | None) -> list[Block]:
    if groups is None or groups.is_empty():
        return []
    sizes = groups.group_by("fold", "query_id").len()["len"].to_list()
    said = f"{len(sizes):,} groups of {min(sizes)} to {max(sizes)} products, {sum(sizes) / len(sizes):.1f} on average."
    return [chart("Sizes of the graded groups", draw.group_sizes_chart(groups), alternative=said, note=said)]


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
    """What each step of building the training sets left: a chart a set, and the table behind them."""
    if counts is None or counts.is_empty():
        return []
    said = "The figures of the table that opens below."
    charts: list[Block] = [
        chart(f"What each step left: {name}", draw.steps_chart(counts, name), alternative=said)
        for name in counts["set"].unique(maintain_order=True)
    ]
    charts = [Paragraph(text=f"Kept out by a limit: {sentence}", style="note") for sentence in limited(counts)] + charts
    named = counts.rename(lambda name: name.capitalize())
    listed = table(named, "What each step left", searchable=named.height > 12)
    return [*charts, Expandable(title="Every step of building the training sets", blocks=(listed,))]


def _duplicates(duplicates: pl.DataFrame, products: pl.DataFrame, sample: int) -> list[Block]:
    """How many pairs rest on what, and a sample to browse."""
    if duplicates.is_empty():
        return [Paragraph(text="No two products were found to be listings of one item.")]
    ranked = duplicates.sort("similarity", "product_id_a", "product_id_b", descending=[True, False, False])
    spread = ranked.gather_every(max(1, ranked.height // max(sample, 1))).head(sample)
    named = _titled(spread, products).select(
        "Title", "And", pl.col("similarity").alias("Similarity"), pl.col("evidence").alias("Evidence")
    )
    kinds = _kinds_of_evidence(duplicates).sort("Pairs", "Evidence", descending=[True, False]).head(15)
    caption = "A sample of the pairs taken for one item, from the most alike to the least"
    listed = table(named, caption, decimals=3, searchable=True)
    return [
        table(kinds, "What near-duplicate pairs agree on, and differ in"),
        Expandable(title=f"{named.height} pairs to look at", blocks=(listed,)),
    ]


DOUBTFUL = 20
"""Pairs nearest to the threshold that the page lists."""


def _doubtful(duplicates: pl.DataFrame, products: pl.DataFrame) -> list[Block]:
    """How many pairs are right by the model's own odds, and those that it doubts most."""
    if duplicates.is_empty():
        return []
    right = float(duplicates["similarity"].to_numpy().mean())
    said = (
        f"By their own odds {right:.0%} of the {duplicates.height:,} pairs are listings of one item. "
        "That is the model's word, not a measurement: look at pairs, and at the grades within clusters."
    )
    nearest = _titled(duplicates.sort("similarity", *ENDS).head(DOUBTFUL), products).select(
        "Title", "And", pl.col("similarity").alias("Similarity"), pl.col("evidence").alias("Evidence")
    )
    listed = table(nearest, "The accepted pairs nearest to the threshold", decimals=3)
    return [Paragraph(text=said), Expandable(title=f"{nearest.height} doubtful pairs", blocks=(listed,))]


def _grades_within(
    judgments: pl.DataFrame,
    clusters: pl.DataFrame | None,
    judged_duplicates: pl.DataFrame | None,
    products: pl.DataFrame,
    sample: int,
) -> list[Block]:
    """How often grades differ within a cluster, and the pairs whose grades do."""
    if clusters is None or (agreement := grade_agreement(judgments, clusters, products)).cells == 0:
        return []
    said = (
        f"Of {agreement.cells:,} queries and clusters with several judged products, grades differ in {agreement.rate:.0%}; of any two "
        f"judged products of a query in {agreement.usual:.0%}. Listings of one item deserve one grade."
    )
    if agreement.floor:
        said += (
            f" Raters differ on {agreement.floor:.0%} of {agreement.alike:,} queries and equal titles, which is as far as reading "
            f"can come: {agreement.excess:.0%} lie above that."
        )
    blocks: list[Block] = [Paragraph(text=said, style="note")]
    if judged_duplicates is not None and not judged_duplicates.is_empty():
        shown = _titled(judged_duplicates.head(sample), products).select(
            "Title",
            "And",
            pl.col("queries").alias("Queries"),
            pl.col("differing").alias("Grades differ in"),
            pl.col("evidence").alias("Evidence"),
        )
        listed = table(shown, "Pairs that judges saw side by side, the most doubtful first", searchable=True)
        blocks.append(Expandable(title=f"{shown.height} judged pairs", blocks=(listed,)))
    return blocks


def _titled(pairs: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """`pairs`, in their order, with the titles of both ends."""
    titles = products.select("product_id", "title")
    for column, name in (("product_id_a", "Title"), ("product_id_b", "And")):
        named = titles.rename({"product_id": column, "title": name})
        pairs = pairs.join(named, on=column, how="left", maintain_order="left")
    return pairs


def _kinds_of_evidence(duplicates: pl.DataFrame) -> pl.DataFrame:
    """Kinds of evidence ("same brand", "colour differs") and the pairs that have them; values are left out."""
    reason = pl.col("evidence").str.split("; ")
    kind = (
        pl.col("kind").str.replace(r"^(same (?:model number|“[^”]*”|\S+(?: size)?)).*$", "$1").str.replace(r": .*$", "")
    )
    said = duplicates.select(pl.int_range(pl.len()).alias("pair"), kind=reason).explode("kind").with_columns(kind)
    return said.unique().group_by(pl.col("kind").alias("Evidence")).agg(pl.len().alias("Pairs"))


def _clusters(
    clusters: pl.DataFrame | None, duplicates: pl.DataFrame, products: pl.DataFrame, sample: int
) -> list[Block]:
    """The sizes of clusters, and a sample to browse, the largest first: its listings and what links them."""
    if clusters is None or clusters.is_empty() or duplicates.is_empty():
        return []
    several = clusters.filter(pl.len().over("cluster_id") > 1)
    sizes = several.group_by("cluster_id").len("Listings").group_by("Listings").len("Clusters").sort("Listings")
    largest = several.group_by("cluster_id").agg(size=pl.len()).sort("size", "cluster_id", descending=[True, False])
    chosen = largest.gather_every(max(1, largest.height // max(sample, 1))).head(sample)
    members = (
        chosen.join(several, on="cluster_id", maintain_order="left")
        .join(products.select("product_id", "title"), on="product_id", how="left", maintain_order="left")
        .group_by("cluster_id", "size", maintain_order=True)
        .agg(pl.col("title").str.join(" ⏐ "))
    )
    shown = members.join(_links(several, duplicates), on="cluster_id", how="left", maintain_order="left").select(
        pl.col("size").alias("Listings"), pl.col("title").alias("Titles"), pl.col("evidence").alias("Evidence")
    )
    listed = table(shown, "A sample of the clusters, from the largest to the smallest", searchable=True)
    return [
        table(sizes, "Clusters by number of listings"),
        Expandable(title=f"{shown.height} clusters to look at", blocks=(listed,)),
    ]


def _links(several: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    """cluster_id, evidence: that of the cluster's most and least alike pair."""
    ends = several.select("product_id", "cluster_id")
    inside = duplicates.join(ends, left_on="product_id_a", right_on="product_id").join(
        ends, left_on=["product_id_b", "cluster_id"], right_on=["product_id", "cluster_id"]
    )
    ranked = inside.sort("similarity", "product_id_a", "product_id_b", descending=[True, False, False])
    ends_of = ranked.group_by("cluster_id").agg(first=pl.col("evidence").first(), last=pl.col("evidence").last())
    weakest = (
        pl.when(pl.col("first") != pl.col("last")).then(pl.format(" — weakest link: {}", "last")).otherwise(pl.lit(""))
    )
    return ends_of.select("cluster_id", evidence=pl.concat_str("first", weakest))
