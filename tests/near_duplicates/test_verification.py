"""Attributes decide: what agrees supports, what contradicts vetoes, what is missing does neither."""

import polars as pl
import pytest

from roar.near_duplicates import find_pairs, verify
from roar.parameters import DuplicateEvidence, NearDuplicates

FILLER = [
    "garden hose reel green",
    "ceramic tea pot",
    "wool blanket grey",
    "oak bookshelf",
    "desk lamp brass",
    "rain coat",
]


def shop(*titles: str, **columns: list) -> pl.DataFrame:
    """The titles under test, `p0`, `p1`, …, among unrelated products that make their words rare."""
    titles = [*titles, *FILLER]
    padded = {name: values + [None] * len(FILLER) for name, values in columns.items()}
    return pl.DataFrame({"product_id": [f"p{i}" for i in range(len(titles))], "title": titles, **padded})


def judge(*titles: str, **columns: list) -> dict:
    pair = pl.DataFrame({"product_id_a": ["p0"], "product_id_b": ["p1"]})
    return verify(shop(*titles, **columns), pair).row(0, named=True)


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("SanDisk Ultra microSD card 64 GB", "SanDisk Ultra microSD card 128GB", "storage"),
        ("Samsung QLED television 49 inch", 'Samsung QLED television 50"', "length"),
        ("Nivea body lotion 250 ml", "Nivea body lotion 0.5 l", "volume"),
        ("Puma King football boots black", "Puma King football boots white", "colour"),
        ("Duracell AA batteries pack of 6", "Duracell AA batteries 12-pack", "pack size"),
        ("Duracell AA batteries twin pack", "Duracell AA batteries pack of 6", "pack size"),
        ("Levi's cotton shirt XL", "Levi's cotton shirt XXL", "size"),
        ("Asics Gel Nimbus mens", "Asics Gel Nimbus womens", "audience"),
        ("Lenovo notebook 8 GB RAM 512 GB", "Lenovo notebook 16 GB RAM 512 GB", "memory"),
        ("Persil Waschmittel 6er-Pack", "Persil Waschmittel 12er Pack", "pack size"),
        ("Bosch drill bit 1/2 inch", "Bosch drill bit 1/4 inch", "length"),
        ("Puma Jacke rote Größe M", "Puma Jacke schwarze Größe M", "colour"),
        ("Damen Jacke Gr. M", "Damen Jacke Größe L", "size"),
    ],
)
def test_a_contradiction_vetoes(first: str, second: str, named: str) -> None:
    """However alike the rest, a contradicted attribute ends the matter, and the evidence names it."""
    verdict = judge(first, second)
    assert verdict["conflict"] and not verdict["accepted"]
    assert verdict["similarity"] == 0
    assert f"{named}" in verdict["evidence"] and "differs" in verdict["evidence"]


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("San Pellegrino mineral water 1.5 l", "San Pellegrino mineral water 1500 ml", "volume"),
        ("San Pellegrino mineral water 1,5 l", "San Pellegrino mineral water 150cl", "volume"),
        ("Seagate backup drive 1 TB", "Seagate backup drive 1024GB", "storage"),
        ("Dell laptop sleeve 15.6 inch", "Dell laptop sleeve 39.6 cm", "length"),
        ("Lavazza coffee beans 1 kg", "Lavazza coffee beans 1000g", "mass"),
        ("Ariel pods pack of 24", "Ariel pods 24-pack", "pack size"),
        ("Puma King football boots schwarz", "Puma King football boots black", "colour"),
        ("Parker pen navy", "Parker pen blue", "colour"),
        ("Bosch drill bit 1/2 inch", "Bosch drill bit 0.5in", "length"),
        ('Bosch copper pipe 1½"', "Bosch copper pipe 1 1/2 inch", "length"),
        ("Puma Jacke rote", "Puma Jacke rot", "colour"),
    ],
)
def test_one_quantity_in_two_units_agrees(first: str, second: str, named: str) -> None:
    """Conversion makes equal what is equal, and the evidence says so."""
    verdict = judge(first, second)
    assert verdict["accepted"]
    assert f"same {named}" in verdict["evidence"]


def test_a_missing_attribute_is_neither() -> None:
    """A title without a colour neither contradicts one with it nor is called the same."""
    verdict = judge("Puma King football boots black", "Puma King football boots")
    assert verdict["accepted"] and "colour missing on one side" in verdict["evidence"]


