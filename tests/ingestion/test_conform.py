"""Kinds of columns: what is repaired, what is dropped, what is refused, and that all of it is counted."""

import datetime as dt

import polars as pl
import pytest

from roar.errors import InputError
from roar.ingestion import Ingested, ingest
from roar.ingestion.contract import TABLES
from roar.ingestion.text import clean
from roar.ingestion.values import as_text, as_time
from roar.parameters import Ingestion, TextCleaning
from roar.schemas import Judgments, Products, Queries, SearchLog


def counts(result: Ingested, table: str) -> dict[tuple[str, str], int]:
    """(rule, action) to count, without the notes on rows read and kept."""
    rows = result.quality.filter(pl.col("table") == table, pl.col("action") != "noted")
    return {(rule, action): count for rule, action, count in rows.select("rule", "action", "count").rows()}


def test_the_contract_names_the_columns_of_the_schemas() -> None:
    for table, schema in (
        ("products", Products),
        ("queries", Queries),
        ("judgments", Judgments),
        ("search_log", SearchLog),
    ):
        assert [column.name for column in TABLES[table]] == list(schema.to_schema().columns)


def test_rows_without_id_or_title_are_dropped_and_counted(shop: dict[str, pl.DataFrame]) -> None:
    more = pl.DataFrame({"product_id": [None, "p5", "p6"], "title": ["x", " \n", "<br>"]})
    result = ingest(shop | {"raw_products": pl.concat([shop["raw_products"], more], how="diagonal")})
    assert result.products.height == 4
    assert counts(result, "products") == {
        ("HTML or entities removed", "repaired"): 1,
        ("nothing left after clean-up", "repaired"): 1,
        ("no product_id", "dropped"): 1,
        ("no title", "dropped"): 2,
    }


def test_prices_that_are_none_become_null_and_are_counted(shop: dict[str, pl.DataFrame]) -> None:
    prices = pl.Series("price", ["12.5", "-1", "NaN", "free"])
    result = ingest(shop | {"raw_products": shop["raw_products"].with_columns(prices)})
    assert result.products["price"].to_list() == [12.5, None, None, None]
    assert counts(result, "products") == {
        ("not a number", "repaired"): 1,
        ("a word for nothing", "repaired"): 1,
        ("not a number from 0", "repaired"): 1,
    }


def test_a_column_of_another_type_is_refused(shop: dict[str, pl.DataFrame]) -> None:
    """A stray value is mended; a column that is mostly something else was mapped wrongly."""
    with pytest.raises(InputError, match=r"products: column price: 4 of 4 values are no number \(first: Brass"):
        ingest(shop | {"raw_products": shop["raw_products"].with_columns(price="title")})


def test_frequencies_are_whole_and_not_negative(shop: dict[str, pl.DataFrame]) -> None:
    queries = shop["raw_queries"].with_columns(frequency=pl.Series([2.0, 2.5, -1.0]))
    assert ingest(shop | {"raw_queries": queries}).queries["frequency"].to_list() == [2, None, None]


def test_an_unknown_grade_is_refused_by_name(shop: dict[str, pl.DataFrame]) -> None:
    judgments = shop["raw_judgments"].with_columns(grade=pl.lit("perfect"))
    with pytest.raises(InputError, match=r"judgments: column grade holds 6 unknown grades \(first: perfect\).*transl"):
        ingest(shop | {"raw_judgments": judgments})


def test_grades_are_read_in_any_case_and_gaps_dropped(shop: dict[str, pl.DataFrame]) -> None:
    grades = pl.Series("grade", ["EXACT", " Substitute", "complement", None, "irrelevant", "exact"])
    result = ingest(shop | {"raw_judgments": shop["raw_judgments"].with_columns(grades)})
    assert result.judgments["grade"].to_list() == ["exact", "substitute", "complement", "irrelevant", "exact"]
    assert counts(result, "judgments") == {("no grade", "dropped"): 1}


def test_ids_of_any_type_meet_each_other(shop: dict[str, pl.DataFrame]) -> None:
    """Integers in one table, floats (as pandas leaves them) in another, texts in the third."""
    numbers = {"p1": 1, "p2": 2, "p3": 3, "p4": 4}
    products = shop["raw_products"].with_columns(pl.col("product_id").replace_strict(numbers))
    judgments = shop["raw_judgments"].with_columns(pl.col("product_id").replace_strict(numbers).cast(pl.Float64))
    result = ingest({**shop, "raw_products": products, "raw_judgments": judgments, "raw_search_log": pl.DataFrame()})
    assert result.products["product_id"].to_list() == ["1", "2", "3", "4"]
    assert result.judgments.height == 6


