"""Validation during training: ndcg@8 over the judged products of held-out queries."""

import logging
from collections.abc import Callable

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode
from roar.metrics import score_queries
from roar.parameters import Encoder, MetricSettings

logger = logging.getLogger(__name__)


def judged_scores(
    encoder: SentenceTransformer, judged: pl.DataFrame, config: Encoder, progress: str = ""
) -> pl.DataFrame:
    """Score judged (query, product) pairs by cosine.

    Args:
        encoder: to be judged.
        judged: query_id, product_id, query, text.
        config: how to encode.
        progress: what the progress bars say.

    Returns:
        query_id, product_id, score (float32 cosines as Float64).
    """
    queries = judged.select("query").unique(maintain_order=True).with_row_index("q")
    products = judged.select("text").unique(maintain_order=True).with_row_index("p")
    query = encode(encoder, queries["query"].to_list(), kind="query", config=config)
    product = encode(encoder, products["text"].to_list(), config=config, progress=progress)
    pairs = judged.join(queries, on="query", maintain_order="left").join(products, on="text", maintain_order="left")
    score = np.einsum("nd,nd->n", query[pairs["q"].to_numpy()], product[pairs["p"].to_numpy()])
    return pairs.select("query_id", "product_id", score=pl.Series(score, dtype=pl.Float64))


def validator(
    judged: pl.DataFrame, encoder_config: Encoder, limit: int, seed: int
) -> Callable[[SentenceTransformer], float] | None:
    """Make the function that scores an encoder on held-out judgments.

    Args:
        judged: query_id, product_id, grade, query, text of the validation queries.
        encoder_config: how to encode.
        limit: queries to use at most.
        seed: of their draw.

    Returns:
        encoder -> mean ndcg@8; None where no validation query has a product that is not irrelevant.
    """
    useful = judged.filter(
        (pl.col("grade") != "irrelevant").any().over("query_id")
    )  # others cannot be ranked well or ill
    chosen = useful.select(pl.col("query_id").unique()).sort(pl.col("query_id").hash(seed), "query_id").head(limit)
    kept = useful.join(chosen, on="query_id", how="semi")
    if kept.is_empty():
        logger.warning("No validation query has a product that is not irrelevant: the last weights are kept.")
        return None

    def validate(encoder: SentenceTransformer) -> float:
        run = judged_scores(encoder, kept, encoder_config)
        settings = MetricSettings(names=("ndcg@8",))
        mean = score_queries(run, kept.select("query_id", "product_id", "grade"), settings)["value"].mean()
        return float(mean) if isinstance(mean, float) else 0.0

    return validate
