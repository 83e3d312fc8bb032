"""One reader of quantities and facts: what is read, in which role, and where."""

import contextlib
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roar.attributes import read
from roar.attributes.tables import orders, scan_all
from roar.errors import InputError

CASES = [
    (number, *[*line.split("\t"), ""][:3])
    for number, line in enumerate(Path(__file__).with_name("cases.tsv").read_text(encoding="utf-8").splitlines(), 1)
    if line and not line.startswith("#")
]

WORDS = sorted({word for _, _, text, _ in CASES for word in text.split()})


def written(facts: pl.DataFrame) -> list[str]:
    lines = []
    for fact in facts.iter_rows(named=True):
        value = fact["text"] if fact["value"] is None else f"{fact['value']:.5g}"
        unit = f" {fact['unit']}" if fact["unit"] else ""
        lines.append(f"{fact['fact']}={value}{unit}" + (f" !{fact['role']}" if fact["role"] != "has" else ""))
    return sorted(lines)


def expected(field: str) -> list[str]:
    lines = []
    for part in filter(None, (part.strip() for part in field.split(";"))):
        name, rest = part.split("=")
        value, _, unit = rest.partition(" ")
        with contextlib.suppress(ValueError):
            value = f"{float(value):.5g}"
        lines.append(f"{name}={value} {unit}".strip())
    return sorted(lines)


@pytest.mark.parametrize(("line", "kind", "text", "facts"), CASES, ids=lambda value: str(value)[:40])
def test_every_case_of_the_table_reads_as_it_says(line: int, kind: str, text: str, facts: str) -> None:
    found = read(pl.Series([text]), kind={"p": "product", "q": "query"}[kind])
    assert written(found) == expected(facts), f"cases.tsv:{line}"


def test_the_table_speaks_several_languages_and_is_long() -> None:
    assert len(CASES) >= 290
    assert sum(not text.isascii() for _, _, text, _ in CASES) > 40


def test_one_text_of_many_reads_as_alone_and_rows_are_places() -> None:
    """No text changes what another says, and a missing one says nothing."""
    texts = [text for _, _, text, _ in CASES]
    together = read(pl.Series([*texts, None, ""]))
    assert together["row"].max() < len(texts)
    for row in range(0, len(texts), 17):
        alone = read(pl.Series([texts[row]]))
        assert together.filter(pl.col("row") == row).drop("row").equals(alone.drop("row"))


@pytest.mark.parametrize("prefix", ["", "İstanbul ½ ", "Ｆｕｌｌ　", "한국 ", "e\u0301te\u0301 ™ "])
def test_places_are_those_of_the_text_itself(prefix: str) -> None:
    """Whatever folding does to the letters before, a slice of the original is what was read."""
    text = f"{prefix}kettle 1,5 l black"
    facts = read(pl.Series([text])).filter(pl.col("fact").is_in(["volume", "colour"]))
    assert [text[a:b] for a, b in facts.select("start", "end").iter_rows()] == ["1,5 l", "black"]


@pytest.mark.parametrize("space", ["", " ", "-"])
@pytest.mark.parametrize(("unit", "fact", "factor"), [("ml", "volume", 1e-3), ("kg", "mass", 1), ("GB", "storage", 1)])
@settings(max_examples=25, deadline=None)
@given(number=st.integers(2, 900), decimals=st.sampled_from(["", ".5", ",5", ".25"]))
def test_spelling_changes_no_value(space, unit, fact, factor, number, decimals) -> None:
    """Glued, apart or hyphenated, with a point or a comma: one amount."""
    facts = read(pl.Series([f"thing {number}{decimals}{space}{unit} of it"]))
    assert facts["fact"].to_list() == [fact]
    assert facts["value"][0] == pytest.approx(float(f"{number}{decimals}".replace(",", ".")) * factor)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
    | st.text(max_size=60)
    | st.text("0123456789.,/-x× \"'mlkgin$€%½٥五升", max_size=40)
)
@example("1/0 in")
@example("5x x 3 x")
def test_any_text_reads(text: str) -> None:
    """Nothing breaks it; places lie in the text and values are finite."""
    facts = read(pl.Series([text]))
    assert facts.filter((pl.col("start") >= pl.col("end")) | (pl.col("end") > len(text))).is_empty()
    assert facts["value"].drop_nulls().is_finite().all()
    assert (facts["value"].is_null() != facts["text"].is_null()).all()


@pytest.mark.parametrize("piece", ["kettle 1.5 l steel black ", "1 x ", "1,", "1-", "no ", "黑色500毫升", "5' 6\" "])
def test_a_text_of_a_megabyte_takes_less_than_a_second(piece: str) -> None:
    start = time.process_time()
    read(pl.Series([piece * (1_000_000 // len(piece))]))
    assert time.process_time() - start < 1


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="expected texts"):
        read(pl.Series([1, 2]))
    with pytest.raises(InputError, match="kind"):
        read(pl.Series(["a"]), kind="title")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mirror 35.5 in. W x 23.5 in. H", "mirror 23.5 in. W x 35.5 in. H", False),
        ("mirror 35.5 in. W x 23.5 in. H", "mirror 23.5 in. high, 35.5 in. wide", True),
        ("sofa 200 cm wide 90 cm deep", "sofa depth 90 cm, width 200 cm", True),
        ("Sofa Breite 200 cm Tiefe 90 cm", "Sofa Tiefe 200 cm Breite 90 cm", False),
        ("grille 12 in. x 24 in.", "grille 24 in. x 12 in.", False),
        ("grille 12 in. x 24 in.", "grille 12 x 24 in.", True),
    ],
)
def test_lengths_have_an_order(one: str, other: str, same: bool) -> None:
    """By sides where they are named, as written where they stand side by side."""
    facts, _ = scan_all(pl.Series([one, other]))
    told = orders(facts).sort("row")
    assert told["dimension"].n_unique() == 1 and len(told) == 2
    assert (told["value"].n_unique() == 1) == same


@pytest.mark.parametrize(
    "text", ["tile 30 x 30 cm", "large 20 cm bowl", "cable 2 m", "rope 5 m long", "tv 55 in. 4k, 3 m cable"]
)
def test_one_length_or_equal_ones_have_no_order(text: str) -> None:
    assert orders(scan_all(pl.Series([text]))[0]).is_empty()
