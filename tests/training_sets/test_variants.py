"""Query variants: what is the same question, and what only looks like it."""

import tracemalloc

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.training_sets import query_variants


def groups(*texts: str) -> dict[str, str]:
    return dict(query_variants(pl.Series(texts)).iter_rows())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Red Shoes", "red shoe"),
        ("shoes red", "red shoes"),
        ("16gb memory card", "16 gb memory card"),
        ("memory card 16gb", "memroy card 16gb"),
        ("coffee maker", "cofee maker"),
        ("coffee maker", "coffeemaker"),
        ("café crème", "cafe creme"),
        ("t-shirt, black", "t shirt black"),
    ],
)
def test_spellings_of_one_question_share_a_group(one, other):
    found = groups(one, other, "something else entirely")
    assert found[one] == found[other] != found["something else entirely"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("16gb memory card", "64gb memory card"),
        ("memory card 16gb", "memory card 160gb"),
        ("iphone 12 case", "iphone 13 case"),
        ("case", "cage"),
        ("red shoes", "red dress"),
        ("1.5 l bottle", "15 l bottle"),
    ],
)
def test_other_questions_stay_apart(one, other):
    found = groups(one, other)
    assert found[one] != found[other]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=20))
def test_every_text_has_one_group_named_after_a_member_whatever_the_order(texts):
    found = query_variants(pl.Series(texts, dtype=pl.String))
    assert sorted(found["query"]) == sorted(set(texts)) and set(found["variant_group"]) <= set(texts)
    assert found.equals(query_variants(pl.Series(texts[::-1], dtype=pl.String)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("红色 手机壳", "手机壳红色"),
        ("iphone ١٢ case", "iphone 12 case"),
        ("스마트폰 케이스", "스마트폰케이스"),
        ("straße schild", "STRASSE SCHILD"),
    ],
)
def test_spellings_of_one_question_in_other_scripts(one, other):
    found = groups(one, other)
    assert found[one] == found[other]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("iphone手机壳红色", "iphone手机壳黑色"),
        ("スマホケース赤", "スマホケース青"),
        ("อะแดปเตอร์สีดำ", "อะแดปเตอร์สีแดง"),
        ("カメラバッグ", "ガメラバッグ"),
    ],
)
def test_another_letter_of_a_script_without_blanks_is_another_question(one, other):
    found = groups(one, other)
    assert found[one] != found[other]


def test_a_query_of_20000_letters_costs_little():
    """One-letter typos are looked for in short texts alone; equal long ones still meet."""
    long = "memory card " * 1700
    tracemalloc.start()
    found = groups(long, long.upper(), "memory card")
    assert found[long] == found[long.upper()] != found["memory card"]
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
