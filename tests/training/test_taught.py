"""Stage 2 beside a teacher: what it is told, what a batch then holds, and that the other terms do not notice."""

import numpy as np
import polars as pl
import pytest
import torch
from sentence_transformers import SentenceTransformer

from roar.errors import InputError
from roar.losses import margin_mse_distillation
from roar.parameters import Distillation, Encoder, Filling, Groups, HardNegatives, Stage2, TrainingSets
from roar.training import group_examples
from roar.training.checkpoints import fingerprint
from roar.training.collation import Batch, Collator, gathered, judged_part
from roar.training.examples import UNGRADED
from roar.training.mining import fill_groups, mine_for_pairs
from roar.training.objectives import RoarObjective
from roar.training.stages import TrainingTables, train_stage2
from roar.training.taught import taught
from roar.training_sets import graded_groups, query_strata, query_variants, split_queries, stage1_pairs
from roar.training_sets.teacher_scores import read_scores

LOG = {"query": pl.String, "product_id": pl.String, "clicked": pl.Boolean, "carted": pl.Boolean, "ordered": pl.Boolean}
ON = Distillation(weight=1.0, candidates=2)
KIND = r"^p(\d)"


@pytest.fixture
def tables(queries, judgments, catalogue) -> TrainingTables:
    """A teacher that knows the truth: a product of the query's own kind is worth 1, its very colour 2, another kind 0.

    It has scored every product for every query, and for a logged one.
    """
    logged = pl.DataFrame({"query_id": ["q0log"], "query": ["card for the camera"], "vertical": ["electronics"]})
    queries = pl.concat([queries, logged.with_columns(frequency=pl.lit(9, pl.Int64))], how="diagonal")
    variants = query_variants(queries["query"])
    judged = queries.filter(pl.col("query_id") != "q0log")
    splits = split_queries(judged, variants, query_strata(queries), seed=1)
    clusters = catalogue.select("product_id", cluster_id="product_id")
    pairs = stage1_pairs(queries, judgments, pl.DataFrame(schema=LOG), variants, splits, seed=1)
    every = queries.select("query_id").join(catalogue.select("product_id"), how="cross")
    kind = pl.col("query_id").str.extract(r"^q(\d)") == pl.col("product_id").str.extract(KIND)
    same = pl.col("query_id").str.slice(1) == pl.col("product_id").str.slice(1)
    table = every.with_columns(score=kind.cast(pl.Float64) + same.cast(pl.Float64))
    scores = read_scores(table, queries, catalogue, variants)
    return TrainingTables(catalogue, clusters, queries, judgments, splits, pairs, scores)


@pytest.fixture
def groups(tables) -> pl.DataFrame:
    return graded_groups(tables.queries, tables.judgments, tables.clusters, tables.splits, seed=1)


def of(table, fold="fold_0"):
    return table.filter(pl.col("fold") == fold)


def told(tables, groups, config=ON):
    return taught(tables.scores, of(groups), tables.splits, config, "fold_0", seed=1)


def examples_of(tables, groups, told=None):
    pairs = of(tables.pairs)
    return group_examples(of(groups), pairs, tables.products, tables.products["title"], tables.clusters, told)


def test_without_a_weight_nothing_is_told(tables, groups):
    assert told(tables, groups, Distillation()) is None


def test_told_are_the_judged_products_and_so_many_candidates_of_train_queries_alone(tables, groups):
    table = told(tables, groups)
    held_out = tables.splits.filter((pl.col("fold") == "fold_0") & (pl.col("split") != "train"))
    assert table.join(held_out, on="query_id", how="semi").is_empty()
    judged = table.join(of(groups), on=["query_id", "product_id"], how="semi")
    assert judged.height == of(groups).height
    further = table.join(of(groups), on=["query_id", "product_id"], how="anti").group_by("query_id").len()
    assert set(further["len"]) == {2} and "q0log" in further["query_id"]
    assert table["target"].mean() == pytest.approx(0, abs=1e-6) and table["target"].std() == pytest.approx(1)
    assert table.equals(told(tables, groups)), "the draw follows from the seed"


