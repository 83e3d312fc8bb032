"""A small shop whose teacher trains in a moment."""

import polars as pl
import pytest

from roar.parameters import Encoder, Splits, Teacher
from roar.teacher.candidates import find_candidates
from roar.teacher.cross_fitting import TeacherTables
from roar.teacher.parts import teacher_parts
from roar.training_sets import query_strata, query_variants, split_queries

SEED = 7


@pytest.fixture
def encoder(tiny_bert_folder) -> Encoder:
    """The tiny BERT."""
    return Encoder(preset=str(tiny_bert_folder), product_fields=("title",), max_tokens=24, precision="float32")


@pytest.fixture
def config() -> Teacher:
    """Six steps over two parts."""
    return Teacher(
        parts=2, max_steps=6, batch_size=8, learning_rate=1e-3, max_tokens=48, candidates=3, checkpoint_steps=2
    )


@pytest.fixture
def spelled(queries) -> pl.DataFrame:
    """The forty queries, and another spelling of every fourth under an id of its own."""
    again = queries.gather_every(4).with_columns(query_id=pl.col("query_id") + "b", query=pl.col("query") + "s")
    return pl.concat([queries, again])


@pytest.fixture
def tables(catalogue, spelled, judgments, encoder, tiny_encoder) -> TeacherTables:
    """Two spellings of a query have the same judged products; half of the judged queries are held out."""
    again = judgments.with_columns(query_id=pl.col("query_id") + "b").join(spelled, on="query_id", how="semi")
    judged = pl.concat([judgments, again])
    variants, strata = query_variants(spelled["query"]), query_strata(spelled)
    splits = split_queries(spelled, variants, strata, Splits(method="holdout", test=0.3, validation=0.2), seed=SEED)
    parts = teacher_parts(splits, 2, seed=SEED)
    asked = spelled.join(parts, on="query_id", how="semi", maintain_order="left")
    candidates = find_candidates(asked, catalogue, judged, tiny_encoder, encoder, 3)
    nothing = pl.DataFrame(schema={"fold": pl.String, "product_id": pl.String})
    return TeacherTables(catalogue, spelled, judged, splits, parts, candidates, nothing)
