"""The section of the data."""

import polars as pl
import pytest
from fabricated_evaluation import Fabricated

from roar.report.data.charts import agreement_chart, ingestion_chart
from roar.report.page import Chart, Expandable, Paragraph, Section, Table


def test_the_data_section_counts_what_there_is(fabricated: Fabricated) -> None:
    data = fabricated.sections[1]
    tables = {block.caption: block for block in data.blocks if isinstance(block, Table)}
    strata = tables["Judged queries and grades by frequency stratum"]
    assert sum(row[1].value or 0 for row in strata.rows) == fabricated.queries.height
    for row in strata.rows:
        assert sum(cell.value or 0 for cell in row[3:]) == pytest.approx(100)
    assert sum(row[1].value or 0 for row in tables["Stage-1 pairs by source"].rows) == 900


def listed(section: Section, caption: str) -> Table:
    """The table of that caption inside what opens on a click."""
    opened = [block for part in section.blocks if isinstance(part, Expandable) for block in part.blocks]
    return next(block for block in opened if isinstance(block, Table) and block.caption.startswith(caption))


def test_near_duplicates_can_be_browsed_as_pairs_and_as_clusters(fabricated: Fabricated) -> None:
    data = fabricated.sections[1]
    pairs, clusters = listed(data, "A sample of the pairs"), listed(data, "A sample of the clusters")
    assert pairs.searchable and clusters.searchable and len(pairs.rows) == len(clusters.rows) == 60
    likeness = [row[2].value for row in pairs.rows]
    assert likeness == sorted(likeness, reverse=True) and pairs.rows[0][3].text == "same attributes"
    sizes = [row[0].value for row in clusters.rows]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == 4
    assert clusters.rows[0][1].text.count("Thing") == 4 and clusters.rows[0][2].text.startswith("same ")


def test_the_page_says_how_sure_near_duplicates_are_and_how_grades_agree_within_clusters(
    fabricated: Fabricated,
) -> None:
    data = fabricated.sections[1]
    doubtful = listed(data, "The pairs around the threshold")
    likeness = [row[3].value for row in doubtful.rows]
    assert [row[0].text for row in doubtful.rows] == ["one item"] * 10 + ["two items"] * 10
    assert likeness == sorted(likeness, reverse=True) and likeness[10] == 0.49
    said = " ".join(block.text for block in data.blocks if isinstance(block, Paragraph))
    assert "By their own odds" in said and "grades differ in" in said


def test_the_page_says_what_the_catalogue_taught_and_what_labels_would_change(fabricated: Fabricated) -> None:
    data = fabricated.sections[1]
    said = " ".join(block.text for block in data.blocks if isinstance(block, Paragraph))
    assert "An estimated 20% of the products have a second listing" in said and "divided by 2.0" in said
    (warned,) = [block for block in data.blocks if isinstance(block, Paragraph) and block.style == "warning"]
    assert "for 50% of the other 100" in warned.text and "another variant" in warned.text
    (column,) = listed(data, "What a difference weighs here").rows
    assert [cell.text for cell in column] == ["category", "300", "94.00", "0.02"]
    scores = next(b for b in data.blocks if isinstance(b, Table) and b.caption.startswith("The weights of evidence"))
    assert [row[0].text for row in scores.rows] == ["Default", "Fitted"] and scores.rows[1][3].value == 0.818
    assert "60 pairs labelled as one item" in scores.note
    assert listed(data, "Parameters of the evidence").rows[0][2].value == 2.5


def test_charts_show_what_the_data_are(fabricated: Fabricated) -> None:
    data = fabricated.sections[1]
    charts = {block.caption: block.figure["data"] for block in data.blocks if isinstance(block, Chart)}
    assert charts["What ingestion dropped, merged and repaired"][0]["x"] == [3, 12]
    left, lost = charts["What each step left: graded groups"]
    assert left["x"] == [1440, 500] and lost["x"] == [0, 940]
    groups = charts["Sizes of the graded groups"]
    assert sum(sum(bar["y"]) for bar in groups) == 84 and {size for bar in groups for size in bar["x"]} == {6, 2}
    for caption in ("Grades by frequency stratum", "Grades by vertical"):
        for level in zip(*(bar["x"] for bar in charts[caption]), strict=True):
            assert sum(level) == pytest.approx(1)
    for bar in charts["Agreement of raters by grade"]:
        assert bar["x"] == [0.3, 0.7, 1.0] and sum(bar["y"]) == pytest.approx(1)


def test_what_there_is_none_of_has_no_chart() -> None:
    nothing = pl.DataFrame({"table": ["products"], "rule": ["rows read"], "action": ["noted"], "count": [3]})
    assert ingestion_chart(nothing) is None
    assert agreement_chart(pl.DataFrame({"grade": ["exact", "exact"], "weight": [1.0, 1.0]})) is None
