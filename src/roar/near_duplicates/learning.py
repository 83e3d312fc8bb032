"""What evidence is worth in this catalogue, learned from the catalogue itself, without labels.

Listings whose titles state the same model number are, as a rule, one item. So model numbers are anchors, in the sense of
Fellegi and Sunter's model of record linkage: what they tell of the products that have them says how far everything else can
be trusted where they are missing. How many products have a second listing at all they tell `prior`.

Where a column's values differ in most sure pairs, a difference says nothing: shops keep their own category trees. The log
likelihood ratio of a difference is log(m / u), with m its share among sure pairs and u near 1. It is shrunk towards what holds for
catalogues on average, by as much as a few dozen pairs.

References:
    Fellegi and Sunter (1969), A Theory for Record Linkage.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from roar.attributes.declared import MODEL_KEYS
from roar.near_duplicates.comparison import ENOUGH, UNLIKE, USUAL, Comparison
from roar.near_duplicates.prior import Prior
from roar.parameters import DuplicateEvidence

MOST = 200_000
"""Sure pairs from which is learned, at most."""

SILENT = 0.25
"""Weight below which a difference says nothing worth a word."""

PRIVATE, TRANSLATES, VALUES = 0.5, 3.0, 8
"""Two vocabularies: the share of pairs that differ, how much oftener than by chance values meet, and how many they are, at least."""


@dataclass(frozen=True)
class Weights:
    """What evidence is worth in a catalogue."""

    prior: Prior
    anchors: int
    """Products whose titles state a model number."""
    others: int
    """Those that do not."""
    columns: pl.DataFrame
    """`dimension`, `differs` (share of sure pairs in which it differs), `pairs` (sure pairs that both state it), `weight` of a
    difference (0 … 1)."""
    aliases: pl.DataFrame
    """`brand`, `other`: names of one brand."""
    usual_gap: float | None
    """How far prices of one item differ as a rule, in logarithms; None where nothing tells."""

    @property
    def idle(self) -> pl.DataFrame:
        """`dimension`, `idle`: columns whose differences say nothing here, and why, in words."""
        share = (100 * pl.col("differs")).round().cast(pl.Int64)
        because = pl.format(" (says nothing here: it differs in {}% of sure pairs)", share)
        return self.columns.filter(pl.col("weight") < SILENT).select("dimension", idle=because)

    def said(self) -> str:
        """What was learned, in words."""
        prior = self.prior
        if prior.listed_twice is None:
            return "too few products to tell how many have a second listing"
        twice = (
            f"{prior.listed_twice:.0%} of products have a second listing, by {self.anchors:,} that state model numbers"
        )
        doubt = f", which divides the odds of a pair by {np.exp(-prior.odds):.1f}" if prior.odds < 0 else ""
        found = f"words alone would find one for {prior.by_words:.0%} of the others"
        return f"{twice}{doubt}; {found}" + (
            ", so what only one title says makes two items" if prior.listed_once else ""
        )


LEARNED = pl.Schema(
    {"kind": pl.String, "name": pl.String, "pairs": pl.Int64, "share": pl.Float64, "weight": pl.Float64}
)


def learned_table(weights: Weights | None) -> pl.DataFrame:
    """What was learned, as a table.

    Returns:
        kind, name, pairs, share, weight. `column`: sure pairs that both state it, the share of them in which it differs, what a
        difference weighs (0 … 1). `prior`: products that state a model number, the share of products with a second listing, the
        factor of every pair's odds; none in a catalogue too small to tell. `words`, likewise: the other products, the share of them for which words alone would find one, and what
        one side's words then take off (`Prior.unlike`). Empty where nothing was learned.
    """
    if weights is None:
        return pl.DataFrame(schema=LEARNED)
    columns = weights.columns.sort("pairs", "dimension", descending=[True, False]).select(
        kind=pl.lit("column"), name="dimension", pairs="pairs", share="differs", weight="weight"
    )
    prior = weights.prior
    told = [
        ("prior", "second listing", weights.anchors, prior.listed_twice, float(np.exp(prior.odds))),
        ("words", "second listing", weights.others, prior.by_words, prior.unlike),
    ]
    told = told if prior.listed_twice is not None else []
    return pl.concat([pl.DataFrame(told, schema=LEARNED, orient="row"), columns.cast(LEARNED)])


def sure_pairs(comparison: Comparison, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of the pairs that share a model number, and that nothing contradicts strictly."""
    known = comparison.numbered
    stated = np.flatnonzero(known[a] & known[b])
    same = stated[comparison.models_compared(a[stated], b[stated])[0]]
    same = same[:: max(1, len(same) // MOST)]
    _, vetoes, _ = comparison.facts_compared(a[same], b[same])
    sure = same[vetoes == 0]
    return a[sure], b[sure]


def mutually_best(a: np.ndarray, b: np.ndarray, text: np.ndarray, products: int, least: float) -> np.ndarray:
    """Places of the pairs that are each other's best by words, and at least so much alike; `MOST` at most, spread evenly."""
    best = np.zeros(products)
    for side in (a, b):
        np.maximum.at(best, side, text)
    mutual = np.flatnonzero((text >= least) & (text == best[a]) & (text == best[b]))
    return mutual[:: max(1, len(mutual) // MOST)]


def learn_prices(comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> float | None:
    """The usual gap of prices, where model numbers do not tell it: that of pairs that are each other's best by words.

    Many of these are no pairs, so the median speaks (an exponential spread has its mean at median / log 2), and never for less than
    the gap that `price_factor` stands for.
    """
    gaps = comparison.price_gaps(a, b)
    gaps = gaps[np.isfinite(gaps)]
    if comparison.usual_gap is not None or len(gaps) < ENOUGH:
        return comparison.usual_gap
    return max(float(np.median(gaps)) / np.log(2), np.log(config.price_factor) / (USUAL + UNLIKE))


def learn_trees(
    comparison: Comparison, a: np.ndarray, b: np.ndarray, columns: pl.DataFrame, config: DuplicateEvidence
) -> pl.DataFrame:
    """`columns` where words alone tell that one is two vocabularies: model numbers are silent on it, its values differ in most of the
    pairs (`a`, `b`) that are each other's best, and one value translates into the other.

    Variants of a line differ as well, but a colour stands beside any other colour, whereas a shelf of one shop's tree stands
    beside one or two of the other's.
    """
    stated, differs = comparison.dimensions_compared(a, b)
    counted = pl.DataFrame(
        {"dimension": comparison.dimensions, "stated": stated, "share": differs / np.maximum(stated, 1)}
    )
    silent = columns.filter((pl.col("pairs") < config.learning_pairs) & pl.col("dimension").str.starts_with("“"))
    silent = silent.join(counted.filter((pl.col("stated") >= ENOUGH) & (pl.col("share") >= PRIVATE)), on="dimension")
    told = []
    for dimension, pairs, share in silent.select("dimension", "stated", "share").iter_rows():
        one, other = comparison.values(dimension, a), comparison.values(dimension, b)
        both = (one >= 0) & (other >= 0)
        if _translates(one[both], other[both]):
            told.append((dimension, share, pairs, float(np.log(share) / np.log(config.usual_difference))))
    if not told:
        return columns
    table = pl.DataFrame(told, schema=columns.schema, orient="row")
    return pl.concat([columns.join(table, on="dimension", how="anti"), table])


def _translates(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether values stand beside the same others `TRANSLATES` times as often as by chance."""
    beside = pl.DataFrame({"x": np.concatenate([one, other]), "y": np.concatenate([other, one])})

    def repeated(*by: str) -> float:
        n = beside.group_by(by).len()["len"].cast(pl.Float64)
        return float((n * (n - 1)).sum())

    chance = repeated("y") / (len(beside) * (len(beside) - 1))
    return beside["x"].n_unique() >= VALUES and repeated("x", "y") >= TRANSLATES * chance * max(repeated("x"), 1.0)


def learn_columns(comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> pl.DataFrame:
    """How often each loose dimension differs among sure pairs (`a`, `b`), and what a difference weighs by that.

    A column of numbers may hold models or the shop's own: it counts as it stands beside titles, and little before it does.
    """
    titled = comparison.titled_alike(a, b)
    number = comparison.dimensions.str.extract("^“(.*)”$").str.contains(MODEL_KEYS).fill_null(False).to_numpy()
    both, beside = (comparison.dimensions_compared(a[chosen], b[chosen]) for chosen in (np.ones(len(a), bool), titled))
    stated, differs = np.where(number, beside, both)
    prior = np.where(number, config.unknown_difference, config.usual_difference)
    share = (differs + prior * config.learning_pairs) / (stated + config.learning_pairs)
    weight = np.clip(np.log(share) / np.log(config.usual_difference), 0.0, 1.0)
    table = pl.DataFrame({"dimension": comparison.dimensions, "differs": share, "pairs": stated, "weight": weight})
    return table.filter(pl.Series(~comparison.strict))
