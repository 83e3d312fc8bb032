"""Searchers in front of a search that runs do what they do in the test that is played."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from roar.marketplace.experiment import RankedShop, play, ranked_shop, send_searchers
from roar.marketplace.experiment.shop import EMPTY
from roar.parameters import SimulatedExperiment

CONFIG = SimulatedExperiment(users=300)


class Shown:
    """Shows each searcher the ranking of an arm, and notes what comes of it."""

    def __init__(self, shop: RankedShop, arms: dict[str, int]) -> None:
        self.shop, self.arms = shop, arms
        self.place = {text: row for row, text in enumerate(shop.query)}
        self.rows: list[dict] = []

    def __call__(self, visit) -> list[str]:
        products = self.shop.product[self.arms[visit.unit], self.place[visit.query]]
        self.rows.append({"session_id": visit.session, "query": visit.query, "second": visit.second, "clicks": 0,
                          "carts": 0, "orders": 0, "revenue": 0.0, "first": None})  # fmt: skip
        return [f"p{row:07}" for row in products if row != EMPTY]

    def acted(self, act) -> None:
        row = self.rows[-1]
        row[f"{act.kind}s"] += 1
        row["revenue"] += act.revenue
        row["first"] = act.after if row["first"] is None else row["first"]


@pytest.fixture(scope="module")
def shop(market, small) -> RankedShop:
    rng = np.random.default_rng(1)
    judged = market.true_judgments.select("query_id", "product_id", gain=pl.col("grade").to_physical().cast(pl.Float64))
    runs = [
        judged.with_columns(score=share * pl.col("gain") + pl.Series(rng.normal(size=judged.height)))
        for share in (0.3, 2.0)
    ]
    return ranked_shop(*runs, market.products, small, 0)


def test_the_same_lists_and_routes_give_the_same_log(shop, small):
    played = play(shop, CONFIG, small.behaviour, seed=3).log
    arms = dict(played.select("unit_id", (pl.col("variant") == "treatment").cast(pl.Int64)).unique().rows())
    shown = Shown(shop, arms)
    assert send_searchers(shown, shop, CONFIG, small.behaviour, seed=3) == played.height > 600
    live = pl.DataFrame(shown.rows, schema_overrides={"first": pl.Float64})
    assert live["second"].is_sorted(), "searches come in the order of time"
    names = ["session_id", "query", "clicks", "carts", "orders"]
    order = ["session_id", "query", "clicks", "carts", "revenue", "first"]
    expected = played.select(*names, "revenue", first=pl.col("first_click_s")).sort(order)
    found = live.select(*names, pl.col("revenue").round(2), "first").sort(order)
    assert_frame_equal(found, expected, abs_tol=0.011)
    assert found["orders"].sum() > 0


def test_products_that_no_arm_shows_attract_nobody(shop, small):
    class Strange(Shown):
        def __call__(self, visit):
            super().__call__(visit)
            return ["p9999999"] * 10

    shown = Strange(shop, dict.fromkeys([f"u{n:07}" for n in range(300)], 0))
    send_searchers(shown, shop, CONFIG, small.behaviour, seed=3)
    assert sum(row["clicks"] for row in shown.rows) == 0
