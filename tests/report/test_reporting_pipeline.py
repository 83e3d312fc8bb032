"""The reporting pipeline on the catalog of conf/base: everything on disk, absent sections left out, same bytes again."""

from pathlib import Path

import polars as pl
import pytest
import yaml
from fabricated_evaluation import MEASURED, Fabricated
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from roar.datasets.optional_json import OptionalJSON
from roar.datasets.text import TextFile, TextFolder
from roar.errors import InputError
from roar.parameters import Ingestion, Reporting
from roar.pipelines.reporting import create_pipeline
from roar.schemas import STRATA, Grade

DEMOTED = dict.fromkeys(["query_id", "query", "product_id", "title", "dimension", "asked", "stated"], pl.String)
DEMOTED |= dict.fromkeys(["rank_before", "rank_after"], pl.Int64)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def catalog(tmp_path: Path, fabricated: Fabricated) -> DataCatalog:
    entries = {}
    for name in ("reporting", "evaluation", "ablation", "release"):
        text = (ROOT / f"conf/base/catalog/{name}.yml").read_text().replace("${globals:data}", str(tmp_path))
        entries |= {key: entry for key, entry in yaml.safe_load(text).items() if not key.startswith("_")}
    catalog = DataCatalog.from_config({name: entry | {"metadata": None} for name, entry in entries.items()})
    for name, value in tables_of(fabricated).items():
        catalog[name] = MemoryDataset(value)
    stored = {"metrics": fabricated.metrics, "comparisons": fabricated.comparisons}
    stored |= {"per_query_metrics": fabricated.per_query, "first_pages": fabricated.behaviour.pages}
    stored |= {"run_coverage": fabricated.behaviour.coverage, "score_distributions": fabricated.behaviour.bins}
    for name, value in (stored | {"robustness": fabricated.behaviour.robustness}).items():
        catalog.save(name, value)
    return catalog


def tables_of(fabricated: Fabricated) -> dict[str, object]:
    """What other pipelines leave, and the parameters."""
    queries, products = fabricated.queries, fabricated.errors.products
    spelling = queries.select("query_id", slice=pl.lit("spelling"), level=pl.lit("clean"))
    nothing = {"dimension": pl.String, "value": pl.String, "shown": pl.String}
    tuning = fabricated.behaviour.tuning["BM25"]
    tried = {
        "fold": ["holdout"] * 2,
        "sought": [0.0, 1.0],
        "penalty": [0.0, 0.1],
        "bonus": [0.0, 0.05],
        "judged": [0.5, 0.6],
        "catalogue": [0.2, 0.3],
        "best": [False, True],
    }
    constrained_tuning = pl.DataFrame(tried)
    return {
        "queries": queries,
        "query_strata": queries.select("query_id", "vertical", "stratum"),
        "judgments": pl.DataFrame(schema={"query_id": pl.String, "product_id": pl.String, "grade": Grade}),
        "query_slices": spelling,
        "query_splits": queries.select("query_id", fold=pl.lit("holdout"), split=pl.lit("test")),
        "products": products.with_columns(brand=pl.lit("Orvane"), vertical=pl.lit("food")),
        "product_clusters": products.select("product_id", "cluster_id"),
        "asked_attributes": pl.DataFrame(schema={"query_id": pl.String} | nothing),
        "stated_attributes": pl.DataFrame(schema={"product_id": pl.String} | nothing),
        "bm25_tuning": tuning,
        "hybrid_sum_tuning": tuning,
        "stage2_constrained_tuning": constrained_tuning,
        "hybrid_constrained_tuning": constrained_tuning,
        "constraint_verdicts": pl.DataFrame(
            {
                "dimension": ["colour"] * 2,
                "verdict": ["agrees", "contradicts"],
                "grade": ["exact", "irrelevant"],
                "pairs": [9, 4],
            }
        ),
        "demoted_exact": pl.DataFrame(schema=DEMOTED),
        "params:ingestion": Ingestion(),
        "params:reporting": Reporting(),
        "params:environment": "base",
        "params:seed": 1,
        "params:metrics": MEASURED,
    }


def test_the_pipeline_writes_the_page_tables_and_charts(
    catalog: DataCatalog, fabricated: Fabricated, tmp_path: Path
) -> None:
    catalog.save("data_section", fabricated.sections[1].model_dump(mode="json"))
    pipeline = create_pipeline()
    SequentialRunner().run(pipeline, catalog)
    folder = tmp_path / "08_reporting"
    first = (folder / "report.html").read_bytes()
    assert b'id="evaluation"' in first
    assert b'id="data"' in first
    assert b'id="stage1"' not in first
    assert STRATA[0] in catalog.load("gains_by_stratum_chart").layout.yaxis.ticktext
    assert {"judged_vertical.md", "judged_vertical.parquet", "query_changes.csv"} <= catalog.load(
        "metric_tables"
    ).keys()
    assert pipeline.all_outputs() <= {name for name in catalog if catalog.exists(name)}
    SequentialRunner().run(pipeline, catalog)
    assert (folder / "report.html").read_bytes() == first


def test_optional_json_is_none_where_absent_and_clear_where_damaged(tmp_path: Path) -> None:
    dataset = OptionalJSON(filepath=str(tmp_path / "folder" / "section.json"))
    assert dataset.load() is None
    assert not dataset.exists()
    dataset.save({"ü": [1, None]})
    assert dataset.load() == {"ü": [1, None]}
    (tmp_path / "folder" / "section.json").write_text("{")
    with pytest.raises(Exception, match="not a JSON document") as error:
        dataset.load()
    assert isinstance(error.value, InputError) or isinstance(error.value.__cause__, InputError)


def test_text_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = TextFolder(filepath=str(tmp_path / "tables"))
    folder.save({"a.md": "ä\n", "b.parquet": b"\x00\xff"})
    assert folder.load() == {"a.md": "ä\n", "b.parquet": b"\x00\xff"}
    folder.save({"a.md": "b\n"})
    assert folder.load() == {"a.md": "b\n"}
    text = TextFile(filepath=str(tmp_path / "x" / "page.html"))
    assert not text.exists()
    text.save("ü\r\n")
    assert (tmp_path / "x" / "page.html").read_bytes() == "ü\r\n".encode()
