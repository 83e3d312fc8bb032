"""What queries ask for, what products state, and where the two contradict each other."""

import polars as pl
import pytest

from roar.attributes.agreement import asked, contradictions, stated


def conflicts(query: str, title: str, attributes: str | None = None) -> list[tuple[str, str, str]]:
    queries = pl.DataFrame({"query_id": ["q"], "query": [query]})
    products = pl.DataFrame(
        {"product_id": ["p"], "title": [title], "brand": [None], "attributes": [attributes]},
        schema_overrides={"brand": pl.String, "attributes": pl.String},
    )
    found = contradictions(pl.DataFrame({"query_id": ["q"], "product_id": ["p"]}), asked(queries), stated(products))
    return list(found.select("dimension", "asked", "stated").iter_rows())


@pytest.mark.parametrize(
    ("query", "title", "attributes", "dimension"),
    [
        ("64gb memory card", "Memory card 128 GB, class 10", None, "storage"),
        ("memory card 64 gb", "Orvane card", '{"capacity": "128 GB"}', "storage"),
        ("red running shoe", "Running shoe black", None, "colour"),
        ("running shoe size 8", "Running shoe, size 9", None, "size"),
        ("tea pack of 6", "Green tea, pack of 12", None, "pack size"),
        ("womens jacket", "Jacket for men", None, "audience"),
    ],
)
def test_another_value_on_the_same_dimension_is_a_contradiction(query, title, attributes, dimension) -> None:
    assert [row[0] for row in conflicts(query, title, attributes)] == [dimension]


@pytest.mark.parametrize(
    ("query", "title", "attributes"),
    [
        ("64gb memory card", "Memory card 64 GB", None),
        ("64gb memory card", "Memory card", None),  # silence is no contradiction
        ("memory card", "Memory card 128 GB", None),
        ("1.5 l kettle", "Kettle 1500 ml", None),
        ("15 inch laptop", "Laptop 15.6 inch", None),  # what is called 15 inches
        ("16 gb ram laptop", "Laptop 16GB RAM, 512GB SSD", None),  # one of several values is the one asked for
        ("red shoe", "Shoe red and white", None),
        ("64gb memory card", "Memory card", '{"capacity": "64 GB", "class": "10"}'),
    ],
)
def test_the_same_value_or_silence_is_none(query, title, attributes) -> None:
    assert conflicts(query, title, attributes) == []


def test_most_contradictory_products_of_the_simulated_shop_are_not_exact() -> None:
    """Grades say whether a product meets what is asked: contradictions must mark far fewer exacts than substitutes."""
    from roar.marketplace import simulate
    from roar.parameters import Simulation

    market = simulate(Simulation(products=1500, queries=2000, judged_queries=300, judged_per_query=12), seed=3)
    judged = market.queries.join(market.judgments, on="query_id", how="semi")
    wanted = asked(judged)
    against = (
        contradictions(market.judgments, wanted, stated(market.products)).select("query_id", "product_id").unique()
    )
    rows = market.judgments.join(wanted, on="query_id", how="semi").join(
        against.with_columns(against=pl.lit(True)), on=["query_id", "product_id"], how="left"
    )
    shares = dict(
        rows.group_by(pl.col("grade").cast(pl.String)).agg(pl.col("against").fill_null(False).mean()).iter_rows()
    )
    assert shares["exact"] < 0.15
    assert shares["substitute"] > 0.4
