"""Choosing an index by measurement, and the price of storing vectors in fewer bits."""

import numpy as np
import polars as pl
import pytest

from roar.errors import InputError
from roar.retrieval import Effort, SearchIndex
from roar.retrieval.frontier import FRONTIER, candidates, choose, efforts_of, measure
from roar.retrieval.index import unit_rows
from roar.retrieval.quantisation import quantisation_prices

from .catalogue_of_copies import products, vectors


def row(index: str, recall: float, p50: float, memory: float = 1.0) -> tuple[object, ...]:
    return (index, 1, 1, recall, p50, p50, 1.0, memory, 1.0)


def frontier(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=FRONTIER, orient="row")


def test_the_fastest_that_finds_enough_and_fits_is_chosen():
    table = frontier(
        row("slow", 1.0, 9), row("fast", 0.98, 1), row("poor", 0.9, 0.1), row("large", 0.99, 0.5, memory=50)
    )
    assert choose(table, 0.97)["index"] == "large"
    assert choose(table, 0.97, memory_mb=10)["index"] == "fast"
    assert choose(table, 0.985, memory_mb=10)["index"] == "slow"


def test_of_those_as_fast_to_within_a_tenth_the_one_that_finds_most_is_taken():
    assert choose(frontier(row("a", 0.97, 1.0), row("b", 0.99, 1.09), row("c", 1.0, 1.2)), 0.97)["index"] == "b"


def test_where_none_finds_enough_the_best_is_taken_and_where_none_fits_it_is_said():
    assert choose(frontier(row("a", 0.5, 1), row("b", 0.6, 9)), 0.97)["index"] == "b"
    with pytest.raises(InputError, match=r"release.memory: 0.5 MB, and the smallest index tried takes 1.0"):
        choose(frontier(row("a", 0.5, 1)), 0.97, memory_mb=0.5)


def test_measured_candidates_are_what_they_are_said_to_be():
    own = vectors(2000)
    index = SearchIndex.build(products(2000), own, queries=vectors(30, 1))
    tried = {"Flat": [Effort()], "HNSW8,Flat": [Effort(4), Effort(400)], "IVF16,PQ8x4fs": [Effort(2), Effort(16, 30)]}
    table, chosen = measure(index, tried, recall=0.9)
    assert table.columns == [*FRONTIER, "chosen"] and table["chosen"].sum() == 1
    assert table.filter(index="Flat")["recall"].item() == 1.0
    assert table.filter(index="IVF16,PQ8x4fs", probes=2)["recall"].item() < 0.9, "too little effort finds too little"
    best = table.filter("chosen").row(0, named=True)
    assert best["recall"] >= 0.9 and chosen.manifest.index == best["index"]
    assert chosen.manifest.effort == Effort(best["probes"], best["candidates"])
    assert chosen.recall() == pytest.approx(best["recall"], abs=0.01)
    assert chosen.manifest.measured["recall@100"] == best["recall"]


def test_memory_decides_against_a_faster_index():
    index = SearchIndex.build(products(2000), vectors(2000), queries=vectors(10, 1))
    tried = {"HNSW32,Flat": [Effort(400)], "IVF16,PQ8x4fs": [Effort(16, 30)]}
    assert measure(index, tried, recall=0.9, memory_mb=0.1)[1].manifest.index == "IVF16,PQ8x4fs"


@pytest.mark.parametrize(("entries", "dimension"), [(0, 16), (40, 16), (12_000, 256), (40_000, 30), (1_000_000, 256)])
def test_candidates_of_any_size_are_there_and_a_million_are_not_scanned(entries, dimension):
    tried = candidates(entries, dimension)
    assert tried and all(tried.values())
    assert ("Flat" in tried) == (entries < 500_000)
    assert any("PQ" in factory for factory in tried) == (entries >= 5000)


def test_a_stated_factory_is_tried_alone():
    assert (
        list(efforts_of("HNSW24,SQ8", 100, 16)) == ["HNSW24,SQ8"]
        and len(efforts_of("HNSW24,SQ8", 100, 16)["HNSW24,SQ8"]) > 5
    )
    assert efforts_of("Flat", 100, 16) == {"Flat": [Effort()]}


def test_without_queries_there_is_nothing_to_choose_by():
    with pytest.raises(InputError, match="no queries to measure"):
        measure(SearchIndex.build(products(10), vectors(10)), {"Flat": [Effort()]}, 0.97)


def test_fewer_bits_and_dimensions_cost_recall_and_save_bytes():
    rng = np.random.default_rng(0)
    weight = 0.9 ** np.arange(32)  # most of what tells products apart stands in front, as Matryoshka training puts it
    own, asked = (unit_rows((rng.normal(size=(n, 32)) * weight).astype(np.float32)) for n in (800, 40))
    ids = pl.Series([f"p{number}" for number in range(800)])
    best = np.argmax(asked @ own.T, axis=1)
    queries = pl.DataFrame({"query_id": [f"q{number}" for number in range(40)]})
    judgments = queries.with_columns(
        product_id=ids.gather(best),
        grade=pl.lit("exact", dtype=pl.Enum(["irrelevant", "complement", "substitute", "exact"])),
    )
    prices = quantisation_prices(own, ids, asked, queries, judgments, (64, 16, 8))
    assert prices["dimension"].unique(maintain_order=True).to_list() == [32, 16, 8]
    of = {(row["precision"], row["dimension"]): row for row in prices.iter_rows(named=True)}
    assert of["float32", 32]["recall@100"] == 1.0 == of["float32", 32]["ndcg@8"]
    assert of["float32", 32]["bytes"] == 128 and of["int8", 16]["bytes"] == 16 and of["binary", 32]["bytes"] == 36
    assert of["float16", 32]["recall@100"] > of["int8", 32]["recall@100"] > of["int8", 8]["recall@100"]
    assert 1.0 > of["binary", 32]["recall@100"] > 0.7
    assert of["float32", 16]["ndcg@8"] > of["float32", 8]["ndcg@8"]
