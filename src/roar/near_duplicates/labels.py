"""Pairs that people have labelled, by choice: read as they are written down, and what they say of the evidence's weights, as tables."""

import logging
from typing import NamedTuple

import polars as pl

from roar.errors import InputError
from roar.parameters import NearDuplicates
from roar.tables import require_columns

FEWEST = 20
"""Labelled pairs of either kind from which weights are fitted."""

logger = logging.getLogger(__name__)

SCORES = pl.Schema(
    {
        "weights": pl.String,
        "precision": pl.Float64,
        "recall": pl.Float64,
        "f1": pl.Float64,
        "same": pl.Int64,
        "different": pl.Int64,
    }
)
PARAMETERS = pl.Schema({"parameter": pl.String, "value": pl.Float64, "fitted": pl.Float64})


class Labelling(NamedTuple):
    """What a table of labelled pairs says, as tables; both are empty where there is none.

    Attributes:
        scores: weights (default, fitted), precision, recall, f1, same and different (labelled pairs of either kind). Fitted weights
            are scored on pairs that they did not see.
        parameters: parameter, value, fitted: of `near_duplicates.evidence`.
    """

    scores: pl.DataFrame
    parameters: pl.DataFrame


def read_labels(products: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The labelled pairs whose products the catalogue still holds, each once, the smaller id first.

    Args:
        products: product_id.
        labels: product_id_a, product_id_b, label, as people write them down: 0 and 1 as text, pairs in either order, or twice.

    Raises:
        InputError: a column is missing, a label is neither 0 nor 1, or a pair has both.
    """
    require_columns(labels, "duplicate_labels", ["product_id_a", "product_id_b", "label"], typed=False)
    ends = [pl.col(end).cast(pl.String) for end in ("product_id_a", "product_id_b")]
    pairs = labels.select(
        product_id_a=pl.min_horizontal(ends), product_id_b=pl.max_horizontal(ends), label="label"
    ).with_columns(pl.col("label").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False))
    wrong = labels.filter(~pairs["label"].is_in([0, 1]).fill_null(False))
    if len(wrong):
        raise InputError(
            f"duplicate_labels.label: expected 1 (one item) or 0 (two), found {wrong['label'][0]!r} for "
            f"{wrong['product_id_a'][0]!r} and {wrong['product_id_b'][0]!r}; mend it, or drop the row"
        )
    pairs = pairs.unique(maintain_order=True)
    twice = pairs.filter(pl.struct("product_id_a", "product_id_b").is_duplicated())
    if len(twice):
        raise InputError(
            f"duplicate_labels: {twice['product_id_a'][0]!r} and {twice['product_id_b'][0]!r} are labelled 1 and 0; keep one row"
        )
    known = pairs.filter(
        pl.all_horizontal(pl.col("product_id_a", "product_id_b").is_in(products["product_id"].implode()))
    )
    if len(known) < len(pairs):
        logger.info(
            "duplicate_labels: %d of %d pairs name a product that is not sold any more",
            len(pairs) - len(known),
            len(pairs),
        )
    return known.sort("product_id_a", "product_id_b")


def weigh_labels(products: pl.DataFrame, labels: pl.DataFrame, config: NearDuplicates) -> Labelling:
    """What labelled pairs say of the evidence's weights: `read_labels`, then `fit`; raises as they do.

    Too few to fit anything are no error: a warning says so, and the tables are empty.
    """
    from roar.near_duplicates.supervision import fit  # scikit-learn, which few need here

    nothing = Labelling(pl.DataFrame(schema=SCORES), pl.DataFrame(schema=PARAMETERS))
    if labels.is_empty():
        return nothing
    labelled = read_labels(products, labels)
    same = int(labelled["label"].sum())
    if min(same, len(labelled) - same) < FEWEST:
        logger.warning(
            "duplicate_labels: %d pairs of one item and %d of two are too few to fit weights; label %d of either kind",
            same,
            len(labelled) - same,
            FEWEST,
        )
        return nothing
    fitted = fit(products, labelled, config)
    rows = [
        (name, *scores, same, len(labelled) - same)
        for name, scores in (("default", fitted.unsupervised), ("fitted", fitted.cross_validated))
    ]
    before, after = config.evidence.model_dump(), fitted.config.evidence.model_dump()
    changed = [(name, float(before[name]), float(after[name])) for name in before if before[name] != after[name]]
    return Labelling(
        pl.DataFrame(rows, schema=SCORES, orient="row"), pl.DataFrame(changed, schema=PARAMETERS, orient="row")
    )


def with_fitted(config: NearDuplicates, parameters: pl.DataFrame) -> NearDuplicates:
    """The configuration with fitted parameters (`Labelling.parameters`).

    Raises:
        InputError: there are none.
    """
    if parameters.is_empty():
        raise InputError(
            f"near_duplicates.use_labels: expected {FEWEST} labelled pairs of either kind, found fewer; name their table in the catalog as "
            "duplicate_labels (product_id_a, product_id_b, label), or set use_labels to false"
        )
    fitted = dict(parameters.select("parameter", "fitted").iter_rows())
    return config.model_copy(update={"evidence": config.evidence.model_copy(update=fitted)})
