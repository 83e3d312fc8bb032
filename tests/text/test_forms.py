"""One form for what is written in many: what meets, and what stays apart."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.text import as_ids, ascii_digits, folded, is_missing, visible, without_accents, without_entities


def one(change, text: str) -> str:
    return pl.DataFrame({"x": [text]}).select(change(pl.col("x"))).item()


@pytest.mark.parametrize(
    ("one_form", "other"),
    [
        ("STRASSE", "straße"), ("Café", "Cafe\u0301"), ("ＳＯＮＹ", "sony"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("İstanbul", "istanbul"),
        ("١٢", "12"), ("१६", "16"), ("ﬁsh", "fish"), ("ni\u200bke", "nike"), ("\u200eNike\u200f", "nike"), ("Ni\u200dke", "nike"),
    ],
)  # fmt: skip
def test_spellings_of_one_word_fold_to_one(one_form, other):
    assert one(folded, one_form) == one(folded, other)


@pytest.mark.parametrize(("word", "another"), [("カメラ", "ガメラ"), ("สีดำ", "สีด"), ("काला", "कल"), ("cafe", "cake")])
def test_marks_that_make_another_word_are_kept(word, another):
    assert one(without_accents, word) != one(without_accents, another)


def test_accents_that_writers_leave_out_go():
    assert one(without_accents, "crème брюлей שָׁלוֹם مُحَمَّد") == "creme брюлеи שלום محمد"


def test_joiners_stay_where_they_join():
    assert one(visible, "👩‍👧 می‌خواهم") == "👩‍👧 می‌خواهم"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_digits_of_every_script_are_read_and_nothing_else_changes(text):
    expected = "".join(str(unicodedata.decimal(c)) if unicodedata.category(c) == "Nd" else c for c in text)
    assert one(ascii_digits, text) == expected


def test_rows_beyond_ascii_change_and_others_keep_their_places():
    texts = pl.DataFrame({"x": ["Abc", None, "١٢", "ß", "Z9"]})
    assert texts.select(folded(pl.col("x"))).to_series().to_list() == ["abc", None, "12", "ss", "z9"]


@pytest.mark.parametrize("text", ["NULL", " n/a ", "NaN", "-", "None", "—", "#N/A", "<NA>", "\\N", "undefined"])
def test_words_for_nothing(text):
    assert one(is_missing, text)


@pytest.mark.parametrize("text", ["Nano", "N", "0", "unknown", "non", "", "--x"])
def test_words_that_stand_for_something(text):
    assert not one(is_missing, text)


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ([1001.0, None, 7.0], ["1001", None, "7"]),
        (["1001.0", "7.0", "nan"], ["1001", "7", None]),
        (["1.0", "1.1"], ["1.0", "1.1"]),
        ([" A1\u200e", "\ufeffB", "cafe\u0301"], ["A1", "B", "café"]),
        ([1, 2], ["1", "2"]),
        (["", "007"], [None, "007"]),
        ([float("nan"), 2.5], [None, "2.5"]),
    ],
)
def test_ids_have_one_form(values, ids):
    assert as_ids(pl.Series("id", values)).to_list() == ids


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Home &amp; Garden", "Home & Garden"),
        ("Pen&notebook", "Pen&notebook"),
        ("AT&T; &copy 2026", "AT&T; &copy 2026"),
        ("&amp;lt;", "&lt;"),
        ("&#8364;5 &#xe9; &#153 ™", "€5 é ™ ™"),
        ("&nosuchname;", "&nosuchname;"),
        ("&notit;", "&notit;"),
    ],
)
def test_only_well_formed_entities_and_once(text, plain):
    assert without_entities(text) == plain
