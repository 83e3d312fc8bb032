"""Test queries written differently, to see what of a metric is kept: slips, spaces, order, units.

The edits are those of augmentation, under the same guards: no slip makes another word of the shop, and the attributes
that near-duplicate detection reads stay the same. They are never trained on.
"""

import polars as pl

from roar.parameters import AugmentationSource, EditKinds
from roar.training_sets.augmentation import augmented, words_of


def reworded(queries: pl.DataFrame, products: pl.DataFrame, kinds: EditKinds, *, seed: int) -> pl.DataFrame:
    """Edit each query once, in a way drawn for it.

    Args:
        queries: query_id, query.
        products: title, whose words no slip may make.
        kinds: weights of the edits.
        seed: of the draws; a query's edit depends on the seed and its text alone.

    Returns:
        query_id, query (the edited text), edit (its kind), as_typed; queries that no edit fits are left out.
    """
    pairs = queries.select("query", variant_group="query", product_id="query_id", weight=pl.lit(1.0))
    nothing = pl.Series("query", [], dtype=pl.String)
    config = AugmentationSource(copies=1, kinds=kinds)
    edited = augmented(pairs, nothing, words_of(products["title"]), {}, config, seed=seed)
    return edited.select(query_id="product_id", query="query", edit="provenance", as_typed="variant_group").sort(
        "query_id"
    )
