"""Nodes of evaluation: how each kind of system makes its runs, and how all runs are judged."""

from collections.abc import Callable

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode, product_texts
from roar.metrics import aggregate, compare, pooled_auc, score_queries
from roar.parameters import Encoder, Evaluation, MetricSettings
from roar.retrieval import ProductIndex, Runs, bm25_runs, random_runs
from roar.training.stages import of_fold

Encoders = dict[str, Callable[[], SentenceTransformer]]
Indexes = dict[str, ProductIndex]


def _tested(queries: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """The test queries, each with the fold that tests it."""
    return queries.join(
        splits.filter(pl.col("split") == "test").select("query_id", "fold"), on="query_id", maintain_order="left"
    )


def run_random(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    config: Evaluation,
    seed: int,
) -> Runs:
    """Random order."""
    return random_runs(_tested(queries, splits), products["product_id"], judgments, config.depth, seed=seed)


def run_bm25(
    products: pl.DataFrame,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> Runs:
    """BM25 over the same product fields that the encoder reads, uncut."""
    texts = product_texts(products, encoder.product_fields, max_tokens=10_000)
    tested = _tested(queries, splits)
    return bm25_runs(tested, products["product_id"], texts, judgments, config.depth, k1=config.bm25_k1, b=config.bm25_b)


def index_products(encoders: Encoders, products: pl.DataFrame, encoder: Encoder, config: Evaluation) -> Indexes:
    """Encode the catalogue with every fold's encoder."""
    texts = product_texts(products, encoder.product_fields, encoder.max_tokens).to_list()
    return {
        fold: ProductIndex.build(
            encode(load(), texts, config=encoder, progress=f"catalogue, {fold}"), products["product_id"], config.index
        )
        for fold, load in encoders.items()
    }


def truncate_index(indexes: Indexes, config: Evaluation) -> Indexes:
    """The same vectors at the deployed dimension."""
    return {
        fold: index.truncated(min(config.deployed_dimension, index.index.d), config.index)
        for fold, index in indexes.items()
    }


def run_encoder(
    encoders: Encoders,
    indexes: Indexes,
    queries: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    encoder: Encoder,
    config: Evaluation,
) -> Runs:
    """Encode every test query with its fold's encoder, and search that fold's index."""
    parts = []
    for (fold,), tested in _tested(queries, splits).group_by("fold", maintain_order=True):
        index = of_fold(indexes, str(fold))
        settings = encoder.model_copy(update={"dimension": index.index.d})
        vectors = encode(of_fold(encoders, str(fold))(), tested["query"].to_list(), kind="query", config=settings)
        parts.append(index.runs(vectors, tested, judgments, config.depth))
    return Runs(*(pl.concat(runs) for runs in zip(*parts, strict=True)))


def score_system(
    judged_run: pl.DataFrame,
    catalogue_run: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    slices: pl.DataFrame,
    settings: MetricSettings,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Per-query metrics of a system under both protocols, and their means with intervals per slice."""
    tested = _test_judgments(judgments, splits)
    runs = {"judged": judged_run, "catalogue": catalogue_run}
    scores = {protocol: score_queries(run, tested, settings) for protocol, run in runs.items()}
    means = {protocol: aggregate(per_query, slices, settings) for protocol, per_query in scores.items()}
    return _by("protocol", scores), _by("protocol", means)


def score_encoder(
    judged_run: pl.DataFrame,
    catalogue_run: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    slices: pl.DataFrame,
    settings: MetricSettings,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As `score_system`, and the pooled AUC: cosines mean the same for every query, other systems' scores do not."""
    scores, means = score_system(judged_run, catalogue_run, judgments, splits, slices, settings)
    auc = pooled_auc(judged_run, _test_judgments(judgments, splits), slices, settings)
    return scores, pl.concat([means, _by("protocol", {"judged": auc})])


def _test_judgments(judgments: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    return judgments.join(splits.filter(pl.col("split") == "test"), on="query_id", how="semi", maintain_order="left")


def _by(column: str, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Tables of one shape as one, each under its name."""
    return pl.concat([table.select(pl.lit(name).alias(column), pl.all()) for name, table in tables.items()])


def collect(**tables: pl.DataFrame) -> pl.DataFrame:
    """All systems' tables as one, each under its system's name."""
    return _by("system", tables)


def compare_systems(
    per_query: pl.DataFrame, slices: pl.DataFrame, config: Evaluation, settings: MetricSettings
) -> pl.DataFrame:
    """Paired differences between the pairs of systems that `evaluation.comparisons` names."""
    tables = []
    for system_a, system_b in config.comparisons:
        for protocol in ("judged", "catalogue"):
            a, b = (
                per_query.filter((pl.col("system") == system) & (pl.col("protocol") == protocol))
                for system in (system_a, system_b)
            )
            labels = {"system_a": system_a, "system_b": system_b, "protocol": protocol}
            compared = compare(a, b, slices, settings)
            tables.append(compared.select(*(pl.lit(value).alias(name) for name, value in labels.items()), pl.all()))
    return pl.concat(tables)
