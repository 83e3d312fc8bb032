"""The public functions: products in, pairs and clusters out.

Rows are put in the order of `product_id` first, so that results do not depend on the order of the input.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.near_duplicates import candidates as candidate_search
from roar.near_duplicates import clusters
from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.evidence import explain
from roar.near_duplicates.learning import Weights, learned_table
from roar.near_duplicates.profiles import Profiles
from roar.near_duplicates.verification import learn_from, score, score_and_learn
from roar.parameters import DuplicateCandidates, DuplicateEvidence, NearDuplicates
from roar.tables import require_columns

ACCEPT = 0.5
"""Similarity from which two listings are one item."""

NEAR_MISSES = 50
"""Refused pairs that are kept to be looked at."""

CONTEXT = 50_000
"""Products from which clustering learns how rare words are."""

logger = logging.getLogger(__name__)

_OPTIONAL = {"description": pl.String, "brand": pl.String, "attributes": pl.String, "price": pl.Float64}


class Steps(NamedTuple):
    """The steps that all products take part in, as whoever runs them does them."""

    search: Callable[[pl.DataFrame, int, DuplicateCandidates], tuple[np.ndarray, np.ndarray]] = candidate_search.search
    """Candidates of products by their terms."""
    compare: Callable[[Profiles], Comparison] = Comparison.of
    """What tells the evidence of pairs."""
    partition: Callable[..., np.ndarray] = clusters.partition
    """Clusters of products by accepted pairs; its `Verify` can be pickled."""


def find_pairs(
    products: pl.DataFrame, config: NearDuplicates | None = None, *, steps: Steps | None = None
) -> pl.DataFrame:
    """Find the pairs of listings that are one item.

    Args:
        products: the contract's products; `product_id` and `title` are needed, other columns help where they are there.
        config: the parameters; the defaults if None.
        steps: in this process if None.

    Returns:
        `product_id_a` < `product_id_b`, `similarity` (0.5 … 1), `evidence`; sorted by the ids.

    Raises:
        InputError: a column is missing or of the wrong type, or ids are null or repeated.


    Examples:
        >>> titles = ["Kest espresso machine X200 black", "Kest X200 espresso machine, black", "Kest espresso machine X300 black"]
        >>> pairs = find_pairs(pl.DataFrame({"product_id": ["a", "b", "c"], "title": titles}))
        >>> pairs.select("product_id_a", "product_id_b").rows()
        [('a', 'b')]
    """
    products = prepared(products)
    return _judged(Profiles.read(products), config or NearDuplicates(), steps or Steps()).accepted(products)


class Deduplicated(NamedTuple):
    """What a catalogue holds twice, and what shows how far that can be trusted.

    Attributes:
        pairs: as `find_pairs` returns them.
        clusters: as `cluster` returns them.
        near_misses: the `NEAR_MISSES` refused pairs nearest to being accepted, in the columns of `pairs`, the nearest first; none
            that a contradiction excludes.
        learned: what the catalogue taught (`learning.learned_table`); empty where nothing was to be learned.
    """

    pairs: pl.DataFrame
    clusters: pl.DataFrame
    near_misses: pl.DataFrame
    learned: pl.DataFrame


def deduplicate(
    products: pl.DataFrame, config: NearDuplicates | None = None, *, steps: Steps | None = None
) -> Deduplicated:
    """`find_pairs` and `cluster`, with texts read once: what most of the time is spent on. Raises as `find_pairs` does.

    Examples:
        >>> titles = ["Kest espresso machine X200 black", "Kest X200 espresso machine, black"]
        >>> deduplicate(pl.DataFrame({"product_id": ["a", "b"], "title": titles})).clusters.rows()
        [('a', 'a'), ('b', 'a')]
    """
    config, steps = config or NearDuplicates(), steps or Steps()
    products = prepared(products)
    profiles = Profiles.read(products)
    judged = _judged(profiles, config, steps)
    pairs = judged.accepted(products)
    clusters = _clusters(products, pairs, profiles.of, config, steps)
    return Deduplicated(pairs, clusters, judged.near_misses(products), learned_table(judged.weights))


class _Judged(NamedTuple):
    """Candidates (rows `a`, `b`), how similar they are, and by what."""

    a: np.ndarray
    b: np.ndarray
    similarity: np.ndarray
    profiles: Profiles
    comparison: Comparison
    weights: Weights | None

    def accepted(self, products: pl.DataFrame) -> pl.DataFrame:
        """Those that are one item."""
        return self._named(products, self.similarity >= ACCEPT)

    def _named(self, products: pl.DataFrame, which: np.ndarray) -> pl.DataFrame:
        """Those `which`, with their ids and their evidence."""
        pairs = pl.DataFrame({"a": self.a[which], "b": self.b[which], "similarity": self.similarity[which]})
        explained = _explained(self.comparison, self.profiles, pairs, self.weights)
        return _with_ids(products, pairs).with_columns(evidence=explained)

    def near_misses(self, products: pl.DataFrame) -> pl.DataFrame:
        """The refused pairs nearest to being accepted, the nearest first."""
        refused = np.flatnonzero((self.similarity < ACCEPT) & (self.similarity > 0))
        if len(refused) > NEAR_MISSES:  # a sort of them all would take as long as much of the rest
            least = -np.partition(-self.similarity[refused], NEAR_MISSES - 1)[NEAR_MISSES - 1]
            refused = refused[self.similarity[refused] >= least]
        nearest = refused[np.lexsort((self.b[refused], self.a[refused], -self.similarity[refused]))]
        return self._named(products, nearest[:NEAR_MISSES])


def _judged(profiles: Profiles, config: NearDuplicates, steps: Steps) -> _Judged:
    a, b = steps.search(profiles.traits, profiles.size, config.candidates)
    comparison = steps.compare(profiles)
    if not config.evidence.learn:
        return _Judged(a, b, score(comparison, a, b, config.evidence)[0], profiles, comparison, None)
    similarity, _, weights = score_and_learn(comparison, a, b, config.evidence)
    logger.info("%s", weights.said())
    return _Judged(a, b, similarity, profiles, comparison, weights)


def candidate_pairs(products: pl.DataFrame, config: NearDuplicates | None = None) -> pl.DataFrame:
    """Find the pairs that are worth verifying: `product_id_a` < `product_id_b`, sorted. Raises as `find_pairs` does."""
    config = config or NearDuplicates()
    products = prepared(products)
    terms = Profiles.read(products).traits
    a, b = candidate_search.search(terms, len(products), config.candidates)
    return _with_ids(products, pl.DataFrame({"a": a, "b": b}))


def verify(products: pl.DataFrame, candidates: pl.DataFrame, config: NearDuplicates | None = None) -> pl.DataFrame:
    """Judge given pairs.

    Args:
        products: as for `find_pairs`; also the catalogue that tells rare words from common ones.
        candidates: `product_id_a`, `product_id_b`, in any order, and any further columns, which are kept.
        config: the parameters; the defaults if None.

    Returns:
        `candidates` with `similarity` (0 … 1; 0 where vetoed), `accepted`, `conflict` (a veto) and `evidence`.

    Raises:
        InputError: as `find_pairs`; or a pair names a product that is not there, or one product twice.


    Examples:
        Another model's number contradicts.

        >>> titles = ["Kest espresso machine X200 black", "Kest espresso machine X300 black"]
        >>> products = pl.DataFrame({"product_id": ["a", "b"], "title": titles})
        >>> judged = verify(products, pl.DataFrame({"product_id_a": ["a"], "product_id_b": ["b"]}))
        >>> judged.select("similarity", "accepted", "conflict").rows()
        [(0.0, False, True)]
    """
    config = config or NearDuplicates()
    products = prepared(products)
    a, b = rows_of(products, candidates)
    profiles = Profiles.read(products)
    comparison = Comparison.of(profiles)
    weights = None
    if config.evidence.learn:
        near = candidate_search.search(profiles.traits, profiles.size, config.candidates)
        weights = score_and_learn(comparison, *near, config.evidence)[2]
    similarity, veto = score(comparison, a, b, config.evidence, weights)
    return candidates.with_columns(
        similarity=similarity,
        accepted=similarity >= ACCEPT,
        conflict=veto,
        evidence=_explained(comparison, profiles, pl.DataFrame({"a": a, "b": b}), weights),
    )


def cluster(products: pl.DataFrame, pairs: pl.DataFrame, config: NearDuplicates | None = None) -> pl.DataFrame:
    """Group products along accepted pairs so that no two members of a cluster contradict each other.

    Args:
        products: as for `find_pairs`.
        pairs: what `find_pairs` returned: `product_id_a`, `product_id_b`, `similarity`.
        config: the parameters; the defaults if None.

    Returns:
        `product_id` (every product, sorted), `cluster_id` (the smallest product id of the cluster).

    Raises:
        InputError: as `verify`.


    Examples:
        >>> titles = ["Kest espresso machine X200 black", "Kest X200 espresso machine, black", "Kest espresso machine X300 black"]
        >>> products = pl.DataFrame({"product_id": ["a", "b", "c"], "title": titles})
        >>> cluster(products, find_pairs(products)).rows()
        [('a', 'a'), ('b', 'a'), ('c', 'c')]
    """
    products = prepared(products)
    require_columns(pairs, "pairs", ["similarity"])
    return _clusters(products, pairs, lambda rows: Profiles.read(products[rows]), config or NearDuplicates(), Steps())


def _clusters(
    products: pl.DataFrame,
    pairs: pl.DataFrame,
    profiles_of: Callable[[np.ndarray], Profiles],
    config: NearDuplicates,
    steps: Steps,
) -> pl.DataFrame:
    a, b = rows_of(products, pairs)
    read = _worth_reading(len(products), a, b)
    comparison = Comparison.of(profiles_of(read))
    places = np.searchsorted(read, a), np.searchsorted(read, b)
    weights = learn_from(comparison, *places, config.evidence) if config.evidence.learn else None
    alone = config.evidence.model_copy(update={"competition": 0.0, "rivalry": False, "learn": False})
    judge = partial(_alone, comparison=comparison, read=read, config=alone, weights=weights)
    similarity = pairs["similarity"].cast(pl.Float64).to_numpy()
    label = steps.partition(len(products), np.minimum(a, b), np.maximum(a, b), similarity, judge, config.clusters)
    ids = products["product_id"]
    return pl.DataFrame({"product_id": ids, "cluster_id": ids.gather(label)})


def _alone(
    a: np.ndarray,
    b: np.ndarray,
    *,
    comparison: Comparison,
    read: np.ndarray,
    config: DuplicateEvidence,
    weights: Weights | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Similarity and veto of each pair by itself; `read`: the products (sorted rows) that `comparison` knows."""
    return score(comparison, np.searchsorted(read, a), np.searchsorted(read, b), config, weights)


