"""Editions, releases, platforms, licences and bundles; numbers in columns; measures side by side."""

import polars as pl
import pytest

from roar.attributes.tables import scan_all, shapes
from roar.near_duplicates import verify
from roar.near_duplicates.deduplication import prepared
from roar.near_duplicates.profiles import Profiles

PAIR = pl.DataFrame({"product_id_a": ["a"], "product_id_b": ["b"]})


def judged(a: str, b: str, attributes: tuple[str | None, str | None] = (None, None)) -> dict[str, object]:
    """The verdict on two listings, among others that share their words."""
    others = [f"Orvane photoworks {word} for desk and shelf" for word in ("lamp", "stool", "vase", "clock", "mirror")]
    titles = [a, b, *others]
    products = pl.DataFrame(
        {"product_id": ["a", "b", *"cdefg"], "title": titles, "attributes": [*attributes, *[None] * 5]},
        schema_overrides={"attributes": pl.String},
    )
    return verify(products, PAIR).row(0, named=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Orvane Photoworks 9 standard windows", "Orvane Photoworks 9 pro windows"),
        ("Orvane Photoworks 9 deluxe windows", "Orvane Photoworks 10 deluxe windows"),
        ("Orvane Photoworks CS3 deluxe", "Orvane Photoworks CS4 deluxe"),
        ("Orvane Photoworks 2007 deluxe", "Orvane Photoworks 2008 deluxe"),
        ("Orvane Photoworks 9 deluxe win", "Orvane Photoworks 9 deluxe mac"),
        ("Orvane Photoworks 9 deluxe upgrade", "Orvane Photoworks 9 deluxe"),
        ("Orvane Photoworks 9 deluxe upg", "Orvane Photoworks 9 deluxe full version"),
        ("Orvane Photoworks 9 deluxe 5 users", "Orvane Photoworks 9 deluxe"),
        ("Orvane Photoworks 9 deluxe academic", "Orvane Photoworks 9 deluxe"),
        ("Orvane Photoworks 9 deluxe with calc bundle", "Orvane Photoworks 9 deluxe"),
    ],
)
def test_what_sets_editions_apart_lowers_what_else_would_be_one_item(one: str, other: str) -> None:
    """The same words but for one that names another edition are less alike than the same words but for a filler."""
    filler = judged(f"{one} imported", f"{one} genuine")["similarity"]
    assert judged(one, other)["similarity"] < filler - 0.2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Orvane Photoworks 9 professional windows", "Orvane Photoworks pro 9 win"),
        ("Orvane Photoworks 9.0 standard", "Orvane Photoworks std 9"),
        ("Orvane Photoworks 9 deluxe upgrade", "Orvane Photoworks 9 dlx upg"),
        ("Orvane Photoworks 9 deluxe windows & mac", "Orvane Photoworks 9 deluxe mac"),
        ("Orvane Photoworks 9 deluxe full version", "Orvane Photoworks 9 deluxe"),
        ("Orvane Photoworks 9 deluxe mac jewel case 1 user", "Orvane Photoworks 9 deluxe mac"),
    ],
)
def test_other_spellings_of_one_edition_contradict_nothing(one: str, other: str) -> None:
    verdict = judged(one, other)
    assert verdict["accepted"], verdict
    assert "differs" not in verdict["evidence"] and "only one" not in verdict["evidence"]


def test_a_number_is_a_release_only_where_the_title_speaks_of_software() -> None:
    titles = ["Orvane kettle 2 l 9", "Orvane Photoworks 9 deluxe", "Orvane Photoworks deluxe 5 users 9"]
    products = pl.DataFrame({"product_id": list("abc"), "title": titles})
    profiles = Profiles.read(prepared(products))
    facts = profiles.facts.join(profiles.dictionary, on="fact").filter(pl.col("dimension") == "release")
    assert facts.select("row", "value").sort("row").rows() == [(1, "9"), (2, "9")]


@pytest.mark.parametrize("key", ["modelno", "Model No", "model_number", "mfr part number", "reference", "colour"])
def test_a_number_in_any_column_meets_that_of_a_title(key: str) -> None:
    """Whatever the column is called; a number of the shop's own beside it contradicts nothing."""
    one, other = "Orvane vacuum cleaner bagless", "Orvane canister VC-4711X cleaner"
    with_number = judged(one, other, (f'{{"{key}": "VC4711X"}}', '{"modelno": "010-00864-01"}'))
    assert "same model number vc4711x" in with_number["evidence"]
    assert with_number["similarity"] > judged(one, other)["similarity"] + 0.2


@pytest.mark.parametrize("key", ["style", "item", "model year", "age code name", "kind"])
def test_words_and_years_of_a_column_are_no_model(key: str) -> None:
    products = pl.DataFrame({"product_id": ["a"], "title": ["Orvane lamp"], "attributes": [f'{{"{key}": "foldable"}}']})
    assert Profiles.read(prepared(products)).codes.filter("own").is_empty()


def test_measures_side_by_side_are_a_multiset() -> None:
    """12 x 30 x 12 is no 30 x 30 x 12, in whatever order and spelling; fewer measures are another matter."""
    titles = [
        "12x30x12 in. cabinet",
        "Cabinet 12 in. x 12 in. x 30 in.",
        "30x30x12 in.",
        "12 x 30 in.",
        "hose 3 m with a 2 in. tap",
    ]
    found = shapes(scan_all(pl.Series(titles))[0])
    value = dict(found.select("row", "value").iter_rows())
    assert value[0] == value[1] != value[2] and 4 not in value
    assert found.filter(pl.col("row") == 3)["dimension"].to_list() == ["2 measures"]
    assert judged("Orvane 12x30x12 in. cabinet", "Orvane 30x30x12 in. cabinet")["conflict"]


@pytest.mark.parametrize(
    ("title", "other", "column"),
    [
        ("Garmin handheld Gpsmap 78s receiver", "Receiver for hikers and sailors", "gpsmap 78s"),
        ("Sony W530 cyber camera", "Cyber camera in a box", "dsc-w530"),
        ("Denon 3800BDCI player", "Player for discs", "dvd3800bdci"),
        ("Denon son-dscw530h player", "Player for discs", "DSCW530H"),
        ("Denon DSCW530H/us player", "Player for discs", "dscw530h"),
    ],
)
def test_a_column_names_what_a_title_says_in_other_words_or_in_part(title: str, other: str, column: str) -> None:
    """A name of several words, and the tail of a number, are found in the other's title."""
    verdict = judged(title, other, (None, f'{{"modelno": "{column}"}}'))
    assert "model number" in verdict["evidence"]
    assert verdict["similarity"] > judged(title, other)["similarity"] + 0.3


def test_what_two_numbers_have_in_common_between_separators_is_no_number_of_both() -> None:
    """A part meets a whole number alone: "aa-w530x" and "bb-w530x" are two."""
    assert "within" not in judged("Orvane player aa-w530x", "Orvane player bb-w530x")["evidence"]


def test_what_is_sold_with_a_product_makes_another_item() -> None:
    plain = "Orvane Photoworks camera black"
    assert not judged(plain, f"{plain} with leather case")["accepted"]
    assert judged(f"{plain} with a case", f"{plain} with leather case")["accepted"]
    assert "only one" not in judged(f"{plain} mit Objektiv", f"{plain} Objektiv")["evidence"]
