"""The data's section: what came in, what was dropped, and how it was divided."""

import polars as pl

from roar.ingestion.quality import SIMULATED
from roar.report.data import charts as draw
from roar.report.data.duplicates import near_duplicates
from roar.report.page.section import Block, Expandable, Fact, Facts, Heading, Paragraph, Section, chart, table
from roar.report.page.wording import ordered_levels
from roar.training_sets.counts import limited

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
    groups: pl.DataFrame | None = None,
    clusters: pl.DataFrame | None = None,
    near_misses: pl.DataFrame | None = None,
    learned: pl.DataFrame | None = None,
    label_scores: pl.DataFrame | None = None,
    fitted: pl.DataFrame | None = None,
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
        near_misses: the refused pairs nearest to being accepted, in the columns of `duplicates`.
        learned: what the catalogue taught of its evidence (`roar.near_duplicates.Deduplicated.learned`).
        label_scores: the weights on labelled pairs (`roar.near_duplicates.Labelling.scores`).
        fitted: what labels would change (`roar.near_duplicates.Labelling.parameters`).
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
    found = near_duplicates(
        duplicates,
        products,
        judgments,
        clusters=clusters,
        near_misses=near_misses,
        learned=learned,
        label_scores=label_scores,
        fitted=fitted,
        judged_duplicates=judged_duplicates,
        sample=sample,
    )
    return Section(
        title="Data",
        anchor=ANCHOR,
        order=20,
        simulated=SIMULATED in quality["rule"] if "rule" in quality.columns else False,
        blocks=(*blocks, *found),
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
