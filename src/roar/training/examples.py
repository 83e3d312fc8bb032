"""Training examples of both stages in one form: a query with the products that belong to it.

A stage-1 pair is a group of one product; a stage-2 group has several, graded. Held as flat arrays with offsets, so that
a group of any size costs what it holds and nothing is padded.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.schemas import GRADES

EXACT, IRRELEVANT = GRADES.index("exact"), GRADES.index("irrelevant")
UNGRADED = -1
"""Grade of a product that no rater has seen, and a teacher has."""


@dataclass(frozen=True)
class Examples:
    """E examples with M members in all; a product is an index into `product_text`.

    Members of example e are `start[e]:start[e + 1]`, and its positive (for the contrastive term) is the first of them.
    """

    query_text: list[str]  # E
    query_group: np.ndarray  # (E,) int64: variants of one question share a number
    start: np.ndarray  # (E + 1,) int64
    product: np.ndarray  # (M,) int64
    grade: np.ndarray  # (M,) int64, 0 … 3, or UNGRADED
    weight: np.ndarray  # (M,) float32
    product_text: list[str]  # the catalogue
    cluster: np.ndarray  # (products,) int64: near-duplicates share a number
    relevant: dict[int, np.ndarray] = field(default_factory=dict)  # query_group -> products known to answer it
    target: np.ndarray | None = None  # (M,) float32, what a teacher says of each member, NaN where it says nothing
    mined: bool = False  # members after an example's first are hard negatives, which a batch may do without

    def __len__(self) -> int:
        return len(self.query_text)

    def members_of(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Members of a batch of examples (M', int64), and how many each has (len(chosen),).

        A mined negative whose item stands in the batch already, as a positive or as another's negative, is left out: it is
        in every row's denominator once, and twice would weigh double. So a batch never holds two listings of one item.
        """
        sizes = self.start[chosen + 1] - self.start[chosen]
        positive = np.cumsum(sizes) - sizes
        member = np.repeat(self.start[chosen] - positive, sizes) + np.arange(sizes.sum())
        if not self.mined:
            return member, sizes
        example = np.repeat(np.arange(len(chosen)), sizes)
        first = np.concatenate([positive, np.setdiff1d(np.arange(len(member)), positive)])  # positives come first
        _, once = np.unique(self.cluster[self.product[member[first]]], return_index=True)
        kept = np.union1d(positive, first[once])
        return member[kept], np.bincount(example[kept], minlength=len(chosen))


def pair_examples(
    pairs: pl.DataFrame,
    products: pl.DataFrame,
    texts: pl.Series,
    clusters: pl.DataFrame,
    negatives: pl.DataFrame | None = None,
) -> Examples:
    """Examples of stage 1: one per pair, its product first, then the hard negatives mined for it.

    Args:
        pairs: one fold of `stage1_pairs`.
        products: product_id, in the order of `texts`.
        texts: what the encoder reads of each product.
        clusters: product_id, cluster_id.
        negatives: the same fold's query, positive (the pair's product), product_id; None or empty: pairs alone.

    Raises:
        InputError: there is no pair, or only one.
    """
    graded = pairs.with_columns(grade=pl.lit(EXACT, dtype=pl.Int64), example=pl.int_range(pl.len()))
    if negatives is None or negatives.is_empty():
        return _examples("stage1_pairs", graded, graded, products, texts, clusters)
    mined = negatives.select("query", "positive", negative="product_id")
    further = graded.join(
        mined, left_on=["query", "product_id"], right_on=["query", "positive"], maintain_order="left_right"
    )
    further = further.with_columns(product_id="negative", grade=pl.lit(IRRELEVANT, dtype=pl.Int64)).select(
        graded.columns
    )
    members = pl.concat([graded, further]).sort("example", maintain_order=True)
    return replace(_examples("stage1_pairs", members, graded, products, texts, clusters), mined=True)


