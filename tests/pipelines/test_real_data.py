"""The whole chain on 60 queries of each real data set, with a tiny encoder: five folds, every query tested once."""

import csv
import json
import re
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest

from roar.parameters.evaluation import OWN_SYSTEMS
from roar.retrieval import Release

from .conftest import copy_project, run_pipelines

QUERIES = 60
SAMPLE = {"ingestion": {"sample": {"queries": QUERIES, "other_products": 0.0}}}


def sample(real_data: Path, environment: str, folder: Path) -> Path:
    """The environment's files in their own layout; of the large ones only products that are judged, of homedepot for 60 queries."""
    if environment == "homedepot":
        return _sample_of_homedepot(real_data / environment, folder)
    if environment != "icecat":
        shutil.copytree(real_data / environment, folder / environment)
        return folder
    (folder / "icecat").mkdir(parents=True)
    for path in (real_data / "icecat").glob("*.csv"):
        shutil.copy(path, folder / "icecat" / path.name)
    with (real_data / "icecat" / "Broad_Query_Set_rated.csv").open(encoding="utf-8") as lines:
        judged = {row["docid"] for row in csv.DictReader(lines)}
    for path in (real_data / "icecat").glob("*.zip"):
        with zipfile.ZipFile(path) as source:
            products = json.loads(source.read(source.namelist()[0]))
        with zipfile.ZipFile(folder / "icecat" / path.name, "w") as target:
            target.writestr(path.stem, json.dumps([product for product in products if product["id"] in judged]))
    return folder


def _sample_of_homedepot(source: Path, folder: Path) -> Path:
    judgments = pl.read_parquet(source / "judgments.parquet")
    terms = judgments.select(pl.col("search_term").unique(maintain_order=True)).head(QUERIES)
    judged = judgments.join(terms, on="search_term", how="semi", maintain_order="left")
    products = pl.read_parquet(source / "products.parquet").join(judged, on="product_uid", how="semi")
    (folder / "homedepot").mkdir(parents=True)
    judged.write_parquet(folder / "homedepot" / "judgments.parquet")
    products.write_parquet(folder / "homedepot" / "products.parquet")
    return folder


@pytest.mark.real_data
@pytest.mark.parametrize("environment", ["esci", "icecat", "crowdflower", "homedepot"])
def test_every_query_is_tested_once_and_the_page_is_made(environment, real_data, tmp_path, tiny_training, monkeypatch):
    monkeypatch.setenv("ROAR_REAL_DATA", str(sample(real_data, environment, tmp_path / "real")))
    folder = copy_project(tmp_path / "project")
    run_pipelines(folder, environment, params=tiny_training | SAMPLE)
    data = folder / "data" / environment
    tested = pl.read_parquet(data / "05_model_input/query_splits.parquet").filter(pl.col("split") == "test")
    assert tested.height == tested["query_id"].n_unique() == QUERIES and tested["fold"].n_unique() == 5
    metrics = pl.read_parquet(data / "08_reporting/metrics.parquet")
    overall = metrics.filter(pl.col("slice") == "overall", pl.col("protocol") == "judged", pl.col("metric") == "ndcg@8")
    assert set(overall["system"]) == set(OWN_SYSTEMS) and overall["mean"].is_not_null().all()
    assert (data / "06_models/release_encoder/all/modules.json").is_file(), (
        "one encoder on all judged queries is served"
    )
    assert Release.read(data / "06_models/release").search("black", 5).height == 5
    page = (data / "08_reporting/report.html").read_text(encoding="utf-8")
    assert "Simulated data" not in page and str(real_data) not in page
    published = pl.read_parquet(data / "08_reporting/published_results.parquet")
    assert ("Not comparable with published figures" in page) is (published.height > 0) is (environment == "esci")
    if environment == "esci":
        assert set(published.filter(measure="ndcg")["queries"]) == {QUERIES}
        assert set(published.filter(measure="micro_f1")["system"]) >= {"base", "stage1", "stage2", "stage2_deployed"}
        assert published.filter(pl.col("value").is_null()).is_empty()
    steps = re.search(r"Rated \d\S* (to \S+ )?&gt; rated \d", page)
    assert bool(steps) is (environment in ("icecat", "crowdflower", "homedepot")), "ordinal steps carry their own names"
