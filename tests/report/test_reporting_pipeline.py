"""The reporting pipeline on the catalog of conf/base: everything on disk, absent sections left out, same bytes again."""

from pathlib import Path

import pytest
import yaml
from fabricated_evaluation import MEASURED, Fabricated
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from roar.datasets.optional_json import OptionalJSON
from roar.datasets.text import TextFile, TextFolder
from roar.errors import InputError
from roar.parameters import Reporting
from roar.pipelines.reporting import create_pipeline
from roar.schemas import STRATA

ROOT = Path(__file__).parents[2]


@pytest.fixture
def catalog(tmp_path: Path, fabricated: Fabricated) -> DataCatalog:
    text = (ROOT / "conf/base/catalog/reporting.yml").read_text().replace("${globals:data}", str(tmp_path))
    entries = {name: entry for name, entry in yaml.safe_load(text).items() if not name.startswith("_")}
    catalog = DataCatalog.from_config({name: entry | {"metadata": None} for name, entry in entries.items()})
    strata = fabricated.queries.select("query_id", "vertical", "stratum")
    others = {"queries": fabricated.queries, "query_strata": strata}
    for name, value in (others | {"params:reporting": Reporting(), "params:metrics": MEASURED}).items():
        catalog[name] = MemoryDataset(value)
    catalog.save("metrics", fabricated.metrics)
    catalog.save("comparisons", fabricated.comparisons)
    catalog.save("per_query_metrics", fabricated.per_query)
    return catalog


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
    assert "judged_vertical.md" in catalog.load("metric_tables")
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
    folder.save({"a.md": "ä\n", "b.csv": "1\n"})
    folder.save({"a.md": "b\n"})
    assert folder.load() == {"a.md": "b\n"}
    text = TextFile(filepath=str(tmp_path / "x" / "page.html"))
    assert not text.exists()
    text.save("ü\r\n")
    assert (tmp_path / "x" / "page.html").read_bytes() == "ü\r\n".encode()
