"""Every source of training data at once, from the parameters to trained encoders: what is off by default works as well."""

import polars as pl
import pytest

from roar.schemas import HardNegatives

from .conftest import copy_project, run_pipelines

TRAINING_SETS = {
    "splits": {"cross_fit_below": 0, "products_apart": "exact"},
    "stage1_sources": {
        "annotation": {"limit": 300},
        "behaviour": {"weight": 0.5, "limit": 200, "debias": {"clip": 5, "clicks": 1}},
        "reformulations": {"engagement": "clicked", "limit": 100},
        "co_clicks": {"queries": 1, "limit": 100},
        "augmentation": {
            "copies": 2,
            "limit": 100,
            "synonyms": {"queries": 1, "confidence": 0.1, "lift": 1, "swaps": 0},
        },
    },
    "hard_negatives": {"per_pair": 2, "depth": 500, "relative": 1.0},  # an untrained encoder finds all alike
    "groups": {"fill": {"members": 3, "weight": 0.5}},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_training):
    """The tables of a run of data engineering and both stages, by name."""
    folder = copy_project(tmp_path_factory.mktemp("every_source"))
    run_pipelines(folder, "test", "simulate")
    params = tiny_training | {"training_sets": TRAINING_SETS}
    run_pipelines(folder, "test", "data_engineering", "stage1_contrastive", "stage2_roar", params=params)
    layers = [
        path for path in (folder / "data" / "test").iterdir() if path.name != "01_raw"
    ]  # the same names, other tables
    return {path.stem: pl.read_parquet(path) for layer in layers for path in layer.rglob("*.parquet")}


def test_every_source_gives_pairs(made):
    sources = {source.split(":")[0] for source in made["stage1_pairs"]["source"]}
    assert sources == set(TRAINING_SETS["stage1_sources"])


def test_both_stages_mine_with_their_starting_encoder(made):
    for name in ("stage1_negatives", "stage2_negatives"):
        mined = HardNegatives.validate(made[name])
        assert mined.height > 100 and (mined["score"] < mined["positive_score"]).all()
    assert made["stage1_history"].height and made["stage2_history"].height


def test_groups_grow_by_what_was_mined(made):
    keys = ["fold", "query_id", "product_id"]
    added = made["stage2_groups"].join(made["judgments"], on=["query_id", "product_id"], how="anti")
    assert added.height > 10 and set(added["grade"]) == {"irrelevant"}
    assert added.join(made["stage2_negatives"], on=keys, how="anti").is_empty()


def test_nothing_that_is_held_out_is_mined(made):
    """Strict mode: no near-duplicate of an exact product of a held-out query is a hard negative."""
    held_out = made["query_splits"].filter(pl.col("split") != "train").join(made["judgments"], on="query_id")
    exact = held_out.filter(pl.col("grade") == "exact").join(made["product_clusters"], on="product_id")
    assert exact.height
    for name in ("stage1_negatives", "stage2_negatives"):
        mined = made[name].join(made["product_clusters"], on="product_id")
        assert mined.join(exact, on=["fold", "cluster_id"], how="semi").is_empty()
