"""What a cell searches."""

import polars as pl
import pytest

from roar.ablation.cells import searched

PRODUCTS = pl.DataFrame({"product_id": [f"p{n}" for n in range(50)]})
JUDGED = pl.DataFrame({"product_id": ["p7", "p3", "p3", "p49"]})


@pytest.mark.parametrize(("most", "height"), [(None, 50), (10, 10), (1, 3), (99, 50)])
def test_the_catalogue_holds_every_judged_product_and_others_up_to_so_many(most, height):
    found = searched(PRODUCTS, JUDGED, most, seed=1)
    assert found.height == height and set(JUDGED["product_id"]) <= set(found["product_id"])
    assert found["product_id"].is_in(PRODUCTS["product_id"].implode()).all() and found["product_id"].is_unique().all()


def test_a_smaller_catalogue_lies_in_a_larger_one():
    """So that a figure of 10,000 products is not that of another draw."""
    small, large = (set(searched(PRODUCTS, JUDGED, most, seed=1)["product_id"]) for most in (10, 20))
    assert small < large
