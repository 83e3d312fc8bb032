"""Hard negatives in both stages: mined per fold with the stage's encoder, and in batches without a second listing of an item."""

import numpy as np
import polars as pl
import pytest
from sentence_transformers import SentenceTransformer

from roar.encoder import load_encoder
from roar.parameters import Encoder, Filling, Groups, HardNegatives, Splits, Stage1, TrainingSets
from roar.training.batching import ConflictFreeBatches
from roar.training.collation import Collator
from roar.training.examples import pair_examples
from roar.training.mining import fill_groups, mine_for_pairs
from roar.training.stages import TrainingTables, train_stage1
from roar.training_sets import graded_groups, query_strata, query_variants, split_queries, stage1_pairs

LOG = {"query": pl.String, "product_id": pl.String, "clicked": pl.Boolean, "carted": pl.Boolean, "ordered": pl.Boolean}
RULES = HardNegatives(per_pair=2, relative=1.0)


@pytest.fixture
def tables(queries, judgments, catalogue) -> TrainingTables:
    """Two folds; every product of a kind has a listing twin in the kind's next colour."""
    variants = query_variants(queries["query"])
    splits = split_queries(queries, variants, query_strata(queries), Splits(method="cross_fit", folds=2), seed=1)
    twins = pl.col("product_id").str.replace("[13579]$", "") + pl.col("product_id").str.extract(r"(\d)$")
    clusters = catalogue.select("product_id", cluster_id=twins)
    pairs = stage1_pairs(queries, judgments, pl.DataFrame(schema=LOG), variants, splits, seed=1)
    return TrainingTables(catalogue, clusters, queries, judgments, splits, pairs)


@pytest.fixture
def start(tiny_bert_folder):
    return {"all": lambda: SentenceTransformer(str(tiny_bert_folder), local_files_only=True, device="cpu")}


@pytest.fixture
def encoder(tiny_bert_folder) -> Encoder:
    return Encoder(preset=str(tiny_bert_folder), precision="float32")


def items(table: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    return table.join(clusters, on="product_id")


def test_off_by_default(tables, start, encoder):
    groups = graded_groups(tables.queries, tables.judgments, tables.clusters, tables.splits, seed=1)
    assert mine_for_pairs(start, tables, encoder, TrainingSets()).is_empty()
    same, none = fill_groups(start, groups, tables, encoder, TrainingSets(), seed=1)
    assert same.equals(groups) and none.is_empty()


def test_pairs_get_negatives_that_answer_no_spelling_of_their_query(tables, start, encoder):
    mined = mine_for_pairs(start, tables, encoder, TrainingSets(hard_negatives=RULES))
    assert set(mined["fold"]) == {"fold_0", "fold_1"}
    of_pair = mined.join(tables.pairs, left_on=["fold", "query", "positive"], right_on=["fold", "query", "product_id"])
    assert of_pair.height == mined.height > 50
    relevant = tables.pairs.join(tables.clusters, on="product_id").select("fold", "variant_group", "cluster_id")
    clash = items(of_pair, tables.clusters).join(relevant, on=["fold", "variant_group", "cluster_id"], how="semi")
    assert clash.is_empty()
    assert mined.group_by("fold", "query", "positive").len()["len"].max() == 2


def test_products_kept_apart_are_not_mined(tables, start, encoder):
    kept = tables._replace(judgments=tables.judgments.filter(pl.col("grade") == "exact"))
    config = TrainingSets(hard_negatives=RULES, splits=Splits(products_apart="exact"))
    mined = items(mine_for_pairs(start, kept, encoder, config), tables.clusters)
    held_out = tables.splits.filter(pl.col("split") != "train").join(kept.judgments, on="query_id")
    barred = items(held_out, tables.clusters).select("fold", "cluster_id")
    assert mined.height and mined.join(barred, on=["fold", "cluster_id"], how="semi").is_empty()
    free = items(mine_for_pairs(start, kept, encoder, TrainingSets(hard_negatives=RULES)), tables.clusters)
    assert free.join(barred, on=["fold", "cluster_id"], how="semi").height, "without the strict mode they are mined"


def test_a_query_with_one_grade_becomes_a_group(tables, start, encoder):
    exact = tables._replace(judgments=tables.judgments.filter(pl.col("grade") == "exact"))
    none = graded_groups(exact.queries, exact.judgments, exact.clusters, exact.splits, seed=1)
    config = TrainingSets(hard_negatives=RULES, groups=Groups(fill=Filling(members=2, weight=0.25)))
    groups, mined = fill_groups(start, none, exact, encoder, config, seed=1)
    assert none.is_empty() and groups.height > 20
    added = groups.filter(pl.col("grade") == "irrelevant")
    assert set(added["weight"]) == {0.25}
    assert added.join(mined, on=["fold", "query_id", "product_id"], how="anti").is_empty()
    train = exact.splits.filter(pl.col("split") == "train")
    assert groups.join(train, on=["fold", "query_id"], how="anti").is_empty()


def test_examples_hold_the_positive_first_and_batches_no_item_twice(tables, start, encoder, tiny_encoder):
    fold = pl.col("fold") == "fold_0"
    mined = mine_for_pairs(start, tables, encoder, TrainingSets(hard_negatives=RULES)).filter(fold)
    pairs = tables.pairs.filter(fold)
    examples = pair_examples(pairs, tables.products, tables.products["title"], tables.clusters, mined)
    assert len(examples) == pairs.height and len(examples.product) == pairs.height + mined.height
    first = tables.products["product_id"].gather(examples.product[examples.start[:-1]]).to_list()
    assert first == pairs["product_id"].to_list() and (examples.grade[examples.start[:-1]] == 3).all()

    collator, larger = Collator(examples, tiny_encoder), 0
    for batch in ConflictFreeBatches(examples, 8, seed=1):
        label = collator([{"example": e} for e in batch])["label"]
        member, sizes = examples.members_of(np.array(batch))
        clusters = examples.cluster[examples.product[member]]
        assert len(set(clusters)) == len(clusters) == len(label["product"]) == sizes.sum()
        assert label["grade"][label["positive"]].tolist() == [3] * len(batch)
        wanted = {
            int(examples.cluster[p]) for e in batch for p in examples.product[examples.start[e] : examples.start[e + 1]]
        }
        assert set(clusters.tolist()) == wanted, "what is left out stands in the batch as another's"
        larger += len(member) > len(batch)
    assert larger


def test_stage_1_trains_with_them(tables, encoder):
    start = {"all": lambda: load_encoder(encoder)}  # without dropout: both trainings begin alike
    mined = mine_for_pairs(start, tables, encoder, TrainingSets(hard_negatives=RULES))
    config = Stage1(batch_size=16, max_steps=3, validations=0, learning_rate=1e-3)
    _, plain = train_stage1(start, tables, encoder, config, seed=1)
    _, harder = train_stage1(start, tables, encoder, config, seed=1, negatives=mined)
    first = [history.filter(pl.col("step") == 1)["loss"].to_numpy() for history in (plain, harder)]
    assert (first[1] > first[0]).all(), "more negatives in the denominator"
