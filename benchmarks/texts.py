"""Query-title pairs and product texts that the speed benchmarks share.

Real ones where `ROAR_REAL_DATA` names a folder with `esci/` (titles of 28 tokens on average, queries of 7); otherwise those of a
simulated shop, which are shorter.
"""

import os
from pathlib import Path

import polars as pl


def pairs(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Queries and the titles of exact products, drawn at random; repeated where there are fewer."""
    folder = _esci()
    if folder is not None:
        examples = pl.read_parquet(folder / "shopping_queries_dataset_examples.parquet").filter(esci_label="E")
        products = pl.read_parquet(folder / "shopping_queries_dataset_products.parquet")
        table = examples.join(products, on="product_id").select("query", title="product_title")
    else:
        from roar.marketplace import simulate
        from roar.parameters import Simulation

        shop = simulate(Simulation(products=4000, queries=6000, judged_queries=1500), seed=seed)
        exact = shop.judgments.filter(pl.col("grade") == "exact")
        table = exact.join(shop.queries.select("query_id", "query"), on="query_id").join(
            shop.products.select("product_id", "title"), on="product_id"
        )
    drawn = table.sample(count, seed=seed, shuffle=True, with_replacement=count > len(table))
    return drawn["query"].to_list(), drawn["title"].to_list()


def products(count: int) -> pl.DataFrame:
    """Distinct products with title and brand, at most as many as there are."""
    folder = _esci()
    if folder is not None:
        table = pl.read_parquet(folder / "shopping_queries_dataset_products.parquet")
        named = table.select("product_id", title="product_title", brand="product_brand")
        return named.unique("title", maintain_order=True).head(count)
    from roar.marketplace.catalogue import generate_products
    from roar.parameters import Simulation

    parts = [products for products, _ in generate_products(Simulation(products=count), seed=0)]
    return pl.concat(parts).select("product_id", "title", "brand").unique("title", maintain_order=True)


def _esci() -> Path | None:
    folder = Path(os.environ.get("ROAR_REAL_DATA", ".")) / "esci"
    return folder if folder.is_dir() else None
