"""The quality promised, with the default configuration: on the simulated shop, and on labelled sets where they are."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """`benchmarks/near_duplicates.py`, so that tests and benchmark measure alike."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location(
        "near_duplicates_benchmark", ROOT / "benchmarks" / "near_duplicates.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def matching_sets() -> ModuleType:
    """`benchmarks/matching_sets.py`, which the benchmark has put on the path."""
    return importlib.import_module("matching_sets")


@pytest.mark.parametrize(("name", "floor"), [("electronics", 0.93), ("software", 0.85), ("software_trees", 0.85)])
def test_two_shops_with_columns_of_their_own(benchmark: ModuleType, name: str, floor: float) -> None:
    """Trees, numbers and names of two shops cost no pair, with model numbers to learn by and without."""
    sets = dict(matching_sets().made())
    assert dict(benchmark.given(sets[name]))["given_f1"] >= floor


@pytest.mark.parametrize("once", [0.0, 0.8, 1.0])
def test_catalogues_that_list_few_things_twice(benchmark: ModuleType, once: float) -> None:
    """The share of second listings is told from model numbers, and few pairs are made where there is nothing to find."""
    figures = dict(benchmark.of_one(matching_sets().sold_once(matching_sets().electronics(2_000), once)))
    assert figures["estimated_share"] == pytest.approx(figures["share"], abs=0.06)
    assert figures["all_precision"] >= (0.85 if once < 1 else 0.0)
    assert figures["all_pairs"] < (3 if once == 1 else figures["none_pairs"] + 1)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "floor"), [("abt_buy", 0.85), ("wdc_cameras", 0.66), ("wdc_shoes", 0.60), ("wdc_watches", 0.75)]
)
def test_labelled_pairs(benchmark: ModuleType, name: str, floor: float) -> None:
    """F1 reaches the floor, on the given pairs and on those found, and candidates lose little."""
    if "ROAR_REAL_DATA" not in os.environ:
        pytest.skip("ROAR_REAL_DATA is unset")
    path = Path(os.environ["ROAR_REAL_DATA"]) / "matching" / benchmark.MATCHING[name]
    figures = dict(benchmark.matching(matching_sets().read_matching(path)))
    assert figures["given_f1"] >= floor
    assert figures["found_f1"] >= floor
    assert figures["candidate_recall"] >= 0.93


def test_simulated_shop(benchmark: ModuleType) -> None:
    """Pairs and clusters of the simulated shop reach 0.97 against the truth."""
    figures = dict(benchmark.simulated())
    assert figures["simulated_candidate_recall"] >= 0.97
    assert figures["simulated_found_f1"] >= 0.965
    assert figures["simulated_clustered_f1"] >= 0.97
