"""Whatever the shop and the sources: no held-out query, variant of one, or product kept apart is learned from."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.parameters import (
    AugmentationSource,
    BehaviourSource,
    CoClickSource,
    Debias,
    Filling,
    Groups,
    PairSource,
    ReformulationSource,
    Splits,
    Stage1Sources,
    Synonyms,
)
from roar.schemas import GRADES, Grade
from roar.training_sets import (
    Counts,
    graded_groups,
    held_out_products,
    leakage,
    query_strata,
    query_variants,
    split_queries,
    stage1_pairs,
)

ALL = Stage1Sources(
    annotation=PairSource(),
    behaviour=BehaviourSource(debias=Debias(clicks=1)),
    reformulations=ReformulationSource(engagement="clicked", minutes=60),
    co_clicks=CoClickSource(queries=1, similarity=0),
    augmentation=AugmentationSource(copies=3, synonyms=Synonyms(queries=1, confidence=0.1, lift=1, swaps=0)),
)
WORDS = ["coffee", "grinder", "kettle", "lamp", "desk", "red", "64", "gb", "shoe", "shoes", "holder", "black"]


def random_shop(seed: int, size: int = 24) -> dict[str, pl.DataFrame]:
    """Queries of few words, so that many are variants of one another; everything else is chance."""
    random = np.random.default_rng(seed)
    texts = sorted({" ".join(random.choice(WORDS, random.integers(1, 4))) for _ in range(3 * size)})
    judged = texts[::3]
    products = pl.DataFrame(
        {
            "product_id": [f"p{i:02}" for i in range(size)],
            "title": [" ".join(random.choice(WORDS, 4)) for _ in range(size)],
            "attributes": [None] * size,
        },
        schema_overrides={"attributes": pl.String},
    )
    queries = pl.DataFrame({"query_id": [f"q{i:02}" for i in range(len(judged))], "query": judged}).with_columns(
        frequency=pl.lit(5), vertical=pl.lit("all")
    )
    pairs = [(f"q{q:02}", f"p{p:02}") for q in range(len(judged)) for p in random.choice(size, 5, replace=False)]
    judgments = pl.DataFrame(pairs, schema=["query_id", "product_id"], orient="row").with_columns(
        grade=pl.Series(random.choice(GRADES, len(pairs)), dtype=Grade), weight=pl.lit(1.0)
    )
    n = 20 * size
    clicked = random.random(n) < 0.5
    search_log = pl.DataFrame(
        {
            "session_id": [f"s{i // 6}" for i in range(n)],
            "timestamp": [datetime(2026, 1, 1) + timedelta(minutes=i // 2) for i in range(n)],
            "query": random.choice(texts, n),
            "product_id": random.choice(products["product_id"].to_list(), n),
            "position": random.integers(1, 5, n),
            "clicked": clicked,
            "carted": clicked & (random.random(n) < 0.5),
            "ordered": [False] * n,
        }
    )
    clusters = products.select("product_id", cluster_id=pl.Series([f"p{2 * (i // 2):02}" for i in range(size)]))
    variants = query_variants(pl.Series(texts))
    splits = split_queries(queries, variants, query_strata(queries), Splits(method="cross_fit", folds=3), seed=seed)
    return {
        "queries": queries, "judgments": judgments, "search_log": search_log, "variants": variants, "splits": splits,
        "products": products, "clusters": clusters,
    }  # fmt: skip


def sets(shop: dict[str, pl.DataFrame], apart: str | None = None, counts: Counts | None = None):
    """Stage-1 pairs of every source, and filled groups."""
    config = Splits(products_apart=apart)
    without = held_out_products(shop["splits"], shop["judgments"], shop["clusters"], config)
    common = {"held_out_products": without, "counts": counts, "seed": 1}
    tables = [shop[name] for name in ("queries", "judgments", "search_log", "variants", "splits")]
    pairs = stage1_pairs(*tables, ALL, products=shop["products"], **common)
    negatives = shop["queries"].select("query_id").join(shop["products"].select("product_id"), how="cross")
    negatives = negatives.sort("query_id", "product_id")
    groups = graded_groups(
        shop["queries"], shop["judgments"], shop["clusters"], shop["splits"], Groups(fill=Filling(members=3)),
        negatives=negatives, **common,
    )  # fmt: skip
    return pairs, groups


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_source_asks_a_held_out_question_under_any_spelling(seed):
    """Variants are found anew over all texts, the written ones among them."""
    shop = random_shop(seed)
    pairs, groups = sets(shop)
    assert {source.split(":")[0] for source in pairs["source"]} == set(Stage1Sources.model_fields)
    for (fold,), trained in pl.concat([t.select("fold", "query") for t in (pairs, groups)]).group_by("fold"):
        held_out = shop["splits"].filter((pl.col("fold") == fold) & (pl.col("split") != "train"))
        asked = held_out.join(shop["queries"], on="query_id")["query"]
        again = query_variants(pl.concat([trained["query"], asked]))
        of_held_out = again.join(asked.to_frame(), on="query", how="semi")["variant_group"]
        seen = again.filter(pl.col("variant_group").is_in(of_held_out.implode())).join(trained, on="query", how="semi")
        assert len(asked) and seen.is_empty()


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_only_held_out_queries_say_changes_nothing(seed):
    """Scrambling the clicks of held-out queries, and of their variants, leaves a fold's pairs as they are."""
    shop = random_shop(seed)
    fold = shop["splits"].filter(pl.col("fold") == "fold_0")
    shop["splits"] = fold
    hidden = shop["variants"].join(fold.filter(pl.col("split") != "train"), on="variant_group", how="semi")["query"]
    told = pl.col("query").is_in(hidden.implode())
    other = shop["search_log"].with_columns(
        pl.when(told).then(~pl.col("clicked")).otherwise("clicked").alias("clicked")
    )
    assert not other.equals(shop["search_log"])
    assert sets(shop)[0].equals(sets(shop | {"search_log": other})[0])


