"""Slips of the pen keep what a query asks for."""

import re

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from roar.marketplace.text import join_phrases, join_words, misspell, split_word, transliterate

UNIT = st.floats(0, 1, exclude_max=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40)


@given(TEXT, UNIT, UNIT)
def test_a_typo_never_touches_a_digit(text, where, how):
    """64gb stays 64gb, whatever is misspelt around it."""
    assert re.findall(r"\d", misspell(text, where, how)) == re.findall(r"\d", text)


@given(TEXT, UNIT)
def test_joining_and_splitting_change_one_space_at_most(text, where):
    assert join_words(text, where).replace(" ", "") == text.replace(" ", "")
    assert split_word(text, where).replace(" ", "") == text.replace(" ", "")
    assert text.count(" ") - join_words(text, where).count(" ") == (" " in text)


def test_transliteration_replaces_one_known_word():
    table = {"phone": ["fon"], "black": ["kala"]}
    assert transliterate("black phone 64gb", table, 0.9, 0.0) == "black fon 64gb"
    assert transliterate("washing line", table, 0.9, 0.0) == "washing line"


def test_phrases_are_joined_in_the_order_of_their_keys_and_empty_places_skipped():
    phrases = pl.Series([None, "a", "b", "c"])
    pieces = np.array([[1, 2, 3], [0, 2, 0], [0, 0, 0]])
    keys = np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert join_phrases(phrases, pieces, keys, "-").to_list() == ["b-c-a", "b", ""]
