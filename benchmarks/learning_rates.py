"""Learning rates of an encoder's preset, by validation queries alone: what a training of each rate gains over its start.

    python benchmarks/learning_rates.py --data data/homedepot --preset gemma3_270m

Reads the tables that `kedro run --env <environment> --pipelines data_engineering` left, trains stage 1 at several rates and stage 2 at
several from the best of them, all on the same examples in the same batches, and prints the criterion by which a training
chooses its weights (`roar.training.validation`). No test query is read. A rate found on one set is for others: where queries
are cross-fitted, one fold's validation queries are another's test queries.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import load_encoder, preset_of
from roar.parameters import Encoder, Stage1, Stage2, Validation
from roar.training.stages import ALL_FOLDS, TrainingTables, train_stage1, train_stage2

FACTORS = (1 / 3, 1, 3)
"""Times the preset's rates."""

TABLES = ("products", "product_clusters", "queries", "judgments", "query_splits", "stage1_pairs")

VALIDATED = {"validations": 1, "validation": Validation(queries=60, share=0, products=400, worse_by=1e9)}
"""Before and after training, by a few queries among little more than their own products; trained weights are kept in any case."""

Trained = tuple[dict[str, SentenceTransformer], pl.DataFrame]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an environment's data folder")
    parser.add_argument("--preset", default="minilm")
    parser.add_argument("--fields", default="title", help="of a product's text, names apart by commas")
    parser.add_argument("--pairs", type=int, default=768)
    parser.add_argument("--groups", type=int, default=60, help="graded groups of at most eight products")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    encoder = Encoder(preset=asked.preset, product_fields=tuple(asked.fields.split(",")))
    tables, groups = read(asked)
    print(
        f"{asked.preset}, {asked.data.name}: {tables.pairs.height} pairs, {groups.height} members of groups", flush=True
    )

    def stage1(rate: float) -> Trained:
        config = Stage1(learning_rate=rate, batch_size=128, gradient_cache=True, **VALIDATED)
        return train_stage1({ALL_FOLDS: lambda: load_encoder(encoder)}, tables, encoder, config, seed=asked.seed)

    start = best("stage 1", stage1, preset_of(encoder).stage1_learning_rate)
    start.save_pretrained(str(asked.data / "06_models" / "learning_rates"), create_model_card=False)

    def stage2(rate: float) -> Trained:
        config = Stage2(learning_rate=rate, batch_size=10, gradient_cache=True, **VALIDATED)
        kept = {ALL_FOLDS: lambda: SentenceTransformer(str(asked.data / "06_models" / "learning_rates"))}
        return train_stage2(kept, groups, tables, encoder, config, seed=asked.seed)

    best("stage 2", stage2, preset_of(encoder).stage2_learning_rate)


def read(asked: argparse.Namespace) -> tuple[TrainingTables, pl.DataFrame]:
    """The first fold's tables, with so many of its pairs and groups, drawn at random."""
    found = {path.stem: path for path in asked.data.glob("0[3-5]_*/*.parquet")}
    tables = TrainingTables(*(pl.read_parquet(found[name]) for name in TABLES))
    fold = pl.col("fold") == tables.splits["fold"].min()
    pairs = tables.pairs.filter(fold).sort(pl.struct("query", "product_id").hash(asked.seed)).head(asked.pairs)
    groups = pl.read_parquet(found["graded_groups"]).filter(fold)
    some = groups.select(pl.col("query_id").unique()).sort(pl.col("query_id").hash(asked.seed)).head(asked.groups)
    groups = groups.join(some, on="query_id", how="semi", maintain_order="left")
    return tables._replace(pairs=pairs, splits=tables.splits.filter(fold)), groups


def best(stage: str, train: Callable[[float], Trained], rate: float) -> SentenceTransformer:
    """Train at every rate, a line each; the encoder that validates best."""
    trained = []
    for factor in FACTORS:
        began = time.perf_counter()
        encoders, history = train(factor * rate)
        seconds = time.perf_counter() - began
        score, gain, error = history.drop_nulls("validation").select(r"^validation.*$").row(-1)
        print(f"{stage} {factor * rate:.2g}: {score:.4f}, gain {gain:+.4f} +- {error:.4f}, {seconds:.0f} s", flush=True)
        trained.append((score, next(iter(encoders.values()))))
    return max(trained, key=lambda each: each[0])[1]


if __name__ == "__main__":
    main()
