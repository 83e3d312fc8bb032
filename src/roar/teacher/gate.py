"""Whether a teacher has something to teach: it must be better than its student on queries that neither has seen."""

import logging

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode
from roar.metrics import compare, score_queries
from roar.metrics.auc import compare_pooled_auc
from roar.parameters import Encoder, MetricSettings

logger = logging.getLogger(__name__)

_METRICS = ("ndcg@8", "auc")
_NO_SLICES = pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})


def gate(
    teacher: pl.DataFrame, student: pl.DataFrame, judgments: pl.DataFrame, settings: MetricSettings | None = None
) -> pl.DataFrame:
    """Compare a teacher with its student by NDCG@8 and by the pooled AUC.

    There are two chances, so each interval has half the error: at a confidence of 95% both are of 97.5%.

    Args:
        teacher: query_id, product_id, score of judged products.
        student: the same pairs.
        judgments: query_id, product_id, grade.
        settings: confidence and resamples.

    Returns:
        metric, n (queries), student, teacher (means), difference, low, high, p, better (low above 0). The gate is open where
        any row is better.
    """
    settings = settings or MetricSettings()
    each = 1 - (1 - settings.confidence) / len(_METRICS)
    settings = settings.model_copy(update={"confidence": each, "names": ("ndcg@8",)})
    judged = judgments.join(teacher, on="query_id", how="semi")
    before, after = (score_queries(run, judged, settings) for run in (student, teacher))
    rows = [compare(before, after, _NO_SLICES, settings), compare_pooled_auc([student], [teacher], judged, settings)]
    columns = ["metric", "n", "mean_a", "mean_b", "difference", "low", "high", "p"]
    table = pl.concat([row.select(columns) for row in rows]).rename({"mean_a": "student", "mean_b": "teacher"})
    table = table.with_columns(better=(pl.col("low") > 0).fill_null(value=False))
    for row in table.iter_rows(named=True):
        logger.info(
            "%s: teacher %.4f, student %.4f, difference %+.4f (%.4f to %.4f).",
            row["metric"], row["teacher"], row["student"], row["difference"], row["low"], row["high"],
        )  # fmt: skip
    logger.info("The gate is %s.", "open: the teacher has something to teach" if table["better"].any() else "closed")
    return table


def judged_scores(encoder: SentenceTransformer, judged: pl.DataFrame, config: Encoder) -> pl.DataFrame:
    """A student's cosines of judged (query, product) pairs.

    Args:
        encoder: the student.
        judged: query_id, product_id, query, text.
        config: how to encode.

    Returns:
        query_id, product_id, score (float32 cosines as Float64).
    """
    queries = judged.select("query").unique(maintain_order=True).with_row_index("q")
    products = judged.select("text").unique(maintain_order=True).with_row_index("p")
    query = encode(encoder, queries["query"].to_list(), kind="query", config=config)
    product = encode(encoder, products["text"].to_list(), config=config, progress="judged products")
    pairs = judged.join(queries, on="query", maintain_order="left").join(products, on="text", maintain_order="left")
    score = np.einsum("nd,nd->n", query[pairs["q"].to_numpy()], product[pairs["p"].to_numpy()])
    return pairs.select("query_id", "product_id", score=pl.Series(score, dtype=pl.Float64))
