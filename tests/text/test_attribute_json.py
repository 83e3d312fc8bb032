"""Attributes: one canonical form whatever a shop writes, bounded and linear."""

import json
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.text import as_attributes, attribute_pairs
from roar.text.attribute_json import DEPTH


def form(text: str | None) -> str | None:
    return as_attributes(pl.Series("attributes", [text], dtype=pl.String)).texts.item()


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('{"material": "wei\\u00df"}', '{"material": "weiß"}'),
        ('{"colour":["red","blue"],"width":3.50}', '{"colour": "red, blue", "width": 3.5}'),
        ('{"size": {"width": 3, "height": {"value": 4, "unit": "cm"}}}', '{"size width": 3, "size height": "4 cm"}'),
        ('[{"name": "Colour", "value": "Red"}, {"name": "Mass", "value": 3, "unit": "kg"}]', '{"Colour": "Red", "Mass": "3 kg"}'),
        ('{"brand": "N/A", "size": NaN, "a": null, "b": "", "c": true}', '{"c": true}'),
        ('{"a":1,"a":2}', '{"a": "1, 2"}'),
        ('"{\\"a\\": \\"b\\"}"', '{"a": "b"}'),
        ('{"style": "Home &amp; Garden\\n\\u200eTools"}', '{"style": "Home & Garden Tools"}'),
        ('{"q": "13\\" \\\\ x"}', '{"q": "13\\" \\\\ x"}'),
        ('{"s": "\\ud800"}', '{"s": "\ufffd"}'),
        ("{}", "{}"),
        ("[1, 2]", None),
        ("not JSON", None),
        (None, None),
    ],
)  # fmt: skip
def test_the_canonical_form(text, canonical):
    assert form(text) == canonical
    assert form(canonical) == canonical


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5), st.booleans())
def test_any_object_has_a_canonical_form_that_its_readers_read_alike(value, ascii_only):
    canonical = form(json.dumps(value, ensure_ascii=ascii_only) if ascii_only else json.dumps(value))
    assert canonical is not None and form(canonical) == canonical
    members = json.loads(canonical)
    pairs = attribute_pairs(pl.Series([canonical]))
    assert pairs["name"].to_list() == list(members)
    shown = [v if isinstance(v, str) else json.dumps(v) for v in members.values()]
    assert pairs["value"].to_list() == shown


def test_a_struct_column_is_an_object():
    assert as_attributes(pl.Series([{"a": 1, "b": None}])).texts.to_list() == ['{"a": 1}']


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def test_nesting_beyond_the_limit_is_unreadable():
    assert form(nested(DEPTH)) is not None
    assert form(nested(DEPTH + 1)) is None
    assert form(nested(200_000)) is None and form("[" * 200_000) is None


def test_long_attributes_are_cut_at_the_limit_and_told():
    texts, cut = as_attributes(pl.Series([json.dumps({"a": "x" * 300, "b": "y"}), '{"a": "b"}']), 100)
    assert cut.to_list() == [True, False] and len(texts[0]) <= 102 and texts[1] == '{"a": "b"}'


def test_a_megabyte_costs_no_more_than_its_letters():
    text = json.dumps({f"name {i}": "v" * 10 for i in range(30_000)})
    start = time.perf_counter()
    assert as_attributes(pl.Series([text])).cut.all()
    assert time.perf_counter() - start < 2
