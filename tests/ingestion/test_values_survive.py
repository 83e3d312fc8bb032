"""Nothing lies and nothing vanishes: words for nothing, keys, names, ids, times and attributes on their way in."""

import datetime as dt
import json
import time
from pathlib import Path

import polars as pl
import pytest
import yaml

from roar.errors import InputError
from roar.ingestion import Ingested, ingest
from roar.ingestion.values import as_time, has_zone
from roar.parameters import Ingestion, TextCleaning


def products(shop: dict[str, pl.DataFrame], **columns: list) -> dict[str, pl.DataFrame]:
    return shop | {"raw_products": shop["raw_products"].with_columns(pl.Series(k, v) for k, v in columns.items())}


def told(result: Ingested, rule: str) -> list[tuple[str, str, int]]:
    return result.quality.filter(pl.col("rule").str.contains(rule)).select("table", "column", "count").rows()


@pytest.mark.parametrize("word", ["NULL", "N/A", "nan", "-", "none", " null "])
def test_words_for_nothing_are_gaps_everywhere_and_counted(shop, word):
    result = ingest(products(shop, brand=["Lumo", word, "Holt", "Holt"], price=["1", word, "2", "3"]))
    assert result.products["brand"].to_list() == ["Lumo", None, "Holt", "Holt"]
    assert result.products["price"].to_list() == [1, None, 2, 3]
    assert told(result, "word for nothing") == [("products", "brand", 1), ("products", "price", 1)]


def test_a_row_whose_title_is_a_word_for_nothing_is_dropped(shop):
    assert told(ingest(products(shop, title=["Lamp", "N/A", "Shade", "Desk"])), "no title") == [
        ("products", "title", 1)
    ]


def test_a_translation_may_give_such_a_word_a_meaning(shop):
    judged = shop["raw_judgments"].with_columns(label=pl.lit("None"))
    grade = {"translate": "label", "to": {"none": "irrelevant"}}
    config = Ingestion(judgments={"table": "raw_judgments", "columns": {"grade": grade}, "others": "drop"})
    assert set(ingest(shop | {"raw_judgments": judged}, config).judgments["grade"]) == {"irrelevant"}


def test_a_shop_may_have_its_own_words_for_nothing(shop):
    config = Ingestion(cleaning=TextCleaning(missing=("no brand",)))
    result = ingest(products(shop, brand=["No Brand", "NA", "None", "-"]), config)
    assert result.products["brand"].to_list() == [None, "NA", "None", "-"]


@pytest.mark.parametrize(
    "keys",
    [
        [1001.0, None, 1003.0, 1004.0],
        [" 1001", "", "1003 ", "1004"],
        ["1001.0", "-", "1003.0", "1004"],
        [1001, None, 1003, 1004],
    ],
)
def test_side_tables_meet_their_keys_in_any_type(shop, keys):
    side = {"table": "raw_product_extras", "key": ["sku"], "columns": ["category"]}
    config = Ingestion(products={"table": "raw_products", "join": [side], "columns": {"vertical": "category"}})
    extras = pl.DataFrame({"sku": keys, "category": ["a", "b", "c", "d"]})
    result = ingest(products(shop, sku=["1001", "1002", "1003", "1004"]) | {"raw_product_extras": extras}, config)
    assert result.products["vertical"].to_list() == ["a", None, "c", "d"]
    assert told(result, "found in raw_product_extras") == [("products", "sku", 3), ("products", "sku", 1)]
    assert result.products["sku"].to_list() == ["1001", "1002", "1003", "1004"]


def test_one_side_table_may_be_joined_twice_by_other_keys(shop):
    extras = pl.DataFrame(
        {"sku": ["1001", "1002", "1003"], "old": ["x1", "x2", "x9"], "a": ["1", "2", "3"], "b": ["4", "5", "6"]}
    )
    sides = [
        {"table": "raw_product_extras", "key": [key], "columns": [name]} for key, name in (("sku", "a"), ("old", "b"))
    ]
    config = Ingestion(products={"table": "raw_products", "join": sides})
    known = products(shop, sku=["1001", "1002", "1003", "-"], old=["x1", "x2", None, "x3"])
    result = ingest(known | {"raw_product_extras": extras}, config)
    assert result.products["a"].to_list() == ["1", "2", "3", None] and result.products["b"].to_list() == [
        "4",
        "5",
        None,
        None,
    ]
    assert [count for _, _, count in told(result, "^row found")] == [3, 2]


