"""Reformulations, co-clicks and synonyms: what the log says beyond its clicks."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import permutations
from math import sqrt

import polars as pl
import pytest

from roar.parameters import CoClickSource, ReformulationSource, Synonyms
from roar.training_sets import engaged, mine_synonyms, substitutes
from roar.training_sets.co_clicks import co_clicked
from roar.training_sets.reformulations import reformulated


def log(*searches: tuple[str, float, str, str | None, str]) -> pl.DataFrame:
    """Searches (session, minute, query, product, deed), one impression each."""
    deeds = ["", "clicked", "carted", "ordered"]
    rows = [
        (
            session,
            datetime(2026, 1, 1) + timedelta(minutes=minute),
            query,
            product,
            *[deeds.index(deed) >= k for k in (1, 2, 3)],
        )
        for session, minute, query, product, deed in searches
    ]
    columns = ["session_id", "timestamp", "query", "product_id", "clicked", "carted", "ordered"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def pairs(table: pl.DataFrame) -> set[tuple[str, str]]:
    return set(table.select("query", "product_id").iter_rows())


def test_every_earlier_wording_gets_what_the_last_one_found():
    found = reformulated(
        log(
            ("s", 0, "blow dryer", "x", ""),
            ("s", 1, "hair drier", "y", "clicked"),
            ("s", 2, "hair dryer", "z", "carted"),
        )
    )
    assert pairs(found) == {("blow dryer", "z"), ("hair drier", "z")} and set(found["weight"]) == {1.0}


def test_another_errand_is_no_rewording():
    """After something was found, after a pause, in another session: nothing connects the searches."""
    found = reformulated(
        log(
            ("a", 0, "tea", "t", "carted"), ("a", 1, "shoe", "s", "carted"),
            ("b", 0, "milk", "m", ""), ("b", 30, "lamp", "l", "ordered"),
            ("c", 0, "desk", "d", ""), ("d", 1, "chair", "c", "carted"),
        )
    )  # fmt: skip
    assert found.is_empty()


def test_what_counts_as_found_is_a_parameter():
    searches = log(("s", 0, "sofa", "x", ""), ("s", 1, "couch", "y", "clicked"))
    assert reformulated(searches).is_empty()
    assert pairs(reformulated(searches, ReformulationSource(engagement="clicked"))) == {("sofa", "y")}


def test_reformulations_find_products_of_the_meant_type(market):
    """Among 180 types, chance would be right in less than one case of a hundred."""
    found = reformulated(market.search_log).join(market.queries, on="query").join(market.query_intents, on="query_id")
    found = found.join(market.items.select("product_id", sold="product_type"), on="product_id")
    assert found.height > 30 and (found["product_type"] == found["sold"]).mean() > 0.25


def test_substitutes_are_those_of_a_naive_count(market):
    clicked = market.search_log.filter("clicked").select("query", "product_id").unique()
    by_query, size = defaultdict(set), Counter(clicked["product_id"])
    for query, product in clicked.iter_rows():
        by_query[query].add(product)
    shared = Counter(pair for products in by_query.values() for pair in permutations(sorted(products), 2))
    naive = {(a, b): n / sqrt(size[a] * size[b]) for (a, b), n in shared.items() if n >= 2}
    naive = {pair: value for pair, value in naive.items() if value >= 0.3}
    config = CoClickSource(queries=2, similarity=0.3, substitutes=10_000, breadth=10_000)
    found = {(a, b): value for a, b, value in substitutes(market.search_log, config).iter_rows()}
    assert len(naive) > 100 and found == pytest.approx(naive)


def test_a_query_gets_the_substitutes_of_its_products_and_no_others():
    searches = log(
        *[("s", 0, query, product, "clicked") for query in ("tv", "television") for product in ("a", "b")],
        ("s", 0, "oled", "a", "clicked"), ("s", 0, "phone", "c", "clicked"),
    )  # fmt: skip
    assert pairs(co_clicked(searches, engaged(searches))) == {("oled", "b")}


def test_synonyms_are_words_that_titles_have_in_place_of_the_querys():
    titles = [f"{brand} hair dryer {colour}" for brand in ("Orvane", "Kelto", "Miru") for colour in ("red", "black")]
    titles += [f"desk lamp number {i}" for i in range(60)]
    products = pl.DataFrame({"product_id": [f"p{i}" for i in range(66)], "title": titles}).with_columns(
        attributes=pl.lit('{"colour": "red"}')
    )
    searches = [("s", 0, f"blow dryer {b}", f"p{i}", "clicked") for b in ("orvane", "kelto", "miru") for i in range(6)]
    searches += [("s", 0, f"hair dryer {b}", "p1", "clicked") for b in ("orvane", "kelto")]
    searches += [("s", 0, f"lamp {i}", f"p{i + 6}", "clicked") for i in range(60)]
    config = Synonyms(queries=3, confidence=0.5, lift=2)
    found = mine_synonyms(log(*searches), products, config)
    assert dict(found.select("word", "synonym").iter_rows()) == {"blow": "hair"}
    declared = products.with_columns(attributes=pl.lit('{"drying": "blow"}'))
    assert mine_synonyms(log(*searches), declared, config).is_empty(), "a word that products declare is a value"
