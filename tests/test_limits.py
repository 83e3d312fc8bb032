"""The page of limits states the figures that hold, and what happens at each one is a test."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from roar.attributes import declared
from roar.datasets import delimited, unpacking
from roar.encoder import product_texts
from roar.ingestion import ingest, numbers, quality
from roar.near_duplicates.text import tokens
from roar.parameters import ABTest, Evaluation, Ingestion, NearDuplicates
from roar.parameters.serve_log import ServeLog
from roar.service.page import query as page_query
from roar.text import attribute_json
from roar.training_sets import query_variants, slices, variants

PAGE = (Path(__file__).parents[1] / "docs" / "limits.md").read_text(encoding="utf-8")

STATED = {
    "content of a packed file": (unpacking.RATIO, unpacking.ALWAYS // 2**20),
    "empty columns to the right": (delimited._SPARE,),
    "rows of products, queries or judgments": (round(100 * Ingestion().max_loss),),
    "a title, description, brand": (Ingestion().cleaning.max_characters,),
    "attributes of a product": (Ingestion().cleaning.max_characters,),
    "nesting of attributes": (attribute_json.DEPTH,),
    "a text that is read as a number": (numbers.LONGEST,),
    "examples in a message": (quality._EXAMPLES, quality._EXAMPLE_LENGTH),
    "events of a search": (round(ServeLog().open_s), ServeLog().open_searches),
    "log entries that wait": (ServeLog().queue,),
    "a judge's name": (page_query._RATER,),
    "a query that may have one-letter typos": (variants._LONGEST_WITH_TYPOS, variants._SHORTEST_WITH_TYPOS),
    "a word that may be a slip": (slices._SHORTEST_SLIP, slices._LONGEST_SLIP),
    "attributes that near-duplicates read": (declared.LONGEST_OBJECT, declared.LONGEST_VALUE),
    "listings compared with each other": (NearDuplicates().candidates.largest_block,),
    "neighbours of a listing": (NearDuplicates().candidates.neighbours,),
    "listings in one cluster": (NearDuplicates().clusters.largest,),
    "products kept of a query's": (Evaluation().depth,),
    "searches of a unit in a day": (ABTest().robot_searches,),
    "rows of an experiment": (round(100 * ABTest().max_excluded),),
}


@pytest.mark.parametrize(("what", "figures"), STATED.items(), ids=STATED)
def test_the_page_states_what_holds(what: str, figures: tuple[int, ...]) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {what}"))
    stated = [int(number.replace(",", "")) for number in re.findall(r"\b[0-9][0-9,]*", row.split("|")[2])]
    assert stated[: len(figures)] == list(figures)


def test_near_duplicates_read_2000_characters_of_a_text() -> None:
    read = tokens(pl.DataFrame({"title": ["lamp " * 10_000]}), "title")
    assert read.height == 400 and "| 2,000 characters |" in PAGE


def test_near_duplicates_read_so_many_characters_of_attributes() -> None:
    long = {f"key {i}": "v" * 10 for i in range(500)} | {"prose": "v" * 41, "last": "v"}
    prose = {"short": "v" * 40, "prose": "v" * 41}
    products = pl.DataFrame(
        {"attributes": [json.dumps(long), json.dumps(prose)], "brand": [None, None]},
        schema_overrides={"brand": pl.String},
    )
    named = declared.read(products)[0]
    assert "“last”" not in named.filter(row=0)["dimension"] and named.filter(row=0).height > 100
    assert named.filter(row=1)["dimension"].to_list() == ["“short”"]


def test_encoder_and_bm25_read_8_characters_for_each_token() -> None:
    products = pl.DataFrame({"title": ["x" * 100_000]})
    assert [product_texts(products, ["title"], tokens)[0].count("x") for tokens in (64, 10_000)] == [512, 80_000]
    assert "| 80,000 characters |" in PAGE and "8 characters for each" in PAGE


def test_typos_end_at_the_stated_length() -> None:
    def joined(length: int) -> bool:
        text = "abcdefghij" * 20
        pair = (text[:length] + "k", text[:length] + "kk")
        return query_variants(pl.Series(pair))["variant_group"].n_unique() == 1

    assert joined(variants._LONGEST_WITH_TYPOS - 2) and not joined(variants._LONGEST_WITH_TYPOS + 2)


def test_numbers_end_at_the_stated_length() -> None:
    fits, long = ("$" + "0" * zeros + "5" for zeros in (numbers.LONGEST - 2, numbers.LONGEST - 1))
    assert numbers.read_numbers(pl.Series([fits, long])).values.to_list() == [5, None]


def test_whole_numbers_end_at_the_stated_size() -> None:
    queries = pl.DataFrame({"query_id": ["a", "b"], "query": ["lamp", "desk"], "frequency": [2**53 - 1, 2**53]})
    products = pl.DataFrame({"product_id": ["p"], "title": ["lamp"]})
    judged = pl.DataFrame({"query_id": ["a"], "product_id": ["p"], "grade": ["exact"]})
    result = ingest({"raw_products": products, "raw_queries": queries, "raw_judgments": judged})
    assert result.queries["frequency"].to_list() == [2**53 - 1, None] and "below 2^53" in PAGE


def test_spare_columns_end_at_the_stated_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    def read(spare: int) -> pl.DataFrame:
        path.write_text("id\n1" + "," * spare + "\n", encoding="utf-8")
        return delimited.read_delimited(path, separator=",", quote='"', encoding="utf8")

    assert read(delimited._SPARE).rows() == [("1",)]
    with pytest.raises(pl.exceptions.ComputeError, match="more fields"):
        read(delimited._SPARE + 1)