def test_a_join_that_meets_too_little_is_refused_by_name(shop):
    side = {"table": "raw_product_extras", "key": ["product_id"], "columns": ["category"]}
    extras = pl.DataFrame({"product_id": ["x1", "x2"], "category": ["a", "b"]})

    def config(**policy: object) -> Ingestion:
        return Ingestion(products={"table": "raw_products", "join": [{**side, **policy}]})

    with pytest.raises(
        InputError, match=r"raw_product_extras: 4 of 4 rows find no row there by product_id \(first: p1, p2"
    ):
        ingest(shop | {"raw_product_extras": extras}, config())
    assert ingest(shop | {"raw_product_extras": extras}, config(max_unmatched=1)).products.height == 4


def test_a_side_column_that_is_there_already_is_refused(shop):
    side = {"table": "raw_product_extras", "key": ["product_id"], "columns": ["brand"]}
    extras = pl.DataFrame({"product_id": ["p1"], "brand": ["Other"]})
    with pytest.raises(InputError, match="both have brand"):
        ingest(shop | {"raw_product_extras": extras}, Ingestion(products={"table": "raw_products", "join": [side]}))


def test_ids_that_look_alike_are_one(shop):
    judged = shop["raw_judgments"].with_columns(pl.col("product_id") + "\u200e ", pl.lit("\ufeff") + pl.col("query_id"))
    assert ingest(shop | {"raw_judgments": judged}).judgments.height == 6
    floats = shop["raw_judgments"].with_columns(pl.col("product_id").str.strip_prefix("p") + ".0")
    bare = {
        name: shop[name].with_columns(pl.col("product_id").str.strip_prefix("p"))
        for name in ("raw_products", "raw_search_log")
    }
    assert ingest(shop | bare | {"raw_judgments": floats}).judgments.height == 6


def test_names_have_one_form(shop):
    result = ingest(
        products(
            shop,
            vertical=["Home &amp; Garden", "Home & Garden", "Home \u200e& Garden", "Home &  Garden"],
            brand=["Nike", "\u200eNike", "Ni\u00adke", "Nike\ufeff"],
            title=["Pen&notebook", "Lamp &amp; shade", "A &amp;lt; B", "Desk"],
        )
    )
    assert set(result.products["vertical"]) == {"Home & Garden"} and set(result.products["brand"]) == {"Nike"}
    assert result.products["title"].to_list() == ["Pen&notebook", "Lamp & shade", "A &lt; B", "Desk"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02 03:04:05+00", "2026-01-02 03:04:05 UTC", "2026-01-02T03:04:05 GMT", "2026-01-02 03:04:05 +0000 UTC",
        "2026-01-02 05:04:05 +02:00", "2026/01/02 03:04:05z", "2026-01-02T03:04:05Z[UTC]", "2026-01-01 22:04:05-05",
    ],
)  # fmt: skip
def test_zones_as_databases_write_them(text):
    assert as_time(pl.Series([text])).item() == dt.datetime(2026, 1, 2, 3, 4, 5) and has_zone(pl.Series([text])).item()


@pytest.mark.parametrize("text", ["2026-01-02 03:04:05,000", "2026/01/02 03:04:05", "٢٠٢٦-٠١-٠٢ ٠٣:٠٤:٠٥"])
def test_times_without_a_zone(text):
    assert as_time(pl.Series([text])).item() == dt.datetime(2026, 1, 2, 3, 4, 5)
    assert not has_zone(pl.Series([text])).item()


def test_a_zone_that_cannot_be_read_is_no_utc():
    texts = pl.Series(
        ["2026-01-02T03:04:05[Europe/Berlin]", "2026-01-02 03:04:05 CET", "2026-01-02T04:04:05+01:00[Europe/Berlin]"]
    )
    assert as_time(texts).to_list() == [None, None, dt.datetime(2026, 1, 2, 3, 4, 5)]


def test_attributes_arrive_in_one_form_and_losses_are_counted(shop):
    texts = ['{"material": "wei\\u00df"}', '{"colour":["red","blue"]}', "[[[", json.dumps({"a": "x" * 30_000})]
    result = ingest(products(shop, attributes=texts))
    stored = result.products["attributes"].to_list()
    assert stored[:3] == ['{"material": "weiß"}', '{"colour": "red, blue"}', None] and len(stored[3]) <= 20_002
    assert told(result, "JSON object|attributes cut") == [("products", "attributes", 1), ("products", "attributes", 1)]