def test_a_weight_without_scores_is_refused(tables, groups):
    with pytest.raises(InputError, match=r"stage2\.distillation\.weight is 1, and table teacher_scores says nothing"):
        told(tables._replace(scores=tables.scores.clear()), groups)


def test_examples_hold_graded_products_first_and_the_teachers_behind_them(tables, groups):
    plain, both = examples_of(tables, groups), examples_of(tables, groups, told(tables, groups))
    assert len(both) == len(plain) + 1, "the logged query is an example of its own"
    assert plain.target is None and len(both.target) == len(both.product)
    for example in range(len(plain)):
        own = slice(*plain.start[example : example + 2])
        theirs = slice(both.start[example], both.start[example] + own.stop - own.start)
        assert both.query_text[example] == plain.query_text[example]
        np.testing.assert_array_equal(both.product[theirs], plain.product[own])
        np.testing.assert_array_equal(both.grade[theirs], plain.grade[own])
        assert (both.grade[theirs.stop : both.start[example + 1]] == UNGRADED).all()
    last = slice(both.start[-2], both.start[-1])
    assert (both.grade[last] == UNGRADED).all() and both.target[last][0] == both.target[last].max()


def batch_of(examples, encoder, chosen) -> tuple[Batch, dict]:
    label = Collator(examples, encoder)([{"example": int(e)} for e in chosen])["label"]
    generator = torch.Generator().manual_seed(3)
    # A product and a query have the vectors of their texts, whatever else is in the batch.
    vectors = torch.nn.functional.normalize(torch.randn(200, 8, generator=generator), dim=1)
    rows, columns = label["example"], label["product"]
    label = label | {"query_row": torch.arange(len(rows)), "product_row": torch.arange(len(columns))}
    return gathered(vectors[100 + rows].requires_grad_(), vectors[columns].requires_grad_(), label)


def test_the_other_terms_do_not_notice_the_teachers_products(tables, groups, tiny_encoder):
    plain, both = examples_of(tables, groups), examples_of(tables, groups, told(tables, groups))
    chosen = [*range(8), len(both) - 1]
    config = Stage2(distillation=ON)
    loss, terms = RoarObjective(tiny_encoder, config, 1).terms(batch_of(both, tiny_encoder, chosen))
    expected, without = RoarObjective(tiny_encoder, Stage2(), 1).terms(batch_of(plain, tiny_encoder, chosen[:-1]))
    assert terms.keys() - without.keys() == {"distillation"}
    for name in without:
        torch.testing.assert_close(terms[name], without[name])
    torch.testing.assert_close(loss - terms["distillation"], expected)


def test_the_distillation_term_is_the_loss_over_all_products_and_reaches_the_encoder(tables, groups, tiny_encoder):
    both = examples_of(tables, groups, told(tables, groups))
    batch = batch_of(both, tiny_encoder, range(6))
    config = Stage2(beta=0.0, contrastive=False, calibration={"weight": 0.0}, distillation=ON)
    loss, _ = RoarObjective(tiny_encoder, config, 1).terms(batch)
    expected = margin_mse_distillation(batch.query @ batch.product.T, batch.group, batch.target, temperature=0.1)
    torch.testing.assert_close(loss, expected)
    gradient = torch.autograd.grad(loss, batch.product)[0]
    assert (gradient[batch.grade == UNGRADED].abs().sum(dim=1) > 0).any()


def test_a_batch_of_unjudged_queries_alone_has_a_loss(tables, groups, tiny_encoder):
    both = examples_of(tables, groups, told(tables, groups))
    batch = batch_of(both, tiny_encoder, [len(both) - 1])
    loss, terms = RoarObjective(tiny_encoder, Stage2(distillation=ON), 1).terms(batch)
    assert terms.keys() == {"distillation"} and torch.isfinite(loss)
    loss.backward()


