"""Nodes of evaluation that need no encoder: random order, BM25, other engines' runs. They load without torch."""

import logging

import polars as pl

from roar.encoder import product_texts
from roar.parameters import Encoder, Evaluation
from roar.retrieval import LexicalIndex, Runs, Setting, random_runs, tune_bm25
from roar.training_sets.rewordings import reworded

logger = logging.getLogger(__name__)

NO_RUN = pl.DataFrame(schema={"fold": pl.String, "query_id": pl.String, "product_id": pl.String, "score": pl.Float64})


def of_split(queries: pl.DataFrame, splits: pl.DataFrame, split: str = "test") -> pl.DataFrame:
    """The queries of a split, each with its fold."""
    return queries.join(
        splits.filter(pl.col("split") == split).select("query_id", "fold"), on="query_id", maintain_order="left"
    )


def edit_queries(
    queries: pl.DataFrame, products: pl.DataFrame, splits: pl.DataFrame, config: Evaluation, seed: int
) -> pl.DataFrame:
    """The test queries written differently, under the same ids."""
    tested = of_split(queries, splits).select("query_id", "query").unique("query_id", maintain_order=True)
    return reworded(tested, products, config.edits, seed=seed)


def run_random(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    config: Evaluation,
    seed: int,
) -> Runs:
    """Random order."""
    return random_runs(of_split(queries, splits), products["product_id"], judgments, config.depth, seed=seed)


def _lexical_index(products: pl.DataFrame, encoder: Encoder) -> LexicalIndex:
    """The same product fields that the encoder reads, uncut."""
    return LexicalIndex(products["product_id"], product_texts(products, encoder.product_fields, max_tokens=10_000))


def tune_lexical(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """BM25's k1 and b by each fold's validation queries, and its runs on them."""
    index, validation = _lexical_index(products, encoder), of_split(queries, splits, "validation")
    tried = tune_bm25(index, validation, judgments, config.bm25_k1, config.bm25_b)
    return tried, *_validated(index, validation, judgments, tried, config)


def validate_lexical(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    tuning: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> Runs:
    """BM25's runs of validation queries, with each fold's setting."""
    validation = of_split(queries, splits, "validation")
    if validation.is_empty():
        return Runs(NO_RUN, NO_RUN)
    return _validated(_lexical_index(products, encoder), validation, judgments, tuning, config)


def _validated(
    index: LexicalIndex, validation: pl.DataFrame, judgments: pl.DataFrame, tuning: pl.DataFrame, config: Evaluation
) -> Runs:
    parts = [Runs(NO_RUN, NO_RUN)]
    for fold, k1, b in tuning.filter("best").select("fold", "k1", "b").iter_rows():
        own = index.runs(validation.filter(pl.col("fold") == fold), judgments, config.depth, Setting(k1, b))
        parts.append(Runs(*(run.select(pl.lit(fold).alias("fold"), pl.all()) for run in own)))
    return Runs(*(pl.concat(runs) for runs in zip(*parts, strict=True)))


def run_bm25(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    tuning: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> Runs:
    """BM25 with the setting that each fold's validation queries chose."""
    tested = of_split(queries, splits)
    if tested.is_empty():
        return joined([])
    index = _lexical_index(products, encoder)
    settings = chosen(tuning, splits, {"k1": 1.2, "b": 0.75})
    parts = []
    for fold, (k1, b) in sorted(settings.items(), key=lambda item: (item[1], item[0])):
        own = tested.filter(pl.col("fold") == fold)
        parts.append(index.runs(own, judgments, config.depth, Setting(k1, b)))
    return joined(parts)


def chosen(tuning: pl.DataFrame, splits: pl.DataFrame, otherwise: dict[str, float]) -> dict[str, tuple[float, ...]]:
    """Every tested fold's setting: the best tried, or the usual one where a fold has no query to validate on."""
    best = {str(fold): tuple(row) for fold, *row in tuning.filter("best").select("fold", *otherwise).iter_rows()}
    folds = splits.filter(pl.col("split") == "test")["fold"].unique().sort().to_list()
    if untuned := [fold for fold in folds if fold not in best]:
        logger.warning("%s: no validation queries; %s as usual.", ", ".join(untuned), otherwise)
    return {fold: best.get(fold, tuple(otherwise.values())) for fold in folds}


def joined(parts: list[Runs]) -> Runs:
    """The runs of all folds as one."""
    nothing = Runs(NO_RUN.drop("fold"), NO_RUN.drop("fold"))
    return Runs(*(pl.concat(runs) for runs in zip(nothing, *parts, strict=True)))
