"""A part of the shop by YAML: conditions on raw and derived columns, queries of a vertical, a sample of whole queries."""

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from roar.errors import InputError
from roar.ingestion import Ingested, ingest
from roar.ingestion.quality import SIMULATED
from roar.parameters import Ingestion, Sample, Where
from roar.schemas import ORIGIN, SIMULATOR


def only(table: str, *where: dict[str, Any], **mapping: Any) -> Ingestion:
    return Ingestion(**{table: {"table": f"raw_{table}", "where": list(where), **mapping}})  # type: ignore[arg-type]


def left_out(result: Ingested, table: str) -> int:
    return result.quality.filter(table=table, action="left out")["count"].sum()


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"column": "title", "contains": "LAMP"}, ["p1", "p2", "p3"]),
        ({"column": "title", "contains": ["brass", "oak"]}, ["p1", "p4"]),
        ({"column": "title", "contains": "."}, []),
        ({"column": "title", "matches": r"\blamp$"}, ["p1", "p2"]),
        ({"column": "brand", "equals": "Lumo", "matches": "^lu"}, ["p1", "p2"]),
        ({"column": "brand", "contains": "o"}, ["p1", "p2", "p4"]),
    ],
)
def test_conditions_may_be_texts_and_patterns(shop: dict[str, pl.DataFrame], where: dict[str, Any], kept: list) -> None:
    if not kept:
        with pytest.raises(InputError, match=r"no row has title contains \."):
            ingest(shop, only("products", where))
        return
    result = ingest(shop, only("products", where))
    assert result.products["product_id"].to_list() == kept
    assert result.quality.filter(table="products", action="left out")["count"].to_list() == [4 - len(kept)]


def test_a_condition_may_be_on_a_column_that_the_mapping_makes(shop: dict[str, pl.DataFrame]) -> None:
    kind = {"columns": ["title"], "first_match": {"lamps": "lamp$", "other": "."}}
    config = only("products", {"column": "kind", "equals": "lamps"}, columns={"kind": kind})
    assert ingest(shop, config).products["product_id"].to_list() == ["p1", "p2"]


def test_judgments_of_products_left_out_are_no_loss(shop: dict[str, pl.DataFrame]) -> None:
    """Five of six judgments go, and the policy of one half does not mind; an unknown id still counts as lost."""
    config = only("products", {"column": "vertical", "equals": "furniture"})
    result = ingest(shop, config)
    assert result.judgments.select("query_id", "product_id").rows() == [("q2", "p4")]
    assert left_out(result, "judgments") == 5 and result.quality.filter(action="dropped", table="judgments").is_empty()
    unknown = shop["raw_judgments"].with_columns(product_id="x" + pl.col("product_id"))
    with pytest.raises(InputError, match="6 of 6 rows name a product_id that is not there"):
        ingest(shop | {"raw_judgments": unknown}, config)


def test_queries_of_one_vertical_are_those_that_their_products_say(shop: dict[str, pl.DataFrame]) -> None:
    tables = shop | {"raw_queries": shop["raw_queries"].drop("vertical")}
    result = ingest(tables, only("queries", {"column": "vertical", "equals": "furniture"}))
    assert result.queries["query_id"].to_list() == ["q2"] and result.judgments["query_id"].unique().to_list() == ["q2"]
    assert result.products.height == 4 and left_out(result, "queries") == 2
    with pytest.raises(InputError, match="verticals are lighting, furniture"):
        ingest(tables, only("queries", {"column": "vertical", "equals": "garden"}))


def test_a_misspelt_column_of_a_condition_is_named(shop: dict[str, pl.DataFrame]) -> None:
    with pytest.raises(InputError, match=r"no column vertcal.*did you mean vertical\?"):
        ingest(shop, only("products", {"column": "vertcal", "equals": "x"}))
    with pytest.raises(ValidationError, match="needs equals, contains or matches"):
        Where(column="vertical")
    with pytest.raises(InputError, match="not a regular expression"):
        ingest(shop, only("products", {"column": "title", "matches": "("}))


@pytest.fixture
def large() -> dict[str, pl.DataFrame]:
    """Two hundred judged queries with three products of their own each, a hundred unjudged ones, 400 further products."""
    products = [f"p{i}" for i in range(1000)]
    pairs = [(f"q{i // 3}", f"p{i}", "exact") for i in range(600)]
    return {
        "raw_products": pl.DataFrame({"product_id": products, "title": [f"thing {p}" for p in products]}),
        "raw_queries": pl.DataFrame(
            {"query_id": [f"q{i}" for i in range(300)], "query": [f"q {i}" for i in range(300)]}
        ),
        "raw_judgments": pl.DataFrame(pairs, schema=["query_id", "product_id", "grade"], orient="row"),
    }


def test_a_sample_has_whole_queries_their_products_and_a_share_of_the_others(large: dict[str, pl.DataFrame]) -> None:
    result = ingest(large, Ingestion(sample=Sample(queries=50, other_products=0.25)))
    judged = result.judgments.group_by("query_id").len()
    assert judged.height == 50 and (judged["len"] == 3).all(), "a query keeps all its judgments"
    assert result.judgments["product_id"].is_in(result.products["product_id"].implode()).all()
    others = result.products.height - 150
    assert 0.2 < others / 850 < 0.3
    assert 10 < result.queries.height - 50 < 45, "of 100 unjudged queries about the share of the judged ones"
    for table, rows in (("products", 1000), ("queries", 300), ("judgments", 600)):
        assert left_out(result, table) == rows - getattr(result, table).height


def test_a_sample_is_the_same_again_in_any_order_and_grows(large: dict[str, pl.DataFrame]) -> None:
    def ids(queries: int, seed: int = 0, tables: dict[str, pl.DataFrame] = large) -> set[str]:
        return set(ingest(tables, Ingestion(sample=Sample(queries=queries, seed=seed))).judgments["query_id"])

    assert ids(20) == ids(20, tables={name: table.reverse() for name, table in large.items()})
    assert ids(20) < ids(60) and ids(20) != ids(20, seed=1)
    assert len(ids(10_000)) == 200


def test_what_the_simulator_made_says_so_whatever_the_mapping_takes(shop: dict[str, pl.DataFrame]) -> None:
    marked = {name: table.with_columns(pl.lit(SIMULATOR).alias(ORIGIN)) for name, table in shop.items()}
    for config in (Ingestion(), only("products", others="drop")):
        result = ingest(marked, config)
        noted = result.quality.filter(rule=SIMULATED).select("table", "count").rows()
        assert ("products", 4) in noted and ("judgments", 6) in noted
        assert ORIGIN not in result.products.columns
    real = shop | {"raw_products": shop["raw_products"].with_columns(origin=pl.lit("Italy"))}
    result = ingest(real)
    assert result.quality.filter(rule=SIMULATED).is_empty() and result.products[ORIGIN].to_list() == ["Italy"] * 4


def test_a_column_that_nearly_is_one_of_the_contract_is_named(shop: dict[str, pl.DataFrame]) -> None:
    products = shop["raw_products"].rename({"brand": "maker"})
    with pytest.raises(InputError, match=r"has brnad; did you mean brand\?"):
        ingest(shop | {"raw_products": products}, only("products", columns={"brnad": "maker"}))
    config = Ingestion(products={"table": "raw_product"})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"did you mean raw_products\?"):
        ingest(shop, config)
