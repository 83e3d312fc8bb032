"""The whole chain on each real data set, with a tiny encoder: five folds, every query tested once."""

import polars as pl
import pytest

from .conftest import copy_project, run_pipelines


@pytest.mark.real_data
@pytest.mark.parametrize(("environment", "queries"), [("esci", 150), ("icecat", 135), ("crowdflower", 261)])
def test_every_query_is_tested_once_and_the_page_is_made(environment, queries, real_data, tmp_path, tiny_training):
    folder = copy_project(tmp_path)
    run_pipelines(folder, environment, params=tiny_training)
    data = folder / "data" / environment
    tested = pl.read_parquet(data / "05_model_input/query_splits.parquet").filter(pl.col("split") == "test")
    assert tested.height == tested["query_id"].n_unique() == queries and tested["fold"].n_unique() == 5
    metrics = pl.read_parquet(data / "08_reporting/metrics.parquet")
    overall = metrics.filter(pl.col("slice") == "overall", pl.col("protocol") == "judged", pl.col("metric") == "ndcg@8")
    assert overall.height == 6 and overall["mean"].is_not_null().all()
    page = (data / "08_reporting/report.html").read_text(encoding="utf-8")
    assert "Simulated data" not in page and str(real_data) not in page
