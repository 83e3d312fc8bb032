"""Which query texts are the same question: case, word order, plural, spacing and one-letter typos do not count.

Variants must stay on one side of a split, or a test query is seen in training under another spelling. Two texts are joined
when their keys agree, or when deleting one letter from each makes them agree. Digits never vanish: "16gb" and "64gb" stay
apart. Scripts without blanks are read letter by letter, and a letter of theirs is never a typo of another: one Chinese
character is a word. Joining is transitive on purpose: here a group too large costs a little data, a group too small leaks.

Cost: linear in the number of distinct texts times the square of their length, which counts up to `_LONGEST_WITH_TYPOS` (each
has as many one-deletion signatures as letters).
"""

import polars as pl
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from roar.tables import require_values
from roar.text import folded, spaced, without_accents

_SHORTEST_WITH_TYPOS = 6
"""Keys with fewer letters differ by one letter too easily ("case" and "cage")."""

_LONGEST_WITH_TYPOS = 100
"""Characters of a key; a longer text is a variant only of what has the same key."""

_TYPED = r"[\p{L}--[\p{Han}\p{Hiragana}\p{Katakana}\x{30FC}]]"
"""Letters that a slip of the hand adds, drops or changes; of Chinese and Japanese each tells words apart."""


def query_variants(queries: pl.Series) -> pl.DataFrame:
    """Group query texts by the question they ask.

    Args:
        queries: query texts; repeats and nulls are ignored.

    Returns:
        query, variant_group: one row per distinct text, in sorted order; a group is named after its first text.
    """
    require_values(queries, "queries", "query")
    texts = queries.drop_nulls().unique().sort()
    keys = pl.DataFrame({"query": texts}).with_columns(key=_key(pl.col("query")))
    distinct = keys.select(pl.col("key").unique().sort()).with_row_index("node")
    labels = _components(distinct)
    return (
        keys.join(distinct.with_columns(component=labels), on="key", maintain_order="left")
        .with_columns(variant_group=pl.col("query").min().over("component"))
        .select("query", "variant_group")
    )


def _key(text: pl.Expr) -> pl.Expr:
    """Words and numbers, folded, in sorted order, without accents, plural s, spaces or punctuation.

    A number is a word of its own ("16gb" is "16 gb") between marks that keep "1 2" from "12".
    """
    plain = spaced(folded(without_accents(text)), size=1)
    words = plain.str.extract_all(r"\d+(?:\.\d+)?|\p{L}[\p{L}\p{M}]*").list.eval(
        pl.when(pl.element().str.contains(r"\d"))
        .then("<" + pl.element() + ">")
        .otherwise(pl.element().str.replace(r"(.{3,})s$", "$1"))
    )
    # A text of nothing but symbols is its own key.
    return pl.when(words.list.len() > 0).then(words.list.sort().list.join("")).otherwise(text)


def _components(distinct: pl.DataFrame) -> pl.Series:
    """Component of each node, where nodes that share a one-deletion signature are linked."""
    signatures = _deletions(distinct)
    links = signatures.with_columns(first=pl.col("node").min().over("signature"))
    graph = scipy.sparse.coo_array(
        ([True] * len(links), (links["first"].to_numpy(), links["node"].to_numpy())), shape=(len(distinct),) * 2
    )
    _, labels = connected_components(graph, directed=False)
    return pl.Series("component", labels, dtype=pl.Int64)


def _deletions(distinct: pl.DataFrame) -> pl.DataFrame:
    """Node and each signature: the key itself, and the key without one of its letters."""
    letters = pl.col("key").str.count_matches(_TYPED)
    short = pl.col("key").str.len_chars() <= _LONGEST_WITH_TYPOS
    eligible = distinct.filter((letters >= _SHORTEST_WITH_TYPOS) & short).with_columns(
        position=pl.int_ranges(pl.col("key").str.len_chars())
    )
    deleted = (
        eligible.explode("position", empty_as_null=False, keep_nulls=False)
        .with_columns(letter=pl.col("key").str.slice(pl.col("position"), 1))
        .filter(pl.col("letter").str.contains(_TYPED))
        .select(
            "node",
            signature=pl.col("key").str.head(pl.col("position")) + pl.col("key").str.slice(pl.col("position") + 1),
        )
    )
    return pl.concat([distinct.select("node", signature="key"), deleted])