def test_ids_keep_their_leading_zeros() -> None:
    assert as_text(pl.Series(["007"])).to_list() == ["007"]
    assert as_text(pl.Series([1.5, 2.0])).to_list() == ["1.5", "2.0"]
    assert as_text(pl.Series([["a", None, "b"]])).to_list() == ["a\nb"]


def test_flags_and_ranks_of_the_log(shop: dict[str, pl.DataFrame]) -> None:
    log = shop["raw_search_log"].with_columns(
        clicked=pl.Series(["yes", "0", "T"]), carted=pl.Series([1, None, 0]), position=pl.Series([1, 2, 0])
    )
    result = ingest(shop | {"raw_search_log": log.drop("ordered", "ranker")})
    assert result.search_log.select("clicked", "carted", "ordered", "ranker").rows() == [
        (True, True, False, None),
        (False, False, False, None),
    ]
    assert counts(result, "search_log")[("no position", "dropped")] == 1


def test_times_are_read_as_utc_without_a_zone() -> None:
    texts = ["2026-01-02", "2026-01-02 03:04", "2026-01-02T03:04:05.5", "2026-01-02T03:04:05Z", "2026-01-02 03:04+0200"]
    expected = [
        dt.datetime(2026, 1, 2),
        dt.datetime(2026, 1, 2, 3, 4),
        dt.datetime(2026, 1, 2, 3, 4, 5, 500_000),
        dt.datetime(2026, 1, 2, 3, 4, 5),
        dt.datetime(2026, 1, 2, 1, 4),
    ]
    assert as_time(pl.Series([*texts, "soon"])).to_list() == [*expected, None]
    zoned = pl.Series([dt.datetime(2026, 1, 2, tzinfo=dt.UTC)]).dt.convert_time_zone("Asia/Tokyo")
    assert as_time(zoned).to_list() == [dt.datetime(2026, 1, 2)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("<p>Lamp</p><br/>shade", "Lamp shade"),
        ("&lt;b&gt;Lamp&lt;/b&gt; &amp;amp; shade &#153;", "Lamp &amp; shade ™"),
        ("Lamp&nbsp;<script type='a'>var x = '<b>';</script> on", "Lamp on"),
        ("<style>p {}</style>Lamp<!-- a > b -->", "Lamp"),
        ("5 < 10 cm > 2", "5 < 10 cm > 2"),
        ("knife.< br />Sharp", "knife. Sharp"),
        ("a\x00b\u200bc\u202ed", "a bcd"),
        ("  a \t\r\n b\u00a0 c ", "a b c"),
        ("Cafe\u0301", "Café"),
        ("👩‍👧", "👩‍👧"),
        ("می‌خواهم", "می‌خواهم"),
        ("<br> ", None),
        (None, None),
    ],
)
def test_clean_up(raw: str | None, expected: str | None) -> None:
    assert clean(pl.Series([raw], dtype=pl.String), TextCleaning(), markup=True).texts.to_list() == [expected]


def test_clean_up_can_be_switched_off() -> None:
    config = TextCleaning(html=False, unicode="none")
    texts = pl.Series(["<b>Cafe\u0301</b>"])
    assert clean(texts, config, markup=True).texts.to_list() == texts.to_list()


def test_clean_up_twice_changes_nothing_more(shop: dict[str, pl.DataFrame]) -> None:
    once = ingest(shop)
    again = ingest({f"raw_{name}": frame for name, frame in once._asdict().items() if name != "quality"})
    assert all(getattr(once, name).equals(getattr(again, name)) for name in TABLES)


def test_long_texts_are_cut_at_the_parameter(shop: dict[str, pl.DataFrame]) -> None:
    result = ingest(shop, Ingestion(cleaning=TextCleaning(max_characters=8)))
    assert result.products["title"].to_list() == ["Brass ta", "Floor la", "Lamp sha", "Oak desk"]
    cut = result.quality.filter(pl.col("rule") == "text cut at 8 characters")
    assert cut.filter(pl.col("column") == "title")["count"].to_list() == [3]


def test_too_much_lost_is_refused(shop: dict[str, pl.DataFrame]) -> None:
    products = shop["raw_products"].with_columns(title=pl.Series(["Lamp", "", "", ""]))
    with pytest.raises(InputError, match=r"products: 3 of 4 rows were dropped, 3 by the rule 'no title'.*max_loss"):
        ingest(shop | {"raw_products": products})
    accepted = ingest(shop | {"raw_products": products}, Ingestion(max_loss=0.9))
    assert accepted.products.height == 1