@pytest.mark.parametrize(("apart", "what"), [("exact", "exact products"), ("judged", "judged products")])
def test_products_kept_apart_are_not_seen_under_any_listing(apart, what):
    shop = random_shop(5, size=80)
    shop["judgments"] = shop["judgments"].filter(pl.col("product_id") > "p40")
    pairs, groups = sets(shop, apart)
    trained = pl.concat([t.select("fold", "query", "variant_group", "product_id") for t in (pairs, groups)])
    tables = [shop[name] for name in ("splits", "variants", "judgments", "clusters")]
    seen = leakage(*tables, trained=trained).filter(pl.col("what") == what)
    assert pairs.height and seen["total"].min() > 0 and seen["count"].sum() == 0
    assert leakage(*tables).filter(pl.col("what") == what)["count"].sum() > 0, "without, they are seen"


def test_leakage_counts_queries_and_products_seen():
    """Two test queries: a variant of one trains; of four products one trains itself, and one as another listing."""
    splits = pl.DataFrame(
        [("f", "a", "test", "tea"), ("f", "b", "test", "milk"), ("f", "c", "train", "tea")],
        schema=["fold", "query_id", "split", "variant_group"],
        orient="row",
    )
    rows = [("a", "p1", "exact"), ("a", "p2", "exact"), ("b", "p3", "irrelevant"), ("b", "p4", "exact"), ("c", "p1", "exact"),
            ("c", "p5", "exact")]  # fmt: skip
    judgments = pl.DataFrame(rows, schema=["query_id", "product_id", "grade"], orient="row")
    clusters = pl.DataFrame({"product_id": ["p2", "p5"], "cluster_id": ["x", "x"]})
    variants = pl.DataFrame({"query": ["tea", "teas", "milk"], "variant_group": ["tea", "tea", "milk"]})
    found = leakage(splits, variants, judgments, clusters)
    counts = {(what, seen): (count, total) for _, _, what, seen, count, total, _ in found.iter_rows()}
    other = "variant or near-duplicate"
    assert counts == {
        ("queries", "same"): (0, 2), ("queries", other): (1, 2),
        ("judged products", "same"): (1, 4), ("judged products", other): (1, 4),
        ("exact products", "same"): (1, 3), ("exact products", other): (1, 3),
    }  # fmt: skip
    trained = pl.DataFrame({"fold": ["f"], "query": ["teas"], "product_id": ["p9"]})
    found = leakage(splits, variants, judgments, clusters, trained=trained)
    assert found["count"].sum() == 1 and found.filter(pl.col("count") == 1)["what"].item() == "queries"