def group_examples(
    groups: pl.DataFrame,
    pairs: pl.DataFrame,
    products: pl.DataFrame,
    texts: pl.Series,
    clusters: pl.DataFrame,
    taught: pl.DataFrame | None = None,
) -> Examples:
    """Examples of stage 2: one per graded group, best grade first; behind them, and in groups of their own, what a teacher scored.

    Args:
        groups: one fold of `graded_groups`.
        pairs: the same fold of `stage1_pairs`: what else is known to answer these queries.
        products: product_id, in the order of `texts`.
        texts: what the encoder reads of each product.
        clusters: product_id, cluster_id.
        taught: query_id, query, variant_group, product_id, target (`roar.training.taught`); None: no teacher.

    Raises:
        InputError: there is no group, or only one.
    """
    graded = groups.with_columns(grade=pl.col("grade").to_physical().cast(pl.Int64))
    if taught is None:
        return _examples(
            "graded_groups", graded.with_columns(example=pl.col("query_id").rle_id()), pairs, products, texts, clusters
        )
    members = _with_taught(graded, taught)
    targets = members["target"].fill_null(np.nan).to_numpy().astype(np.float32)
    return replace(_examples("graded_groups", members, pairs, products, texts, clusters), target=targets)


def _with_taught(graded: pl.DataFrame, taught: pl.DataFrame) -> pl.DataFrame:
    """Groups with the teacher's targets, and its further products behind the graded ones; `example` as the queries come."""
    keys = ["query_id", "product_id"]
    judged = graded.join(taught.select(*keys, "target"), on=keys, how="left", maintain_order="left")
    further = taught.join(graded, on=keys, how="anti", maintain_order="left").with_columns(
        grade=pl.lit(UNGRADED, pl.Int64), weight=pl.lit(1.0)
    )
    columns = ["query_id", "query", "variant_group", "product_id", "grade", "weight", "target"]
    members = pl.concat([judged.select(columns), further.select(columns)]).with_row_index("place")
    first = pl.col("place").min().over("query_id")
    return members.with_columns(example=first.rank("dense")).sort("example", "place")


def _examples(
    table: str,
    graded: pl.DataFrame,
    relevant: pl.DataFrame,
    products: pl.DataFrame,
    texts: pl.Series,
    clusters: pl.DataFrame,
) -> Examples:
    if graded.is_empty():
        raise InputError(
            f"table {table} is empty: there is nothing to train on; see the data section of the report for why."
        )
    index = (
        products.select("product_id")
        .with_row_index("product")
        .join(clusters, on="product_id", how="left", maintain_order="left")
    )
    groups = (
        pl.concat([graded["variant_group"], relevant["variant_group"]])
        .unique()
        .sort()
        .to_frame()
        .with_row_index("group")
    )
    members = graded.join(index, on="product_id", maintain_order="left").join(
        groups, on="variant_group", maintain_order="left"
    )
    first = members.group_by("example", maintain_order=True).agg(
        pl.col("query").first(), pl.col("group").first(), pl.len()
    )
    known = (
        relevant.join(index, on="product_id")
        .join(groups, on="variant_group")
        .group_by("group")
        .agg(pl.col("product").unique().sort())
    )
    if len(first) == 1:
        raise InputError(
            f"table {table}: its only example is the query {first['query'][0]!r}; without another query there are no negatives."
        )
    return Examples(
        query_text=first["query"].to_list(),
        query_group=first["group"].cast(pl.Int64).to_numpy(),
        start=np.concatenate([[0], first["len"].cast(pl.Int64).to_numpy().cumsum()]),
        product=members["product"].cast(pl.Int64).to_numpy(),
        grade=members["grade"].to_numpy(),
        weight=members["weight"].cast(pl.Float32).to_numpy(),
        product_text=texts.to_list(),
        cluster=index["cluster_id"].fill_null(index["product_id"]).rank("dense").cast(pl.Int64).to_numpy(),
        relevant={group: np.asarray(found, dtype=np.int64) for group, found in known.iter_rows()},
    )