def test_pairs_of_a_megabyte_cost_no_more_than_their_letters(shop):
    text = "|".join(["colour : red"] * 80_000)
    config = Ingestion(
        products={"table": "raw_products", "columns": {"attributes": {"pairs": "features"}}, "others": "drop"}
    )
    start = time.perf_counter()
    result = ingest(products(shop, features=[text, "a : b|a : c", None, "x"]), config)
    assert time.perf_counter() - start < 3
    assert result.products["attributes"][1] == '{"a": "b, c"}' and len(result.products["attributes"][0]) <= 20_002


def test_a_packed_column_nested_too_deep_is_one_line(shop):
    config = Ingestion(
        products={"table": "raw_products", "columns": {"attributes": {"gather": {"a*": "*"}, "packed": "record"}}}
    )
    with pytest.raises(InputError, match="column record does not hold JSON objects"):
        ingest(products(shop, record=['{"a":' * 200_000] * 4), config)


def test_a_list_or_markup_around_a_word_for_nothing_is_nothing(shop):
    result = ingest(
        products(shop, brand=[["N/A"], ["Lumo"], [], ["a", "b"]], vertical=["<b>null</b>", "-&nbsp;", "n/a\u200b", "x"])
    )
    assert result.products["brand"].to_list() == [None, "Lumo", None, "a b"]
    assert result.products["vertical"].to_list() == [None, None, None, "x"]
    assert told(result, "word for nothing") == [("products", "brand", 1), ("products", "vertical", 3)]


def test_judgments_and_logs_say_how_many_rows_they_matched(shop, caplog):
    result = ingest(shop)
    assert told(result, "^known") == [
        ("judgments", "query_id", 6),
        ("judgments", "product_id", 6),
        ("search_log", "product_id", 3),
    ]
    assert told(result, "unit found") == [("experiment_log", "unit_id", 2)]
    with pytest.raises(
        InputError, match=r"judgments: 6 of 6 rows name a product_id that is not there \(first: x-p1.*there are: p1"
    ):
        ingest(shop | {"raw_judgments": shop["raw_judgments"].with_columns(product_id="x-" + pl.col("product_id"))})
    ingest(shop | {"raw_search_log": shop["raw_search_log"].with_columns(product_id=pl.lit("gone"))})
    assert "search_log: 3 of 3 rows name a product_id that is not there" in caplog.text
    units = pl.DataFrame({"unit_id": ["x1"], "covariate": [1.0]})
    with pytest.raises(InputError, match="experiment_units: none of the 2 unit_id of experiment_log is there"):
        ingest(shop | {"raw_experiment_units": units})


def test_an_attribute_nested_too_deep_is_counted_not_a_traceback(shop):
    deep: object = "x"
    for _ in range(100):
        deep = [deep]
    records = [json.dumps({"a_deep": deep}), '{"a_b": 1}', None, '{"a_b": "c"}']
    config = Ingestion(
        products={
            "table": "raw_products",
            "columns": {"attributes": {"gather": {"a_*": "*"}, "packed": "record"}},
            "others": "drop",
        }
    )
    result = ingest(products(shop, record=records), config)
    assert result.products["attributes"].to_list() == [None, '{"b": 1}', None, '{"b": "c"}']
    assert told(result, "JSON object") == [("products", "attributes", 1)]


def test_the_base_parameters_state_the_words_for_nothing():
    stated = yaml.safe_load(
        (Path(__file__).parents[2] / "conf/base/parameters/ingestion.yml").read_text(encoding="utf-8")
    )
    assert Ingestion(**stated["ingestion"]).cleaning == TextCleaning()


@pytest.mark.parametrize("word", ["١", "Yes", " T "])
def test_flags_in_other_digits(shop, word):
    log = shop["raw_search_log"].with_columns(clicked=pl.Series([word, "0", "no"]))
    assert ingest(shop | {"raw_search_log": log}).search_log["clicked"].to_list() == [True, False, False]


def test_labels_and_grades_with_invisible_marks_are_what_they_show(shop):
    marked = shop["raw_judgments"].with_columns(grade=pl.lit("\ufeff") + pl.col("grade") + "\u200e ")
    assert (
        ingest(shop | {"raw_judgments": marked}).judgments["grade"].to_list()
        == shop["raw_judgments"]["grade"].to_list()
    )
    grade = {"translate": "grade", "to": {"exact": "exact"}, "otherwise": "irrelevant"}
    config = Ingestion(judgments={"table": "raw_judgments", "columns": {"grade": grade}})
    assert (ingest(shop | {"raw_judgments": marked}, config).judgments["grade"] == "exact").sum() == 3
