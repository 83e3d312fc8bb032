"""Which criterion chooses a training's weights, on how many validation queries: what the choice costs against the best.

    python benchmarks/choice_of_weights.py collect --data data/crowdflower --name crowdflower figures/   train, and keep figures
    python benchmarks/choice_of_weights.py table figures/                                               everything else

`collect` trains both stages of every fold with the environment's tables and keeps, at each of a few moments of training, every
held-out query's figures: those that could choose, and those that the choice is judged by. `table` draws validation queries from
half of the held-out ones, lets every criterion choose, and judges the choice on the other half: regret is what is lost against
the best of the moments there.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import encode, load_encoder, product_texts
from roar.metrics import score_queries
from roar.parameters import Encoder, MetricSettings, Stage, Stage1, Stage2
from roar.retrieval import ProductIndex
from roar.training.choice import paired
from roar.training.examples import Examples, group_examples, pair_examples
from roar.training.objectives import ContrastiveObjective, Objective, RoarObjective
from roar.training.trainer import train

SAMPLES = (500, 2000)
"""Products of the sampled catalogues that choose, beside the judged ones."""

DEPTH, MOMENTS, WORSE_BY = 100, 2, 1.64
JUDGED, SAMPLED, WHOLE = ("ndcg@8", "grade_ordering"), ("ndcg@8", "ndcg@100", "recall@10"), ("ndcg@8", "recall@100")


class Shop:
    """An environment's tables, as its pipeline left them.

    Args:
        data: its folder.
        encoder: what is trained.
        most: held-out queries, products beside those judged for them, and examples of each stage, drawn at random.
    """

    def __init__(self, data: Path, encoder: Encoder, most: tuple[int, int, int]) -> None:
        self.most = most
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

    def held_out(self, fold: str, seed: int) -> pl.DataFrame:
        """The fold's held-out queries: query_id."""
        of = self.splits.filter((pl.col("fold") == fold) & (pl.col("split") != "train")).select("query_id")
        return of.sort(pl.col("query_id").hash(seed)).head(self.most[0])

    def figures(self, model: SentenceTransformer, queries: pl.DataFrame, seed: int) -> pl.DataFrame:
        """What chooses and what judges, of every query: query_id, figure, value.

        A sampled catalogue holds the query's judged products and the sample.
        """
        judgments = self.judgments.join(queries, on="query_id", how="semi")
        asked = queries.join(self.queries, on="query_id", maintain_order="left")
        with_text = self.products.select("product_id").with_columns(text=self.texts)
        own = with_text.join(judgments, on="product_id", how="semi", maintain_order="left")
        others = with_text.join(judgments, on="product_id", how="anti").sort(
            pl.col("product_id").hash(seed), "product_id"
        )
        catalogue = pl.concat([own, others.head(self.most[1])])
        texts = catalogue["text"].to_list()
        index = ProductIndex.build(encode(model, texts, config=self.encoder), catalogue["product_id"])
        vectors = encode(model, asked["query"].to_list(), kind="query", config=self.encoder)
        runs = index.runs(vectors, asked, judgments, DEPTH)
        tables = [_scored("judged", runs.judged, judgments, JUDGED), _scored("whole", runs.catalogue, judgments, WHOLE)]
        places = np.random.default_rng(seed).permutation(catalogue.height)
        for size in SAMPLES:
            rows = np.sort(places[:size])
            sample = ProductIndex.build(index.vectors(rows), catalogue["product_id"].gather(rows))
            found = pl.concat([runs.judged, sample.retrieved(vectors, asked, DEPTH).select(runs.judged.columns)])
            run = found.unique(["query_id", "product_id"], keep="first", maintain_order=True)
            tables.append(_scored(f"sample {size}", run, judgments, SAMPLED))
        return pl.concat(tables)


class Looks:
    """A validation that only takes the figures of every moment; the last weights are kept.

    Args:
        shop: what is asked.
        queries: query_id.
        seed: of the samples.
        first: figures of the start, where an earlier stage ended with it.
    """

    def __init__(self, shop: Shop, queries: pl.DataFrame, seed: int, first: pl.DataFrame | None) -> None:
        self.shop, self.queries, self.seed, self.first = shop, queries, seed, first
        self.moments: list[pl.DataFrame] = []

    def __call__(self, encoder: SentenceTransformer) -> np.ndarray:
        known = self.first if not self.moments else None
        self.moments.append(self.shop.figures(encoder, self.queries, self.seed) if known is None else known)
        return np.array([len(self.moments)], dtype=np.float64)


