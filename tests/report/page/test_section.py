"""Sections survive JSON, and show values as people write them."""

import json

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest
from fabricated_evaluation import Fabricated

from roar.report import Section, chart, table
from roar.report.page.wording import listed, metric_label, ordered_levels, ordered_slices, p_value, points


def test_a_section_is_the_same_after_json(fabricated: Fabricated) -> None:
    assert len(fabricated.sections) == 6
    for section in fabricated.sections:
        assert Section.model_validate(json.loads(json.dumps(section.model_dump(mode="json")))) == section


def test_an_unknown_block_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        Section.model_validate({"title": "t", "anchor": "t", "order": 1, "blocks": [{"kind": "poem"}]})


def test_a_frame_becomes_a_table() -> None:
    frame = pl.DataFrame(
        {"name": ["a", None], "count": [12345, None], "share": [0.25, float("nan")], "ok": [True, False]}
    )
    shown = table(frame, "A table", decimals=2, names={"name": "Name"})
    assert [column.name for column in shown.columns] == ["Name", "count", "share", "ok"]
    assert [column.numeric for column in shown.columns] == [False, True, True, False]
    assert [[cell.text for cell in row] for row in shown.rows] == [
        ["a", "12,345", "0.25", "yes"],
        ["–", "–", "–", "no"],
    ]


def test_equal_figures_make_equal_charts() -> None:
    shown = [chart("A chart", go.Figure(go.Scatter(x=np.arange(3), y=np.array([0.5, 1.0, 2.0])))) for _ in range(2)]
    assert shown[0] == shown[1]
    assert shown[0].figure["data"][0]["type"] == "scatter"


def test_wording() -> None:
    assert [points(value) for value in (0.01234, -0.004, 0.0, -0.00001, None)] == [
        "+1.23",
        "−0.40",
        "0.00",
        "0.00",
        "–",
    ]
    assert [p_value(value) for value in (0.0001, 0.0499, 1.0, None)] == ["< 0.001", "0.050", "1.000", "–"]
    assert [metric_label(name) for name in ("ndcg@8", "condensed_map@8", "grade_ordering", "new_thing@3")] == [
        "NDCG@8", "Condensed MAP@8", "Grade ordering", "New thing@3",
    ]  # fmt: skip
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_levels_and_slices_stand_in_reading_order() -> None:
    assert ordered_levels(["unknown", "TAIL", "b", "HEAD", "A"]) == ["HEAD", "TAIL", "A", "b", "unknown"]
    assert ordered_levels(["11+ words", "3-10 words", "1-2 words"]) == ["1-2 words", "3-10 words", "11+ words"]
    slices = ["vertical x stratum", "numbers", "stratum", "overall", "overall (traffic)", "vertical"]
    assert ordered_slices(slices) == ["vertical", "stratum", "numbers", "vertical x stratum"]
