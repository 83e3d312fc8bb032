"""What texts say they do without, in four languages, and what is searched for instead."""

import polars as pl
import pytest

from roar.attributes.exclusions import exclusions, said, sought, stem
from roar.attributes.kinds import kinds

LEFT_OUT = [
    ("brown belt without buckle", ["buckle"], "brown belt"),
    ("water bottle w/o a straw 32 oz", ["straw"], "water bottle 32 oz"),
    ("nail kit without led lamp for beginners", ["led lamp"], "nail kit for beginners"),
    ("cat treats without chicken or beef", ["chicken", "beef"], "cat treats"),
    ("dress without sleeves red", ["sleeves"], "dress red"),
    ("airpods not apple", ["apple"], "airpods"),
    ("shop vac no wheels", ["wheels"], "shop vac"),
    ("vanity with no top", ["top"], "vanity"),
    ("bread gluten free", ["gluten"], "bread"),
    ("shampoo free of sulfates", ["sulfates"], "shampoo"),
    ("cup (lid not included)", ["lid"], "cup"),
    ("Gürtel ohne Schnalle braun", ["Schnalle"], "Gürtel braun"),
    ("Kekse zuckerfrei", ["zucker"], "Kekse"),
    ("Jacke ohne Kapuze und Fell", ["Kapuze", "Fell"], "Jacke"),
    ("gourde sans paille ni bouchon", ["paille", "bouchon"], "gourde"),
    ("ceinture sans boucle pour femme", ["boucle"], "ceinture pour femme"),
    ("leche sin lactosa para niños", ["lactosa"], "leche para niños"),
    ("cinturón sin hebilla", ["hebilla"], "cinturón"),
]


@pytest.mark.parametrize(("text", "left_out", "rest"), LEFT_OUT)
def test_what_is_excluded_is_read_and_not_searched_for(text: str, left_out: list[str], rest: str) -> None:
    """Any words, up to the end of their clause, a preposition, a number or a fact of another kind; the rest is what is sought."""
    assert [exclusion.shown for exclusion in exclusions(text)] == left_out
    assert sought(text) == rest


@pytest.mark.parametrize(
    "text", ["no dig fence", "sugar-free cookies", "zuckerfreie Kekse", "non insulated door", "keine Nüsse"]
)
def test_a_name_is_searched_for_as_it_is(text: str) -> None:
    """An exclusion that stands before its noun names a kind of product; a text that is nothing else stays too."""
    assert exclusions(text)
    assert sought(text) == text


@pytest.mark.parametrize(
    "text", ["free shipping", "no show socks", "notebook", "ohm meter", "hands-free kit", "toner no. 7"]
)
def test_other_words_exclude_nothing(text: str) -> None:
    assert not exclusions(text)
    assert sought(text) == text


def test_places_are_those_of_the_text_as_it_was_written() -> None:
    """Folding may change lengths ("½", "ß"); what is cut is the expression."""
    text = "½ Liter Gefäß ohne Deckel"
    (exclusion,) = exclusions(text)
    assert text[exclusion.start : exclusion.end] == "ohne Deckel"


@pytest.mark.parametrize(("one", "other"), [("buckles", "buckle"), ("batteries", "battery"), ("Schnallen", "Schnalle"), ("boucles", "boucle"), ("asas", "asa")])  # fmt: skip
def test_a_plural_has_its_singulars_stem(one: str, other: str) -> None:
    assert stem(one.lower()) == stem(other.lower())


def test_a_product_has_what_stands_outside_of_its_exclusions() -> None:
    """What is not included, what an ending denies and what an attribute answers with no are lacking, all else is there."""
    product = said(["Stemless Wine Glasses, BPA-free, no handles (lids not included)", "Riedel"], [("Gift box", "No"), ("Rim", "gold")])  # fmt: skip
    for word in ("stem", "bpa", "handle", "lid"):
        assert product.lacking(frozenset([stem(word)]))
        assert not product.having(frozenset([stem(word)]))
    assert product.lacking(frozenset(["gift", "box"])) == "Gift box: No"
    assert product.having(frozenset(["rim", "gold"]))
    assert product.having(frozenset(["riedel"]))
    assert not product.having(frozenset(["gold", "straw"]))


def test_a_long_word_is_found_at_the_end_of_a_german_compound() -> None:
    assert said(["Ledergürtel mit Dornschnalle"]).having(frozenset([stem("schnalle")])) == "dornschnalle"
    assert said(["wristband"]).having(frozenset(["band"])) is None


def test_queries_are_of_every_kind_that_they_ask_for() -> None:
    texts = ["64 gb memory card blue", "belt without buckle", "shirt not black", "usb cable", "dress size 8"]
    found = kinds(pl.DataFrame({"query_id": texts, "query": texts}))
    assert {(row[0], row[1]) for row in found.iter_rows()} == {
        ("64 gb memory card blue", "quantity"), ("64 gb memory card blue", "colour"), ("belt without buckle", "negation"),
        ("shirt not black", "negation"), ("usb cable", "nothing"), ("dress size 8", "size or audience"),
    }  # fmt: skip
