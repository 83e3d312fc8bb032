"""Which raw table, which rows, which side tables; and what is said when something is not there."""

import polars as pl
import pytest

from roar.errors import InputError
from roar.ingestion import ingest
from roar.parameters import Ingestion


def with_products(**mapping: object) -> Ingestion:
    return Ingestion(products={"table": "raw_products", **mapping})  # type: ignore[arg-type]


def test_the_identity_keeps_the_contract_as_it_is(shop: dict[str, pl.DataFrame]) -> None:
    result = ingest(shop)
    for name, raw in shop.items():
        kept = getattr(result, name.removeprefix("raw_"))
        assert kept.columns == raw.columns
        known = kept.select(pl.exclude("vertical"))
        assert known.cast({"grade": pl.String} if "grade" in known.columns else {}).equals(
            raw.select(pl.exclude("vertical"))
        )


def test_lazy_tables_give_the_same(shop: dict[str, pl.DataFrame]) -> None:
    lazy = ingest({name: frame.lazy() for name, frame in shop.items()})
    assert all(a.equals(b) for a, b in zip(lazy, ingest(shop), strict=True))


def test_other_columns_are_kept_or_dropped(shop: dict[str, pl.DataFrame]) -> None:
    tables = shop | {"raw_products": shop["raw_products"].with_columns(season=pl.lit("winter"))}
    assert ingest(tables).products["season"].to_list() == ["winter"] * 4
    assert "season" not in ingest(tables, with_products(others="drop")).products.columns


def test_where_takes_one_value_or_several(shop: dict[str, pl.DataFrame]) -> None:
    products = shop["raw_products"].with_columns(locale=pl.Series([1, 1, 2, 3]))
    tables = shop | {"raw_products": products}
    assert ingest(tables, with_products(where=[{"column": "locale", "equals": 1}])).products.height == 2
    several = with_products(where=[{"column": "locale", "equals": [1, 3]}])
    assert ingest(tables, several).products["product_id"].to_list() == ["p1", "p2", "p4"]


def test_a_condition_that_nothing_meets_says_what_there_is(shop: dict[str, pl.DataFrame]) -> None:
    config = with_products(where=[{"column": "brand", "equals": "Acme"}])
    with pytest.raises(InputError, match=r"raw_products .*no row has brand = Acme.*it holds.*Holt, Lumo"):
        ingest(shop, config)


def test_a_side_table_is_joined_by_key_and_may_be_absent(shop: dict[str, pl.DataFrame]) -> None:
    side = {"table": "raw_product_extras", "key": ["product_id"], "columns": ["category"]}
    config = with_products(join=[side], columns={"vertical": "category"})
    extras = pl.DataFrame({"product_id": ["p1", "p1", "p4"], "category": ["lamps", "again", "desks"]})
    result = ingest(shop | {"raw_product_extras": extras}, config)
    assert result.products["vertical"].to_list() == ["lamps", None, None, "desks"]
    repeated = result.quality.filter(pl.col("table") == "raw_product_extras")
    assert repeated["count"].to_list() == [1]
    for absent in ({}, {"raw_product_extras": pl.DataFrame()}):
        assert ingest(shop | absent, config).products["vertical"].null_count() == 4


def test_queries_inside_the_judgments(shop: dict[str, pl.DataFrame]) -> None:
    judgments = shop["raw_judgments"].join(shop["raw_queries"].select("query_id", "query"), on="query_id")
    config = Ingestion(queries={"table": "raw_judgments", "distinct": True, "others": "drop"})  # type: ignore[arg-type]
    result = ingest({"raw_products": shop["raw_products"], "raw_judgments": judgments}, config)
    assert result.queries["query"].to_list() == ["brass lamp", "desk", "lamp without shade"]
    assert "dropped" not in result.quality["action"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"title": "titel"}, r"raw_products \(for products\): no column titel.*has product_id, title"),
        ({"vertical": {"level": 1, "column": "category"}}, "no column category"),
        ({"brand": {"translate": "brand", "to": {"Lumo": "L"}}}, "brand: column brand holds 1 values"),
    ],
)
def test_errors_name_table_and_column(shop: dict[str, pl.DataFrame], columns: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ingest(shop, with_products(columns=columns))


def test_a_needed_column_that_is_missing_says_where_to_map_it(shop: dict[str, pl.DataFrame]) -> None:
    with pytest.raises(InputError, match=r"no column title; .*name one in ingestion\.products\.columns"):
        ingest(shop | {"raw_products": shop["raw_products"].drop("title")})


def test_a_table_read_with_the_wrong_separator_is_recognised(shop: dict[str, pl.DataFrame]) -> None:
    wrong = pl.DataFrame({"product_id\ttitle": ["p1\tlamp"]})
    with pytest.raises(InputError, match="is the separator right"):
        ingest(shop | {"raw_products": wrong})


def test_a_damaged_lazy_table_is_one_line(shop: dict[str, pl.DataFrame], tmp_path) -> None:
    path = tmp_path / "products.parquet"
    path.write_bytes(b"PAR1 nothing of the kind PAR1")
    with pytest.raises(InputError, match=r"raw_products .*cannot be read"):
        ingest(shop | {"raw_products": pl.scan_parquet(path)})


def test_unknown_names_come_with_the_nearest(shop: dict[str, pl.DataFrame]) -> None:
    with pytest.raises(InputError, match=r"no column titel, which the mapping reads; did you mean title\?"):
        ingest(shop, with_products(columns={"title": "titel"}))
    with pytest.raises(InputError, match=r"has no columns; .*did you mean raw_products\?"):
        ingest(shop, Ingestion(products={"table": "raw_product"}))  # type: ignore[arg-type]
    side = {"table": "raw_product_extras", "key": ["product_id"], "columns": ["categories"]}
    extras = pl.DataFrame({"product_id": ["p1"], "category": ["lamps"]})
    with pytest.raises(InputError, match=r"no column categories; did you mean category\?"):
        ingest(shop | {"raw_product_extras": extras}, with_products(join=[side]))
