"""Numbers as shops of the world write them: read as stated, or not read and counted; never another number."""

import polars as pl
import pytest

from roar.errors import InputError
from roar.ingestion import ingest
from roar.ingestion.numbers import read_numbers
from roar.parameters import Ingestion


def read(*texts: str | None, decimal: str | None = None) -> list[float | None]:
    return read_numbers(pl.Series("price", texts, dtype=pl.String), decimal).values.to_list()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$5.50", 5.5), ("1,010.00", 1010), ("1.010,00 €", 1010), ("EUR 12", 12), ("12 eur", 12), ("CHF 1'010.50", 1010.5),
        ("1’234’567", 1234567), ("1 010,5 kr", 1010.5), ("1\u202f234\u00a0Kč", 1234), ("R$ 19,90", 19.9), ("US$5", 5),
        ("Rs. 1,00,000.50", 100000.5), ("£.99", 0.99), ("9,- €", 9), ("25.–", 25), ("-5,5", -5.5), ("−3", -3), ("$-4", -4),
        ("١٢٫٥", 12.5), ("１２.５", 12.5), ("¥1,010", 1010), ("299 zł", 299), ("199:-", 199), ("Rs.499/-", 499), ("&pound;5.50", 5.5), ("5&nbsp;&euro;", 5), ("1e3", 1000), ("\ufeff7", 7), ("1_000", None),
    ],
)  # fmt: skip
def test_prices_of_the_world(text, value):
    assert read(text) == [value]


@pytest.mark.parametrize(
    "text", ["from 9.99", "ab 9,99 €", "à partir de 9,99", "9.99 - 12.99", "$9.99–$12.99", "9.99+", "9.99 to 12"]
)
def test_of_a_range_the_lower_end_is_taken_and_told(text):
    numbers = read_numbers(pl.Series([text]))
    assert numbers.values.to_list() == [9.99] and numbers.lower_ends.to_list() == [True]


@pytest.mark.parametrize(
    "text",
    [
        "free",
        "iPhone 12",
        "12%",
        "2 for 10",
        "pack of 6",
        "01.02.2026",
        "1.2.3",
        "1,2,3",
        "12 monkeys",
        "5 5",
        "9" * 70 + " €",
    ],
)
def test_what_only_holds_a_number_is_none(text):
    assert read(text) == [None]


def test_the_column_tells_what_one_value_does_not():
    assert read("1.234", "5,50") == [1234, 5.5]
    assert read("1,234", "5.50") == [1234, 5.5]
    assert read("1.234", "1.2") == [1.234, 1.2]
    assert read("1.500", "0.750") == [1.5, 0.75]
    assert read("1,234", "2,500") == [1234, 2500]
    assert read("1.234", "2.345") == [1.234, 2.345]


def test_what_may_be_either_is_read_only_when_the_mark_is_stated():
    for texts in (["1.000", "2.500"], ["1.234", "1,234"]):
        numbers = read_numbers(pl.Series(texts))
        assert numbers.values.to_list() == [None, None] and numbers.ambiguous.all()
    assert read("1.000", "2.500", decimal=",") == [1000, 2500]
    assert read("1.000", "2.500", decimal=".") == [1, 2.5]
    assert read("5,5", "5.5", "1.234") == [5.5, 5.5, None]


def mapped(**number: object) -> Ingestion:
    return Ingestion(
        products={"table": "raw_products", "columns": {"price": {"number": "cost", **number}}, "others": "drop"}
    )


def shop_with(shop: dict[str, pl.DataFrame], *prices: str | None) -> dict[str, pl.DataFrame]:
    return shop | {"raw_products": shop["raw_products"].drop("price").with_columns(cost=pl.Series(prices))}


def test_a_mapped_number_is_read_by_the_convention_and_what_is_lost_is_counted(shop):
    result = ingest(shop_with(shop, "$5.50", "1,010.00", "from 3", "on request"), mapped(factor=2))
    assert result.products["price"].to_list() == [11, 2020, 6, None]
    told = result.quality.filter(pl.col("column") == "cost").select("rule", "count", "examples").rows()
    assert told == [("not a number", 1, "on request"), ("lower end of a range or of a price 'from'", 1, "from 3")]


def test_more_lost_than_max_loss_is_refused_with_samples(shop):
    with pytest.raises(
        InputError, match=r"price: column cost: 3 of 4 values are no number \(first: ask, call, see shop\)"
    ):
        ingest(shop_with(shop, "ask", "call", "see shop", "1"), mapped())
    with pytest.raises(InputError, match=r"4 of 4 values are no clear number \(first: 1\.000.*state the decimal mark"):
        ingest(shop_with(shop, "1.000", "2.000", "3.500", "4.000"), mapped())
    assert (
        ingest(shop_with(shop, "1.000", "2.000", "3.500", "4.000"), mapped(decimal=",")).products["price"].sum()
        == 10_500
    )
    with pytest.raises(InputError, match="column rating: 6 of 6 values are no number"):
        grade = {"at_least": {"exact": 2}, "column": "rating", "otherwise": "irrelevant"}
        judged = shop["raw_judgments"].with_columns(rating=pl.lit("good"))
        ingest(
            shop | {"raw_judgments": judged},
            Ingestion(judgments={"table": "raw_judgments", "columns": {"grade": grade}}),
        )
