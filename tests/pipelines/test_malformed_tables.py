"""Whatever tables a shop brings, data engineering ends in all its tables or in one InputError, and leaves the inputs alone.

The chain is that of the pipeline's nodes, with every source of training pairs switched on.
"""

import datetime as dt
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roar.errors import InputError
from roar.parameters import (
    AugmentationSource,
    BehaviourSource,
    CoClickSource,
    Debias,
    Engines,
    Ingestion,
    NearDuplicates,
    PairSource,
    ReformulationSource,
    Splits,
    Stage1Sources,
    Synonyms,
    TrainingSets,
)
from roar.pipelines.data_engineering import nodes
from roar.pipelines.data_engineering.pipeline import RAW
from roar.schemas import (
    DuplicatePairs,
    DuplicateScores,
    FittedEvidence,
    GradedGroups,
    LearnedEvidence,
    ProductClusters,
    QuerySplits,
    Stage1Pairs,
)

SOURCES = Stage1Sources(
    annotation=PairSource(),
    behaviour=BehaviourSource(debias=Debias(clicks=1)),
    reformulations=ReformulationSource(engagement="clicked", minutes=60),
    co_clicks=CoClickSource(queries=1, similarity=0),
    augmentation=AugmentationSource(synonyms=Synonyms(queries=1, confidence=0.1, lift=1, swaps=0)),
)
CONFIG = TrainingSets(splits=Splits(method="cross_fit", folds=2, products_apart="exact"), stage1_sources=SOURCES)
SIZE = 16

