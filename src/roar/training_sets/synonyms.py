"""Words that say the same, mined from what is clicked: the title says "hair dryer" where the query said "blow dryer".

Where searchers click titles that lack a word of their query, and these titles nearly always have one other word in its
place, which other clicked titles rarely have, that other word may stand for it. Searchers confirm it: some ask the same
query with either word ("blow dryer 2000 w", "hair dryer 2000 w"). Words of attribute values are kept out: colours and
sizes by the lexicon, and those that products declare ("roasted", "salted") by the products themselves.

Cost: clicked (query, product) pairs times the words of the query times those of the title.
"""

import polars as pl

from roar.parameters import Synonyms
from roar.tables import require_columns
from roar.text import attribute_pairs
from roar.training_sets.edits import BOUND

_WORD = r"(?:\p{L}\p{M}*){3,}"


def mine_synonyms(search_log: pl.DataFrame, products: pl.DataFrame, config: Synonyms | None = None) -> pl.DataFrame:
    """Find words of titles that stand for words of queries.

    Args:
        search_log: impressions: query, product_id, clicked.
        products: product_id, title, attributes.
        config: how often, how surely and how much more than elsewhere.

    Returns:
        word, synonym, queries (that tell of the two), confidence (share of the clicked titles without `word` that have
        `synonym`); a word has one synonym, the surest; sorted by word.
    """
    require_columns(search_log, "search log", ["query", "product_id", "clicked"])
    require_columns(products, "products", ["product_id", "title", "attributes"])
    config = config or Synonyms()
    clicked = search_log.filter("clicked").select("query", "product_id").unique()
    pairs = clicked.join(products.select("product_id", "title"), on="product_id").select(
        "query", asked=_words("query"), said=_words("title")
    )
    elsewhere = pairs.select(synonym="said").explode("synonym").group_by("synonym").agg(base=pl.len() / pairs.height)
    lacking = pairs.select(
        "query",
        word=pl.col("asked").list.set_difference("said"),
        synonym=pl.col("said").list.set_difference("asked"),
    ).explode("word")
    lacking = lacking.filter(pl.col("word").is_not_null()).with_columns(titles=pl.len().over("word"))
    found = (
        lacking.explode("synonym")
        .group_by("word", "synonym")
        .agg(queries=pl.col("query").n_unique(), confidence=pl.len() / pl.col("titles").first())
        .join(elsewhere, on="synonym")
        .filter(
            pl.col("queries") >= config.queries,
            pl.col("confidence") >= config.confidence,
            pl.col("confidence") >= config.lift * pl.col("base"),
            ~pl.col("word").is_in(BOUND),
            ~pl.col("synonym").is_in(BOUND),
        )
    )
    confirmed = found.join(_swapped(found, search_log, config.swaps), on=["word", "synonym"], how="semi")
    values = _declared(products).implode()
    alike = confirmed.filter(~pl.col("word").is_in(values) & ~pl.col("synonym").is_in(values))
    surest = alike.sort("word", "confidence", "synonym", descending=[False, True, False]).unique("word", keep="first")
    return surest.select("word", "synonym", "queries", "confidence").sort("word")


def _words(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.extract_all(_WORD).list.unique(maintain_order=True)


def _swapped(found: pl.DataFrame, search_log: pl.DataFrame, swaps: int) -> pl.DataFrame:
    """The (word, synonym) with which at least `swaps` queries are logged in both wordings, in any order of words."""
    asked = search_log.select("query").unique().select(words=pl.col("query").str.to_lowercase().str.split(" "))
    key = pl.col("words").list.sort().list.join(" ")
    holders = asked.with_columns(word="words").explode("word").join(found.select("word", "synonym"), on="word")
    reworded = (
        holders.with_row_index("row")
        .explode("words")
        .with_columns(words=pl.when(pl.col("words") == pl.col("word")).then("synonym").otherwise("words"))
        .group_by("row", "word", "synonym")
        .agg("words")
        .select("word", "synonym", key=key)
    )
    both = reworded.unique().join(asked.select(key=key).unique(), on="key")
    return both.group_by("word", "synonym").len("swaps").filter(pl.col("swaps") >= swaps)


def _declared(products: pl.DataFrame) -> pl.Series:
    """Words of the values in the products' JSON attributes."""
    values = attribute_pairs(products["attributes"].drop_nulls().unique())["value"]
    return values.str.to_lowercase().str.extract_all(_WORD).explode().unique()
