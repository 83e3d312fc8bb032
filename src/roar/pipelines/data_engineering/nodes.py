"""Nodes of data engineering: each calls one library and hands over one kind of table."""

import logging
from typing import Any

import polars as pl

from roar.ingestion import ingest
from roar.near_duplicates import (
    Deduplicated,
    Labelling,
    deduplicate,
    grade_agreement,
    judged_pairs,
    warn_where_grades_differ,
    weigh_labels,
    with_fitted,
)
from roar.parameters import Engines, Ingestion, NearDuplicates, Reporting, TrainingSets
from roar.report import Section, data_section, render
from roar.training_sets import (
    Counts,
    graded_groups,
    held_out_products,
    leakage,
    limited,
    query_slices,
    query_strata,
    query_variants,
    split_queries,
    stage1_pairs,
)

logger = logging.getLogger(__name__)


def ingest_tables(config: Ingestion, **raw: pl.DataFrame) -> tuple[pl.DataFrame, ...]:
    """Bring the raw tables under the contract; what is dropped or repaired is counted in the quality table."""
    return tuple(ingest(raw, config))


def weigh_duplicate_labels(products: pl.DataFrame, labels: pl.DataFrame, config: NearDuplicates) -> Labelling:
    """What labelled pairs, where there are some, say of the evidence's weights: their scores and the fitted parameters."""
    return weigh_labels(products, labels, config)


def find_near_duplicates(
    products: pl.DataFrame, fitted: pl.DataFrame, config: NearDuplicates, engines: Engines
) -> Deduplicated:
    """Pairs of listings of one item, and the cluster of every product; the nearest misses, and what the catalogue taught."""
    config = with_fitted(config, fitted) if config.use_labels else config
    if engines.near_duplicates == "spark":
        from roar.engines.spark import steps_on

        with steps_on(engines.spark) as steps:
            return deduplicate(products, config, steps=steps)
    return deduplicate(products, config)


def check_near_duplicates(
    judgments: pl.DataFrame, pairs: pl.DataFrame, clusters: pl.DataFrame, products: pl.DataFrame, config: NearDuplicates
) -> pl.DataFrame:
    """What judgments say of the pairs; a warning where grades differ within too many clusters."""
    warn_where_grades_differ(grade_agreement(judgments, clusters, products), config.alarm)
    return judged_pairs(judgments, pairs)


def describe_queries(
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    search_log: pl.DataFrame,
    products: pl.DataFrame,
    config: TrainingSets,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Variants of all texts, strata of all logged queries, and the slices of the judged ones."""
    variants = query_variants(pl.concat([queries["query"], search_log["query"].cast(pl.String)]))
    strata = query_strata(queries, config.strata)
    return variants, strata, query_slices(_judged(queries, judgments), strata, products, config.slices)


def split_judged_queries(
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    variants: pl.DataFrame,
    strata: pl.DataFrame,
    config: TrainingSets,
    seed: int,
) -> pl.DataFrame:
    """Train, validation and test by fold, variants of a query on one side."""
    return split_queries(_judged(queries, judgments), variants, strata, config.splits, seed=seed)


def _judged(queries: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
    """The queries that have a judgment."""
    return queries.join(judgments, on="query_id", how="semi", maintain_order="left")


def build_training_sets(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    search_log: pl.DataFrame,
    variants: pl.DataFrame,
    clusters: pl.DataFrame,
    splits: pl.DataFrame,
    config: TrainingSets,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Stage-1 pairs and stage-2 groups of every fold, and what each step of building them left."""
    counts = Counts()
    apart = held_out_products(splits, judgments, clusters, config.splits)
    shared: dict[str, Any] = {"seed": seed, "held_out_products": apart, "counts": counts}
    sources = config.stage1_sources
    pairs = stage1_pairs(queries, judgments, search_log, variants, splits, sources, products=products, **shared)
    groups = graded_groups(queries, judgments, clusters, splits, config.groups, **shared)
    for sentence in limited(counts.table()):
        logger.info(sentence)
    return pairs, groups, counts.table()


def count_leakage(
    splits: pl.DataFrame,
    variants: pl.DataFrame,
    judgments: pl.DataFrame,
    clusters: pl.DataFrame,
    pairs: pl.DataFrame,
    groups: pl.DataFrame,
) -> pl.DataFrame:
    """Held-out queries and products that training saw, themselves or in another guise."""
    read = ["fold", "query", "variant_group", "product_id"]
    return leakage(splits, variants, judgments, clusters, trained=pl.concat([pairs.select(read), groups.select(read)]))


def report_data(**tables: pl.DataFrame) -> dict[str, Any]:
    """What the data are, as a section of the page."""
    return data_section(**tables).model_dump(mode="json")  # type: ignore[arg-type]  # `sample` keeps its default


def render_data_page(section: dict[str, Any], config: Reporting, environment: str, seed: int) -> str:
    """The section as a page of its own, to be looked at before anything is trained."""
    titled = config.model_copy(update={"title": "The data"})
    return render([Section.model_validate(section)], titled, environment=environment, seed=seed)
