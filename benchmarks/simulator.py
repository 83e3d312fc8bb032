"""What the simulated marketplace costs, and how hard it is for systems that were never trained on it.

    python benchmarks/simulator.py                        seconds and peak memory of the default shop
    python benchmarks/simulator.py --products 1000000     the same for a streamed catalogue of this size
    python benchmarks/simulator.py --difficulty           ndcg@8 and map@8 of random, bm25, the zero-shot encoder and the
                                                          rule (judged products), overall, by stratum, vertical, intent

Prints `name value` lines; memory in MB. The rule is the grade before rater noise: the ceiling.
"""

import argparse
import resource
import time

import numpy as np
import polars as pl

from roar.encoder import encode, load_encoder, product_texts
from roar.marketplace import Marketplace, generate_products, simulate
from roar.metrics import aggregate, score_queries, slice_table
from roar.parameters import Encoder, MetricSettings, Simulation
from roar.retrieval import bm25_runs
from roar.training_sets import query_strata

SETTINGS = MetricSettings(names=("ndcg@8", "map@8"), resamples=1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, help="stream a catalogue of this size")
    parser.add_argument("--difficulty", action="store_true")
    parser.add_argument("--judged-queries", type=int, default=Simulation().judged_queries)
    parser.add_argument("--seed", type=int, default=20261123)
    options = parser.parse_args()
    start = time.perf_counter()
    if options.products:
        rows = sum(
            len(products) for products, _ in generate_products(Simulation(products=options.products), seed=options.seed)
        )
        print("products", rows)
    else:
        market = simulate(Simulation(judged_queries=options.judged_queries), seed=options.seed)
        for name, table in market._asdict().items():
            print(name, len(table))
    print("seconds", round(time.perf_counter() - start, 1))
    print("peak_mb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    if options.difficulty:
        difficulty(market, options.seed)


def difficulty(market: Marketplace, seed: int) -> None:
    """Print each system's means by slice."""
    judged = market.queries.join(
        market.judgments.select("query_id").unique(), on="query_id", how="semi", maintain_order="left"
    )
    slices = slices_of(judged, market)
    for system, run in runs(market, judged, seed).items():
        table = aggregate(score_queries(run, market.judgments, SETTINGS), slices, SETTINGS)
        for row in table.sort("slice", "level", "metric").iter_rows(named=True):
            print(f"{system}/{row['slice']}/{row['level']}/{row['metric']}".replace(" ", "_"), f"{row['mean']:.3f}")


def slices_of(judged: pl.DataFrame, market: Marketplace) -> pl.DataFrame:
    """Vertical, stratum, intent and noise of the judged queries."""
    strata = query_strata(market.queries).select("query_id", "stratum")
    truth = market.query_intents.select("query_id", "intent", "noise")
    described = judged.join(strata, on="query_id", maintain_order="left").join(
        truth, on="query_id", maintain_order="left"
    )
    return slice_table(described, ["stratum", "vertical", "intent", "noise"])


def runs(market: Marketplace, judged: pl.DataFrame, seed: int) -> dict[str, pl.DataFrame]:
    """Scores of the judged pairs by each system."""
    pairs = market.judgments.select("query_id", "product_id")
    config = Encoder()
    judged_products = market.products.join(
        pairs.select("product_id").unique(), on="product_id", how="semi", maintain_order="left"
    )
    texts = product_texts(market.products, config.product_fields, config.max_tokens)
    bm25 = bm25_runs(judged, market.products["product_id"], texts, pairs, 8, k1=1.2, b=0.75).judged
    chance = np.random.default_rng(seed).random(len(pairs))
    return {
        "random": pairs.with_columns(pl.Series("score", chance)),
        "bm25": bm25,
        "base": pairs.with_columns(cosines(pairs, judged, judged_products, config)),
        "rule": market.true_judgments.with_columns(pl.col("grade").to_physical().cast(pl.Float64).alias("score")),
    }


def cosines(pairs: pl.DataFrame, judged: pl.DataFrame, products: pl.DataFrame, config: Encoder) -> pl.Series:
    """Cosine of each pair under the starting encoder."""
    encoder = load_encoder(config)
    queries = encode(encoder, judged["query"].to_list(), kind="query", config=config)
    texts = product_texts(products, config.product_fields, config.max_tokens)
    vectors = encode(encoder, texts.to_list(), kind="product", config=config)
    rows = pairs.join(judged.select("query_id").with_row_index("q"), on="query_id", maintain_order="left").join(
        products.select("product_id").with_row_index("p"), on="product_id", maintain_order="left"
    )
    scores = np.einsum("ij,ij->i", queries[rows["q"].to_numpy()], vectors[rows["p"].to_numpy()])
    return pl.Series("score", scores, dtype=pl.Float64)


if __name__ == "__main__":
    main()
