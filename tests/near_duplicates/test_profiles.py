"""Products as rows of matrices: read alone or in several processes."""

import polars as pl
import pytest

from roar.near_duplicates import profiles
from roar.near_duplicates.deduplication import prepared
from roar.near_duplicates.profiles import Profiles


@pytest.fixture
def products() -> pl.DataFrame:
    lines = (
        "kettle {} 1.5 l black",
        "Kest X{} espresso machine",
        "case for iPhone 12 Pro no. {}",
        "wasserkocher {} 1500 ml schwarz",
    )
    titles = [lines[n % len(lines)].format(100 + n // 8) for n in range(200)]
    brands = [("Kest", "Dj-Tech", "dj tech", None)[n % 4] for n in range(200)]
    attributes = [f'{{"colour": "{("black", "red")[n % 2]}", "capacity_l": {n % 3}}}' for n in range(200)]
    ids = [f"{n:03}" for n in range(200)]
    table = pl.DataFrame({"product_id": ids, "title": titles, "brand": brands, "attributes": attributes})
    return prepared(table.with_columns(description=pl.col("title") + " 2 m"))


def test_several_processes_read_what_one_reads(products: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same rows in the same order, whatever the slices; phrases are learned from the first one alone."""
    monkeypatch.setattr(profiles, "SLICE", 80)
    read = {}
    for processes, piece in ((1, 120), (2, 50)):
        monkeypatch.setattr(profiles, "workers", lambda pieces, n=processes: min(n, pieces))
        monkeypatch.setattr(profiles, "PIECE", piece)
        read[processes] = Profiles.read(products)
    for table in ("facts", "dictionary", "mentions", "codes", "terms", "served", "nouns"):
        one, other = (getattr(profile, table) for profile in read.values())
        assert len(one) or table == "served"
        assert one.sort(one.columns).equals(other.sort(other.columns)), table


def test_no_products_and_few_start_no_process(products: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_read_apart", None)
    assert Profiles.read(products.clear()).size == 0
    assert Profiles.read(products).size == 200
