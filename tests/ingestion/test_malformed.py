"""Whatever a table holds, ingestion ends in contract tables or in one InputError, and leaves its inputs alone."""

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roar import schemas
from roar.errors import InputError
from roar.ingestion import Ingested, ingest
from roar.ingestion.contract import TABLES

SCHEMAS = {
    "products": schemas.Products,
    "queries": schemas.Queries,
    "judgments": schemas.Judgments,
    "search_log": schemas.SearchLog,
    "experiment_log": schemas.ExperimentLog,
    "experiment_units": schemas.ExperimentUnits,
}

Damage = Callable[[int], list[Any] | pl.Series]

DAMAGES: dict[str, Damage] = {
    "all null": lambda n: pl.Series([None] * n, dtype=pl.Null),
    "null texts": lambda n: pl.Series([None] * n, dtype=pl.String),
    "first null": lambda n: ["x"] * (n - 1) + [None],
    "empty texts": lambda n: [""] * n,
    "white space": lambda n: [" \t\n"] * n,
    "integers": lambda n: list(range(n)),
    "negative": lambda n: [-5] * n,
    "huge integers": lambda n: pl.Series([2**63 - 1] * n, dtype=pl.Int64),
    "unsigned": lambda n: pl.Series([2**64 - 1] * n, dtype=pl.UInt64),
    "NaN": lambda n: [float("nan")] * n,
    "infinite": lambda n: [float("inf"), *[float("-inf")] * (n - 1)],
    "halves": lambda n: [0.5 + i for i in range(n)],
    "1e308": lambda n: [1e308] * n,
    "Booleans": lambda n: [True] * n,
    "dates": lambda n: [dt.date(2026, 1, 1)] * n,
    "times of day": lambda n: [dt.time(12)] * n,
    "zoned times": lambda n: [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * n,
    "durations": lambda n: [dt.timedelta(days=1)] * n,
    "decimals": lambda n: [Decimal("1.50")] * n,
    "bytes": lambda n: [b"\xff\xfe"] * n,
    "lists": lambda n: [["a", "b"]] * n,
    "nested lists": lambda n: [[["a"]]] * n,
    "structs": lambda n: [{"a": 1}] * n,
    "objects": lambda n: pl.Series([object()] * n, dtype=pl.Object),
    "categories": lambda n: pl.Series(["a"] * n, dtype=pl.Categorical),
    "control characters": lambda n: ["a\x00b\x07\x1b[31m"] * n,
    "only control characters": lambda n: ["\x00\x01\ufeff"] * n,
    "emoji": lambda n: ["👩‍👩‍👧‍👦🏳️‍🌈"] * n,
    "right to left": lambda n: ["\u202eمصباح נורה\u202c"] * n,
    "combining marks": lambda n: ["e" + "\u0301" * 500] * n,
    "1 MB texts": lambda n: ["lamp " * 200_000] + ["desk"] * (n - 1),
    "markup": lambda n: ["<script>alert(1)</script>"] * n,
    "open tag": lambda n: ["<" * 5000 + "a"] * n,
    "broken JSON": lambda n: ['{"a": '] * n,
    "JSON list": lambda n: ["[1]"] * n,
    "deep JSON": lambda n: ["[" * 100_000] * n,
    "JSON with NaN": lambda n: ['{"a": NaN}'] * n,
    "numbers as texts": lambda n: ["1"] * n,
    "comma decimals": lambda n: ["1,5"] * n,
    "impossible dates": lambda n: ["2026-13-45 99:00"] * n,
}

# One column of each kind of the contract, and each id that others refer to.
COLUMNS = {
    "products": ("product_id", "title", "attributes", "price"),
    "queries": ("query", "frequency"),
    "judgments": ("query_id", "grade", "weight"),
    "search_log": ("timestamp", "position", "clicked"),
    "experiment_units": ("covariate",),
}

CASES = [
    pytest.param(f"raw_{table}", column, damage, id=f"{table}-{column}-{name}")
    for table, columns in COLUMNS.items()
    for column in columns
    for name, damage in DAMAGES.items()
]

NEEDED = ("raw_products", "raw_queries", "raw_judgments")


def outcome(tables: Mapping[str, pl.DataFrame]) -> Ingested | str:
    """What ingestion made of the tables: contract tables, or one line; the inputs stay as they were."""
    before = {name: frame.clone() for name, frame in tables.items()}
    columns = {name: frame.columns for name, frame in tables.items()}
    try:
        result: Ingested | str = ingest(tables)
    except InputError as error:
        result = str(error)
        assert "\n" not in result and len(result) < 1500
    for name, frame in tables.items():
        assert frame.columns == columns[name]
        if pl.Object not in frame.dtypes:
            assert frame.equals(before[name], null_equal=True)
    return result


def assert_contract(result: Ingested) -> None:
    for name, schema in SCHEMAS.items():
        frame = getattr(result, name)
        expected = {column: dtype.dtype.type for column, dtype in schema.to_schema().columns.items()}
        assert {column: frame.schema[column] for column in expected} == expected
    assert result.products["product_id"].is_unique().all() and result.products["product_id"].null_count() == 0
    assert result.products["title"].str.len_chars().min() > 0
    assert result.products["price"].is_finite().all() and (result.products["price"].drop_nulls() >= 0).all()
    assert result.judgments["product_id"].is_in(result.products["product_id"].implode()).all()
    assert result.judgments["query_id"].is_in(result.queries["query_id"].implode()).all()
    assert not result.judgments.select("query_id", "product_id").is_duplicated().any()
    assert result.judgments["weight"].is_between(0, 1).all()


def test_the_matrix_has_every_kind_of_column() -> None:
    kinds = {column.kind for table, names in COLUMNS.items() for column in TABLES[table] if column.name in names}
    assert kinds == {column.kind for columns in TABLES.values() for column in columns}
    assert len(CASES) >= 400


@pytest.mark.parametrize(("table", "column", "damage"), CASES)
def test_a_damaged_column_ends_in_tables_or_one_line(
    shop: dict[str, pl.DataFrame], table: str, column: str, damage: Damage
) -> None:
    values = damage(shop[table].height)
    damaged = values if isinstance(values, pl.Series) else pl.Series(values)
    others = {name: shop[name] for name in NEEDED}
    result = outcome(others | {table: shop[table].with_columns(damaged.alias(column))})
    if isinstance(result, Ingested):
        assert_contract(result)
    else:
        assert table.removeprefix("raw_") in result or "judgments" in result


@pytest.mark.parametrize("table", NEEDED)
@pytest.mark.parametrize("damage", ["absent", "no columns", "no rows", "one row", "without its first column"])
def test_a_damaged_table_ends_in_tables_or_one_line(shop: dict[str, pl.DataFrame], table: str, damage: str) -> None:
    frame = shop[table]
    damaged = {
        "no columns": pl.DataFrame(),
        "no rows": frame.clear(),
        "one row": frame.head(1),
        "without its first column": frame.drop(frame.columns[0]),
    }
    tables = {name: shop[name] for name in shop if name != table}
    result = outcome(tables if damage == "absent" else tables | {table: damaged[damage]})
    if isinstance(result, Ingested):
        assert damage == "one row"
    elif damage != "one row":
        assert table in result


@pytest.mark.parametrize("table", ["raw_search_log", "raw_experiment_log", "raw_experiment_units"])
def test_an_optional_table_may_be_absent(shop: dict[str, pl.DataFrame], table: str) -> None:
    for tables in ({name: shop[name] for name in shop if name != table}, shop | {table: shop[table].clear()}):
        result = outcome(tables)
        assert isinstance(result, Ingested)
        assert_contract(result)
        assert getattr(result, table.removeprefix("raw_")).is_empty()


def test_a_single_grade_is_accepted_and_noted(shop: dict[str, pl.DataFrame]) -> None:
    result = outcome(shop | {"raw_judgments": shop["raw_judgments"].with_columns(grade=pl.lit("exact"))})
    assert isinstance(result, Ingested)
    assert result.quality.filter(pl.col("rule") == "query with one grade only")["count"].to_list() == [3]


def test_a_query_with_50000_judgments(shop: dict[str, pl.DataFrame]) -> None:
    ids = [f"x{i}" for i in range(50_000)]
    products = pl.DataFrame({"product_id": ids, "title": ids})
    judgments = pl.DataFrame({"query_id": ["q1"] * 50_000, "product_id": ids, "grade": ["exact"] * 50_000})
    result = outcome(shop | {"raw_products": products, "raw_judgments": judgments, "raw_search_log": pl.DataFrame()})
    assert isinstance(result, Ingested)
    assert result.judgments.height == 50_000


def test_a_10_mb_title_is_cut_and_counted(shop: dict[str, pl.DataFrame]) -> None:
    products = shop["raw_products"].with_columns(
        title=pl.when(pl.col("product_id") == "p1").then(pl.lit("<b>lamp</b> " * 900_000)).otherwise("title")
    )
    result = outcome(shop | {"raw_products": products})
    assert isinstance(result, Ingested)
    assert len(result.products["title"][0]) <= 20_000
    assert result.quality.filter(pl.col("rule").str.contains("cut"))["count"].to_list() == [1]


VALUES = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.sampled_from(["exact", "Exact ", "p1", "q1", "1", "-1", "nan", "<b>", "&amp;", "{}", "true", "2026-01-01"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_texts_in_any_columns(shop: dict[str, pl.DataFrame], data: st.DataObject) -> None:
    """Several columns of several tables hold arbitrary texts at once."""
    tables = dict(shop)
    for table in data.draw(st.lists(st.sampled_from(sorted(shop)), min_size=1, max_size=3, unique=True)):
        frame = shop[table]
        columns = data.draw(st.lists(st.sampled_from(frame.columns), min_size=1, max_size=3, unique=True))
        values = {name: data.draw(st.lists(VALUES, min_size=frame.height, max_size=frame.height)) for name in columns}
        tables[table] = frame.with_columns(pl.Series(name, texts, dtype=pl.String) for name, texts in values.items())
    result = outcome(tables)
    if isinstance(result, Ingested):
        assert_contract(result)
