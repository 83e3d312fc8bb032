"""How titles say what attribute tables state: learned from the catalogue itself, without labels.

Where a table states "rating: waterproof" and titles of such products say "ipx7" more often than chance would have it,
"ipx7" expresses (rating, waterproof). Phrases of one to three words whose products agree on a key's value almost always
are such expressions. A title then speaks for a table that is silent, and brands are found in titles the same way.
"""

import polars as pl

from roar.attributes.words import FOR_WORDS
from roar.near_duplicates import lexicon

SAMPLE = 50_000
"""Products from which expressions are learned."""

SUPPORT = 4
"""Products that must show an expression."""

CONFIDENCE = 0.95
"""Share of the products with the phrase and the key that must have the value."""

SURPRISE = 12.0
"""How unlikely chance must be to give all of them the value: e to the minus this."""

BESIDE = 0.6
"""Share of a word's places beside the brand from which it names a product line."""


def phrases(tokens: pl.DataFrame) -> pl.DataFrame:
    """Distinct `row`, `phrase` (a hash): one to three words in a row, not all numbers.

    A word after "for" speaks of the product that an accessory serves, so it does not count alone.
    """
    served = pl.col("before").is_in(FOR_WORDS) | (
        (pl.col("before") == "with") & (pl.col("before_that") == "compatible")
    )
    one = tokens.filter(~served.fill_null(False)).select("row", phrase=pl.col("word"))
    two = tokens.select("row", phrase=pl.format("{} {}", "before", "word"))
    three = tokens.select("row", phrase=pl.format("{} {} {}", "before_that", "before", "word"))
    return (
        pl.concat([one, two, three])
        .drop_nulls()
        .filter(pl.col("phrase").str.contains(r"\p{L}{2}"))
        .select("row", pl.col("phrase").hash(seed=1))
        .unique()
    )


def learn(phrases: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Expressions as `phrase`, `dimension`, `value`, `shown`, from titles' phrases and the facts that columns declare."""
    phrases, named = phrases.filter(pl.col("row") < SAMPLE), named.filter(pl.col("row") < SAMPLE)
    common = phrases.group_by("phrase").len().filter(pl.col("len") >= SUPPORT).select("phrase")
    joint = phrases.join(common, on="phrase").join(named, on="row")
    counted = joint.group_by("phrase", "dimension", "value").agg(count=pl.len(), shown=pl.col("shown").min())
    share = pl.col("count") / pl.col("count").sum().over("phrase", "dimension")
    base = named.group_by("dimension", "value").len()
    base = base.select("dimension", "value", base=pl.col("len") / pl.col("len").sum().over("dimension"))
    sure = counted.with_columns(share=share).filter((pl.col("share") >= CONFIDENCE) & (pl.col("count") >= SUPPORT))
    sure = sure.join(base, on=["dimension", "value"]).filter(-pl.col("base").log() * pl.col("count") >= SURPRISE)
    plain = sure.filter(pl.len().over("phrase", "value") == 1)  # "25 cm" may be a width and a diameter: says neither
    return plain.select("phrase", "dimension", "value", "shown")


def apply(expressions: pl.DataFrame, phrases: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """The declared facts, and for each row the expressed facts on dimensions that it does not declare."""
    expressed = phrases.join(expressions, on="phrase").select("row", "dimension", "value", "shown")
    silent = expressed.join(named.select("row", "dimension").unique(), on=["row", "dimension"], how="anti")
    return pl.concat([named, silent.unique(["row", "dimension", "value"], maintain_order=True)])


def learn_lines(tokens: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Words that name product lines, as `word`: those that stand beside the brand more often than elsewhere."""
    brand = named.filter(pl.col("dimension") == "brand").select("row", brand="value")
    words = tokens.filter(pl.col("word").str.contains(r"^\p{L}{3,}$") & ~pl.col("word").is_in(lexicon.FUNCTION_WORDS))
    beside = (pl.col("before") == pl.col("brand")) | (pl.col("after") == pl.col("brand"))
    counted = (
        words.join(brand, on="row")
        .group_by("word")
        .agg(count=pl.len(), beside=beside.fill_null(False).mean(), brand=(pl.col("word") == pl.col("brand")).any())
    )
    lines = counted.filter((pl.col("count") >= SUPPORT) & (pl.col("beside") >= BESIDE) & ~pl.col("brand"))
    return lines.select("word")


def product_lines(tokens: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """The lines that titles name, as facts of the dimension "product line"."""
    found = tokens.join(lines, on="word", how="semi")
    return found.select("row", dimension=pl.lit("product line"), value="word", shown="word").unique(maintain_order=True)
