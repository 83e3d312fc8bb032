"""What kind of thing a query asks for, beside the product itself: what systems are compared by."""

import polars as pl

from roar.attributes import agreement
from roar.attributes.exclusions import exclusions

NOTHING = "nothing"


def kinds(queries: pl.DataFrame) -> pl.DataFrame:
    """The kinds of attributes that queries ask for.

    Args:
        queries: query_id, query.

    Returns:
        query_id, kind: "quantity" (a number with what it measures), "colour", "negation" ("without buckle", "not black"), "size or
        audience" and what else has a name, or "nothing"; a query that asks for several is there several times.

    Examples:
        >>> asked = kinds(pl.DataFrame({"query_id": ["a", "b"], "query": ["red 64 gb card", "mug"]}))
        >>> asked.sort("query_id", "kind").rows()
        [('a', 'colour'), ('a', 'quantity'), ('b', 'nothing')]
    """
    facts = agreement.asked(queries)
    numeric = pl.col("value").cast(pl.Float64, strict=False).is_not_null()
    kind = (
        pl.when(pl.col("role") == "excludes")
        .then(pl.lit("negation"))
        .when(pl.col("dimension") == "colour")
        .then(pl.lit("colour"))
        .when(numeric & ~pl.col("dimension").str.starts_with("size"))
        .then(pl.lit("quantity"))
        .otherwise(pl.lit("size or audience"))
    )
    negated = [query_id for query_id, text in queries.select("query_id", "query").iter_rows() if exclusions(text)]
    asked = pl.concat(
        [
            facts.select("query_id", kind=kind),
            pl.DataFrame({"query_id": negated}, schema={"query_id": pl.String}).with_columns(kind=pl.lit("negation")),
        ]
    ).unique(maintain_order=True)
    silent = queries.select("query_id").join(asked, on="query_id", how="anti", maintain_order="left")
    return pl.concat([asked, silent.with_columns(kind=pl.lit(NOTHING))])