def test_the_judged_part_keeps_what_belongs_together(tables, groups, tiny_encoder):
    both = examples_of(tables, groups, told(tables, groups))
    batch = batch_of(both, tiny_encoder, [len(both) - 1, 3, 5])
    part = judged_part(batch)
    assert len(part.query) == 2 and (part.grade >= 0).all()
    assert (part.group[part.positive] == torch.arange(2)).all() and (part.grade[part.positive] == 3).all()
    plain = batch_of(examples_of(tables, groups), tiny_encoder, [3, 5])
    assert torch.equal(part.known_relevant, plain.known_relevant)
    assert torch.equal(part.same_cluster, plain.same_cluster)


def test_other_targets_are_another_run(tables, groups, tiny_encoder):
    both = examples_of(tables, groups, told(tables, groups))
    other = examples_of(tables, groups, told(tables, groups).with_columns(pl.col("target") * 2))
    prints = {fingerprint(tiny_encoder, e, pl.DataFrame(), {}) for e in (both, other, examples_of(tables, groups))}
    assert len(prints) == 3


@pytest.fixture
def start(tiny_bert_folder):
    return {"all": lambda: SentenceTransformer(str(tiny_bert_folder), local_files_only=True, device="cpu")}


@pytest.mark.parametrize("loss", ["margin_mse", "listwise_kl"])
def test_stage_2_comes_closer_to_its_teacher(tables, groups, start, tiny_bert_folder, loss):
    one = tables._replace(splits=of(tables.splits))
    distillation = Distillation(loss=loss, weight=1.0, candidates=4, temperature=0.3)
    config = Stage2(
        batch_size=8, epochs=6, learning_rate=3e-3, validations=0, contrastive=False, beta=0.0,
        calibration={"weight": 0.0}, matryoshka=(), distillation=distillation,
    )  # fmt: skip
    encoder = Encoder(preset=str(tiny_bert_folder), product_fields=("title",), precision="float32")
    _, history = train_stage2(start, of(groups), one, encoder, config, seed=1)
    steps = history["distillation"].drop_nulls()
    assert steps.tail(4).mean() < 0.8 * steps.head(4).mean()


RULES = HardNegatives(per_pair=3, relative=None)


def test_mined_negatives_are_those_that_the_teacher_rejects(tables, start, tiny_bert_folder):
    encoder = Encoder(preset=str(tiny_bert_folder), product_fields=("title",), precision="float32")

    def of_own_kind(config):
        mined = mine_for_pairs(start, tables, encoder, TrainingSets(hard_negatives=config))
        asked = mined.join(tables.queries.select("query", "query_id"), on="query")
        own = pl.col("query_id").str.extract(r"^q(\d)") == pl.col("product_id").str.extract(KIND)
        return mined.height, asked.select(own.mean()).item()

    found, wrong = of_own_kind(RULES)
    kept, left = of_own_kind(RULES.model_copy(update={"teacher": 0.05}))
    assert found and wrong > 0.1, "unfiltered mining finds products of the query's own kind, which answer it"
    assert kept == found and left == 0
    bare = tables._replace(scores=tables.scores.clear())
    with pytest.raises(InputError, match=r"hard_negatives\.teacher"):
        mine_for_pairs(start, bare, encoder, TrainingSets(hard_negatives=RULES.model_copy(update={"teacher": 0.05})))


def test_a_group_is_filled_with_the_grades_that_the_teacher_gives(tables, groups, start, tiny_bert_folder):
    encoder = Encoder(preset=str(tiny_bert_folder), product_fields=("title",), precision="float32")
    config = TrainingSets(
        groups=Groups(fill=Filling(members=4, weight=0.5, graded=True), max_size=20), hard_negatives=RULES
    )
    filled, negatives = fill_groups(start, groups, tables, encoder, config, seed=1)
    added = filled.filter(pl.col("weight") == 0.5)
    own = pl.col("query_id").str.extract(r"^q(\d)") == pl.col("product_id").str.extract(KIND)
    assert added.filter(own).height and (added.filter(own)["grade"] == "substitute").all()
    assert added.filter(~own).height and (added.filter(~own)["grade"] != "substitute").all()
    assert negatives.height and "grade" not in negatives.columns, (
        "the table of negatives is what it is without a teacher"
    )
