"""Grades follow the rule, raters err at their rate, judged queries spread over strata and verticals."""

import numpy as np
import polars as pl
import pytest

from roar.marketplace.draws import Draws
from roar.marketplace.judgments import rate, spread_sample, traffic_bands
from roar.marketplace.taxonomy import load_taxonomy
from roar.parameters import Simulation
from roar.schemas import GRADES, Judgments

TYPES = {kind.name: kind for kind in load_taxonomy().types}


def naive_grade(meant: list[str], sold: str, met: bool) -> str:
    """The rule, spelt out on names."""
    if sold in meant:
        return "exact" if met else "substitute"
    if any((TYPES[sold].vertical, TYPES[sold].family) == (TYPES[name].vertical, TYPES[name].family) for name in meant):
        return "substitute"
    if any(sold in TYPES[name].complements or name in TYPES[sold].complements for name in meant):
        return "complement"
    return "irrelevant"


@pytest.fixture(scope="module")
def rows(market):
    intents = market.query_intents.rename({"product_type": "meant"})
    return market.true_judgments.join(intents, on="query_id").join(market.items, on="product_id")


def test_judgments_follow_the_contract(market, small):
    Judgments.validate(market.judgments)
    assert market.judgments["query_id"].n_unique() == small.judged_queries
    assert set(market.judgments["grade"]) == set(GRADES)
    assert market.judgments.group_by("query_id").len()["len"].mean() == pytest.approx(small.judged_per_query, abs=0.8)


def test_grades_by_type_follow_the_rule(rows):
    """Queries that ask for no attribute: the grade is a matter of types alone."""
    plain = rows.filter(pl.col("asked") == "")
    assert len(plain) > 200
    for row in plain.iter_rows(named=True):
        assert row["grade"] == naive_grade(row["meant"].split("|"), row["product_type"], met=True), row


def test_grades_by_brand_follow_the_rule(rows, market):
    """Queries that ask for a brand alone: exact where the brand is the product's, substitute elsewhere."""
    brands = market.products.select("product_id", "brand")
    branded = (
        rows.filter(pl.col("asked").str.contains("^brand=[^;]*$")).join(brands, on="product_id").drop_nulls("brand")
    )
    assert len(branded) > 200
    for row in branded.iter_rows(named=True):
        met = row["asked"] == f"brand={row['brand']}"
        assert row["grade"] == naive_grade(row["meant"].split("|"), row["product_type"], met), row


def test_grades_by_attribute_follow_the_rule(rows, market):
    """One colour, material or wearer asked for: the product's attribute table decides, where it names it."""
    asked = rows.filter(pl.col("asked").str.contains("^(colour|material|wearer)=[^;]*$")).with_columns(
        pl.col("asked").str.split("=").list.get(0).alias("name"),
        pl.col("asked").str.split("=").list.get(1).alias("value"),
    )
    tables = market.products.select("product_id", "attributes")
    checked = 0
    for row in asked.join(tables, on="product_id").iter_rows(named=True):
        if f'"{row["name"]}": ' in row["attributes"]:
            met = f'"{row["name"]}": "{row["value"]}"' in row["attributes"]
            assert row["grade"] == naive_grade(row["meant"].split("|"), row["product_type"], met), row
            checked += 1
    assert checked > 100


def test_the_product_in_mind_is_exact(rows):
    anchors = rows.filter(pl.col("product_id") == pl.col("anchor_product_id"))
    assert len(anchors) > 200
    assert (anchors["grade"] == "exact").all()


def test_accessories_are_complements(rows):
    accessories = rows.filter((pl.col("meant") == "smartphone") & (pl.col("product_type") == "phone case"))
    others = rows.filter(pl.col("grade") == "complement")
    assert len(others) > 300
    assert (accessories["grade"] == "complement").all()


def test_one_rater_errs_at_the_stated_rate():
    grades = np.random.default_rng(0).integers(1, 3, 50_000)  # inner grades: an error cannot be clipped away
    given, agreement = rate(grades, Simulation(raters=1, rater_error=0.2), Draws(5))
    assert (given != grades).mean() == pytest.approx(0.2, abs=0.01)
    assert (abs(given - grades) <= 1).all()
    assert (agreement == 1).all()


def test_three_raters_disagree_as_often_as_their_rate_implies(market, small):
    """All three agree with probability (1 - e)^3, up to (1 - e/2)^3 where an error beyond the scale is no error; the median
    is wrong far less often than one rater."""
    right = (market.judgments["grade"].cast(pl.String) == market.true_judgments["grade"].cast(pl.String)).mean()
    unanimous = (market.judgments["weight"] == 1).mean()
    assert 1 - right < 0.4 * small.rater_error
    assert (1 - small.rater_error) ** 3 < unanimous < (1 - small.rater_error / 2) ** 3


def test_judged_queries_spread_evenly_over_verticals_and_bands(market):
    judged = market.queries.with_columns(pl.Series("band", traffic_bands(market.queries["frequency"].to_numpy())))
    judged = judged.join(market.judgments, on="query_id", how="semi")
    verticals = judged.group_by("vertical").len()["len"]
    assert len(verticals) == 8
    assert verticals.min() > 0.7 * verticals.max()
    tail = judged.filter(pl.col("band") >= 2).group_by("band").len()["len"]
    assert tail.min() > 0.8 * tail.max()


def test_a_spread_sample_fills_cells_evenly_up_to_their_size():
    cells = pl.DataFrame({"cell": ["a"] * 3 + ["b"] * 50 + ["c"] * 50})
    chosen = spread_sample(cells, 43, np.random.default_rng(0).random(103))
    assert dict(cells[chosen]["cell"].value_counts().iter_rows()) == {"a": 3, "b": 20, "c": 20}
