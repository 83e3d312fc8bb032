"""The whole chain on a tiny simulated shop: everything is there, the same twice, and resumes where it stopped."""

import hashlib
import json
import logging
import re
from pathlib import Path

import polars as pl
import pytest
import torch

from roar.encoder import read_encoder
from roar.parameters.evaluation import OWN_SYSTEMS
from roar.retrieval import Release
from roar.schemas import Metrics

from .conftest import copied, copy_project, run_pipelines

SYSTEMS = {*OWN_SYSTEMS}
UNLIKE = {"random", "bm25", "hybrid_rrf", "hybrid_sum", "stage2_constrained", "hybrid_constrained"}
"""Systems whose scores do not compare across queries."""


@pytest.fixture(scope="module")
def shop(finished, tmp_path_factory) -> Path:
    """A copy of the finished shop that the tests of this file change, in their order."""
    return copied(finished, tmp_path_factory.mktemp("shop"))


def test_a_run_says_first_where_it_computes_and_how_long_it_will_take(finished):
    said = json.loads((finished / "said.json").read_text())
    assert not said["simulate"], "a run that reads no encoder measures nothing"
    (plan,) = [line for line in said["__default__"] if "steps on" in line]
    assert re.fullmatch(r"\d+ steps on .+, 1 thread: (less than a|about \d+) minutes?, judged by 500 products\.", plan)
    record = json.loads((finished / "data/test/08_reporting/run_record.json").read_text(encoding="utf-8"))
    decision = record["machine"]["precision"]["cpu"]
    assert decision["precision"] in {"bf16", "float32"} and decision["device"] == record["machine"]["processor"]


def table(shop: Path, path: str) -> pl.DataFrame:
    return pl.read_parquet(shop / "data" / "test" / path)


def fingerprints(shop: Path) -> dict[str, str]:
    """SHA-256 of every table and of the page without the release's section; histories and the release hold timings."""
    data = shop / "data" / "test"
    paths = [p for p in data.rglob("*") if p.suffix in {".parquet", ".html", ".csv"}]
    names = {str(p.relative_to(data)): p for p in paths}
    timed = re.compile(r"history|06_models/release(/|_frontier)")
    return {name: hashlib.sha256(_untimed(p)).hexdigest() for name, p in names.items() if not timed.search(name)}


def _untimed(path: Path) -> bytes:
    """A file's content; of the page, what stands outside the release's section and its charts' data."""
    content = path.read_bytes()
    if path.suffix != ".html":
        return content
    page = content.decode()
    section = re.search(r'<section[^>]*id="release".*?</section>', page, re.DOTALL)
    assert section or path.stem != "report", "the page has the release's section"
    return page.replace(section[0], "").encode() if section else content


def test_every_system_is_judged_under_both_protocols_in_every_slice(shop):
    metrics = Metrics.validate(table(shop, "08_reporting/metrics.parquet"))
    assert set(metrics["system"]) == SYSTEMS and set(metrics["protocol"]) == {"judged", "catalogue"}
    assert {"overall", "vertical", "stratum", "query length"} <= set(metrics["slice"])
    wanted = {"map@8", "ndcg@8", "recall@100", "mrr@10", "grade_ordering"}
    assert wanted <= set(metrics.filter(pl.col("system") == "bm25")["metric"])
    pooled = metrics.filter(pl.col("metric") == "auc")
    assert set(pooled["system"]) == SYSTEMS - UNLIKE, "only cosines compare across queries"
    known = metrics.drop_nulls(["mean", "low"])
    assert known.filter((pl.col("low") > pl.col("mean")) | (pl.col("high") < pl.col("mean"))).is_empty()


def test_only_test_queries_are_judged(shop):
    tested = table(shop, "05_model_input/query_splits.parquet").filter(pl.col("split") == "test")
    assert set(table(shop, "08_reporting/per_query_metrics.parquet")["query_id"]) == set(tested["query_id"])


def test_chance_is_the_floor(shop):
    overall = table(shop, "08_reporting/metrics.parquet").filter(
        pl.col("slice") == "overall", pl.col("metric") == "ndcg@8", pl.col("protocol") == "judged"
    )
    mean = dict(overall.select("system", "mean").iter_rows())
    assert mean["bm25"] > mean["random"] + 0.05


