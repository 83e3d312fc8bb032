"""What products say on what a query asks for, read as the evaluation reads it: shown, and held against candidates."""

from collections.abc import Callable

import numpy as np
import polars as pl

from roar.attributes.exclusions import exclusions
from roar.attributes.reader import scan
from roar.retrieval.constraints import (
    AGREES,
    CONTRADICTS,
    SILENT,
    Demands,
    Weights,
    constrain,
    effects,
    explain,
    read_queries,
)
from roar.retrieval.ranking import Ranking
from roar.service.models import Fact

_QUERY = "q"


def demands_of(query: str) -> Demands | None:
    """What a query asks for; None where it asks for nothing, and no product need be read."""
    if not (scan(query, "query") or exclusions(query)):  # most queries: without a table being made
        return None
    demands = read_queries(pl.DataFrame({"query_id": [_QUERY], "query": [query]}))
    return demands if demands.facts.height or demands.left_out.height else None


def facts_of(query: str, read: Callable[[], pl.DataFrame], weights: Weights) -> dict[str, list[Fact]]:
    """What each product says on what the query asks for.

    Args:
        query: the text.
        read: gives product_id, title, brand, attributes; products are not read for a query that asks for nothing.
        weights: by which the answering system weighs it.

    Returns:
        Product id to its facts, contradictions first; products that are silent are absent.
    """
    demands = demands_of(query)
    if demands is None:
        return {}
    products = read()
    if products.is_empty():
        return {}
    pairs = products.select(query_id=pl.lit(_QUERY), product_id="product_id")
    told = effects(explain(pairs, demands, products), weights).filter(pl.col("verdict") != SILENT)
    found: dict[str, list[Fact]] = {}
    for row in told.sort(pl.col("verdict") != CONTRADICTS, maintain_order=True).iter_rows(named=True):
        said = {name: row[name] for name in ("dimension", "asked", "stated", "effect")}
        fact = Fact(agrees=row["verdict"] == AGREES, **said)
        found.setdefault(row["product_id"], []).append(fact)
    return found


def constrained(
    ranking: Ranking,
    product_ids: pl.Series,
    demands: Demands,
    products: pl.DataFrame,
    weights: Weights,
    *,
    strict: bool,
) -> Ranking:
    """Candidates in the order that what they say gives them.

    Args:
        ranking: n candidates.
        product_ids: theirs (n,).
        demands: of the query.
        products: product_id, title, brand, attributes of the candidates.
        weights: penalty and bonus.
        strict: leave out what contradicts.
    """
    run = pl.DataFrame({"product_id": product_ids, "score": ranking.scores}).with_row_index("place")
    run = run.select("place", "product_id", "score", query_id=pl.lit(_QUERY))
    kept = constrain(run, explain(run, demands, products), weights, strict=strict)
    order = np.argsort(-kept["score"].to_numpy(), kind="stable")
    moved = ranking.where(kept["place"].to_numpy().astype(np.int64)[order])
    return moved._replace(scores=kept["score"].to_numpy()[order])
