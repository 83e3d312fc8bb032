"""One cell: train a variant on a fold with a seed, score the fold's test queries, keep what it gave.

Every cell goes through the engine and the metrics that the project uses everywhere. Results are two small tables a cell, named
by its hash and written all or nothing. Weights that several cells of a fold and seed start from are trained once.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.ablation.studies import Cell
from roar.encoder import encode, product_texts, read_encoder
from roar.encoder.identity import weights_hash
from roar.files import replaced_file, replaced_folder
from roar.metrics import score_queries
from roar.parameters import Encoder, MetricSettings, TrainingSets
from roar.retrieval import ProductIndex, Runs
from roar.training.interpolation import interpolated
from roar.training.mining import add_catalogue_groups, fill_groups, mine_for_pairs
from roar.training.stages import ALL_FOLDS, TrainingTables, train_stage1, train_stage2
from roar.training.weights import put_weights, trained_weights
from roar.training_sets import graded_groups, held_out_products, stage1_pairs

_DEPTH = 100


@dataclass(frozen=True)
class Shop:
    """What cells read: the training tables of all folds, and what other training sets are built from."""

    tables: TrainingTables
    groups: pl.DataFrame
    search_log: pl.DataFrame
    variants: pl.DataFrame
    training_sets: TrainingSets  # that `tables.pairs` and `groups` were built by
    base: Callable[[Encoder], SentenceTransformer]  # loads a fresh one: training changes an encoder in place
    encoder: Encoder  # of all variants that name no other
    seed: int  # of the training sets

    def fingerprint(self) -> str:
        """A hash of all that decides what is trained and judged, beside a cell's recipe: tables in their order, weights, seed."""
        digest = hashlib.sha256(str(self.seed).encode())
        taught = () if self.tables.scores.is_empty() else (self.tables.scores,)
        for table in (*self.tables[:-1], *taught, self.groups, self.search_log, self.variants):
            digest.update(table.hash_rows(seed=1).to_numpy().tobytes())
        digest.update(weights_hash(self.base(self.encoder)).encode())
        return digest.hexdigest()


def run_cell(cell: Cell, shop: Shop, folder: Path, weights: Path) -> None:
    """Train and score a cell, and keep its two tables.

    Args:
        cell: the training.
        shop: what it reads.
        folder: where tables are kept.
        weights: where those that other cells start from too are.
    """
    tables = _scored(_trained(cell, shop, weights), cell, shop)
    for path, table in zip(result_paths(cell, folder), tables, strict=True):
        with replaced_file(path) as temporary:
            table.write_parquet(temporary)


def result_paths(cell: Cell, folder: Path) -> tuple[Path, Path]:
    """Where a cell's scores and metrics are kept; the metrics are written last, and say that it is done."""
    return folder / f"{cell.key()}.scores.parquet", folder / f"{cell.key()}.metrics.parquet"


def _trained(cell: Cell, shop: Shop, weights: Path) -> SentenceTransformer:
    """The cell's encoder."""
    if cell.recipe.stages == 0:
        return shop.base(cell.recipe.encoder)
    stage1 = _kept(weights, cell.key(stage=1), lambda: _stage1(cell, shop))
    if cell.recipe.stages == 1:
        return read_encoder(stage1)
    plain = replace(cell, recipe=replace(cell.recipe, interpolate=None))
    encoder = read_encoder(_kept(weights, plain.key(stage=2), lambda: _stage2(cell, shop, stage1)))
    if cell.recipe.interpolate is not None:
        first = trained_weights(read_encoder(stage1))
        put_weights(encoder, interpolated(first, trained_weights(encoder), cell.recipe.interpolate))
    return encoder


def _kept(weights: Path, key: str, train: Callable[[], SentenceTransformer]) -> Path:
    """The folder of weights that several cells start from, trained at the first of them."""
    path = weights / key
    if not (path / "modules.json").exists():
        encoder = train()
        with replaced_folder(path) as temporary:
            encoder.save_pretrained(str(temporary), create_model_card=False)
    return path


def _stage1(cell: Cell, shop: Shop) -> SentenceTransformer:
    tables, recipe, start = _tables(cell, shop), cell.recipe, {ALL_FOLDS: partial(shop.base, cell.recipe.encoder)}
    negatives = mine_for_pairs(start, tables, recipe.encoder, recipe.training_sets)
    encoders, _ = train_stage1(start, tables, recipe.encoder, recipe.stage1, seed=cell.seed, negatives=negatives)
    return encoders[cell.fold]


