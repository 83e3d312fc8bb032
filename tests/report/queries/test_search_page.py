"""What the service's page is given, and that it finds it."""

import polars as pl

from roar.report.queries import search_page_tables
from roar.schemas import STRATA, Grade
from roar.service.evidence import Evidence


def test_the_page_finds_what_reporting_left(tmp_path):
    queries = pl.DataFrame({"query_id": ["a", "b", "c"], "query": ["Röd Mugg", "röd mugg", "lamp"]})
    strata = pl.DataFrame({"query_id": ["a", "c"], "vertical": ["home", "light"], "stratum": ["HEAD", "TAIL"]})
    strata = strata.with_columns(pl.col("stratum").cast(pl.Enum(STRATA)))
    judged = pl.DataFrame({"query_id": ["c", "a"], "product_id": ["p", "q"], "grade": ["exact", "complement"]})
    changed = [(f"q{n}", f"query {n}", 0.5, 0.5 + d, d) for n, d in enumerate([-0.4, -0.3, -0.1, 0.0, 0.2, 0.3])]
    changes = pl.DataFrame(changed, schema=["query_id", "query", "before", "after", "difference"], orient="row")
    queue = pl.DataFrame({"query_id": ["c"], "query": ["lamp"], "unjudged": [1], "product_id": ["p"], "title": ["t"]})
    judged = judged.with_columns(pl.col("grade").cast(Grade))
    for name, table in search_page_tables(queries, strata, judged, changes, queue).items():
        table.write_parquet(tmp_path / f"{name}.parquet")
    evidence = Evidence(tmp_path)
    assert evidence.about("RÖD mugg") | {"key": ""} == {
        "query_id": "a",
        "query": "Röd Mugg",
        "vertical": "home",
        "stratum": "HEAD",
        "key": "",
    }
    assert evidence.about("nothing") == {} and evidence.grades(None) == {}
    assert evidence.grades("c") == {"p": "exact"}
    shown = [(one["query"], one["best"]) for one in evidence.examples()]
    assert shown == [(f"query {n}", n > 3) for n in (0, 1, 2, 5, 4)], "worst and best first, and none that did not move"
    assert [one["product_id"] for one in evidence.queue()] == ["p"]
    assert Evidence(None).examples() == Evidence(tmp_path / "no").queue() == []
