"""Listings in any script: digits are read, marks that nobody sees hide no duplicate, attributes mean what they say."""

import polars as pl
import pytest

from roar.attributes import declared
from roar.near_duplicates import cluster, find_pairs
from roar.near_duplicates.text import normalise, tokens


def listings(**columns: list) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    other = {
        "title": ["lamp"] * rows,
        "description": [None] * rows,
        "brand": [None] * rows,
        "attributes": [None] * rows,
    }
    table = {"product_id": [f"p{i}" for i in range(rows)], **other, **columns}
    return pl.DataFrame(table).cast(dict.fromkeys(("description", "brand", "attributes", "title"), pl.String))


@pytest.mark.parametrize(
    "title", ["iphone ١٢ case", "Samsung ٥٠ inch tv", "१६ gb कार्ड", "pack of ٦", "x١٢", "１／２ litre", "²½"]
)
def test_digits_of_other_scripts_stop_nothing(title):
    products = listings(title=[title, "lamp"], attributes=['{"size": "١٢ cm"}', None])
    pairs = find_pairs(products)
    assert pairs.is_empty() and cluster(products, pairs).height == 2


def test_digits_are_read():
    spoken = declared.read(listings(attributes=['{"size": "١٢ cm"}', '{"size": "12 cm"}']))[1]
    assert spoken.filter(row=0).drop("row").equals(spoken.filter(row=1).drop("row")) and spoken.height == 2


@pytest.mark.parametrize("mark", ["\u200e", "\u200b", "\u00ad", "\ufeff", "\u2066"])
def test_an_invisible_mark_hides_no_duplicate(mark):
    title = "Nike Air Zoom Pegasus 39 black running shoe"
    products = listings(
        title=[title, f"Nike{mark} Air Zoom{mark} Pegasus 39 black running shoe"], brand=["Nike", f"{mark}Nike"]
    )
    assert find_pairs(products).height == 1


def test_escapes_lists_and_nesting_say_what_they_stand_for():
    written = ['{"material": "wei\\u00df"}', '{"material":"weiß"}', '{"material": ["weiß"]}', '{"material": "WEISS"}']
    named = declared.read(listings(attributes=written))[0]
    assert named.height == 4 and named["value"].n_unique() == 1 and named["dimension"].n_unique() == 1


@pytest.mark.parametrize(("one", "other"), [("カメラ", "ガメラ"), ("กา", "กี"), ("की", "का")])
def test_marks_that_make_other_words_are_kept(one, other):
    folded = pl.DataFrame({"x": [one, other]}).select(normalise(pl.col("x"))).to_series()
    assert folded[0] != folded[1]


def test_text_without_blanks_has_words():
    assert tokens(pl.DataFrame({"title": ["iphone 手机壳"]}), "title")["token"].to_list() == ["iphone", "手机", "机壳"]
