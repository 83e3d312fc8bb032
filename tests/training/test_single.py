"""One encoder on all judged queries where a set was cross-fitted."""

import polars as pl
import pytest
import torch

from roar.parameters import Encoder, Stage1, Stage2, TrainingSets
from roar.schemas import HOLDOUT
from roar.training.single import kept_steps, train_single
from roar.training.stages import TrainingTables


def history(*folds: list[tuple[int, bool | None]]) -> pl.DataFrame:
    rows = [(f"fold_{fold}", step, kept) for fold, own in enumerate(folds) for step, kept in own]
    return pl.DataFrame(rows, schema={"fold": pl.String, "step": pl.Int64, "kept": pl.Boolean}, orient="row")


def test_steps_are_the_median_of_those_kept():
    first, second, third = (
        [(0, False), (1, None), (2, True), (4, False)],
        [(0, True), (4, False)],
        [(0, False), (4, True)],
    )
    assert kept_steps(history(first, second, third)) == 2
    assert kept_steps(history(second, second, third)) == 0
    assert kept_steps(history([(1, None), (7, None)])) == 7, "all steps where nothing was validated"


@pytest.mark.parametrize(("steps", "changed"), [((2, 2), True), ((0, 0), False)])
def test_it_is_trained_on_every_judged_query_for_as_many_steps(
    steps, changed, tiny_bert_folder, catalogue, queries, judgments, monkeypatch
):
    from sentence_transformers import SentenceTransformer

    def base() -> SentenceTransformer:
        return SentenceTransformer(str(tiny_bert_folder), local_files_only=True, device="cpu")

    folds = [
        queries.select("query_id", split=pl.when(pl.int_range(pl.len()) % 2 == fold).then(pl.lit("test")).otherwise(pl.lit("train")), variant_group="query")
        .with_columns(fold=pl.lit(f"fold_{fold}"))
        for fold in range(2)
    ]  # fmt: skip
    splits = pl.concat(folds).with_columns(pl.col("split").cast(pl.Enum(["train", "validation", "test"])))
    seen: list[str] = []
    clusters = catalogue.select("product_id", cluster_id="product_id")
    tables = TrainingTables(catalogue, clusters, queries, judgments, splits, pl.DataFrame())
    variants = queries.select("query", variant_group="query")
    log = pl.DataFrame(schema={"session_id": pl.String, "query": pl.String, "product_id": pl.String, "position": pl.Int64, "clicked": pl.Boolean, "carted": pl.Boolean, "ordered": pl.Boolean, "ranker": pl.String, "timestamp": pl.Datetime})  # fmt: skip
    from roar.training import single

    real = single.train_stage1
    monkeypatch.setattr(
        single,
        "train_stage1",
        lambda base, tables, *a, **k: (seen.extend(tables.pairs["query"]), real(base, tables, *a, **k))[1],
    )
    histories = {
        f"stage{number}": history([(0, not best), (2, bool(best))]) for number, best in enumerate(steps, start=1)
    }
    stages = Stage1(batch_size=16, learning_rate=1e-3), Stage2(batch_size=8, learning_rate=1e-3)
    encoder = Encoder(preset=str(tiny_bert_folder), max_tokens=16, product_fields=("title",), precision="float32")
    trained = train_single({"all": base}, tables, log, variants, histories, encoder, TrainingSets(), stages, seed=1)
    moved = any(not torch.equal(a, b) for a, b in zip(trained.parameters(), base().parameters(), strict=True))
    assert moved == changed
    if changed:
        assert {query.strip() for query in queries["query"]} <= set(seen), "no query is left out"
        assert HOLDOUT not in splits["fold"] and "2" in str(trained._model_card_text)
