"""What a teacher scores beside the judged products: the nearest by BM25 and by an encoder, in turns.

The two find different products, and both kinds of mistake are worth a teacher's word. Cost: one search of each kind a query.
"""

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode, product_texts
from roar.parameters import Encoder
from roar.retrieval import LexicalIndex, ProductIndex, Setting

BM25 = Setting(1.2, 0.75)
"""The usual setting: candidates need no tuning."""

SCHEMA = {"query_id": pl.String, "product_id": pl.String, "rank": pl.Int64}


def find_candidates(
    queries: pl.DataFrame,
    products: pl.DataFrame,
    judgments: pl.DataFrame,
    model: SentenceTransformer,
    encoder: Encoder,
    count: int,
    index: str = "Flat",
) -> pl.DataFrame:
    """Find unjudged products of each query.

    Args:
        queries: query_id, query.
        products: the catalogue.
        judgments: query_id, product_id: these pairs are no candidates.
        model: an encoder.
        encoder: how it reads products.
        count: candidates a query.
        index: a FAISS factory string.

    Returns:
        query_id, product_id, rank (from 1): by turns the next of BM25 and the next of the encoder, each product once.
    """
    if not count or queries.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    depth = count + max(judgments.group_by("query_id").len()["len"], default=0)
    lexical, semantic = (
        _by_bm25(queries, products, encoder, depth),
        _by_encoder(queries, products, model, encoder, depth, index),
    )
    ranked = [
        run.with_columns(source=pl.lit(place)).with_columns(_rank()) for place, run in enumerate((lexical, semantic))
    ]
    found = (
        pl.concat(ranked)
        .sort("query_id", "rank", "source")
        .unique(["query_id", "product_id"], keep="first", maintain_order=True)
    )
    unjudged = found.join(judgments, on=["query_id", "product_id"], how="anti", maintain_order="left")
    return (
        unjudged.with_columns(rank=pl.int_range(1, pl.len() + 1).over("query_id"))
        .filter(pl.col("rank") <= count)
        .select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
    )


def _rank() -> pl.Expr:
    order = pl.struct(-pl.col("score"), pl.struct("query_id", "product_id").hash(0))  # ties by no id
    return order.rank("ordinal").over("query_id").alias("rank")


def _by_bm25(queries: pl.DataFrame, products: pl.DataFrame, encoder: Encoder, depth: int) -> pl.DataFrame:
    texts = product_texts(products, encoder.product_fields, max_tokens=10_000)
    nothing = pl.DataFrame(schema={"query_id": pl.String, "product_id": pl.String})
    return LexicalIndex(products["product_id"], texts).runs(queries, nothing, depth, BM25).catalogue


def _by_encoder(
    queries: pl.DataFrame, products: pl.DataFrame, model: SentenceTransformer, encoder: Encoder, depth: int, index: str
) -> pl.DataFrame:
    texts = product_texts(products, encoder.product_fields, encoder.max_tokens).to_list()
    vectors = encode(model, texts, config=encoder, progress="candidates: products")
    asked = encode(model, queries["query"].to_list(), kind="query", config=encoder)
    return ProductIndex.build(vectors, products["product_id"], index).retrieved(asked, queries, depth)
