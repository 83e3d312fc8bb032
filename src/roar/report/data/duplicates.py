"""The near-duplicates of the data's section: what was taken for one item, by what, and how far to believe it."""

import polars as pl

from roar.near_duplicates import grade_agreement
from roar.report.page.section import Block, Expandable, Paragraph, table

ENDS = ("product_id_a", "product_id_b")
DOUBTFUL = 20
"""Pairs around the threshold that the page lists, half of them refused where there are so many."""

OVERFOUND = 2.0
"""How many times as many second listings words may find as model numbers do, before the page warns."""


def near_duplicates(
    duplicates: pl.DataFrame,
    products: pl.DataFrame,
    judgments: pl.DataFrame,
    *,
    clusters: pl.DataFrame | None = None,
    near_misses: pl.DataFrame | None = None,
    learned: pl.DataFrame | None = None,
    label_scores: pl.DataFrame | None = None,
    fitted: pl.DataFrame | None = None,
    judged_duplicates: pl.DataFrame | None = None,
    sample: int = 200,
) -> tuple[Block, ...]:
    """Build the blocks; the arguments are those of `roar.report.data.section.data_section`."""
    return (
        *_pairs(duplicates, products, sample),
        *_doubtful(duplicates, near_misses, products),
        *_learned(learned),
        *_labelled(label_scores, fitted),
        *_grades_within(judgments, clusters, judged_duplicates, products, sample),
        *_clusters(clusters, duplicates, products, sample),
    )


def _pairs(duplicates: pl.DataFrame, products: pl.DataFrame, sample: int) -> list[Block]:
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


def _doubtful(duplicates: pl.DataFrame, near_misses: pl.DataFrame | None, products: pl.DataFrame) -> list[Block]:
    """How many pairs are right by the model's own odds, and those around the threshold."""
    if duplicates.is_empty():
        return []
    right = float(duplicates["similarity"].to_numpy().mean())
    said = (
        f"By their own odds {right:.0%} of the {duplicates.height:,} pairs are listings of one item. "
        "That is the model's word, not a measurement: look at pairs, and at the grades within clusters."
    )
    misses = duplicates.clear() if near_misses is None else near_misses.head(DOUBTFUL // 2)
    nearest = duplicates.sort("similarity", *ENDS).head(DOUBTFUL - misses.height)
    around = pl.concat(
        [
            nearest.reverse().select(pl.lit("one item").alias("Taken for"), *ENDS, "similarity", "evidence"),
            misses.select(pl.lit("two items").alias("Taken for"), *ENDS, "similarity", "evidence"),
        ]
    )
    named = _titled(around, products).select(
        "Taken for", "Title", "And", pl.col("similarity").alias("Similarity"), pl.col("evidence").alias("Evidence")
    )
    listed = table(
        named, "The pairs around the threshold: the last that were accepted, the first that were refused", decimals=3
    )
    return [Paragraph(text=said), Expandable(title=f"{named.height} doubtful pairs", blocks=(listed,))]


def _learned(learned: pl.DataFrame | None) -> list[Block]:
    """What the catalogue taught: how many products have a second listing, and what a difference in each column weighs."""
    if learned is None or learned.is_empty():
        return []
    blocks: list[Block] = [_second_listings(learned)] if (learned["kind"] == "prior").any() else []
    weighed = learned.filter((pl.col("kind") == "column") & (pl.col("pairs") > 0)).select(
        pl.col("name").alias("Difference in"),
        pl.col("pairs").alias("Sure pairs that state both"),
        (100 * pl.col("share")).alias("Differ, %"),
        pl.col("weight").alias("Weight"),
    )
    if len(weighed):
        note = "Sure pairs state one model number. A weight of 1 is a contradiction, one of 0 says nothing in this catalogue."
        listed = table(weighed, "What a difference weighs here", decimals=2, note=note, searchable=weighed.height > 12)
        blocks.append(Expandable(title=f"What differences in {weighed.height} columns weigh", blocks=(listed,)))
    return blocks


def _second_listings(learned: pl.DataFrame) -> Paragraph:
    """How many products have one; a warning where words find many more than model numbers say."""
    told = {
        kind: row
        for kind, *row in learned.filter(pl.col("kind") != "column").select("kind", "pairs", "share", "weight").rows()
    }
    (anchors, share, factor), (others, by_words, _) = told["prior"], told["words"]
    said = f"An estimated {share:.0%} of the products have a second listing, by the {anchors:,} whose titles state a model number."
    if factor < 1:
        said += f" So few make every pair doubtful: its odds are divided by {1 / factor:.1f}."
    said += f" Words alone would find one for {by_words:.0%} of the other {others:,}."
    many = by_words > OVERFOUND * share and anchors > 0
    if many:
        said += " Most of what words find is another variant of a line here: look at the pairs before you trust them."
    return Paragraph(text=said, style="warning" if many else "text")


def _labelled(scores: pl.DataFrame | None, fitted: pl.DataFrame | None) -> list[Block]:
    """How the weights do on labelled pairs, and how those would do that labels fit."""
    if scores is None or scores.is_empty():
        return []
    same, different = scores.select("same", "different").row(0)
    shown = scores.select(
        pl.col("weights").str.to_titlecase().alias("Weights"),
        pl.col("precision").alias("Precision"),
        pl.col("recall").alias("Recall"),
        pl.col("f1").alias("F1"),
    )
    note = (
        f"{same:,} pairs labelled as one item, {different:,} as two. Fitted weights are scored on pairs that they did not see. "
        "They are used where near_duplicates.use_labels is true."
    )
    blocks: list[Block] = [table(shown, "The weights of evidence on labelled pairs", decimals=3, note=note)]
    if fitted is not None and not fitted.is_empty():
        named = fitted.rename(lambda name: name.capitalize())
        blocks.append(
            Expandable(
                title="What labels would change", blocks=(table(named, "Parameters of the evidence", decimals=3),)
            )
        )
    return blocks


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