def test_both_differences_are_there_with_intervals(shop):
    compared = table(shop, "08_reporting/comparisons.parquet").filter(
        pl.col("slice") == "overall", pl.col("metric") == "ndcg@8"
    )
    pairs = set(compared.select("system_a", "system_b").iter_rows())
    assert {("base", "stage1"), ("stage1", "stage2")} <= pairs
    assert compared.select(pl.all_horizontal(pl.col("low", "high", "p").is_not_null())).to_series().all()


def test_the_page_names_every_system_and_says_that_the_shop_is_simulated(finished):
    page = (finished / "data/test/08_reporting/report.html").read_text(encoding="utf-8")
    assert (
        all(name in page for name in ("Random", "BM25", "Base encoder", "Stage 1", "Stage 2")) and "Simulated" in page
    )
    outside = re.findall(r'<(?:script|img|iframe|link)[^>]*(?:src|href)="?https?:', page)
    assert not outside and str(finished) not in page


def test_the_same_seed_gives_the_same_tables_byte_for_byte(finished, tmp_path, tiny_training):
    again = copy_project(tmp_path)
    run_pipelines(again, "test", "simulate")
    run_pipelines(again, "test", params=tiny_training)
    first, second = fingerprints(finished), fingerprints(again)
    assert len(first) > 100
    assert {name for name in first | second if first.get(name) != second.get(name)} == set()


def test_a_rerun_makes_what_is_missing_or_stale_and_nothing_else(shop, tiny_training, caplog):
    page, encoder = shop / "data/test/08_reporting/report.html", shop / "data/test/06_models/stage1_encoder"
    before, kept = encoder.stat().st_mtime_ns, sorted((shop / "data/test/08_reporting/runs").iterdir())
    logging.getLogger("roar").propagate = True
    run_pipelines(shop, "test", params=tiny_training, only_missing_outputs=True)
    assert "Skipping all" in caplog.text and "has changed since" not in caplog.text
    page.unlink()
    run_pipelines(shop, "test", params=tiny_training, only_missing_outputs=True)
    assert page.exists() and "has changed since" not in caplog.text
    titled = tiny_training | {"reporting": {"title": "Another title"}}
    run_pipelines(shop, "test", params=titled, only_missing_outputs=True)
    assert "reporting.title has changed since the data on disk were made: made again are " in caplog.text
    assert "Another title" in page.read_text(encoding="utf-8")
    assert encoder.stat().st_mtime_ns == before
    assert sorted((shop / "data/test/08_reporting/runs").iterdir()) == kept  # no metrics were made


def test_the_default_run_ends_with_a_release_that_answers(shop):
    release = Release.read(shop / "data/test/06_models/release")
    hits = release.search("red shoe", 5)
    assert hits.height == 5 and hits["title"].null_count() == 0
    whole = table(shop, "03_primary/products.parquet")
    assert set(release.index.products["product_id"]) == set(whole["product_id"])
    holdout = read_encoder(shop / "data/test/06_models/stage2_encoder/holdout")
    for ours, theirs in zip(release.encoder.parameters(), holdout.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    frontier = table(shop, "06_models/release_frontier.parquet")
    chosen = frontier.filter("chosen").row(0, named=True)
    assert chosen["index"] == release.index.manifest.index and chosen["recall"] >= 0.97
    assert {"float32", "float16", "int8", "binary"} == set(
        table(shop, "06_models/release_storage.parquet")["precision"]
    )
    assert release.index.manifest.lexical.keys() == {"k1", "b", "weight"}
    assert release.index.manifest.constraints.keys() == {"stage2", "hybrid"}


def test_a_release_from_a_kept_encoder_stands_beside_the_one_before(shop, tiny_training):
    encoder = shop / "data/test/06_models/stage1_encoder/holdout"
    before = Release.read(shop / "data/test/06_models/release").index.manifest
    again = tiny_training | {"release": {"from": str(encoder), "index": "HNSW8,Flat", "queries": 20}}
    run_pipelines(shop, "test", "release", params=again)
    after = Release.read(shop / "data/test/06_models/release").index.manifest
    assert after.encoder != before.encoder and after.index == "HNSW8,Flat" and after.version > before.version
    assert (shop / "data/test/06_models/release" / before.version).is_dir()
