"""A simulated marketplace: products, queries, judgments and behaviour, with the truth behind them.

It is the project's embedded data set. `taxonomy` reads what the shop sells (`assortment/*.yml`), `lexicon` numbers it,
`catalogue` makes listings, `queries` what shoppers type, `relevance` the grading rule and candidate pools, `judgments`
and `behaviour` the two kinds of labels; `simulation` puts them together.
"""

from roar.marketplace.catalogue import generate_products
from roar.marketplace.simulation import Marketplace, simulate

__all__ = ["Marketplace", "generate_products", "simulate"]
