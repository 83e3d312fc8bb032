"""Nodes of evaluation: systems under the query's own constraints (`roar.retrieval.constraints`).

A system makes its runs of the few queries that exclude something a second time, searched for without it. All products found are
then judged by what they say on what is asked. Weights, and which of the two runs it is, are what validation queries chose.
"""

from itertools import product

import polars as pl

from roar.metrics.inputs import PAIR
from roar.parameters import Constraints
from roar.pipelines.evaluation.lexical import chosen, joined
from roar.retrieval import Runs, constraints, weighted_sum
from roar.retrieval.constraints import Weights


def find_sought(queries: pl.DataFrame, edited: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The queries that exclude something, with the text that is searched for instead; and of those written differently."""
    return constraints.sought_texts(queries), constraints.sought_texts(edited)


def fuse_validation(
    lexical_judged: pl.DataFrame,
    lexical_catalogue: pl.DataFrame,
    semantic_judged: pl.DataFrame,
    semantic_catalogue: pl.DataFrame,
    tuning: pl.DataFrame,
) -> Runs:
    """The hybrid's runs of each fold's validation queries, with the weight that these chose."""
    protocols = (lexical_judged, semantic_judged), (lexical_catalogue, semantic_catalogue)
    return Runs(*(_fused(words, cosines, tuning) for words, cosines in protocols))


def _fused(lexical: pl.DataFrame, semantic: pl.DataFrame, tuning: pl.DataFrame) -> pl.DataFrame:
    parts = [semantic.clear()]
    for fold, weight in tuning.filter("best").select("fold", "weight").iter_rows():
        words, cosines = (run.filter(pl.col("fold") == fold).drop("fold") for run in (lexical, semantic))
        parts.append(weighted_sum(words, cosines, weight).select(pl.lit(fold).alias("fold"), pl.all()))
    return pl.concat(parts)


def tune_constraints(
    judged: pl.DataFrame,
    catalogue: pl.DataFrame,
    sought_judged: pl.DataFrame,
    sought_catalogue: pl.DataFrame,
    queries: pl.DataFrame,
    products: pl.DataFrame,
    stated: pl.DataFrame,
    judgments: pl.DataFrame,
    config: Constraints,
) -> pl.DataFrame:
    """By each fold's validation queries: penalty, bonus, and whether what they exclude is left out of the search."""
    plain = Runs(judged, catalogue)
    runs = {False: plain, True: Runs(_replaced(judged, sought_judged), _replaced(catalogue, sought_catalogue))}
    reasons = _reasons(pl.concat(run.select(PAIR) for own in runs.values() for run in own), queries, products, stated)
    shares = [(penalty, penalty * share) for penalty, share in product(config.penalties, config.bonus_shares)]
    tried = [Weights(*weights) for weights in dict.fromkeys(shares)]
    return constraints.tune_constraints({sought: runs[sought] for sought in config.sought}, reasons, judgments, tried)


def constrain_runs(
    judged: pl.DataFrame,
    catalogue: pl.DataFrame,
    sought_judged: pl.DataFrame,
    sought_catalogue: pl.DataFrame,
    queries: pl.DataFrame,
    products: pl.DataFrame,
    stated: pl.DataFrame,
    tuning: pl.DataFrame,
    splits: pl.DataFrame,
    config: Constraints,
) -> Runs:
    """A system's runs of the test queries under their constraints, with the weights that each fold's validation queries chose."""
    plain = Runs(judged, catalogue)
    instead = Runs(_replaced(judged, sought_judged), _replaced(catalogue, sought_catalogue))
    reasons = _reasons(pl.concat(run.select(PAIR) for run in (*plain, *instead)), queries, products, stated)
    parts = []
    usual = {"sought": 0.0, "penalty": config.penalties[0], "bonus": config.penalties[0] * config.bonus_shares[0]}
    for fold, (sought, *weights) in chosen(tuning, splits, usual).items():
        tested = splits.filter(pl.col("split") == "test", pl.col("fold") == fold)
        own = (
            run.join(tested, on="query_id", how="semi", maintain_order="left") for run in (instead if sought else plain)
        )
        parts.append(
            Runs(*(constraints.constrain(run, reasons, Weights(*weights), strict=config.strict) for run in own))
        )
    return joined(parts)


def _replaced(run: pl.DataFrame, sought: pl.DataFrame) -> pl.DataFrame:
    """A run, with that of the queries that were searched for by another text in its place."""
    return pl.concat([run.join(sought, on="query_id", how="anti", maintain_order="left"), sought.select(run.columns)])


def _reasons(pairs: pl.DataFrame, queries: pl.DataFrame, products: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    asked = queries.select("query_id", "query").join(pairs, on="query_id", how="semi", maintain_order="left")
    return constraints.explain(pairs, constraints.read_queries(asked), products, stated)


def weigh_reader(
    before: pl.DataFrame,
    after: pl.DataFrame,
    queries: pl.DataFrame,
    products: pl.DataFrame,
    stated: pl.DataFrame,
    judgments: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """How people graded what the reader says on the tested queries' judged products, and which exact ones it made sink."""
    reasons = _reasons(before, queries, products, stated)
    sunk = constraints.demoted(before, after, reasons, judgments)
    named = sunk.join(queries.select("query_id", "query"), on="query_id", how="left", maintain_order="left")
    named = named.join(products.select("product_id", "title"), on="product_id", how="left", maintain_order="left")
    return constraints.verdict_grades(reasons, judgments), named
