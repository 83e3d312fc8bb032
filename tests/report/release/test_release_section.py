"""The release's section: the frontier with its choice, and the price of fewer bits."""

import polars as pl

from roar.report import frontier_chart, release_section
from roar.retrieval import Effort, Manifest
from roar.retrieval.frontier import FRONTIER

FRONTIER_TABLE = pl.DataFrame(
    [("Flat", 0, 1, 1.0, 9.0, 12.0, 512.0, 6.1, 0.0), ("HNSW16,SQ8", 64, 2, 0.98, 0.5, 0.9, 390.0, 4.0, 1.0)],
    schema=FRONTIER,
    orient="row",
).with_columns(chosen=pl.Series([False, True]))
STORAGE = pl.DataFrame(
    {"precision": ["int8"], "dimension": [256], "bytes": [256.0], "recall@100": [0.99], "ndcg@8": [0.7]}
)
MANIFEST = Manifest(
    version="v",
    created="",
    dimension=256,
    products=12_000,
    entries=11_000,
    ids="",
    index="HNSW16,SQ8",
    effort=Effort(64, 2),
)


def test_the_section_says_what_was_chosen_and_shows_all_that_was_tried():
    section = release_section(MANIFEST, FRONTIER_TABLE, STORAGE, 0.97)
    page = section.model_dump_json()
    assert all(text in page for text in ("HNSW16,SQ8", "0.980", "0.50 ms", "1,000 near-copies", "int8", "Recall@100"))
    assert section == type(section).model_validate(section.model_dump(mode="json"))


def test_the_chart_marks_the_choice_and_the_recall_that_was_asked_for():
    figure = frontier_chart(FRONTIER_TABLE, 0.97)
    assert [trace.name for trace in figure.data] == ["HNSW16,SQ8 ×2", "Flat", "chosen"]
    assert figure.data[-1].x == (0.5,) and figure.layout.shapes[0].y0 == 0.97
