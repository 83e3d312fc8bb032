"""Hard negatives: products that an encoder finds close to a query and that do not answer it, as far as one can know.

The nearest products of a query are, often enough, answers that nobody labelled. So a candidate is kept only where it scores
clearly below the query's own positive (positive-aware mining: NV-Retriever, arXiv 2407.15831), and never where it, or a
near-duplicate of it, is known to answer the question under any spelling. A product that contradicts what the query asks for (128 GB
where 64 GB is wanted) needs no such distance: its own text says that it is wrong (`hard_negatives.kind`).

Cost: one FAISS search per distinct query, in blocks. With the exact index that is queries x products x dimensions
multiplications and, in memory, one block of queries x (skip + depth) scores; an approximate index is a parameter.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from tqdm import tqdm

from roar.attributes import agreement
from roar.errors import InputError
from roar.parameters import HardNegatives
from roar.retrieval import ProductIndex

logger = logging.getLogger(__name__)

BLOCK = 1024
"""Queries searched at a time."""

SCHEMA = {
    "example": pl.Int64,
    "product_id": pl.String,
    "rank": pl.Int64,
    "score": pl.Float64,
    "positive_score": pl.Float64,
    "contradicts": pl.Boolean,
}

FOUND = ("example", "rank", "score", "positive_score", "contradicts", "product")

Embed = Callable[[list[str]], np.ndarray]
"""n query texts to float32 unit rows (n, dim)."""


@dataclass(frozen=True)
class Catalogue:
    """N products as an encoder sees them: ids, unit rows (N, dim), the index over them, and the item of each."""

    product_ids: pl.Series
    vectors: np.ndarray
    index: ProductIndex
    items: pl.DataFrame
    """`product` (place in `product_ids`), `item` (the near-duplicate cluster, or the product itself)."""

    @classmethod
    def of(
        cls, product_ids: pl.Series, vectors: np.ndarray, clusters: pl.DataFrame, config: HardNegatives
    ) -> "Catalogue":
        """Index the vectors.

        Raises:
            InputError: FAISS cannot build `config.index`.
        """
        try:
            index = ProductIndex.build(vectors, product_ids, config.index)
        except InputError as error:
            message = str(error).replace("evaluation.index", "training_sets.hard_negatives.index")
            raise InputError(message) from error
        items = (
            product_ids.alias("product_id")
            .to_frame()
            .join(clusters.select("product_id", "cluster_id"), on="product_id", how="left", maintain_order="left")
        )
        places = pl.int_range(pl.len(), dtype=pl.Int64)
        return cls(
            product_ids, vectors, index, items.select(product=places, item=pl.coalesce("cluster_id", "product_id"))
        )

    def rows(self, table: pl.DataFrame) -> pl.DataFrame:
        """`table` with `product` and `item` for its `product_id`; rows of unknown products are left out."""
        known = self.items.with_columns(product_id=self.product_ids)
        return table.join(known, on="product_id", maintain_order="left")


def mine(
    examples: pl.DataFrame,
    known: pl.DataFrame,
    catalogue: Catalogue,
    embed: Embed,
    keep: int,
    config: HardNegatives | None = None,
    *,
    without: pl.Series | None = None,
    stated: pl.DataFrame | None = None,
    rejected: pl.DataFrame | None = None,
    progress: str = "",
) -> pl.DataFrame:
    """Find up to `keep` hard negatives for each example.

    Args:
        examples: example (Int64), query, variant_group, product_id: a row per positive. Where an example has several, a
            negative is held against their mean score.
        known: variant_group, product_id: what answers a question. These, and all their near-duplicates, are no negatives
            of any spelling of it; nor are the positives.
        catalogue: what is searched.
        embed: encodes queries with the encoder that encoded the catalogue.
        keep: negatives of one example, the nearest that qualify; no two are listings of one item.
        config: the rules.
        without: ids of products that must not train; None leaves out none.
        stated: what products state (`roar.attributes.agreement.stated`); read where `config.kind` asks for contradictions.
        rejected: query, product_id that a teacher takes for no answer: only these are negatives then; None asks no teacher.
        progress: what a progress bar says; empty for none.

    Returns:
        example, product_id, rank (from 1, among all products), score, positive_score (cosines in [-1, 1]), contradicts (false where
        nobody looked); by example, those that contradict first, then the nearest. Examples without a candidate that qualifies have no row.
    """
    config = config or HardNegatives()
    positives = catalogue.rows(examples)
    answers = pl.concat([catalogue.rows(table).select("variant_group", "item") for table in (known, examples)]).unique()
    barred = pl.DataFrame({"product_id": pl.Series([] if without is None else without, dtype=pl.String)})
    barred = catalogue.rows(barred.unique()).select("product")
    found = [
        _qualify(block, near, answers, barred, keep, config, None if rejected is None else catalogue.rows(rejected))
        for block, near in _blocks(positives, catalogue, embed, config, progress, stated)
    ]
    mined = pl.concat(found) if found else pl.DataFrame(schema={name: SCHEMA.get(name, pl.Int64) for name in FOUND})
    named = mined.with_columns(product_id=catalogue.product_ids.gather(mined["product"])).select(*SCHEMA)
    logger.info(
        "%d hard negatives for %d of %d examples",
        len(named),
        named["example"].n_unique(),
        examples["example"].n_unique(),
    )
    return named.sort("example", ~pl.col("contradicts"), "rank")


def _blocks(
    positives: pl.DataFrame,
    catalogue: Catalogue,
    embed: Embed,
    config: HardNegatives,
    progress: str,
    stated: pl.DataFrame | None,
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Per block of queries: its examples with `positive_score`, and the nearest products of each query."""
    queries = positives.select(pl.col("query").unique()).sort("query")
    starts = range(0, len(queries), BLOCK)
    for start in tqdm(starts, desc=progress, unit="block", disable=not progress):
        block = queries.slice(start, BLOCK).with_row_index("row")
        vectors = embed(block["query"].to_list())
        own = positives.join(block, on="query", maintain_order="left")
        cosine = np.einsum("nd,nd->n", vectors[own["row"].to_numpy()], catalogue.vectors[own["product"].to_numpy()])
        own = own.with_columns(positive_score=pl.Series(cosine, dtype=pl.Float64))
        per_example = own.group_by("example", "row", "query", "variant_group", maintain_order=True).agg(
            pl.col("positive_score").mean()
        )
        yield per_example, _contradicting(block, _nearest(catalogue, vectors, config), catalogue, stated)


