"""What constraints at query time bring to an encoder that no fold trained, by what queries ask for, as Markdown.

    kedro run --env esci --pipelines data_engineering
    python benchmarks/constraints_zero_shot.py data/esci

The catalogue of the folder is encoded once. Penalty, bonus and whether what a query excludes is left out of the search are chosen on each
fold's validation queries (full catalogue), and judged on its test queries: as in the evaluation, without its training.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from roar.attributes import agreement
from roar.attributes.kinds import kinds
from roar.encoder import encode, load_encoder, product_texts
from roar.metrics import compare
from roar.metrics.first_page import conflict_shares, first_page
from roar.metrics.ranking import score_queries
from roar.parameters import Constraints, Encoder, MetricSettings
from roar.pipelines.evaluation.constraining import constrain_runs, tune_constraints
from roar.report.page.wording import number, p_value, points
from roar.retrieval import ProductIndex, Runs
from roar.retrieval.constraints import explain, read_queries, sought_texts, verdict_grades
from roar.training_sets.slices import ASKS

DEPTH = 100
METRICS = MetricSettings(names=("ndcg@8", "order_exact_substitute", "recall@100"))
TABLES = {
    "03_primary": ("products", "queries", "judgments"),
    "05_model_input": ("query_splits",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--fields", nargs="+", default=["title", "brand", "attributes"], help="what is read of a product"
    )
    arguments = parser.parse_args()
    for line in lines(arguments.folder, Encoder(product_fields=tuple(arguments.fields))):
        print(line, flush=True)


def lines(folder: Path, config: Encoder) -> Iterator[str]:
    """The settings that were chosen, and a table for each protocol."""
    products, queries, judgments, splits = (
        pl.read_parquet(folder / layer / f"{name}.parquet") for layer, names in TABLES.items() for name in names
    )
    queries = queries.join(judgments, on="query_id", how="semi", maintain_order="left").select("query_id", "query")
    stated = agreement.stated(products)
    plain, instead = searched(products, queries, judgments, config)
    start = time.perf_counter()
    held_out = splits.filter(pl.col("split") == "validation").select("fold", "query_id")
    validation = (run.join(held_out, on="query_id") for runs in (plain, instead) for run in runs)
    tuning = tune_constraints(*validation, queries, products, stated, judgments, Constraints())
    chosen = tuning.filter("best").select("fold", "sought", "penalty", "bonus")
    yield f"chosen by fold (fold, sought, penalty, bonus): {chosen.rows()}\n"
    tested = splits.filter(pl.col("split") == "test").select("query_id").unique()
    before, replaced = (
        Runs(*(run.join(tested, on="query_id", how="semi") for run in runs)) for runs in (plain, instead)
    )
    after = constrain_runs(*before, *replaced, queries, products, stated, tuning, splits, Constraints())
    yield f"tuned and re-ranked in {time.perf_counter() - start:.1f} s\n"
    graded = judgments.join(tested, on="query_id", how="semi")
    asked = agreement.asked(queries)
    demands = read_queries(queries)
    yield from graded_verdicts(verdict_grades(explain(graded, demands, products, stated), graded))
    slices = kinds(queries).join(tested, on="query_id", how="semi").select("query_id", slice=pl.lit(ASKS), level="kind")
    for protocol, one, other in zip(Runs._fields, before, after, strict=True):
        scores = (scored(run, graded, asked, stated) for run in (one, other))
        yield from table(protocol, compare(*scores, slices, METRICS))


def searched(
    products: pl.DataFrame, queries: pl.DataFrame, judgments: pl.DataFrame, config: Encoder
) -> tuple[Runs, Runs]:
    """Runs of all queries as typed, and of those that exclude something without it."""
    encoder = load_encoder(config)
    texts = product_texts(products, config.product_fields, config.max_tokens).to_list()
    index = ProductIndex.build(encode(encoder, texts, config=config), products["product_id"])
    asked = (queries, sought_texts(queries))
    vectors = (encode(encoder, table["query"].to_list(), kind="query", config=config) for table in asked)
    plain, instead = (index.runs(own, table, judgments, DEPTH) for own, table in zip(vectors, asked, strict=True))
    return plain, instead


def scored(run: pl.DataFrame, judgments: pl.DataFrame, asked: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Per-query metrics and attribute conflicts of a run."""
    page = first_page(run, judgments, METRICS)
    said = agreement.positions(page, asked, stated)
    conflicts = conflict_shares(page, said, judgments["query_id"].unique(), METRICS)
    return pl.concat([score_queries(run, judgments, METRICS), conflicts])


def graded_verdicts(counted: pl.DataFrame) -> Iterator[str]:
    """How people graded products by what the reader says of them."""
    yield "| on | the product | judged pairs | exact | irrelevant |"
    yield "|---|---|---:|---:|---:|"
    for (dimension, verdict), rows in counted.group_by("dimension", "verdict", maintain_order=True):
        pairs, by_grade = rows["pairs"].sum(), dict(rows.select("grade", "pairs").iter_rows())
        shares = (f"{by_grade.get(grade, 0) / pairs:.2f}" for grade in ("exact", "irrelevant"))
        yield f"| {dimension} | {verdict} | {pairs} | {' | '.join(shares)} |"
    yield ""


def table(protocol: str, compared: pl.DataFrame) -> Iterator[str]:
    """The paired differences as Markdown."""
    yield f"## {protocol}\n"
    yield "| asks for | metric | queries | before | after | difference, points | interval | p, adjusted |"
    yield "|---|---|---:|---:|---:|---:|---|---:|"
    for row in compared.filter(pl.col("n") > 0).iter_rows(named=True):
        level = "anything" if row["level"] == "all" else row["level"]
        yield (
            f"| {level} | {row['metric']} | {row['n']} | {number(row['mean_a'], 3)} | {number(row['mean_b'], 3)} | "
            f"{points(row['difference'])} | {points(row['low'])} to {points(row['high'])} | {p_value(row['p_adjusted'])} |"
        )
    yield ""


if __name__ == "__main__":
    main()
