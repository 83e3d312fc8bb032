"""Rules between rows: repeated ids, dangling ids, contradictory judgments, and the verticals of queries."""

import polars as pl
import pytest

from roar.errors import InputError
from roar.ingestion import Ingested, ingest
from roar.parameters import Ingestion, QueryVertical


def actions(result: Ingested, table: str) -> dict[str, tuple[str, int]]:
    rows = result.quality.filter(pl.col("table") == table, pl.col("action") != "noted")
    return {rule: (action, count) for rule, action, count in rows.select("rule", "action", "count").rows()}


def judged(shop: dict[str, pl.DataFrame], *rows: tuple[str, str, str]) -> dict[str, pl.DataFrame]:
    judgments = pl.DataFrame(rows, schema=["query_id", "product_id", "grade"], orient="row")
    return {**shop, "raw_judgments": judgments}


def test_identical_products_are_merged_and_differing_ones_keep_the_first(shop: dict[str, pl.DataFrame]) -> None:
    products = shop["raw_products"]
    other = products.head(1).with_columns(title=pl.lit("Another lamp"))
    result = ingest(shop | {"raw_products": pl.concat([products, products.head(1), other])})
    assert result.products.equals(ingest(shop).products)
    assert actions(result, "products") == {
        "identical row of one product_id": ("merged", 1),
        "repeated product_id, first row kept": ("dropped", 1),
    }


def test_differing_products_can_be_rejected(shop: dict[str, pl.DataFrame]) -> None:
    products = shop["raw_products"]
    other = products.head(1).with_columns(title=pl.lit("Another lamp"))
    with pytest.raises(InputError, match=r"1 rows repeat a product_id with other contents \(first: p1\)"):
        ingest(shop | {"raw_products": pl.concat([products, other])}, Ingestion(duplicate_ids="reject"))


def test_dangling_judgments_are_dropped_and_counted(shop: dict[str, pl.DataFrame]) -> None:
    rows = [("q1", "p1", "exact"), ("q1", "p2", "exact"), ("q1", "gone", "exact"), ("gone", "p1", "exact")]
    result = ingest(judged(shop, *rows))
    assert result.judgments.height == 2
    assert actions(result, "judgments") == {
        "unknown query_id": ("dropped", 1),
        "unknown product_id": ("dropped", 1),
    }


def test_impressions_of_unknown_products_are_dropped(shop: dict[str, pl.DataFrame]) -> None:
    log = shop["raw_search_log"].with_columns(product_id=pl.lit("gone"))
    result = ingest(shop | {"raw_search_log": log})
    assert result.search_log.is_empty()
    assert actions(result, "search_log") == {"unknown product_id": ("dropped", 3)}


REPEATED = [
    ("q1", "p1", "exact"),
    ("q2", "p4", "exact"),
    ("q1", "p1", "exact"),
    ("q1", "p1", "irrelevant"),
    ("q3", "p1", "exact"),
    ("q3", "p1", "complement"),
    ("q2", "p4", "exact"),
]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("majority", {("q1", "p1"): ("exact", 2 / 3), ("q2", "p4"): ("exact", 1), ("q3", "p1"): ("complement", 0.5)}),
        ("max", {("q1", "p1"): ("exact", 2 / 3), ("q2", "p4"): ("exact", 1), ("q3", "p1"): ("exact", 0.5)}),
        ("drop", {("q2", "p4"): ("exact", 1)}),
    ],
)
def test_contradictions_by_policy(shop: dict[str, pl.DataFrame], policy: str, expected: dict) -> None:
    """A tie of the majority takes the lower grade; the weight is the share that agrees with the choice."""
    config = Ingestion(contradictions=policy, max_loss=0.9)  # type: ignore[arg-type]
    result = ingest(judged(shop, *REPEATED), config)
    found = {(q, p): (grade, weight) for q, p, grade, weight in result.judgments.rows()}
    assert list(found) == list(expected)
    assert {key: grade for key, (grade, _) in found.items()} == {key: grade for key, (grade, _) in expected.items()}
    assert [w for _, w in found.values()] == pytest.approx([w for _, w in expected.values()])


def test_every_repeated_judgment_is_counted_once(shop: dict[str, pl.DataFrame]) -> None:
    for policy in ("majority", "max", "drop"):
        config = Ingestion(contradictions=policy, max_loss=0.9)  # type: ignore[arg-type]
        result = ingest(judged(shop, *REPEATED), config)
        assert sum(count for _, count in actions(result, "judgments").values()) + result.judgments.height == 7


def test_the_order_of_rows_does_not_change_the_choice(shop: dict[str, pl.DataFrame]) -> None:
    forward = ingest(judged(shop, *REPEATED)).judgments.sort("query_id", "product_id")
    backward = ingest(judged(shop, *reversed(REPEATED))).judgments.sort("query_id", "product_id")
    assert forward.equals(backward)


def test_queries_take_the_vertical_of_their_exact_products(shop: dict[str, pl.DataFrame]) -> None:
    """q2's exact product is furniture, though a lamp was judged too; q1 has its own already."""
    assert ingest(shop).queries["vertical"].to_list() == ["lighting", "furniture", "lighting"]


def test_without_a_majority_a_query_is_ambiguous(shop: dict[str, pl.DataFrame]) -> None:
    tables = judged(shop, ("q2", "p4", "exact"), ("q2", "p1", "exact"), ("q3", "p4", "irrelevant"))
    assert ingest(tables).queries["vertical"].to_list() == ["lighting", "ambiguous", "furniture"]
    config = Ingestion(query_vertical=QueryVertical(majority=0.4))
    assert ingest(tables, config).queries["vertical"].to_list() == ["lighting", "furniture", "furniture"]
    kept = ingest(tables, Ingestion(query_vertical=QueryVertical(fill=False)))
    assert kept.queries["vertical"].to_list() == ["lighting", None, None]


def test_rows_read_and_kept_are_noted_for_every_table(shop: dict[str, pl.DataFrame]) -> None:
    quality = ingest(shop).quality
    for rule in ("rows read", "rows kept"):
        noted = quality.filter(pl.col("rule") == rule)
        assert dict(noted.select("table", "count").rows()) == {
            name.removeprefix("raw_"): frame.height for name, frame in shop.items()
        }