def _explained(comparison: Comparison, profiles: Profiles, pairs: pl.DataFrame, weights: Weights | None) -> pl.Series:
    """The evidence on pairs (`a`, `b`) in words."""
    comparison = comparison.naming(weights.aliases) if weights else comparison
    one_brand = comparison.one_brand(pairs["a"].to_numpy(), pairs["b"].to_numpy())
    return explain(profiles, pairs, weights, one_brand)


def _worth_reading(products: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sorted rows that clustering needs: those in pairs, and enough others to know rare words by."""
    return np.unique(np.concatenate([a, b, np.arange(min(products, CONTEXT))]))


def prepared(products: pl.DataFrame) -> pl.DataFrame:
    """The columns that are read, checked, in the order of `product_id`."""
    require_columns(products, "products", [])
    for column in ("product_id", "title"):
        if products.schema.get(column) != pl.String:
            found = products.schema.get(column, "no such column")
            raise InputError(f"products.{column}: expected text, found {found}; map or cast the column before")
    ids = products["product_id"]
    if ids.null_count() or ids.n_unique() < len(ids):
        first = None if ids.null_count() else ids.filter(ids.is_duplicated())[0]
        raise InputError(
            f"products.product_id: expected unique ids, found {first!r} missing or repeated; drop such rows"
        )
    for column, dtype in _OPTIONAL.items():
        if column not in products.columns or products.schema[column] == pl.Null:
            products = products.with_columns(pl.lit(None, dtype=dtype).alias(column))
        elif (dtype == pl.String) != (products.schema[column] == pl.String) or not (
            dtype == pl.String or products.schema[column].is_numeric()
        ):
            raise InputError(
                f"products.{column}: expected {dtype}, found {products.schema[column]}; cast the column before"
            )
    return products.select("product_id", "title", *_OPTIONAL).sort("product_id")


def rows_of(products: pl.DataFrame, pairs: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The pairs as places in `products`."""
    place = products.select("product_id", place=pl.int_range(pl.len(), dtype=pl.Int64))
    ends = []
    for column in ("product_id_a", "product_id_b"):
        if pairs.schema.get(column) != pl.String:
            raise InputError(
                f"pairs.{column}: expected product ids as text; name the two columns product_id_a and product_id_b"
            )
        joined = pairs.select(product_id=column).join(place, on="product_id", how="left", maintain_order="left")
        if joined["place"].null_count():
            unknown = joined.filter(pl.col("place").is_null())["product_id"][0]
            raise InputError(
                f"pairs.{column}: {unknown!r} is not among the products; give the products the pairs were found in"
            )
        ends.append(joined["place"].to_numpy())
    if (ends[0] == ends[1]).any():
        raise InputError(
            f"pairs: product {pairs['product_id_a'][int(np.argmax(ends[0] == ends[1]))]!r} is paired with itself; drop it"
        )
    return ends[0], ends[1]


def _with_ids(products: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    ids = products["product_id"]
    named = pairs.select(product_id_a=ids.gather(pairs["a"]), product_id_b=ids.gather(pairs["b"]))
    return pl.concat([named, pairs.drop("a", "b")], how="horizontal")