DAMAGES: dict[str, Any] = {
    "no type": pl.Series([None] * SIZE, dtype=pl.Null),
    "null texts": pl.Series([None] * SIZE, dtype=pl.String),
    "some null": [None, "lamp"] * (SIZE // 2),
    "empty": [""] * SIZE,
    "one value": ["same"] * SIZE,
    "integers": list(range(SIZE)),
    "negative": [-3] * SIZE,
    "huge": pl.Series([2**63 - 1] * SIZE, dtype=pl.Int64),
    "NaN": [float("nan"), 1.0] * (SIZE // 2),
    "infinite": [float("inf"), float("-inf"), 5.0, 0.0] * (SIZE // 4),
    "1e308": [1e308, 5e-324] * (SIZE // 2),
    "Booleans": [True, False] * (SIZE // 2),
    "dates": [dt.date(2026, 1, 1)] * SIZE,
    "lists": [["a", "b"]] * SIZE,
    "structs": [{"a": 1}] * SIZE,
    "bytes": [b"\xff"] * SIZE,
    "categories": pl.Series(["a", "b"] * (SIZE // 2), dtype=pl.Categorical),
    "control characters": ["lamp\x00\x07\x1b[31m"] * SIZE,
    "invisible": ["\u200b\ufeff"] * SIZE,
    "emoji": ["👩‍👩‍👧‍👦 lamp 🏳️‍🌈", "🔥"] * (SIZE // 2),
    "right to left": ["\u202eمصباح נורה 64 GB\u202c"] * SIZE,
    "no Latin letters": ["64GB 存储卡 红色", "メモリーカード"] * (SIZE // 2),
    "combining marks": ["e" + "\u0301" * 300] * SIZE,
    "1 MB": ["lamp 64 gb " * 95_000, *["desk"] * (SIZE - 1)],
    "1 MB without blanks": ["x" * 1_000_000, *["desk"] * (SIZE - 1)],
    "markup": ["<b>&amp;lamp</b><script>1</script>"] * SIZE,
    "patterns": [r"(a+)+$ [^\d]{1,9} \u00zz ${x} %s"] * SIZE,
    "broken JSON": ['{"colour": "red", "a": '] * SIZE,
    "deep JSON": ["[" * 50_000] * SIZE,
    "JSON without values": ['{"a": null, "b": NaN, "": ""}'] * SIZE,
    "grades": ["exact", "irrelevant"] * (SIZE // 2),
    "one grade": ["exact"] * SIZE,
    "ids of others": ["p1", "q1"] * (SIZE // 2),
}
COLUMNS = [
    ("raw_products", "product_id"),
    ("raw_products", "title"),
    ("raw_products", "attributes"),
    ("raw_products", "price"),
    ("raw_products", "brand"),
    ("raw_queries", "query"),
    ("raw_queries", "frequency"),
    ("raw_judgments", "product_id"),
    ("raw_judgments", "grade"),
    ("raw_judgments", "weight"),
    ("raw_search_log", "query"),
    ("raw_search_log", "timestamp"),
    ("raw_search_log", "position"),
    ("raw_search_log", "clicked"),
]


def make_shop() -> dict[str, pl.DataFrame]:
    """Sixteen products, queries, judgments and impressions; every query has two grades."""
    random = np.random.default_rng(3)
    kinds = ["lamp", "desk", "kettle", "card"]
    titles = [f"Orvane {kinds[i % 4]} {['red', 'blue'][i // 8]} {i % 3 + 1} l" for i in range(SIZE)]
    start = dt.datetime(2026, 1, 1)
    return {
        "raw_products": pl.DataFrame(
            {
                "product_id": [f"p{i}" for i in range(SIZE)],
                "title": titles,
                "description": [None, "Good"] * (SIZE // 2),
                "brand": ["Orvane"] * SIZE,
                "vertical": ["home"] * SIZE,
                "attributes": ['{"colour": "red"}', None] * (SIZE // 2),
                "price": [float(i + 1) for i in range(SIZE)],
            }
        ),
        "raw_queries": pl.DataFrame(
            {
                "query_id": [f"q{i}" for i in range(SIZE)],
                "query": [f"{kinds[i % 4]} number {i * 7}" for i in range(SIZE)],
                "frequency": list(range(SIZE)),
            }
        ),
        "raw_judgments": pl.DataFrame(
            {
                "query_id": [f"q{i // 2}" for i in range(SIZE)],
                "product_id": [f"p{i}" for i in range(SIZE)],
                "grade": ["exact", "irrelevant"] * (SIZE // 2),
                "weight": [1.0] * SIZE,
            }
        ),
        "raw_search_log": pl.DataFrame(
            {
                "session_id": [f"s{i // 4}" for i in range(SIZE)],
                "timestamp": [start + dt.timedelta(minutes=i) for i in range(SIZE)],
                "query": [f"{kinds[i % 4]} number {i * 7}" for i in range(SIZE)],
                "product_id": [f"p{i}" for i in random.integers(0, SIZE, SIZE)],
                "position": [1, 2] * (SIZE // 2),
                "clicked": [True] * SIZE,
                "carted": [True, False] * (SIZE // 2),
                "ordered": [False] * SIZE,
                "ranker": ["a"] * SIZE,
            }
        ),
    }


def engineer(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Every node of data engineering in turn; the tables that others read."""
    absent = {name: tables.get(name, pl.DataFrame()) for name in RAW}
    products, queries, judgments, log, _, _, quality = nodes.ingest_tables(Ingestion(), **absent)
    scores, fitted = nodes.weigh_duplicate_labels(products, pl.DataFrame(), NearDuplicates())
    duplicates, clusters, misses, learned = nodes.find_near_duplicates(products, fitted, NearDuplicates(), Engines())
    variants, strata, slices = nodes.describe_queries(queries, judgments, log, products, CONFIG)
    splits = nodes.split_judged_queries(queries, judgments, variants, strata, CONFIG, 1)
    pairs, groups, counts = nodes.build_training_sets(
        products, queries, judgments, log, variants, clusters, splits, CONFIG, 1
    )
    leakage = nodes.count_leakage(splits, variants, judgments, clusters, pairs, groups)
    section = nodes.report_data(
        quality=quality, judgments=judgments, strata=strata, splits=splits, pairs=pairs, counts=counts,
        leakage=leakage, groups=groups, duplicates=duplicates, clusters=clusters, products=products,
        near_misses=misses, learned=learned, label_scores=scores, fitted=fitted,
    )  # fmt: skip
    assert section["title"] == "Data" and set(slices["query_id"]) <= set(splits["query_id"])
    for schema, table in (
        (DuplicatePairs, duplicates), (ProductClusters, clusters), (QuerySplits, splits), (Stage1Pairs, pairs),
        (GradedGroups, groups), (DuplicatePairs, misses), (LearnedEvidence, learned), (DuplicateScores, scores),
        (FittedEvidence, fitted),
    ):  # fmt: skip
        schema.validate(table)
    assert leakage.filter(pl.col("what") == "queries")["count"].sum() == 0
    return {"products": products, "pairs": pairs, "groups": groups, "clusters": clusters}


def outcome(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame] | str:
    """The tables, or what the one error says; the inputs stay as they were."""
    before = {name: frame.clone() for name, frame in tables.items()}
    try:
        result: dict[str, pl.DataFrame] | str = engineer(tables)
    except InputError as error:
        result = str(error)
        assert result and "\n" not in result and len(result) < 1500
    for name, frame in tables.items():
        assert frame.columns == before[name].columns and frame.equals(before[name], null_equal=True)
    return result


def damaged(tables: dict[str, pl.DataFrame], table: str, column: str, damage: str) -> dict[str, pl.DataFrame]:
    values = DAMAGES[damage]
    series = values if isinstance(values, pl.Series) else pl.Series(values)
    return tables | {table: tables[table].with_columns(series.alias(column))}


def test_an_undamaged_shop_gives_everything():
    result = outcome(make_shop())
    assert isinstance(result, dict) and all(table.height for table in result.values())


SINGLE = list(itertools.product(COLUMNS, DAMAGES))
CASES = SINGLE[:: max(1, len(SINGLE) // 230)]
"""Every second combination of a column and a damage."""


def test_the_cases_have_every_column_and_every_damage():
    assert len(CASES) >= 200
    assert {column for column, _ in CASES} == set(COLUMNS) and {damage for _, damage in CASES} == set(DAMAGES)


@pytest.mark.parametrize(("column", "damage"), CASES, ids=[f"{t[4:]}-{c}-{d}" for (t, c), d in CASES])
def test_one_damaged_column(column, damage):
    outcome(damaged(make_shop(), *column, damage))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.tuples(st.sampled_from(COLUMNS), st.sampled_from(sorted(DAMAGES))), min_size=2, max_size=5))
def test_several_damaged_columns_at_once(damages):
    tables = make_shop()
    for column, damage in damages:
        tables = damaged(tables, *column, damage)
    outcome(tables)


@pytest.mark.parametrize("table", ["raw_products", "raw_queries", "raw_judgments", "raw_search_log"])
@pytest.mark.parametrize(
    "damage", ["absent", "no columns", "no rows", "one row", "twice", "a column twice", "reversed"]
)
def test_a_damaged_table(table, damage):
    tables = make_shop()
    frame = tables[table]
    first = frame.columns[0]
    broken = {
        "absent": None,
        "no columns": pl.DataFrame(),
        "no rows": frame.clear(),
        "one row": frame.head(1),
        "twice": pl.concat([frame, frame]),
        "a column twice": frame.with_columns(
            frame[first].alias(f"{first}_duplicated_0"), frame[first].alias(first.upper())
        ),
        "reversed": frame.reverse(),
    }[damage]
    others = {name: frame for name, frame in tables.items() if name != table}
    result = outcome(others if broken is None else others | {table: broken})
    if damage in ("a column twice", "reversed") or table == "raw_search_log":
        assert isinstance(result, dict) and result["pairs"].height
    if damage in ("absent", "no columns", "no rows") and table != "raw_search_log":
        assert isinstance(result, str) and table in result


def test_a_query_with_50000_judgments():
    tables = make_shop()
    ids = [f"x{i}" for i in range(50_000)]
    many = pl.DataFrame({"product_id": ids, "title": [f"Orvane lamp {i}" for i in range(50_000)]})
    products = pl.concat([tables["raw_products"], many], how="diagonal")
    judged = pl.DataFrame({"query_id": ["q0"] * 50_000, "product_id": ids, "grade": ["exact", "irrelevant"] * 25_000})
    judgments = pl.concat([tables["raw_judgments"], judged.with_columns(weight=pl.lit(1.0))])
    result = outcome(tables | {"raw_products": products, "raw_judgments": judgments})
    assert isinstance(result, dict)
    assert result["groups"].group_by("fold", "query_id").len()["len"].max() <= CONFIG.groups.max_size


def test_a_single_grade_trains_stage_1_alone():
    tables = make_shop()
    judgments = tables["raw_judgments"].with_columns(grade=pl.lit("exact"))
    result = outcome(tables | {"raw_judgments": judgments})
    assert isinstance(result, dict) and result["pairs"].height and result["groups"].is_empty()