def test_groups_are_filled_with_what_no_rater_has_seen():
    shop = random_shop(3)
    _, groups = sets(shop)
    judged = shop["judgments"].select("query_id", "product_id")
    added = groups.join(judged, on=["query_id", "product_id"], how="anti")
    assert added.height > 10 and set(added["grade"]) == {"irrelevant"} and set(added["weight"]) == {0.5}
    key = ["fold", "query_id", "product_id"]
    marked = groups.join(added.select(*key, added=True), on=key, how="left").join(shop["clusters"], on="product_id")
    items = marked.group_by("fold", "query_id", "cluster_id").agg("grade", pl.col("added").fill_null(False).any())
    twice = items.filter(pl.col("grade").list.len() > 1)
    assert len(twice) and not twice["added"].any(), "no item is mined that stands in its group already"
    assert (twice["grade"].list.n_unique() > 1).all(), "no item twice but where raters saw two"
    irrelevant = added.join(groups.filter(pl.col("grade") == "irrelevant"), on=["fold", "query_id"]).group_by(
        "fold", "query_id"
    )
    assert irrelevant.agg(pl.col("product_id_right").n_unique())["product_id_right"].max() <= 3


def test_negatives_of_one_fold_fill_that_fold_alone():
    shop = random_shop(3)
    negatives = (
        shop["queries"]
        .select("query_id", fold=pl.lit("fold_1"))
        .join(shop["products"].select("product_id"), how="cross")
    )
    tables = [shop[name] for name in ("queries", "judgments", "clusters", "splits")]
    plain, filled = (
        graded_groups(*tables, Groups(max_size=20, fill=fill), negatives=negatives, seed=1)
        for fill in (None, Filling())
    )
    grown = {fold for fold in set(plain["fold"]) if (filled["fold"] == fold).sum() > (plain["fold"] == fold).sum()}
    assert grown == {"fold_1"}


def test_counts_say_what_each_step_loses():
    counts = Counts()
    pairs, groups = sets(random_shop(4), "exact", counts)
    table = counts.table()
    for name, result in (("stage-1 pairs", pairs), ("graded groups", groups)):
        last = table.filter(pl.col("set") == name).group_by("fold", maintain_order=True).last()
        assert last["rows"].sum() == result.height
    steps = table.with_columns(before=pl.col("rows").shift(1).over("set", "fold", "source"))
    assert (
        steps.filter(pl.col("before") - pl.col("rows") != pl.col("lost")).is_empty() and table["lost"].null_count() > 3
    )


def test_derived_pairs_never_contradict_a_rater():
    shop = random_shop(6)
    pairs, _ = sets(shop)
    rejected = (
        shop["judgments"]
        .filter(pl.col("grade").is_in(["complement", "irrelevant"]))
        .join(shop["queries"], on="query_id")
    )
    contradicted = pairs.join(rejected, on=["query", "product_id"], how="semi")
    assert rejected.height and set(contradicted["source"]) <= {"behaviour"}


def test_without_a_log_judgments_are_enough_and_the_same_seed_gives_the_same():
    shop = random_shop(8)
    quiet = shop | {"search_log": shop["search_log"].clear()}
    sources = {source.split(":")[0] for source in sets(quiet)[0]["source"]}
    assert sources == {"annotation", "augmentation"}
    shuffled = {name: table.sample(fraction=1.0, shuffle=True, seed=2) for name, table in shop.items()}
    for one, other in zip(sets(shop), sets(shuffled), strict=True):
        assert one.height > 100 and one.equals(other)
