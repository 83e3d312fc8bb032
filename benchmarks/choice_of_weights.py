"""Which criterion chooses a training's weights, on how many validation queries: what the choice costs against the best.

    python benchmarks/choice_of_weights.py collect --data data/crowdflower --name crowdflower figures/   train, and keep figures
    python benchmarks/choice_of_weights.py table figures/                                               everything else

`collect` trains both stages of every fold with the environment's tables and keeps, at each of a few moments of training, every
held-out query's figures: those that could choose, and those that the choice is judged by. `table` draws validation queries from
half of the held-out ones, lets every criterion choose, and judges the choice on the other half: regret is what is lost against
the best of the moments there.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode, load_encoder, product_texts
from roar.metrics import score_queries
from roar.parameters import Encoder, MetricSettings, Stage, Stage1, Stage2
from roar.retrieval import ProductIndex
from roar.training.examples import Examples, group_examples, pair_examples
from roar.training.objectives import ContrastiveObjective, Objective, RoarObjective
from roar.training.trainer import train

SAMPLES = (500, 2000, 8000)
"""Products of the sampled catalogues, beside the judged ones."""

DEPTH, MOMENTS = 100, 3
JUDGED, SAMPLED, WHOLE = ("ndcg@8", "grade_ordering"), ("ndcg@8", "ndcg@100", "recall@10"), ("ndcg@8", "recall@100")


class Shop:
    """An environment's tables, as its pipeline left them."""

    def __init__(self, data: Path, encoder: Encoder) -> None:
        found = {path.stem: path for path in data.glob("0[3-5]_*/*.parquet")}
        names = (
            "products",
            "product_clusters",
            "queries",
            "judgments",
            "query_splits",
            "stage1_pairs",
            "graded_groups",
        )
        read = [pl.read_parquet(found[name]) for name in names]
        self.products, self.clusters, self.queries, self.judgments, self.splits, self.pairs, self.groups = read
        self.texts = product_texts(self.products, encoder.product_fields, encoder.max_tokens)
        self.encoder = encoder

    def figures(self, model: SentenceTransformer, queries: pl.DataFrame, seed: int) -> pl.DataFrame:
        """What chooses and what judges, of every query: query_id, figure, value.

        A sampled catalogue holds the query's judged products and the sample.
        """
        judgments = self.judgments.join(queries, on="query_id", how="semi")
        asked = queries.join(self.queries, on="query_id", maintain_order="left")
        index = ProductIndex.build(
            encode(model, self.texts.to_list(), config=self.encoder), self.products["product_id"]
        )
        vectors = encode(model, asked["query"].to_list(), kind="query", config=self.encoder)
        runs = index.runs(vectors, asked, judgments, DEPTH)
        tables = [_scored("judged", runs.judged, judgments, JUDGED), _scored("whole", runs.catalogue, judgments, WHOLE)]
        order = np.random.default_rng(seed).permutation(len(self.products))
        for size in SAMPLES:
            rows = np.sort(order[:size])
            sample = ProductIndex.build(index.vectors(rows), self.products["product_id"].gather(rows))
            found = pl.concat([runs.judged, sample.retrieved(vectors, asked, DEPTH).select(runs.judged.columns)])
            run = found.unique(["query_id", "product_id"], keep="first", maintain_order=True)
            tables.append(_scored(f"sample {size}", run, judgments, SAMPLED))
        return pl.concat(tables)


def _scored(name: str, run: pl.DataFrame, judgments: pl.DataFrame, metrics: tuple[str, ...]) -> pl.DataFrame:
    scored = score_queries(run, judgments, MetricSettings(names=metrics))
    return scored.select("query_id", figure=pl.format("{}: {}", pl.lit(name), "metric"), value="value")


def collect(shop: Shop, name: str, folds: list[str], seed: int, rate: float, stages: int, folder: Path) -> None:
    """Train and keep the figures of every moment: a file for each fold."""
    for fold in folds:
        path = folder / f"{name}_{fold}_{seed}_{rate:g}.parquet"
        if path.exists():
            continue
        held_out = shop.splits.filter((pl.col("fold") == fold) & (pl.col("split") != "train")).select("query_id")
        model, tables = load_encoder(shop.encoder), []
        for stage, examples, objective, config, learning_rate in _stages(shop, fold, seed)[:stages]:
            moments: list[pl.DataFrame] = []

            def look(
                encoder: SentenceTransformer, moments: list[pl.DataFrame] = moments, queries: pl.DataFrame = held_out
            ) -> np.ndarray:
                moments.append(shop.figures(encoder, queries, seed))
                return np.array([len(moments)], dtype=np.float64)  # the last is kept

            train(
                model, examples, objective, config, learning_rate=rate * learning_rate, precision=shop.encoder.precision,
                seed=seed, validate=look, title=f"{name} {fold} {stage}",
            )  # fmt: skip
            labels = {"set": name, "fold": fold, "stage": stage, "rate": rate}
            tables += [
                m.select(*(pl.lit(v).alias(k) for k, v in labels.items()), pl.lit(i).alias("moment"), pl.all())
                for i, m in enumerate(moments)
            ]
        pl.concat(tables).write_parquet(path)


def _stages(
    shop: Shop, fold: str, seed: int
) -> list[tuple[str, Examples, Callable[[SentenceTransformer], Objective], Stage, float]]:
    of, looked = pl.col("fold") == fold, {"validations": MOMENTS}
    pairs, groups = shop.pairs.filter(of), shop.groups.filter(of)
    first = Stage1(**looked)
    second = Stage2(batch_size=32 if groups["query_id"].n_unique() > 500 else 10, epochs=1, **looked)
    return [
        (
            "stage1", pair_examples(pairs, shop.products, shop.texts, shop.clusters),
            lambda model: ContrastiveObjective(model, first, seed), first, 5e-5,
        ),
        (
            "stage2", group_examples(groups, pairs, shop.products, shop.texts, shop.clusters),
            lambda model: RoarObjective(model, second, seed), second, 2e-5,
        ),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["collect", "table"])
    parser.add_argument("folder", type=Path, help="of the figures")
    parser.add_argument("--data", type=Path, help="collect: an environment's data folder, after data_engineering")
    parser.add_argument("--name", help="collect: of the set")
    parser.add_argument("--fields", default="title", help="collect: of a product's text, names apart by commas")
    parser.add_argument("--folds", type=int, default=5, help="collect: the first so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--rate", type=float, default=1.0, help="collect: times the learning rate: 20 spoils a training"
    )
    parser.add_argument("--stages", type=int, default=2, help="collect: 1 or 2")
    asked = parser.parse_args()
    if asked.task == "collect":
        asked.folder.mkdir(parents=True, exist_ok=True)
        shop = Shop(asked.data, Encoder(product_fields=tuple(asked.fields.split(",")), precision="bf16"))
        folds = shop.splits["fold"].unique().sort().to_list()[: asked.folds]
        collect(shop, asked.name, folds, asked.seed, asked.rate, asked.stages, asked.folder)


if __name__ == "__main__":
    main()
