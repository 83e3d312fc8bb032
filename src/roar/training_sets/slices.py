"""Slices of the queries: for whom is a system better?

Strata by search frequency are cut on all logged queries by cumulative traffic, never on the judged ones alone, which are
drawn unevenly on purpose. Where a data set has no frequencies, query length and lexical rarity still tell short from long
and common from rare wording; they are never called frequency.
"""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from roar.attributes.kinds import kinds
from roar.errors import InputError, did_you_mean
from roar.metrics import slice_table
from roar.parameters import Slices, Strata
from roar.schemas import STRATA
from roar.tables import require_columns
from roar.text import folded, spaced

UNKNOWN_VERTICAL = "unknown"
ASKS = "asks for"


def query_strata(queries: pl.DataFrame, config: Strata | None = None) -> pl.DataFrame:
    """Assign each query its frequency stratum.

    Queries of equal frequency share a stratum: the one that the first of them falls in. Frequency 1 is ONCE ONLY wherever
    the cuts lie; unknown or zero is UNKNOWN.

    Args:
        queries: all logged queries, with query_id, frequency and vertical.
        config: cut points, as shares of cumulative traffic.

    Returns:
        query_id, vertical ("unknown" where null), stratum; the rows of `queries`, in their order.
    """
    require_columns(queries, "queries", ["query_id", "frequency", "vertical"])
    config = config or Strata()
    frequency = pl.col("frequency")
    traffic = (
        queries.filter(frequency > 0)
        .group_by("frequency")
        .agg(total=frequency.sum())
        .sort("frequency", descending=True)
        .with_columns(before=(pl.col("total").cum_sum() - pl.col("total")) / pl.col("total").sum())
        .select(
            "frequency",
            stratum=pl.when(frequency == 1)
            .then(pl.lit("ONCE ONLY"))
            .when(pl.col("before") < config.head)
            .then(pl.lit("HEAD"))
            .when(pl.col("before") < config.torso_high)
            .then(pl.lit("TORSO HIGH"))
            .when(pl.col("before") < config.torso_low)
            .then(pl.lit("TORSO LOW"))
            .otherwise(pl.lit("TAIL")),
        )
    )
    return queries.join(traffic, on="frequency", how="left", maintain_order="left").select(
        "query_id",
        pl.col("vertical").fill_null(UNKNOWN_VERTICAL),
        pl.col("stratum").fill_null("UNKNOWN").cast(pl.Enum(STRATA)),
    )


def query_slices(
    queries: pl.DataFrame, strata: pl.DataFrame, products: pl.DataFrame, config: Slices | None = None
) -> pl.DataFrame:
    """Everything a metric is broken down by, in long form.

    Args:
        queries: the judged queries: query_id, query, frequency, and the columns that `config.columns` names.
        strata: query_id, vertical, stratum.
        products: the catalogue, whose titles say how rare a word is.
        config: further columns, cuts of query length, levels of rarity.

    Returns:
        query_id, slice, level, and weight (searches) where frequencies are known: vertical, stratum and the two crossed,
        the columns asked for, query length, numbers (with, without), spelling (clean, noisy), rarest word, and `asks for` (quantity,
        colour, negation, …, nothing: `roar.attributes.kinds`), where a query may have several levels. A slice with a single level
        ("unknown" verticals, say) is left out.

    Raises:
        InputError: `config.columns` names a column that the queries lack.
    """
    config = config or Slices()
    require_columns(queries, "queries", ["query_id", "query", "frequency"])
    if missing := [name for name in config.columns if name not in queries.columns]:
        raise InputError(
            f"training_sets.slices.columns: {missing[0]} is no column of table queries; "
            f"{did_you_mean(missing[0], queries.columns)}; map it under ingestion.queries.columns"
        )
    require_columns(strata, "query strata", ["query_id", "vertical", "stratum"])
    require_columns(products, "products", ["title"])
    wide = (
        queries.select(
            "query_id", "query", "frequency", *[pl.col(c).cast(pl.String).fill_null("unknown") for c in config.columns]
        )
        .join(strata, on="query_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("stratum").cast(pl.String),
            _length(config.length_cuts).alias("query length"),
            pl.when(pl.col("query").str.contains(r"\d"))
            .then(pl.lit("with"))
            .otherwise(pl.lit("without"))
            .alias("numbers"),
            _spelling(queries["query"], products).alias("spelling"),
        )
        .with_columns(_rarity(queries["query"], products["title"], config.rarity_levels).alias("rarest word"))
    )
    names = ["vertical", "stratum", *config.columns, "query length", "numbers", "spelling", "rarest word"]
    telling = [name for name in names if wide[name].n_unique() > 1]
    crossed = [("vertical", "stratum")] if {"vertical", "stratum"} <= set(telling) else []
    has_traffic = wide["frequency"].fill_null(0).max() not in (0, None)
    table = slice_table(wide, telling, crossed=crossed, weight="frequency" if has_traffic else None)
    return pl.concat([table, _asked(queries, table)])


