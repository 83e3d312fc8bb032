"""Which queries changed, why, and what to annotate; and the section that shows it."""

import polars as pl
import pytest
from fabricated_evaluation import MEASURED, Fabricated

from roar.parameters import Reporting
from roar.report import queries_section
from roar.report.evaluation import Evidence
from roar.report.page import Expandable, Facts, Heading, Table
from roar.report.queries import annotation_queue, largest_changes, product_reasons, query_changes

QUERIES = pl.DataFrame(
    {
        "query_id": ["card", "shoe", "any"],
        "query": ["orvane memory card 64 gb", "red running shoe", "gift"],
        "vertical": ["electronics", "lifestyle", "ambiguous"],
    }
)
PRODUCTS = pl.DataFrame(
    {
        "product_id": ["c64", "c128", "other", "shoe", "lamp"],
        "title": ["Orvane memory card 64 GB", "Orvane memory card 128 GB", "Velto memory card 64 GB", "Running shoe red", "Lamp"],
        "brand": ["Orvane", "Orvane", "Velto", None, "Velto"],
        "vertical": ["electronics", "electronics", "electronics", "lifestyle", "home"],
    }
)  # fmt: skip
ASKED = pl.DataFrame({"query_id": ["card"], "dimension": ["storage"], "value": ["64000.0"], "shown": ["64 gb"]})
STATED = pl.DataFrame(
    {
        "product_id": ["c64", "c128", "other"],
        "dimension": "storage",
        "value": ["64000.0", "128000.0", "64000.0"],
        "shown": ["64 gb", "128 gb", "64 gb"],
    }
)


def reasons(query: str, product: str) -> dict[str, str]:
    pairs = pl.DataFrame({"query_id": [query], "product_id": [product]})
    return dict(product_reasons(pairs, QUERIES, PRODUCTS, ASKED, STATED).select("reason", "detail").iter_rows())


def test_each_reason_is_given_where_it_holds_and_only_there() -> None:
    assert reasons("card", "c64") == {}
    assert reasons("card", "c128") == {"attribute": "64 gb asked, 128 gb offered"}
    assert reasons("card", "other") == {"brand": "Orvane asked, Velto offered"}
    assert reasons("shoe", "shoe") == {}
    assert reasons("shoe", "lamp") == {"type": "home instead of lifestyle"}
    assert reasons("any", "shoe") == {"type": "no word in common"}


def page(side: str, *products: tuple[str, str]) -> pl.DataFrame:
    ids, grades = zip(*products, strict=True)
    return pl.DataFrame(
        {"side": side, "query_id": "card", "rank": range(1, len(ids) + 1), "product_id": ids, "grade": grades}
    )


def changed(before: float, after: float, pages: pl.DataFrame, noisy: list[str] | None = None) -> dict:
    sides = [pl.DataFrame({"query_id": ["card"], "value": [value]}) for value in (before, after)]
    why = product_reasons(pages, QUERIES, PRODUCTS, ASKED, STATED)
    return query_changes(*sides, pages, why, pl.Series(noisy or [], dtype=pl.String)).row(0, named=True)


GOOD, WRONG, BRAND = ("c64", "exact"), ("c128", "substitute"), ("other", "substitute")


def test_a_loss_is_explained_by_what_the_later_page_ranks_higher_and_a_win_by_the_earlier_one() -> None:
    worse = pl.concat([page("before", GOOD, BRAND, WRONG), page("after", WRONG, GOOD, BRAND)])
    assert changed(1.0, 0.6, worse)["why"] == "attribute"
    assert changed(0.6, 1.0, worse)["why"] == "brand"  # the earlier page ranks the other brand higher
    same = pl.concat([page("before", GOOD, WRONG), page("after", GOOD, WRONG)])
    assert changed(1.0, 0.6, same)["why"] == ""


def test_a_slip_explains_a_loss_alone() -> None:
    same = pl.concat([page("before", GOOD, WRONG), page("after", GOOD, WRONG)])
    assert changed(1.0, 0.6, same, ["card"])["why"] == "typo"
    assert changed(0.6, 1.0, same, ["card"])["why"] == ""


def test_annotation_takes_what_both_show_and_nobody_judged() -> None:
    unknown, other = ("lamp", "unjudged"), ("shoe", "unjudged")
    queue = annotation_queue(
        pl.concat([page("before", GOOD, unknown, other), page("after", unknown, WRONG)]), QUERIES, PRODUCTS
    )
    assert queue.select("product_id", "title", "rank_before", "rank_after", "unjudged").rows() == [
        ("lamp", "Lamp", 2, 1, 1)
    ]


def section_of(fabricated: Fabricated, **settings: object):
    evidence = Evidence(fabricated.metrics, fabricated.comparisons, Reporting(**settings), MEASURED)
    return queries_section(evidence, fabricated.errors)


def test_the_section_lists_every_query_and_counts_those_that_lost(fabricated: Fabricated) -> None:
    section = section_of(fabricated)
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert len(table.rows) == fabricated.errors.changes.height == 239  # one query lacks the metric
    differences = [row[5].value for row in table.rows]
    assert differences == sorted(differences)
    facts = next(block for block in section.blocks if isinstance(block, Facts)).facts
    assert facts[0].value == str(sum(value < 0 for value in differences))
    assert {column.name for column in table.columns if column.choice} == {"Vertical", "Stratum", "Change", "Why"}
    short = next(block for block in section_of(fabricated, listed_queries=50).blocks if isinstance(block, Table))
    kept = sorted((abs(value) for value in differences), reverse=True)[:50]
    assert sorted((abs(row[5].value) for row in short.rows), reverse=True) == pytest.approx(kept)
    assert "189 queries that changed less are left out" in short.note


def test_rankings_stand_side_by_side_with_grades_and_reasons(fabricated: Fabricated) -> None:
    """The worst loss comes first, its titles and grades are those of both pages, rank by rank."""
    section, errors = section_of(fabricated, examples=3), fabricated.errors
    shown = [block for block in section.blocks if isinstance(block, Expandable)]
    losses, wins = largest_changes(errors.changes, 3)
    assert len(shown) == 6
    assert losses["difference"].is_sorted()
    assert wins["difference"].is_sorted(descending=True)
    worst = losses.row(0, named=True)
    assert shown[0].title.startswith(worst["query"])
    table = shown[0].blocks[0]
    assert isinstance(table, Table)
    titles = dict(errors.products.select("product_id", "title").iter_rows())
    for side, column in (("before", 1), ("after", 3)):
        own = errors.pages.filter(query_id=worst["query_id"], side=side).sort("rank")
        assert [row[column].text for row in table.rows] == [titles[product] for product in own["product_id"]]
        assert [row[column + 1].text for row in table.rows] == own["grade"].to_list()
    details = [cell.detail for block in shown for row in block.blocks[0].rows for cell in row]  # type: ignore[union-attr]
    assert any("attribute: 64 gb asked, 128 gb offered" in detail for detail in details)
    assert any("same item as rank" in detail for detail in details)


def test_without_holes_there_is_nothing_to_annotate(fabricated: Fabricated) -> None:
    evidence = fabricated.evidence
    full = fabricated.errors._replace(annotation=fabricated.errors.annotation.clear())
    blocks = queries_section(evidence, full).blocks
    assert isinstance(blocks[-2], Heading)
    assert blocks[-1].kind == "paragraph"
