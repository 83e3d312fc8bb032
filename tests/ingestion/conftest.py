"""A shop of four products, small enough to reason about, in the contract's own columns."""

import datetime as dt

import polars as pl
import pytest


@pytest.fixture
def shop() -> dict[str, pl.DataFrame]:
    return make_shop()


def make_shop() -> dict[str, pl.DataFrame]:
    start = dt.datetime(2026, 1, 1)
    return {
        "raw_products": pl.DataFrame(
            {
                "product_id": ["p1", "p2", "p3", "p4"],
                "title": ["Brass table lamp", "Floor lamp", "Lamp shade", "Oak desk"],
                "description": ["A lamp", None, "Linen", "Solid oak"],
                "brand": ["Lumo", "Lumo", None, "Holt"],
                "vertical": ["lighting", "lighting", "lighting", "furniture"],
                "attributes": ['{"watts": 40}', None, "{}", '{"wood": "oak"}'],
                "price": [10.0, 20.5, None, 300.0],
            }
        ),
        "raw_queries": pl.DataFrame(
            {
                "query_id": ["q1", "q2", "q3"],
                "query": ["brass lamp", "desk", "lamp without shade"],
                "frequency": [100, 20, 1],
                "vertical": ["lighting", None, None],
            }
        ),
        "raw_judgments": pl.DataFrame(
            {
                "query_id": ["q1", "q1", "q1", "q2", "q2", "q3"],
                "product_id": ["p1", "p2", "p3", "p4", "p1", "p2"],
                "grade": ["exact", "substitute", "complement", "exact", "irrelevant", "exact"],
                "weight": [1.0, 0.5, 1.0, 1.0, 0.7, 1.0],
            }
        ),
        "raw_search_log": pl.DataFrame(
            {
                "session_id": ["s1", "s1", "s2"],
                "timestamp": [start, start, start + dt.timedelta(hours=1)],
                "query": ["brass lamp", "brass lamp", "desk"],
                "product_id": ["p1", "p2", "p4"],
                "position": [1, 2, 1],
                "clicked": [True, False, True],
                "carted": [False, False, True],
                "ordered": [False, False, False],
                "ranker": ["bm25", "bm25", None],
            }
        ),
        "raw_experiment_log": pl.DataFrame(
            {
                "unit_id": ["u1", "u2"],
                "session_id": ["s1", "s2"],
                "variant": ["control", "treatment"],
                "timestamp": [start, start],
                "query": ["desk", "lamp"],
                "results": [10, 0],
                "impressions": [10, 0],
                "clicks": [1, 0],
                "carts": [1, 0],
                "orders": [0, 0],
                "revenue": [0.0, 0.0],
                "first_click_s": [2.5, None],
            }
        ),
        "raw_experiment_units": pl.DataFrame({"unit_id": ["u1", "u2"], "covariate": [1.5, None]}),
    }
