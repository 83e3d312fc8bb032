"""The marketplace as a whole: deterministic to the byte, of any size."""

import io

import polars as pl
import pytest

from roar.marketplace import simulate
from roar.parameters import Behaviour, Simulation
from roar.schemas import ORIGIN, SIMULATOR

TINY = Simulation(products=300, queries=400, judged_queries=60, behaviour=Behaviour(sessions=200))


def as_bytes(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    return buffer.getvalue()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_shop():
    first, second, other = simulate(TINY, seed=3), simulate(TINY, seed=3), simulate(TINY, seed=4)
    for name, table in first._asdict().items():
        assert len(table) > 0, name
        assert as_bytes(table) == as_bytes(getattr(second, name)), name
    assert not first.products.equals(other.products)


@pytest.mark.parametrize("products", [50, 60])
def test_the_smallest_shops_work(products):
    market = simulate(TINY.model_copy(update={"products": products}), seed=1)
    assert len(market.products) == products
    assert market.judgments["product_id"].is_in(market.products["product_id"].implode()).all()


def test_truth_covers_every_product_and_query(market):
    assert market.items["product_id"].to_list() == market.products["product_id"].to_list()
    assert market.query_intents["query_id"].to_list() == market.queries["query_id"].to_list()
    assert market.true_judgments.select("query_id", "product_id").equals(
        market.judgments.select("query_id", "product_id")
    )


def test_every_row_that_a_shop_could_bring_says_where_it_comes_from(market):
    for table in (market.products, market.queries, market.judgments, market.search_log):
        assert (table[ORIGIN] == SIMULATOR).all()
