"""How many mined hard negatives are answers in truth, by mining rule, as `name value` lines.

    python benchmarks/hard_negatives.py                   the simulated shop, whose rule of relevance grades every pair
    python benchmarks/hard_negatives.py --products 3000 --rules relative_0.95 contradicting
    python benchmarks/hard_negatives.py --products 3000 --rules teacher_0.05       a teacher is trained first, and asked

Negatives are mined for the annotated train pairs with the base encoder, two a pair. `answers` is the share of them that
the rule calls exact or substitute: false negatives, were they trained on as negatives.
"""

import argparse
import time
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder import load_encoder
from roar.ingestion import ingest
from roar.marketplace import simulate
from roar.marketplace.catalogue import Catalogue
from roar.marketplace.queries import QueryWriter
from roar.marketplace.relevance import Grader
from roar.near_duplicates import cluster, find_pairs
from roar.parameters import Encoder, HardNegatives, Simulation, Splits, Stage1Sources, Teacher, TrainingSets
from roar.schemas import GRADES
from roar.teacher.candidates import find_candidates
from roar.teacher.cross_fitting import TeacherTables, cross_fit
from roar.teacher.parts import teacher_parts
from roar.training.mining import mine_for_pairs
from roar.training.stages import TrainingTables
from roar.training_sets import query_strata, query_variants, split_queries, stage1_pairs
from roar.training_sets.teacher_scores import read_scores

SEED = 20261123
RULES = {
    "no_rule": HardNegatives(per_pair=2, relative=None),
    "skip_10": HardNegatives(per_pair=2, relative=None, skip=10),
    "absolute_0.05": HardNegatives(per_pair=2, relative=None, absolute=0.05),
    "relative_0.95": HardNegatives(per_pair=2),
    "relative_0.9": HardNegatives(per_pair=2, relative=0.9),
    "relative_0.8": HardNegatives(per_pair=2, relative=0.8),
    "contradicting": HardNegatives(per_pair=2, kind="contradicting"),
    "teacher_0.2": HardNegatives(per_pair=2, relative=None, teacher=0.2),
    "teacher_0.05": HardNegatives(per_pair=2, relative=None, teacher=0.05),
    "relative_0.95_teacher_0.05": HardNegatives(per_pair=2, teacher=0.05),
}
CANDIDATES = 40
"""Products a query that the teacher scores: what it has not seen is no negative."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=Simulation().products)
    without = [name for name, rules in RULES.items() if rules.teacher is None]
    parser.add_argument("--rules", nargs="+", choices=RULES, default=without)
    arguments = parser.parse_args()
    for name, value in figures(Simulation(products=arguments.products), arguments.rules):
        print(f"{name} {value:.4g}", flush=True)


def figures(shop: Simulation, rules: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The figures of each rule."""
    tables = training_tables(shop)
    encoder = load_encoder(Encoder())
    yield "pairs", tables.pairs.height
    if any(RULES[name].teacher is not None for name in rules):
        start = time.perf_counter()
        tables = tables._replace(scores=teacher_scores(tables, encoder))
        yield "teacher_seconds", time.perf_counter() - start
    for name in rules:
        start = time.perf_counter()
        mined = mine_for_pairs({"all": lambda: encoder}, tables, Encoder(), TrainingSets(hard_negatives=RULES[name]))
        yield f"{name}_seconds", time.perf_counter() - start
        yield f"{name}_pairs_served", mined.select("query", "positive").n_unique() / tables.pairs.height
        yield f"{name}_mean_rank", float(mined["rank"].mean() or 0)  # type: ignore[arg-type]  # a number
        grades = true_grades(shop, tables, mined)
        yield f"{name}_answers_exact", float(np.mean(grades == GRADES.index("exact")))
        yield f"{name}_answers", float(np.mean(grades >= GRADES.index("substitute")))


def training_tables(shop: Simulation) -> TrainingTables:
    """What stage 1 reads, with annotated pairs alone."""
    market = simulate(shop, seed=SEED)
    raw = {f"raw_{name}": getattr(market, name) for name in ("products", "queries", "judgments")}
    tables = ingest(raw)
    clusters = cluster(tables.products, find_pairs(tables.products))
    judged = tables.queries.join(tables.judgments, on="query_id", how="semi", maintain_order="left")
    variants, strata = query_variants(tables.queries["query"]), query_strata(tables.queries)
    splits = split_queries(judged, variants, strata, Splits(method="holdout"), seed=SEED)
    log = market.search_log.clear()
    pairs = stage1_pairs(
        tables.queries, tables.judgments, log, variants, splits, Stage1Sources(behaviour=None), seed=SEED
    )
    return TrainingTables(tables.products, clusters, tables.queries, tables.judgments, splits, pairs)


def teacher_scores(tables: TrainingTables, encoder: SentenceTransformer) -> pl.DataFrame:
    """What a cross-fitted teacher says of the train queries' judged products and candidates."""
    train = tables.splits.filter(pl.col("split") == "train")
    asked = tables.queries.join(train, on="query_id", how="semi", maintain_order="left")
    read = tables.products, tables.judgments
    candidates = find_candidates(asked, *read, encoder, Encoder(), CANDIDATES)
    apart = pl.DataFrame(schema={"fold": pl.String, "product_id": pl.String})
    parts = teacher_parts(train, Teacher().parts, seed=SEED)
    taught = TeacherTables(read[0], tables.queries, read[1], train, parts, candidates, apart)
    scores = cross_fit(taught, Encoder(), Teacher(), seed=SEED).scores
    return read_scores(scores, tables.queries, tables.products, query_variants(tables.queries["query"]))


def true_grades(shop: Simulation, tables: TrainingTables, mined: pl.DataFrame) -> np.ndarray:
    """The grade by rule, 0 to 3, of each mined product for its query; rows are the numbers in the simulator's ids."""
    catalogue = Catalogue(shop, SEED)
    numbers = catalogue.listing_items(np.arange(catalogue.size))
    items = catalogue.items(numbers)
    intents = QueryWriter(catalogue, items).write()
    grader = Grader(catalogue, items, len(catalogue.lexicon.facets) + numbers, intents)
    texts = tables.queries.unique("query", keep="first")
    rows = mined.join(texts.select("query", "query_id"), on="query", maintain_order="left")
    ends = (rows[column].str.slice(1).cast(pl.Int64).to_numpy() for column in ("query_id", "product_id"))
    return grader.grade(*ends)


if __name__ == "__main__":
    main()
