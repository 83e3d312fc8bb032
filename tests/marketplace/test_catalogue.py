"""The catalogue: distinct items, duplicate listings with their truth, streaming in chunks of any size."""

import json
import tracemalloc

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from roar.marketplace import generate_products
from roar.marketplace.catalogue import Catalogue
from roar.marketplace.lexicon import EDITIONS, LINES_PER_BRAND
from roar.parameters import Simulation
from roar.schemas import Products


def listings(config: Simulation, chunk_size: int = 50_000, seed: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    products, items = zip(*generate_products(config, seed=seed, chunk_size=chunk_size), strict=True)
    return pl.concat(products), pl.concat(items)


def test_products_do_not_depend_on_the_chunk_size(small):
    whole = listings(small)
    Products.validate(whole[0])
    for chunk_size in (1_999, 700):
        for a, b in zip(whole, listings(small, chunk_size), strict=True):
            assert_frame_equal(a, b)


def test_another_seed_is_another_shop(small):
    assert (listings(small)[0]["title"] != listings(small, seed=8)[0]["title"]).mean() > 0.9


def test_memory_is_that_of_a_chunk_not_of_the_catalogue():
    """Python's own allocations while streaming grow by less than a fifth from 2 chunks to 8."""

    def peak(chunks: int) -> int:
        tracemalloc.start()
        for _ in generate_products(Simulation(products=chunks * 500), seed=1, chunk_size=500):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(1)  # the taxonomy is read once
    assert peak(8) < 1.2 * peak(2)


def test_duplicate_share_is_as_stated_and_duplicates_are_reworded(small):
    products, items = listings(small)
    assert items["item_id"].n_unique() == round(small.products * (1 - small.duplicate_share))
    titles = products.join(items, on="product_id").filter(pl.col("item_id").is_duplicated())
    per_item = titles.group_by("item_id").agg(pl.col("title").n_unique(), pl.len())
    assert (per_item["title"] > 1).mean() > 0.95


def test_duplicates_are_not_told_by_their_place(small):
    """Every quarter of the catalogue holds its share of listings that have a twin, and twins are not neighbours."""
    items = pl.Series(Catalogue(small, 7).listing_items(np.arange(small.products)))
    quarters = np.array_split(items.is_duplicated().to_numpy(), 4)
    assert min(map(np.mean, quarters)) > 0.75 * max(map(np.mean, quarters))
    assert (items == items.shift(1)).mean() < 0.01


def test_listings_of_one_item_share_its_attributes(small):
    """Whatever two listings of an item both name (type, brand, plain attributes, model) is the same; prices are near."""
    products, items = listings(small)
    rows = items.join(products, on="product_id").filter(pl.col("item_id").is_duplicated())
    compared = 0
    for _, group in rows.group_by("item_id"):
        assert group["product_type"].n_unique() == 1
        assert group["brand"].drop_nulls().n_unique() <= 1
        assert group["price"].max() <= 1.3 * group["price"].min() + 0.5
        tables = [json.loads(table) for table in group["attributes"]]
        for name in set(tables[0]) & set(tables[1]):
            if name in ("colour", "material", "wearer", "cultivation", "energy"):
                compared += 1
                assert tables[0][name] == tables[1][name]
    assert compared > 100


def test_every_attribute_is_told_in_the_title_or_the_table(small):
    """What a listing leaves out of its title stands in its attributes: no item is unidentifiable."""
    catalogue = Catalogue(small, 7)
    rows = np.arange(200)
    facets = catalogue.items(catalogue.listing_items(rows)).facets
    names = catalogue.lexicon.facets
    words = catalogue.lexicon.phrases.to_list()
    forms = catalogue.lexicon.seller_facet
    table = catalogue.products(rows)
    for row, (title, attributes) in enumerate(zip(table["title"], table["attributes"], strict=True)):
        known = json.loads(attributes)
        for facet in facets[row, 2:][facets[row, 2:] >= 0]:
            texts = words[forms.first[facet] : forms.first[facet] + forms.count[facet]]
            in_title = any(text.lower() in title.lower() for text in texts)
            assert in_title or names[facet][0] in known or not _intact(title, texts)


def _intact(title: str, texts: list[str]) -> bool:
    """False where a slip of the pen may have hit the value: some form shares most of its letters with the title."""
    letters = set(title.lower())
    return not any(set(text.lower()) <= letters for text in texts)


def test_items_are_distinct():
    """No two items agree in type, brand, line, all attributes and model number."""
    catalogue = Catalogue(Simulation(products=300_000), 0)
    items = catalogue.items(np.arange(catalogue.n_items))
    keys = pl.DataFrame(np.column_stack([items.type, items.facets]))
    assert keys.is_duplicated().sum() == 0


def test_the_largest_shop_has_words_for_all_its_product_lines():
    limit = next(rule.le for rule in Simulation.model_fields["products"].metadata if hasattr(rule, "le"))
    catalogue = Catalogue(Simulation(products=limit, duplicate_share=0), 0)
    places, _, in_all = catalogue._schedule
    cycles = np.ceil(limit / len(places) * in_all / catalogue.lexicon.radix.prod(axis=1)).max()
    assert LINES_PER_BRAND * cycles + catalogue.lexicon.first_lines <= catalogue.lexicon.first_lines * len(EDITIONS)


def test_model_numbers_are_unique_within_a_type():
    catalogue = Catalogue(Simulation(products=20_000), 0)
    items = catalogue.items(np.arange(catalogue.n_items))
    frame = pl.DataFrame({"type": items.type, "model": items.model}).filter(pl.col("model") >= 0)
    assert len(frame) > 1_000
    assert frame.is_duplicated().sum() == 0
