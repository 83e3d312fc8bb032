"""Validation during training: what the encoder retrieves for held-out queries, and in which order.

A retriever is chosen by what it retrieves: the order of a query's judged products alone says little where few are judged and
most of them answer it. So the validation queries search a sampled catalogue in which all their judged products are.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode
from roar.metrics import score_queries
from roar.parameters import Criterion, Encoder, MetricSettings, Validation
from roar.retrieval import ProductIndex, Runs

logger = logging.getLogger(__name__)

_DEPTH = 100

Validate = Callable[[SentenceTransformer], np.ndarray]
"""Scores an encoder: the criterion by query, (queries,) float64, higher is better."""


class Questions(NamedTuple):
    """What an encoder is asked in a validation.

    Attributes:
        judgments: query_id, product_id, grade.
        queries: query_id, query.
        catalogue: product_id, text: all judged products, and a sample of the others.
    """

    judgments: pl.DataFrame
    queries: pl.DataFrame
    catalogue: pl.DataFrame


def questions(
    judged: pl.DataFrame, products: pl.DataFrame, config: Validation, *, affordable: int, seed: int
) -> Questions | None:
    """Draw validation queries, and the catalogue that they search.

    Args:
        judged: query_id, product_id, grade, query of the validation queries.
        products: product_id, text of the whole catalogue.
        config: how many of each.
        affordable: texts that a validation may read before it is a burden; it takes more queries up to there.
        seed: of both draws.

    Returns:
        None where no validation query has a product that is not irrelevant.
    """
    useful = judged.filter(
        (pl.col("grade") != "irrelevant").any().over("query_id")
    )  # others cannot be ranked well or ill
    if useful.is_empty():
        logger.warning("No validation query has a product that is not irrelevant: the last weights are kept.")
        return None
    order = useful.group_by("query_id", "query").len().sort(pl.col("query_id").hash(seed), "query_id")
    enough = max(config.queries, int((order["len"].cum_sum() <= affordable).sum()))
    queries = order.head(enough).select("query_id", "query")
    judgments = useful.join(queries, on="query_id", how="semi").select("query_id", "product_id", "grade")
    own = products.join(judgments, on="product_id", how="semi", maintain_order="left")
    others = products.join(judgments, on="product_id", how="anti").sort(pl.col("product_id").hash(seed), "product_id")
    further = others.head(max(0, config.products - len(own)))
    return Questions(judgments, queries, pl.concat([own, further]).select("product_id", "text"))


def validator(asked: Questions, encoder_config: Encoder, criterion: Criterion) -> Validate:
    """Make the function that scores an encoder.

    Args:
        asked: the questions.
        encoder_config: how to encode.
        criterion: what is measured of the answers.
    """

    def validate(encoder: SentenceTransformer) -> np.ndarray:
        products = encode(encoder, asked.catalogue["text"].to_list(), config=encoder_config)
        vectors = encode(encoder, asked.queries["query"].to_list(), kind="query", config=encoder_config)
        index = ProductIndex.build(products, asked.catalogue["product_id"])
        return criterion_by_query(
            index.runs(vectors, asked.queries, asked.judgments, _DEPTH), asked.judgments, criterion
        )

    return validate


def criterion_by_query(runs: Runs, judgments: pl.DataFrame, criterion: Criterion) -> np.ndarray:
    """A criterion of each judged query, in the order of their ids.

    "judged" is NDCG@8 of a query's judged products, "catalogue" NDCG@100 of what the catalogue gives for it, "joined" their mean.
    """
    parts = []
    if criterion != "catalogue":
        parts.append(score_queries(runs.judged, judgments, MetricSettings(names=("ndcg@8",))))
    if criterion != "judged":
        parts.append(score_queries(runs.catalogue, judgments, MetricSettings(names=(f"ndcg@{_DEPTH}",))))
    by_query = pl.concat(parts).group_by("query_id").agg(pl.col("value").mean()).sort("query_id")
    return by_query["value"].fill_null(0.0).to_numpy()


def affordable_texts(members: int, validations: int, share: float) -> int:
    """Texts that one of several validations may read, if all of them are to cost no more than a share of training.

    Args:
        members: products that training reads, all epochs together; a step reads each three times, forward and backward.
        validations: with the one before training.
        share: of training's reading.
    """
    return int(share * 3 * members / validations)
