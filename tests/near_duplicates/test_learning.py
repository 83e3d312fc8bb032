"""What evidence is worth is learned from the catalogue: its columns, and its words."""

import logging
import math
import re

import numpy as np
import polars as pl
import pytest

from roar.near_duplicates import deduplicate, find_pairs, verify
from roar.near_duplicates.candidates import search
from roar.near_duplicates.comparison import Comparison
from roar.near_duplicates.deduplication import prepared
from roar.near_duplicates.profiles import Profiles
from roar.near_duplicates.verification import score_and_learn
from roar.parameters import DuplicateEvidence, NearDuplicates

COLOURS = [
    "lodge",
    "den",
    "cabin",
    "harbor",
    "meadow",
    "prairie",
    "canyon",
    "summit",
    "valley",
    "lagoon",
    "orchard",
    "timber",
    "glacier",
    "dune",
]
LINES = [
    "doormat",
    "stool",
    "planter",
    "mirror",
    "trellis",
    "bench",
    "cabinet",
    "shelf",
    "lantern",
    "clock",
    "vase",
    "basket",
]
MAKERS = [
    "Orvane",
    "Zimboro",
    "Keldra",
    "Tavsen",
    "Mirwald",
    "Quento",
    "Plosk",
    "Hasdrin",
    "Velto",
    "Brindor",
    "Castum",
    "Dremo",
]


def one_shop() -> pl.DataFrame:
    """Lines in many patterns, every item once, in one style; a few are listed twice, word for word."""
    titles = [f"{m} {c} {line} outdoor woven classic edition" for m in MAKERS for line in LINES for c in COLOURS]
    titles += titles[:1000:50]
    return pl.DataFrame({"product_id": [f"p{i:05}" for i in range(len(titles))], "title": titles})