def _stage2(cell: Cell, shop: Shop, stage1: Path) -> SentenceTransformer:
    tables, recipe, start = _tables(cell, shop), cell.recipe, {ALL_FOLDS: lambda: read_encoder(stage1)}
    groups, _ = fill_groups(start, _groups(cell, shop), tables, recipe.encoder, recipe.training_sets, seed=shop.seed)
    read = (tables, shop.search_log, recipe.encoder, recipe.training_sets)
    groups = add_catalogue_groups(start, groups, *read, seed=shop.seed)
    encoders, _ = train_stage2(start, groups, tables, recipe.encoder, recipe.stage2, seed=cell.seed)
    return encoders[cell.fold]


def _tables(cell: Cell, shop: Shop) -> TrainingTables:
    """The tables of the cell's fold, with the pairs that its training sets ask for."""
    fold = pl.col("fold") == cell.fold
    tables = shop.tables._replace(splits=shop.tables.splits.filter(fold), pairs=shop.tables.pairs.filter(fold))
    if cell.recipe.training_sets == shop.training_sets:
        return tables
    sources, read = cell.recipe.training_sets.stage1_sources, (tables.queries, tables.judgments, shop.search_log)
    apart = held_out_products(tables.splits, tables.judgments, tables.clusters, cell.recipe.training_sets.splits)
    pairs = stage1_pairs(
        *read,
        shop.variants,
        tables.splits,
        sources,
        products=tables.products,
        seed=shop.seed,
        held_out_products=apart,
    )
    return tables._replace(pairs=pairs)


def _groups(cell: Cell, shop: Shop) -> pl.DataFrame:
    """The fold's graded groups, built as the cell's training sets ask for."""
    if cell.recipe.training_sets == shop.training_sets:
        return shop.groups.filter(pl.col("fold") == cell.fold)
    tables, config = shop.tables, cell.recipe.training_sets
    splits = tables.splits.filter(pl.col("fold") == cell.fold)
    apart = held_out_products(splits, tables.judgments, tables.clusters, config.splits)
    return graded_groups(
        tables.queries,
        tables.judgments,
        tables.clusters,
        splits,
        config.groups,
        seed=shop.seed,
        held_out_products=apart,
    )


def _scored(encoder: SentenceTransformer, cell: Cell, shop: Shop) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores of the judged products of the fold's test queries, and the queries' metrics."""
    tables = shop.tables
    tested = tables.splits.filter((pl.col("fold") == cell.fold) & (pl.col("split") == "test"))
    queries = tables.queries.join(tested, on="query_id", how="semi", maintain_order="left")
    judgments = tables.judgments.join(tested, on="query_id", how="semi", maintain_order="left")
    products = searched(tables.products, judgments, cell.catalogue, shop.seed)
    runs = _runs(encoder, cell, products, queries, judgments)
    whole = [name for name in cell.metrics if name.startswith("recall@")]  # of the full catalogue
    judged = [name for name in cell.metrics if name not in whole]
    protocols = ((runs.judged, judged), (runs.catalogue, whole))
    scored = [score_queries(run, judgments, MetricSettings(names=tuple(names))) for run, names in protocols if names]
    return runs.judged, pl.concat(scored)


def searched(products: pl.DataFrame, judgments: pl.DataFrame, most: int | None, seed: int) -> pl.DataFrame:
    """The catalogue that tested queries search: all products, or the judged ones with others, drawn at random, up to `most`."""
    if most is None:
        return products
    judged = products["product_id"].is_in(judgments["product_id"].implode())
    drawn = products.select("product_id", others=~judged).sort("others", pl.col("product_id").hash(seed), "product_id")
    return products.join(drawn.head(max(most, int(judged.sum()))), on="product_id", how="semi", maintain_order="left")


def _runs(
    encoder: SentenceTransformer, cell: Cell, products: pl.DataFrame, queries: pl.DataFrame, judgments: pl.DataFrame
) -> Runs:
    config = cell.recipe.encoder
    texts = product_texts(products, config.product_fields, config.max_tokens).to_list()
    index = ProductIndex.build(encode(encoder, texts, config=config), products["product_id"])
    vectors = encode(encoder, queries["query"].to_list(), kind="query", config=config)
    return index.runs(vectors, queries, judgments, _DEPTH)