def _scored(name: str, run: pl.DataFrame, judgments: pl.DataFrame, metrics: tuple[str, ...]) -> pl.DataFrame:
    scored = score_queries(run, judgments, MetricSettings(names=metrics))
    return scored.select("query_id", figure=pl.format("{}: {}", pl.lit(name), "metric"), value="value")


def collect(shop: Shop, name: str, folds: list[str], seed: int, rate: float, stages: int, folder: Path) -> None:
    """Train and keep the figures of every moment: a file for each fold."""
    for fold in folds:
        path = folder / f"{name}_{fold}_{seed}_{rate:g}.parquet"
        if path.exists():
            continue
        held_out = shop.held_out(fold, seed)
        model, tables = load_encoder(shop.encoder), []
        for stage, examples, objective, config, learning_rate in _stages(shop, fold, seed)[:stages]:
            look = Looks(shop, held_out, seed, tables[-1].select("query_id", "figure", "value") if tables else None)
            train(
                model, examples, objective, config, learning_rate=rate * learning_rate, precision=shop.encoder.precision,
                seed=seed, validate=look, title=f"{name} {fold} {stage}",
            )  # fmt: skip
            labels = {"set": name, "fold": fold, "stage": stage, "rate": rate}
            tables += [
                m.select(*(pl.lit(v).alias(k) for k, v in labels.items()), pl.lit(i).alias("moment"), pl.all())
                for i, m in enumerate(look.moments)
            ]
        pl.concat(tables).write_parquet(path)