def two_shops(private: bool = True) -> pl.DataFrame:
    """Every item in two shops, with its model number in both titles, or (one in two) in neither; each shop has its own tree."""
    rows = []
    for i in range(400):
        maker, line = MAKERS[i % 12], LINES[i // 12 % 12]
        rare, model = f"x{i * 7919 % 99991}ia".translate(str.maketrans("0123456789", "abdefghjkl")), f"QX-{20000 + i}"
        code = model if i % 2 else ""
        tree = (f"home > {line}", f"outlet {i % 5}") if private else (f"home > {line}", f"home > {line}")
        rows.append((f"a{i:04}", f"{maker} {rare} {line} {code}", f'{{"category": "{tree[0]}"}}'))
        rows.append((f"b{i:04}", f"{line} {maker} {rare} {code} new", f'{{"category": "{tree[1]}"}}'))
    return pl.DataFrame(rows, schema=["product_id", "title", "attributes"], orient="row")


def recall(found: pl.DataFrame, coded: bool | None = None) -> float:
    same = found.filter(pl.col("product_id_a").str.tail(4) == pl.col("product_id_b").str.tail(4))
    return same.height / 400


def test_a_column_with_a_private_vocabulary_says_nothing_and_the_evidence_says_so() -> None:
    """By the data and not by its name: the column differs in sure pairs, so a difference costs no pair."""
    products = two_shops()
    found = find_pairs(products)
    assert recall(found) > 0.95
    off = NearDuplicates(evidence=DuplicateEvidence(learn=False))
    assert recall(find_pairs(products, off)) < 0.75
    without_code = found.filter(pl.col("product_id_a") == "a0010")
    assert "“category” differs" in without_code["evidence"][0] and "says nothing here" in without_code["evidence"][0]


def test_a_column_that_agrees_in_sure_pairs_keeps_its_word() -> None:
    """The same column, used alike by both shops: one that differs keeps two listings apart."""
    shared = two_shops(private=False)
    wrong = pl.when(pl.col("product_id") == "b0010").then(pl.lit('{"category": "garden"}')).otherwise("attributes")
    pair = pl.DataFrame({"product_id_a": ["a0010", "a0012"], "product_id_b": ["b0010", "b0012"]})
    verdict = verify(shared.with_columns(attributes=wrong), pair)
    assert verdict["accepted"].to_list() == [False, True]
    assert "says nothing" not in verdict["evidence"][0]


def test_variants_of_one_line_are_two_items_where_a_catalogue_lists_items_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Words alone find whole families and no model number says that anything is listed twice: only equal titles are pairs."""
    products = one_shop()
    with caplog.at_level(logging.INFO, logger="roar.near_duplicates.deduplication"):
        found = find_pairs(products)
    assert "makes two items" in caplog.text
    titles = dict(products.iter_rows())
    assert found.height == 20 and all(
        titles[a] == titles[b] for a, b in found.select("product_id_a", "product_id_b").iter_rows()
    )
    off = find_pairs(products, NearDuplicates(evidence=DuplicateEvidence(learn=False)))
    assert off.height > 500


def test_numbers_that_differ_are_two_items_where_a_catalogue_lists_items_once() -> None:
    """Numbers of one family, others, and those of what an accessory serves; equal titles are one item, with a number or a series."""
    lines = [
        ("Orvane {} 4.5 in. x 72 in. white sill weatherstrip", "TH086", "TH083"),
        ("Orvane wood cutting board {} series kitchen sinks", "AS-AL20", "AS-AN20"),
        ("Orvane steel drain cover for {} series kitchen sinks", "QD-4417", "BX-9120"),
    ]
    added = [(f"w{n:02}", f"Orvane wall lamp HD20V {line}") for n, line in enumerate([*LINES, LINES[0]])]
    for kind, (line, one, other) in zip("xyz", lines, strict=True):
        added += [(f"{kind}{n}", line.format(code)) for n, code in enumerate((one, other, one))]
    found = find_pairs(pl.concat([one_shop(), pl.DataFrame(added, schema=["product_id", "title"], orient="row")]))
    told = found.filter(pl.col("product_id_b").str.contains("[wxyz]")).select("product_id_a", "product_id_b").rows()
    assert told == [("w00", "w12"), ("x0", "x2"), ("y0", "y2"), ("z0", "z2")]


def test_few_products_teach_nothing_about_words() -> None:
    """Below `fewest` products a pair is judged as in the average catalogue."""
    products = one_shop().head(60)
    off = NearDuplicates(evidence=DuplicateEvidence(learn=False))
    assert find_pairs(products).equals(find_pairs(products, off))
    assert "prior" not in deduplicate(products).learned["kind"] and deduplicate(products, off).learned.is_empty()


@pytest.mark.parametrize("listed_twice", [0.0, 0.1, 0.4])
def test_the_share_of_second_listings_is_estimated(listed_twice: float) -> None:
    """Four in five items state a number, and only three in four of their second listings do, which is told from how pairs state it."""
    products = half_numbered(items=1_500, listed_twice=listed_twice)
    listings = Profiles.read(prepared(products))
    near = search(listings.traits, listings.size, NearDuplicates().candidates)
    prior = score_and_learn(Comparison.of(listings), *near, DuplicateEvidence())[2].prior
    twice = products.with_columns(twice=pl.len().over(pl.col("product_id").str.slice(1)) > 1)
    share = twice.filter(pl.col("title").str.contains("QX-"))["twice"].mean()
    assert prior.listed_twice == pytest.approx(share, abs=0.03)
    expected = 0.75 * math.log(min(prior.listed_twice / 0.5, 1.0))
    assert prior.odds == pytest.approx(expected)


def half_numbered(items: int, listed_twice: float) -> pl.DataFrame:
    """Items in rare words of their own, mostly with a model number, of which a second listing may say nothing."""
    chance = np.random.default_rng(0)
    rows = []
    for i in range(items):
        rare = f"x{i * 7919 % 99991}ia".translate(str.maketrans("0123456789", "abdefghjkl"))
        code = f"QX-{20000 + i}" if chance.random() < 0.8 else ""
        title = f"{MAKERS[i % 12]} {rare} {LINES[i // 12 % 12]}"
        rows.append((f"a{i:04}", f"{title} {code}"))
        if chance.random() < listed_twice:
            rows.append((f"b{i:04}", f"new {title} {code if chance.random() < 0.75 else ''}"))
    return pl.DataFrame(rows, schema=["product_id", "title"], orient="row")


def test_a_pair_in_doubt_is_refused_where_few_products_have_a_second_listing() -> None:
    """Alike in most words, no number: one item where shops list items twice, two where they list them once."""
    doubtful = pl.DataFrame(
        [("z1", "Orvane zorbix planter walnut oval"), ("z2", "Orvane zorbix planter walnut garden stand")],
        schema=["product_id", "title"],
        orient="row",
    )
    pair = pl.DataFrame({"product_id_a": ["z1"], "product_id_b": ["z2"]})
    many, few = (
        verify(pl.concat([half_numbered(items=1_000, listed_twice=share), doubtful]), pair)["similarity"][0]
        for share in (0.9, 0.0)
    )
    assert few < 0.5 < many


def test_what_was_learned_is_said_in_words(caplog: pytest.LogCaptureFixture) -> None:
    """The share, and by how much a pair is doubted for it."""
    with caplog.at_level(logging.INFO, logger="roar.near_duplicates.deduplication"):
        find_pairs(half_numbered(items=1_000, listed_twice=0.1))
    assert re.search(r"\d+% of products have a second listing.*divides the odds of a pair by \d\.\d", caplog.text)


def test_lines_of_one_template_are_no_item_where_few_things_are_listed_twice() -> None:
    """Shirts alike but for what is printed on them, in a catalogue of numbered things; what is listed twice in few words is found."""
    shirts = [
        f"Brindor {COLOURS[i % 14]} {MAKERS[i % 12].lower()}ish graphic novelty sarcastic funny t shirt black"
        for i in range(40)
    ]
    twice = [f"x{i * 131}ia harbor bench".translate(str.maketrans("0123456789", "abdefghjkl")) for i in range(1, 31)]
    added = [(f"s{i:02}", title) for i, title in enumerate(shirts)]
    added += [
        (f"{side}{i:02}", f"{title} {extra}".strip())
        for i, title in enumerate(twice)
        for side, extra in (("m", ""), ("n", "new"))
    ]
    products = pl.concat(
        [
            half_numbered(items=1_500, listed_twice=0.05),
            pl.DataFrame(added, schema=["product_id", "title"], orient="row"),
        ]
    )
    plain = DuplicateEvidence(prior=0.0, lookalike=0.0, unlike=0.0)
    before, after = (
        find_pairs(products, NearDuplicates(evidence=evidence)) for evidence in (plain, DuplicateEvidence())
    )

    def of(found: pl.DataFrame, ends: str) -> int:
        return found.filter(pl.col("product_id_a").str.head(1) + pl.col("product_id_b").str.head(1) == ends).height

    assert of(before, "ss") > 20 and of(after, "ss") < of(before, "ss") / 4
    assert of(after, "mn") >= 28
