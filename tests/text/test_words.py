"""Words in every script: what a query and a product share, they share as words."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.text import folded, spaced, words


def split(text: str) -> list[str]:
    return pl.DataFrame({"x": [text]}).select(words(folded(pl.col("x")))).item().to_list()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Red T-shirt, size 8", ["red", "t", "shirt", "size", "8"]),
        ("iphone手机壳", ["iphone", "手机", "机壳", "手", "机", "壳"]),
        ("ケース", ["ケー", "ース"]),
        ("가방 검정", ["가방", "검정"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("คก็ด", ["คก็", "ก็ด"]),
        ("ก็", ["ก็"]),
        ("", []),
        ("!?", []),
    ],
)
def test_words_by_script(text, found):
    assert split(text) == found


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=0x24F, exclude_categories=["No", "Cf", "Cc"]), max_size=40))
def test_latin_text_is_split_as_a_regular_expression_for_words_splits_it(text):
    text = pl.DataFrame({"x": [text]}).select(folded(pl.col("x"))).item()
    assert split(text) == re.findall(r"(?u)\b\w+\b", text) or any(ord(c) > 0x24F for c in text)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="手机壳红色黑ケース", min_size=2, max_size=30))
def test_pairs_overlap_and_hold_every_letter(text):
    pairs = pl.DataFrame({"x": [text]}).select(spaced(pl.col("x"))).item().split()
    assert pairs == [text[i : i + 2] for i in range(len(text) - 1)]


def test_single_letters_on_request():
    assert pl.DataFrame({"x": ["a手机b"]}).select(spaced(pl.col("x"), size=1)).item().split() == ["a", "手", "机", "b"]