def _asked(queries: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """What queries ask for beside the product, as rows of a slice table; none where all ask for the same."""
    asked = kinds(queries).rename({"kind": "level"})
    if asked["level"].n_unique() < 2:
        return table.clear()
    weighted = queries.select("query_id", weight=pl.col("frequency").cast(pl.Float64))
    rows = asked.join(weighted, on="query_id", how="left", maintain_order="left")
    return rows.with_columns(slice=pl.lit(ASKS)).select(table.columns)


def _length(cuts: Sequence[int]) -> pl.Expr:
    """Words in the query, binned: "1-2 words", "3-4 words", "5+ words"."""
    words = spaced(pl.col("query")).str.extract_all(r"\S+").list.len()
    bounds = [0, *cuts]
    binned = pl.lit(f"{bounds[-1] + 1}+ words")
    for low, high in reversed(list(pairwise(bounds))):
        name = f"{low + 1} word" + ("s" if high > 1 else "") if low + 1 == high else f"{low + 1}-{high} words"
        binned = pl.when(words <= high).then(pl.lit(name)).otherwise(binned)
    return binned


def _spelling(queries: pl.Series, products: pl.DataFrame) -> pl.Series:
    """Noisy where a word of five letters or more looks like a slip, else clean.

    A slip is in no product's text and hardly any query, and a letter's edit away from a word that is in a text, or two
    such words without their space.
    """
    texts = [pl.col(name).cast(pl.String) for name in ("title", "brand", "attributes") if name in products.columns]
    text = products.lazy().select(text=pl.concat_str(texts, separator=" ", ignore_nulls=True))
    known = (
        text.select(word=_WORDS)
        .explode("word")
        .select(_stem(pl.col("word")).unique())
        .filter(pl.col("word").str.len_chars() <= _LONGEST_SLIP + 1)
        .collect()
    )
    asked = queries.to_frame("text").with_row_index("row").select("row", word=_WORDS).explode("word").drop_nulls("word")
    length = pl.col("word").str.len_chars()
    strange = asked.with_columns(_stem(pl.col("word"))).filter(length.is_between(_SHORTEST_SLIP, _LONGEST_SLIP))
    common = strange.group_by("word").agg(pl.col("row").n_unique()).filter(pl.col("row") >= _COMMON).select("word")
    strange = strange.join(pl.concat([known, common]), on="word", how="anti")
    words = strange.select(pl.col("word").unique(maintain_order=True))
    near = _without_a_letter(words).join(_without_a_letter(known), on="signature", how="semi")["word"]
    halves = words.with_columns(at=pl.int_ranges(3, pl.col("word").str.len_chars() - 2)).explode("at").drop_nulls("at")
    halves = halves.select(
        "word", left=pl.col("word").str.head(pl.col("at")), right=pl.col("word").str.slice(pl.col("at"))
    )
    joined = halves.join(known, left_on="left", right_on="word", how="semi").join(
        known, left_on=_stem(pl.col("right")), right_on="word", how="semi"
    )["word"]
    slips = strange.filter(pl.col("word").is_in(pl.concat([near, joined]).implode()))["row"]
    noisy = pl.Series(range(len(queries)), dtype=pl.UInt32).is_in(slips.implode())
    return pl.select(pl.when(noisy).then(pl.lit("noisy")).otherwise(pl.lit("clean")))["literal"]


_SHORTEST_SLIP = 5
_COMMON = 3
"""Queries from which a word is how shoppers speak, whatever the catalogue says."""

_LONGEST_SLIP = 40
"""Letters; longer words are no words, and cost the square of their length."""

_WORDS = spaced(folded(pl.col("text"))).str.extract_all(r"(?:\p{L}\p{M}*){3,}")


def _stem(word: pl.Expr) -> pl.Expr:
    return word.str.replace(r"(.{3})s$", "$1")


def _without_a_letter(words: pl.DataFrame) -> pl.DataFrame:
    """word, signature: the word, and all that leaving out one letter makes of it."""
    at = words.with_columns(at=pl.int_ranges(pl.col("word").str.len_chars())).explode("at")
    rest = pl.col("word").str.head(pl.col("at")) + pl.col("word").str.slice(pl.col("at") + 1)
    return pl.concat([words.select("word", signature="word"), at.select("word", signature=rest)])


def _rarity(queries: pl.Series, titles: pl.Series, levels: int) -> pl.Series:
    """Equal shares of the queries by how many titles hold their rarest word: rare, …, common."""
    words = spaced(folded(pl.col("text"))).str.extract_all(r"[\p{L}\d][\p{L}\p{M}\d]*").list.unique()
    counts = titles.to_frame("text").lazy().select(word=words).explode("word").group_by("word").len("titles").collect()
    rarest = (
        queries.to_frame("text")
        .with_row_index("row")
        .select("row", word=words)
        .explode("word", empty_as_null=True)  # a query without a word is as rare as can be
        .join(counts, on="word", how="left")
        .group_by("row")
        .agg(pl.col("titles").fill_null(0).min())
        .sort("row")["titles"]
    )
    names = ["rare", "medium", "common"] if levels == 3 else [f"level {i + 1}" for i in range(levels)]
    share = (rarest.rank("min") - 1) / len(rarest)
    return pl.Series([names[min(int(s * levels), levels - 1)] for s in share], dtype=pl.String)