@pytest.mark.parametrize(
    ("device", "accessory"),
    [
        ("Apple iPhone 13 Pro", "Leather case for Apple iPhone 13 Pro"),
        ("Canon EOS 80D DSLR camera", "Battery grip for Canon EOS 80D DSLR camera"),
        ("Dyson V11 vacuum cleaner", "Replacement filter compatible with Dyson V11 vacuum cleaner"),
        ("Dell Latitude E6400 laptop computer", "Battery for Dell Latitude E6400"),
        ("смартфон Самсунг S21 черный", "чехол для Самсунг S21 черный"),
    ],
)
def test_an_accessory_is_not_the_device(device: str, accessory: str) -> None:
    """A case for a phone shares all the phone's words and is not the phone."""
    assert not judge(device, accessory)["accepted"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("GoPro Hero 4 camera", "GoPro Hero 5 camera"),
        ("GoPro HERO4 camera", "GoPro Hero 5 camera"),
        ("Canon EOS 80D camera body", "Canon EOS 70D camera body"),
        ("Sony Bravia television KDL-26M4000", "Sony Bravia television KDL-42V4100"),
        ("Apple iPhone XI", "Apple iPhone XII"),
        ("Apple iPhone 12 Pro smartphone", "Apple iPhone 12 Pro Max smartphone"),
        ("Apple iPhone 12 smartphone", "Apple iPhone 12 mini smartphone"),
        ("Xiaomi Redmi Note 9 smartphone", "Xiaomi Redmi Note 9S smartphone"),
        ("Microsoft Office 2007 Home and Student", "Microsoft Office 2010 Home and Student"),
    ],
)
def test_siblings_are_not_one_item(first: str, second: str) -> None:
    """Another generation or model number of one family is another item."""
    assert not judge(first, second)["accepted"]


def test_two_titles_with_different_model_numbers_are_doubted_and_the_evidence_says_so() -> None:
    """Numbers of another shape, which are no siblings; where one title states none, nothing is said of it."""
    products = shop("Orvane soft camera case HTZ510", "Orvane soft camera case QD-4417", "Orvane soft camera case")
    pairs = pl.DataFrame({"product_id_a": ["p0", "p0"], "product_id_b": ["p1", "p2"]})
    with_doubt, without = (
        verify(products, pairs, NearDuplicates(evidence=DuplicateEvidence(other_model=weight, competition=0.0)))
        for weight in (0.2, 0.0)
    )
    assert with_doubt["similarity"][0] < without["similarity"][0]
    assert with_doubt["similarity"][1] == without["similarity"][1]
    told, nothing = with_doubt["evidence"]
    assert "different model numbers" in told and "model number" not in nothing


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("HP Pavilion notebook dv7-1211ea", "Hewlett-Packard dv71211ea laptop computer"),
        ("Sony headphones WH-1000XM3", "sony wh 1000xm3 bluetooth"),
        ("Sony Cyber-shot DSC-W150 camera", "Sony DSCW150/B digital camera"),
    ],
)
def test_a_model_number_is_known_in_any_spelling(first: str, second: str) -> None:
    """Separators and a colour suffix do not hide that the model is the same."""
    assert judge(first, second)["accepted"]


def test_the_evidence_names_the_model() -> None:
    """A person reads why: the shared model number, and what one side does not say."""
    evidence = judge("HP notebook dv7-1211ea black", "HP dv71211ea laptop")["evidence"]
    assert evidence.startswith("same model number dv71211ea")
    assert "colour missing on one side" in evidence


def test_attribute_tables_speak_too() -> None:
    """The JSON attributes and the brand count like words of the title."""
    attributes = ['{"capacity": "1.5 l"}', '{"capacity": "1500 ml"}', '{"capacity": "2 l"}']
    products = shop(*["Bosch kettle steel"] * 3, attributes=attributes, brand=["Bosch"] * 3)
    pairs = pl.DataFrame({"product_id_a": ["p0", "p0"], "product_id_b": ["p1", "p2"]})
    assert verify(products, pairs)["accepted"].to_list() == [True, False]


def test_prices_far_apart_speak_against() -> None:
    """The same words at a tenth of the price are an accessory or a spare part, as a rule."""
    near = judge("Bosch kettle", "Bosch kettle steel", price=[50.0, 52.0])["similarity"]
    far = judge("Bosch kettle", "Bosch kettle steel", price=[50.0, 5.0])["similarity"]
    assert far < near


def test_verdicts_are_symmetric() -> None:
    """Who is called a and who b changes nothing."""
    products = shop("Canon EOS 80D body", "Canon EOS 80D camera body black", "GoPro Hero 4", "GoPro Hero4 camera")
    pairs = pl.DataFrame({"product_id_a": ["p0", "p2", "p0"], "product_id_b": ["p1", "p3", "p3"]})
    swapped = pairs.rename({"product_id_a": "product_id_b", "product_id_b": "product_id_a"})
    columns = ["similarity", "accepted", "conflict"]
    assert verify(products, pairs)[columns].equals(verify(products, swapped)[columns])


def test_the_order_of_products_changes_nothing() -> None:
    """Rows in another order give the same pairs, byte for byte; so does a second call."""
    products = shop(*[f"{brand} kettle {size} l" for brand in ("Bosch", "Philips", "Smeg") for size in (1, 1, 2)])
    found = find_pairs(products)
    assert len(found) >= 3
    assert found.equals(find_pairs(products))
    assert found.equals(find_pairs(products.sample(fraction=1, shuffle=True, seed=3)))
