"""Stated attributes of products that agree with a query or contradict it, read as the evaluation reads them."""

import polars as pl

from roar.attributes.agreement import asked, positions, stated
from roar.service.models import Fact

_QUERY = "q"


def facts_of(query: str, products: pl.DataFrame) -> dict[str, list[Fact]]:
    """What each product says on what the query asks for.

    Args:
        query: the text.
        products: product_id, title, brand, attributes.

    Returns:
        Product id to its facts, contradictions first; products that are silent are absent.
    """
    wanted = asked(pl.DataFrame({"query_id": [_QUERY], "query": [query]}))
    if wanted.is_empty() or products.is_empty():
        return {}
    pairs = products.select(query_id=pl.lit(_QUERY), product_id="product_id")
    found: dict[str, list[Fact]] = {}
    for row in positions(pairs, wanted, stated(products)).sort("against", descending=True).iter_rows(named=True):
        fact = Fact(dimension=row["dimension"], asked=row["asked"], stated=row["stated"], agrees=not row["against"])
        found.setdefault(row["product_id"], []).append(fact)
    return found
