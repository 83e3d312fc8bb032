"""Groups out of the catalogue: what is graded is what the products state."""

import polars as pl
import pytest

from roar.attributes import agreement
from roar.parameters import CatalogueGroups
from roar.training_sets.catalogue_groups import catalogue_groups, product_types

SIZES = (16, 32, 64, 128, 256)
COLOURS = ("black", "red", "blue")


@pytest.fixture(scope="module")
def products() -> pl.DataFrame:
    """Cards of five sizes and mugs of three colours, by two brands, and readers for cards."""
    titles = [f"Orvane X{n} memory card {size} GB" for n, size in enumerate(SIZES * 4)]
    titles += [f"Lumo {colour} ceramic coffee mug with handle" for colour in COLOURS * 5]
    titles += [f"Lumo card reader for memory card, no. {n}" for n in range(8)]
    ids = [f"p{n:02}" for n in range(len(titles))]
    brands = [title.split()[0] for title in titles]
    return pl.DataFrame({"product_id": ids, "title": titles, "brand": brands, "attributes": None}).with_columns(
        pl.col("attributes").cast(pl.String)
    )


def alone(products: pl.DataFrame) -> pl.DataFrame:
    return products.select("product_id", cluster_id="product_id")


def made(products: pl.DataFrame, forbidden: list[str] = [], **changes: float) -> pl.DataFrame:  # noqa: B006
    config = CatalogueGroups(queries=30, edited=0.0).model_copy(update=changes)
    texts = pl.Series("query", forbidden, dtype=pl.String)
    return catalogue_groups(products, alone(products), None, texts, config, seed=3)


def test_a_type_is_what_enough_titles_end_with(products: pl.DataFrame) -> None:
    types = dict(product_types(products).select("product_id", "type").iter_rows())
    assert types["p00"] == "orvane memory card", "the longest that enough titles end with"
    assert types["p20"] == "ceramic coffee mug"
    assert types["p35"] == "lumo card reader"


def test_substitutes_contradict_one_fact_and_irrelevant_products_are_of_another_type(products: pl.DataFrame) -> None:
    groups = made(products)
    assert groups["query_id"].n_unique() > 5
    types = product_types(products).select("product_id", "type")
    named = groups.join(types, on="product_id").join(types.rename({"product_id": "source", "type": "own"}), on="source")
    alike = named.filter(pl.col("grade").cast(pl.String).is_in(["exact", "substitute"]))
    assert (alike["type"] == alike["own"]).all()
    apart = named.filter(pl.col("grade").cast(pl.String) == "irrelevant")
    assert apart.height
    assert (apart["type"] != apart["own"]).all()
    substitutes = groups.filter(pl.col("grade").cast(pl.String) == "substitute")
    asked = agreement.asked(groups.select("query_id", "query").unique())
    against = agreement.contradictions(substitutes, asked, agreement.stated(products))
    assert against.select("query_id", "product_id").unique().height == substitutes.height


def test_an_accessory_for_the_type_is_a_complement(products: pl.DataFrame) -> None:
    groups = made(products)
    complements = groups.filter(pl.col("grade").cast(pl.String) == "complement")
    assert complements.height
    assert complements["product_id"].is_in(products["product_id"][35:].to_list()).all()


def test_what_was_ordered_in_one_session_is_a_complement(products: pl.DataFrame) -> None:
    log = pl.DataFrame({"session_id": ["s", "s"], "product_id": ["p20", "p00"], "ordered": [True, True]})
    texts = pl.Series("query", [], dtype=pl.String)
    config = CatalogueGroups(queries=50, edited=0.0)
    groups = catalogue_groups(products, alone(products), log, texts, config, seed=3)
    of_mug = groups.filter(pl.col("source") == "p20", pl.col("grade").cast(pl.String) == "complement")
    assert of_mug["product_id"].to_list() == ["p00"]


def test_no_query_is_a_held_out_one_or_its_variant(products: pl.DataFrame) -> None:
    text = made(products)["query"][0]
    again = made(products, forbidden=[text.upper()])
    assert again.height
    assert text not in again["query"].to_list()


def test_every_group_has_one_exact_item_and_the_draws_are_the_seeds(products: pl.DataFrame) -> None:
    groups = made(products, edited=1.0)
    exact = groups.filter(pl.col("grade").cast(pl.String) == "exact").group_by("query_id").len()
    assert exact.height == groups["query_id"].n_unique()
    assert (exact["len"] == 1).all()
    assert groups.equals(made(products, edited=1.0))
