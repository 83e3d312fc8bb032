"""Every fold's teachers, one for each part: what they say of the queries that they have not seen.

A train query is scored by the teacher of its part, a held-out one by the mean of the fold's teachers.
"""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from sentence_transformers import CrossEncoder

from roar.encoder import product_texts, settled
from roar.encoder.identity import weights_hash
from roar.files import replaced_folder
from roar.parameters import Encoder, Teacher
from roar.schemas import Grade
from roar.teacher.cross_encoder import load_cross_encoder, score_pairs, tokenise_pairs
from roar.teacher.parts import require_unseen
from roar.teacher.training import JudgedPairs, train_teacher
from roar.training.checkpoints import Checkpoints

logger = logging.getLogger(__name__)

PAIR = ["query_id", "product_id"]
_SCORED = "scored"


class TeacherTables(NamedTuple):
    """What the teachers read."""

    products: pl.DataFrame
    queries: pl.DataFrame
    judgments: pl.DataFrame
    splits: pl.DataFrame
    parts: pl.DataFrame
    candidates: pl.DataFrame
    held_out_products: pl.DataFrame


class Scored(NamedTuple):
    """What the teachers say.

    Attributes:
        scores: query_id, product_id, score (a logit), fold, teacher: judged products and candidates of train queries.
        held_out: query_id, product_id, score, fold, split: judged products of validation and test queries.
        history: fold, part, step, loss.
    """

    scores: pl.DataFrame
    held_out: pl.DataFrame
    history: pl.DataFrame


def cross_fit(
    tables: TeacherTables, encoder: Encoder, config: Teacher, *, seed: int, checkpoints: Path | None = None
) -> Scored:
    """Train a teacher for every part of every fold, and let each score what it has not seen.

    Args:
        tables: `parts` as `roar.teacher.parts.teacher_parts` deals them; `held_out_products` (fold, product_id) do not train.
        encoder: the preset, and how products are read.
        config: of the training.
        seed: of batches and new weights.
        checkpoints: a folder that a killed run goes on from.

    Cost: folds x parts trainings, each on (parts - 1) / parts of a fold's judged pairs.
    """
    texts = tables.products.select(
        "product_id", text=product_texts(tables.products, encoder.product_fields, encoder.max_tokens)
    )
    trained = tables.parts.filter(pl.col("judged")).select("fold", "part").unique().sort("fold", "part")
    results = []
    for fold, part in trained.iter_rows():
        folder = None if checkpoints is None else checkpoints / f"{fold}_{part}"
        results.append(_one_part(_work(tables, texts, fold, part), encoder, config, seed, folder))
    scores, held_out, history = (pl.concat(parts) for parts in zip(*results, strict=True))
    by_all = held_out.group_by("fold", "split", *PAIR, maintain_order=True).agg(pl.col("score").mean())
    return Scored(scores, by_all.select(*PAIR, "score", "fold", "split"), history)


class _Work(NamedTuple):
    """Of one teacher: what it trains on, and what it scores, each with query, text and variant_group."""

    fold: str
    part: int
    train: pl.DataFrame
    own: pl.DataFrame
    held_out: pl.DataFrame


def _work(tables: TeacherTables, texts: pl.DataFrame, fold: str, part: int) -> _Work:
    of = pl.col("fold") == fold
    apart = tables.held_out_products.filter(of)
    judged = tables.judgments.select(*PAIR, pl.col("grade").cast(Grade), "weight")
    asked = pl.concat([judged.select(PAIR), tables.candidates.select(PAIR)]).unique(maintain_order=True)
    dealt, mine = tables.parts.filter(of), pl.col("part") == part

    def pairs(queries: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
        return queries.join(products, on="query_id", maintain_order="left_right")

    train = pairs(dealt.filter(~mine), judged).join(apart, on="product_id", how="anti", maintain_order="left")
    own = pairs(dealt.filter(mine), asked).join(apart, on="product_id", how="anti", maintain_order="left")
    held_out = pairs(tables.splits.filter(of & (pl.col("split") != "train")), judged)
    work = _Work(fold, part, *(_with_texts(table, tables.queries, texts) for table in (train, own, held_out)))
    for table in (work.own, work.held_out):
        require_unseen(table, work.train)
    return work


def _with_texts(pairs: pl.DataFrame, queries: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    known = queries.select("query_id", "query")
    return pairs.join(known, on="query_id", maintain_order="left").join(texts, on="product_id", maintain_order="left")


def _one_part(work: _Work, encoder: Encoder, config: Teacher, seed: int, folder: Path | None) -> Scored:
    """One teacher, trained and asked; what an earlier run was told is read."""
    model = load_cross_encoder(encoder, config.max_tokens, seed=seed)
    precision = settled(encoder, model).precision  # type: ignore[arg-type]  # it reads device and shape alone
    settings = {"teacher": config.decisive(), "precision": precision, "seed": seed}
    checkpoints = None if folder is None else Checkpoints(folder, _fingerprint(model, work, settings))
    title = f"teacher {work.fold}, part {work.part}"
    if folder is not None and (folder / _SCORED).is_dir():
        logger.info("%s: asked by an earlier run that was interrupted later.", title)
        return Scored(*(pl.read_parquet(folder / _SCORED / f"{name}.parquet") for name in Scored._fields))
    pairs = _judged_pairs(model, work.train, config)
    history = train_teacher(model, pairs, config, precision=precision, seed=seed, title=title, checkpoints=checkpoints)
    scored = _asked(model, work, history, precision, title)
    if folder is not None:
        with replaced_folder(folder / _SCORED) as partial:
            for name, table in scored._asdict().items():
                table.write_parquet(partial / f"{name}.parquet")
    return scored


def _asked(model: CrossEncoder, work: _Work, history: pl.DataFrame, precision: str, title: str) -> Scored:
    own, held_out = (
        pl.Series(
            "score",
            score_pairs(
                model, table["query"].to_list(), table["text"].to_list(), precision, progress=f"{title}: {what}"
            ),
            pl.Float64,
        )
        for what, table in (("train queries", work.own), ("held-out queries", work.held_out))
    )
    fold = pl.lit(work.fold).alias("fold")
    return Scored(
        work.own.select(*PAIR, own, fold, pl.lit(f"cross_encoder_{work.part}").alias("teacher")),
        work.held_out.select(*PAIR, held_out, fold, "split"),
        history.select(fold, pl.lit(work.part, pl.Int64).alias("part"), "step", "loss"),
    )


def _judged_pairs(model: CrossEncoder, train: pl.DataFrame, config: Teacher) -> JudgedPairs:
    worth = train["grade"].cast(pl.String).replace_strict(config.targets, return_dtype=pl.Float64)
    tokens = tokenise_pairs(model, train["query"].to_list(), train["text"].to_list())
    return JudgedPairs(tokens, worth.to_numpy(), train["weight"].cast(pl.Float64).to_numpy())


def _fingerprint(model: CrossEncoder, work: _Work, settings: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for table in (work.train, work.own, work.held_out):
        digest.update(table.write_ipc_stream(None).getbuffer())
    digest.update(weights_hash(model).encode())  # type: ignore[arg-type]  # any module
    return digest.hexdigest()