def _contradicting(
    queries: pl.DataFrame, near: pl.DataFrame, catalogue: Catalogue, stated: pl.DataFrame | None
) -> pl.DataFrame:
    """`near` with `contradicts`: whether the product's text contradicts what the query asks for."""
    if stated is None:
        return near.with_columns(contradicts=pl.lit(False))
    texts = queries.select(pl.col("row").cast(pl.String).alias("query_id"), "query")
    pairs = near.with_columns(
        query_id=pl.col("row").cast(pl.String), product_id=catalogue.product_ids.gather(near["product"])
    )
    against = agreement.contradictions(pairs, agreement.asked(texts), stated).select(agreement.PAIR).unique()
    marked = pairs.join(against.with_columns(contradicts=True), on=agreement.PAIR, how="left", maintain_order="left")
    return marked.select(*near.columns, pl.col("contradicts").fill_null(False))


def _nearest(catalogue: Catalogue, vectors: np.ndarray, config: HardNegatives) -> pl.DataFrame:
    """`row` of the query, `product`, `item`, `rank`, `score`: the products ranked skip + 1 to skip + depth."""
    score, product = catalogue.index.search(vectors, config.skip + config.depth)
    rank = np.broadcast_to(np.arange(1, score.shape[1] + 1), score.shape)
    row = np.repeat(np.arange(len(vectors), dtype=np.uint32), score.shape[1])
    table = pl.DataFrame(
        {"row": row, "product": product.reshape(-1), "rank": rank.reshape(-1), "score": score.reshape(-1)},
        schema={"row": pl.UInt32, "product": pl.Int64, "rank": pl.Int64, "score": pl.Float64},
    )
    found = table.filter((pl.col("product") >= 0) & (pl.col("rank") > config.skip))
    return found.join(catalogue.items, on="product", maintain_order="left")


def _qualify(
    examples: pl.DataFrame,
    near: pl.DataFrame,
    answers: pl.DataFrame,
    barred: pl.DataFrame,
    keep: int,
    config: HardNegatives,
    rejected: pl.DataFrame | None,
) -> pl.DataFrame:
    """The candidates of a block that every rule admits, `keep` an example."""
    allowed = near.join(barred, on="product", how="anti", maintain_order="left")
    candidates = examples.join(allowed, on="row")
    if rejected is not None:
        candidates = candidates.join(rejected, on=["query", "product"], how="semi", maintain_order="left")
    return (
        candidates.filter(_QUALIFIES[config.kind](pl.col("score") < _ceiling(pl.col("positive_score"), config)))
        .join(answers, on=["variant_group", "item"], how="anti")
        .sort("example", ~pl.col("contradicts"), "rank")
        .unique(["example", "item"], keep="first", maintain_order=True)
        .group_by("example", maintain_order=True)
        .head(keep)
        .select(*FOUND)
    )


_QUALIFIES: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "mined": lambda below: below,
    "contradicting": lambda below: pl.col("contradicts"),
    "both": lambda below: below | pl.col("contradicts"),
}
"""What makes a near product a negative, by `hard_negatives.kind`: scoring below the positive, contradicting, or either."""


def _ceiling(positive: pl.Expr, config: HardNegatives) -> pl.Expr:
    """What a negative must score below; a share of the positive's score is a distance from it, negative scores included."""
    rules = []
    if config.relative is not None:
        rules.append(positive - (1 - config.relative) * positive.abs())
    if config.absolute is not None:
        rules.append(positive - config.absolute)
    return pl.min_horizontal(rules) if rules else pl.lit(float("inf"))
