"""Tables on shared storage are a matter of the catalog: the same nodes read and write fsspec's paths."""

import fsspec
import polars as pl
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from roar.marketplace import simulate
from roar.near_duplicates import cluster, find_pairs, weigh_labels
from roar.parameters import Engines, NearDuplicates, Simulation
from roar.pipelines.data_engineering import create_pipeline

TABLES = (
    "products",
    "fitted_evidence",
    "duplicate_pairs",
    "product_clusters",
    "duplicate_near_misses",
    "learned_evidence",
)


@pytest.fixture
def catalog():
    remote = {
        name: {
            "type": "polars.EagerPolarsDataset",
            "file_format": "parquet",
            "filepath": f"memory://shop/{name}.parquet",
        }
        for name in TABLES
    }
    catalog = DataCatalog.from_config(remote)
    catalog["params:near_duplicates"] = MemoryDataset(NearDuplicates())
    catalog["params:engines"] = MemoryDataset(Engines())
    yield catalog
    fsspec.filesystem("memory").store.clear()


def test_a_node_reads_and_writes_remote_tables(catalog):
    products = simulate(Simulation(products=120, queries=20, judged_queries=5), seed=2).products
    catalog["products"].save(products)
    catalog["fitted_evidence"].save(weigh_labels(products, pl.DataFrame(), NearDuplicates()).parameters)
    (found,) = [node for node in create_pipeline().nodes if node.name.endswith("find_near_duplicates")]
    names = {"params:near_duplicates", "params:engines", *TABLES}
    assert {*found.inputs, *found.outputs} == names
    SequentialRunner().run(Pipeline([found]), catalog)
    pairs = find_pairs(products)
    assert len(pairs) and catalog["duplicate_pairs"].load().equals(pairs)
    assert catalog["product_clusters"].load().equals(cluster(products, pairs))
    stored = fsspec.filesystem("memory").store
    assert {path.rpartition("/")[2] for path in stored} == {f"{name}.parquet" for name in TABLES}