def _stages(
    shop: Shop, fold: str, seed: int
) -> list[tuple[str, Examples, Callable[[SentenceTransformer], Objective], Stage, float]]:
    of, looked, most = pl.col("fold") == fold, {"validations": MOMENTS}, shop.most[2]
    pairs = shop.pairs.filter(of).sort(pl.struct("query", "product_id").hash(seed)).head(most)
    some = (
        shop.groups.filter(of).select(pl.col("query_id").unique()).sort(pl.col("query_id").hash(seed)).head(most // 4)
    )
    groups = shop.groups.filter(of).join(some, on="query_id", how="semi", maintain_order="left")
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


CRITERIA = {
    "judged ndcg@8": ("judged: ndcg@8",),
    "ndcg@8 of 500": ("sample 500: ndcg@8",),
    "ndcg@8 of 2000": ("sample 2000: ndcg@8",),
    "ndcg@100 of 500": ("sample 500: ndcg@100",),
    "ndcg@100 of 2000": ("sample 2000: ndcg@100",),
    "joined, 500": ("judged: ndcg@8", "sample 500: ndcg@100"),
    "joined, 2000": ("judged: ndcg@8", "sample 2000: ndcg@100"),
    "recall and order": ("sample 2000: recall@10", "judged: grade_ordering"),
}
TESTED = ("judged: ndcg@8", "whole: ndcg@8", "whole: recall@100")
RULES = ("best or start", "best unless worse", "last unless worse", "last")
SIZES = (20, 50, 100, 200, 400)


def regrets(figures: pl.DataFrame, draws: int, seed: int) -> pl.DataFrame:
    """What every criterion and rule loses in every training: set, training, criterion, rule, queries, regret (mean of the draws).

    Args:
        figures: what `collect` kept.
        draws: of validation queries; the test half is drawn anew with each.
        seed: of the draws.
    """
    rows = []
    for labels, own in figures.group_by("set", "fold", "stage", "rate", maintain_order=True):
        criteria = {name: _by_moment(own, parts) for name, parts in CRITERIA.items()}
        tested, rng = _by_moment(own, TESTED), np.random.default_rng(seed)
        for size in (n for n in SIZES if n <= tested.shape[1] // 2):
            lost: dict[tuple[str, str], list[float]] = {}
            for _ in range(draws):
                order = rng.permutation(tested.shape[1])
                test = tested[:, order[tested.shape[1] // 2 :]].mean(axis=1)
                for criterion, values in criteria.items():
                    for rule in RULES:
                        kept = _chosen(values[:, order[:size]], rule)
                        lost.setdefault((criterion, rule), []).append(float(test.max() - test[kept]))
            training = " ".join(map(str, labels[1:]))
            rows += [(labels[0], training, *key, size, float(np.mean(values))) for key, values in lost.items()]
    return pl.DataFrame(rows, schema=["set", "training", "criterion", "rule", "queries", "regret"], orient="row")


def _by_moment(own: pl.DataFrame, parts: tuple[str, ...]) -> np.ndarray:
    """Mean of some figures, (moments, queries); queries that lack one take the others, those that lack all are left out."""
    wide = (
        own.filter(pl.col("figure").is_in(parts))
        .group_by("moment", "query_id")
        .agg(pl.col("value").mean())
        .sort("moment", "query_id")
    )
    return wide["value"].fill_null(0.0).to_numpy().reshape(wide["moment"].n_unique(), -1)


def _chosen(values: np.ndarray, rule: str) -> int:
    """The moment that a rule keeps, of a criterion's values (moments, queries); moment 0 is the start."""
    means = values.mean(axis=1)
    if rule == "best or start":
        return int(means.argmax())
    best = len(means) - 1 if rule.startswith("last") else 1 + int(means[1:].argmax())
    gain, error = paired(values[best], values[0])
    return 0 if rule != "last" and gain < -WORSE_BY * error else best


def report(found: pl.DataFrame) -> Iterator[str]:
    """Mean regret in points, a line for each criterion and rule; then what other sets choose for each set, and what it costs there."""
    by_set = found.group_by("set", "criterion", "rule", "queries").agg(pl.col("regret").mean() * 100)
    sets = sorted(set(found["set"]))
    for queries in SIZES:
        wide = by_set.filter(queries=queries).pivot("set", index=["criterion", "rule"], values="regret")
        for row in wide.sort("criterion", "rule").to_dicts():
            values = " ".join(f"{name} {row[name]:.3f}" for name in sets if row.get(name) is not None)
            yield f"{queries} queries | {row['criterion']} | {row['rule']} | {values}"
    for left_out in sets:
        others = by_set.filter(pl.col("set") != left_out).group_by("criterion", "rule").agg(pl.col("regret").mean())
        criterion, rule = others.sort("regret").row(0)[:2]
        here = by_set.filter(set=left_out, criterion=criterion, rule=rule)["regret"].mean()
        before = by_set.filter(set=left_out, criterion="judged ndcg@8", rule="best or start")["regret"].mean()
        yield f"{left_out}: the others choose {criterion}, {rule}: regret {here:.3f} there; judged ndcg@8, best or start {before:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["collect", "table"])
    parser.add_argument("folder", type=Path, help="of the figures")
    parser.add_argument("--data", type=Path, help="collect: an environment's data folder, after data_engineering")
    parser.add_argument("--name", help="collect: of the set")
    parser.add_argument("--fields", default="title", help="collect: of a product's text, names apart by commas")
    parser.add_argument("--folds", nargs="+", help="collect: their names; all if none is given")
    parser.add_argument("--queries", type=int, default=1000, help="collect: held-out queries at most")
    parser.add_argument(
        "--products", type=int, default=8000, help="collect: of the whole catalogue, beside the judged ones"
    )
    parser.add_argument(
        "--examples", type=int, default=6000, help="collect: pairs at most, and a quarter as many groups"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--rate", type=float, default=1.0, help="collect: times the learning rate: 20 spoils a training"
    )
    parser.add_argument("--stages", type=int, default=2, help="collect: 1 or 2")
    asked = parser.parse_args()
    if asked.task == "table":
        figures = pl.concat(pl.read_parquet(path) for path in sorted(asked.folder.glob("*.parquet")))
        found = regrets(figures, draws=200, seed=asked.seed)
        found.write_csv(asked.folder / "regret.csv")
        print(*report(found), sep="\n")
    if asked.task == "collect":
        asked.folder.mkdir(parents=True, exist_ok=True)
        encoder = Encoder(product_fields=tuple(asked.fields.split(",")), precision="bf16")
        shop = Shop(asked.data, encoder, (asked.queries, asked.products, asked.examples))
        folds = asked.folds or shop.splits["fold"].unique().sort().to_list()
        collect(shop, asked.name, folds, asked.seed, asked.rate, asked.stages, asked.folder)


if __name__ == "__main__":
    main()
