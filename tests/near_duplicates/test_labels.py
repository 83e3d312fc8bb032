"""Labelled pairs as people write them down, and what they say as tables."""

import logging

import polars as pl
import pytest
from tests.near_duplicates.test_supervision import labelled

from roar.errors import InputError
from roar.near_duplicates import read_labels, verify, weigh_labels, with_fitted
from roar.parameters import NearDuplicates

PRODUCTS = pl.DataFrame({"product_id": ["a", "b", "c"]})


def test_labels_are_read_as_people_write_them(caplog: pytest.LogCaptureFixture) -> None:
    """Text, either order, twice, and products that are not sold any more: those are counted."""
    labels = pl.DataFrame(
        [("b", "a", "1"), ("a", "b", "1.0"), ("c", "a", "0"), ("a", "gone", "1")],
        schema=["product_id_a", "product_id_b", "label"],
        orient="row",
    )
    with caplog.at_level(logging.INFO):
        assert read_labels(PRODUCTS, labels).rows() == [("a", "b", 1), ("a", "c", 0)]
    assert "1 of 3 pairs" in caplog.text


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ([("a", "b", "maybe")], "duplicate_labels.label.*'maybe'.*'a' and 'b'"),
        ([("a", "b", None)], "duplicate_labels.label.*None"),
        ([("a", "b", "1"), ("b", "a", "0")], "'a' and 'b' are labelled 1 and 0"),
    ],
)
def test_labels_that_say_nothing_are_named(labels, named) -> None:
    with pytest.raises(InputError, match=named):
        read_labels(PRODUCTS, pl.DataFrame(labels, schema=["product_id_a", "product_id_b", "label"], orient="row"))
    with pytest.raises(InputError, match="lacks the column"):
        read_labels(PRODUCTS, pl.DataFrame({"product_id_a": ["a"], "label": [1]}))


def test_labels_change_weights_by_choice_alone() -> None:
    """The scores say what it would bring; the parameters, taken over, find what the default cannot know."""
    products, pairs = labelled()
    scores, parameters = weigh_labels(products, pairs, NearDuplicates())
    default, fitted = scores.rows_by_key("weights", named=True, unique=True).values()
    assert fitted["f1"] > 0.95 > default["f1"] and (fitted["same"], fitted["different"]) == (80, 40)
    taken = with_fitted(NearDuplicates(), parameters)
    assert taken.evidence.price != NearDuplicates().evidence.price
    verdict = verify(products, pairs, taken)
    assert (verdict["accepted"] == (verdict["label"] == 1)).mean() > 0.95


def test_few_labels_are_no_error_and_fit_nothing(caplog: pytest.LogCaptureFixture) -> None:
    products, pairs = labelled()
    with caplog.at_level(logging.WARNING):
        scores, parameters = weigh_labels(products, pairs.head(40), NearDuplicates())
    assert scores.is_empty() and parameters.is_empty() and "too few to fit" in caplog.text


def test_without_labels_there_is_nothing_to_say_and_nothing_to_use() -> None:
    scores, parameters = weigh_labels(PRODUCTS, pl.DataFrame(), NearDuplicates())
    assert scores.is_empty() and parameters.is_empty()
    with pytest.raises(InputError, match=r"use_labels.*duplicate_labels"):
        with_fitted(NearDuplicates(), parameters)
