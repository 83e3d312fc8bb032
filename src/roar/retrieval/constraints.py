"""Constraints at query time: 64 GB is not 128 GB, and "without" is not "with".

A query asks for facts (quantities, colours, sizes, audiences: `roar.attributes.agreement`) and says what a product must not have
(any words: `roar.attributes.exclusions`). Of the products that a system has found, one that contradicts this sinks by a penalty, one
that states it rises by a smaller bonus, and silence is neutral. Nothing vanishes, unless `strict` asks for it. The cost is linear in
the candidates.

    reasons = explain(candidates, read_queries(queries), products)
    constrain(candidates, reasons, Weights(penalty=0.2, bonus=0.05))
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import polars as pl

from roar.attributes import agreement
from roar.attributes.exclusions import Said, exclusions, said, sought
from roar.parameters import MetricSettings
from roar.retrieval.runs import Runs
from roar.tables import require_columns
from roar.text import attribute_pairs

PAIR = ("query_id", "product_id")
AGREES, CONTRADICTS, SILENT = "agrees", "contradicts", "silent"

WITHOUT = "without"
"""The dimension of what a query excludes in words."""

REASON = dict.fromkeys(["query_id", "product_id", "dimension", "asked", "stated", "verdict"], pl.String)
NOTHING = said([])


class Weights(NamedTuple):
    """What a contradiction costs and a statement gains, in units of the system's score; 0 changes nothing."""

    penalty: float = 0.0
    bonus: float = 0.0


class Demands(NamedTuple):
    """What queries ask for.

    Attributes:
        facts: query_id, dimension, value, shown, role (`agreement.asked`), those left out in words apart.
        left_out: query_id, shown, stems (list): what a query excludes in words, a row for each exclusion.
    """

    facts: pl.DataFrame
    left_out: pl.DataFrame


def sought_texts(queries: pl.DataFrame) -> pl.DataFrame:
    """The queries that are searched for by another text, without what they exclude (`roar.attributes.exclusions.sought`).

    Args:
        queries: query_id, query, and whatever else.

    Returns:
        The rows of those queries, `query` changed.
    """
    texts = pl.Series("query", [sought(text) for text in queries["query"]], dtype=pl.String)
    return queries.with_columns(texts).filter(texts != queries["query"])


def read_queries(queries: pl.DataFrame) -> Demands:
    """Read what queries ask for.

    Args:
        queries: query_id, query.
    """
    require_columns(queries, "queries", ["query_id", "query"])
    distinct = queries.select("query_id", "query").unique("query_id", maintain_order=True)
    in_words = (pl.col("role") == "excludes") & (pl.col("value") == "yes")
    facts = agreement.asked(distinct).filter(~in_words)
    rows = [
        (query_id, exclusion.shown, sorted(exclusion.stems))
        for query_id, text in distinct.iter_rows()
        for exclusion in exclusions(text)
    ]
    columns = pl.Schema({"query_id": pl.String(), "shown": pl.String(), "stems": pl.List(pl.String)})
    left_out = pl.DataFrame(rows, schema=columns, orient="row")
    as_facts = facts.filter(pl.col("role") == "excludes").select("query_id", "shown")
    return Demands(facts, left_out.join(as_facts, on=["query_id", "shown"], how="anti", maintain_order="left"))


def explain(
    candidates: pl.DataFrame, demands: Demands, products: pl.DataFrame, stated: pl.DataFrame | None = None
) -> pl.DataFrame:
    """What each candidate says on each thing that its query asks for.

    Args:
        candidates: query_id, product_id, and whatever else.
        demands: as `read_queries` returns.
        products: product_id, title, brand, attributes, of the candidates at least; others are not read.
        stated: `agreement.stated` of the products, where it is known already.

    Returns:
        query_id, product_id, dimension ("storage", "colour", …, or "without"), asked, stated (texts to show; stated is null
        where the product is silent), verdict ("agrees", "contradicts", "silent"), by query and product.

    Cost: reading a title takes some 100 microseconds; a look-up for each candidate.
    """
    require_columns(candidates, "candidates", PAIR)
    require_columns(products, "products", ["product_id", "title", "brand", "attributes"])
    pairs = candidates.select(*PAIR).unique()
    parts = [pl.DataFrame(schema=REASON)]
    if demands.facts.height:  # most queries ask for none: no product is read for them
        parts.append(_by_facts(pairs, demands.facts, products, stated))
    if demands.left_out.height:
        parts.append(_by_words(pairs, demands.left_out, products))
    return pl.concat(parts).sort(*PAIR, maintain_order=True)


def effects(reasons: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """The reasons with `effect`: what each adds to the score."""
    worth = {CONTRADICTS: -float(weights.penalty), AGREES: float(weights.bonus), SILENT: 0.0}
    return reasons.with_columns(effect=pl.col("verdict").replace_strict(worth, return_dtype=pl.Float64))


def constrain(run: pl.DataFrame, reasons: pl.DataFrame, weights: Weights, *, strict: bool = False) -> pl.DataFrame:
    """A run with the effects added to its scores.

    Args:
        run: query_id, product_id, score, and whatever else stays.
        reasons: as `explain` returns for the run's pairs; pairs without any keep their score.
        weights: penalty and bonus.
        strict: leave out what contradicts, instead of letting it sink.

    Returns:
        The run's columns and rows in their order, score changed.
    """
    require_columns(run, "run", [*PAIR, "score"])
    added = effects(reasons, weights).group_by(*PAIR).agg(
        pl.col("effect").sum(), against=(pl.col("verdict") == CONTRADICTS).any()
    )  # fmt: skip
    joined = run.join(added, on=PAIR, how="left", maintain_order="left")
    kept = joined.filter(~pl.col("against").fill_null(False)) if strict else joined
    return kept.with_columns(pl.col("score") + pl.col("effect").fill_null(0.0)).select(run.columns)


def tune_constraints(
    runs: Mapping[bool, Runs],
    reasons: pl.DataFrame,
    judgments: pl.DataFrame,
    weights: Sequence[Weights],
    metric: str = "ndcg@8",
) -> pl.DataFrame:
    """Try weights on validation queries, under both protocols.

    On the full catalogue few of the products that contradict are judged; among the judged ones they are mostly substitutes, which a
    large penalty puts below complements. So a setting has to hold under both. And few queries ask for anything, so that the best of
    many settings is chance: the first is taken that is under neither protocol worse than the best there by more than one standard error of
    their difference (Breiman et al. 1984), or, where there is none, the one that comes nearest to it. Where queries cannot tell, the order decides.

    Args:
        runs: by whether what queries exclude was left out of the search: of each protocol fold, query_id, product_id, score.
        reasons: as `explain` returns for the runs' pairs.
        judgments: query_id, product_id, grade.
        weights: to try, the one that is usual first.
        metric: that decides.

    Returns:
        fold, sought (0 or 1), penalty, bonus, judged, catalogue (means of the metric), best (bool): exactly one in each fold.
    """
    settings = list(product(weights, runs))
    named = pl.DataFrame(
        [(place, float(sought_), *own) for place, (own, sought_) in enumerate(settings)],
        schema={"place": pl.Int32, "sought": pl.Float64, "penalty": pl.Float64, "bonus": pl.Float64},
        orient="row",
    )
    tried = {}
    for protocol in Runs._fields:
        values = [
            _values(constrain(getattr(runs[sought_], protocol), reasons, own), judgments, metric).with_columns(
                place=pl.lit(place)
            )
            for place, (own, sought_) in enumerate(settings)
        ]
        tried[protocol] = _behind(pl.concat(values)).rename({"value": protocol, "behind": f"behind_{protocol}"})
    both = tried["judged"].join(tried["catalogue"], on=["fold", "place"], how="full", coalesce=True)
    behind = pl.max_horizontal("behind_judged", "behind_catalogue", 0.0)
    first = pl.col("place") == pl.col("place").sort_by("behind", "place").first().over("fold")
    ranked = both.with_columns(behind=behind).sort("fold", "place").with_columns(best=first)
    return ranked.join(named, on="place", maintain_order="left").select(
        "fold", "sought", "penalty", "bonus", *Runs._fields, "best"
    )


def _behind(values: pl.DataFrame) -> pl.DataFrame:
    """fold, place, value (the mean), behind: by how much more than a standard error the best of the fold is better."""
    means = values.group_by("fold", "place").agg(pl.col("value").mean())
    top = means.sort("value", "place", descending=[True, False], nulls_last=True).unique(
        "fold", keep="first", maintain_order=True
    )
    best = values.join(top.select("fold", "place"), on=["fold", "place"]).select("fold", "query_id", best="value")
    lost = pl.col("best") - pl.col("value")
    compared = values.join(best, on=["fold", "query_id"]).group_by("fold", "place")
    return compared.agg(
        pl.col("value").mean(), behind=(lost.mean() - (lost.std() / lost.count().sqrt()).fill_null(0.0)).fill_null(0.0)
    )


def _values(run: pl.DataFrame, judgments: pl.DataFrame, metric: str) -> pl.DataFrame:
    """fold, query_id, value: the metric of each query of a run of several folds."""
    from roar.metrics import score_queries  # loads what checks tables, which a search does without

    asked = run.select("fold", "query_id").unique()
    parts = []
    for (fold,), own in run.group_by("fold", maintain_order=True):
        graded = judgments.join(asked.filter(pl.col("fold") == fold), on="query_id", how="semi")
        if graded.is_empty():
            continue
        scores = score_queries(own.drop("fold"), graded, MetricSettings(names=(metric,)))
        parts.append(scores.select(pl.lit(fold).alias("fold"), "query_id", "value"))
    schema = {"fold": pl.String, "query_id": pl.String, "value": pl.Float64}
    return pl.concat([pl.DataFrame(schema=schema), *parts])


def _by_facts(
    pairs: pl.DataFrame, asked: pl.DataFrame, products: pl.DataFrame, stated: pl.DataFrame | None
) -> pl.DataFrame:
    pairs = pairs.join(asked, on="query_id", how="semi")
    if stated is None:
        stated = agreement.stated(products.join(pairs, on="product_id", how="semi", maintain_order="left"))
    told = agreement.positions(pairs, asked, stated)
    wanted = asked.group_by("query_id", "dimension", maintain_order=True).agg(
        asked=pl.col("shown").unique(maintain_order=True).str.join(" and ")
    )
    told = pairs.join(wanted, on="query_id").join(
        told.select(*PAIR, "dimension", "stated", "against"), on=[*PAIR, "dimension"], how="left"
    )
    verdict = pl.when("against").then(pl.lit(CONTRADICTS)).otherwise(pl.lit(AGREES))
    return told.select(
        *PAIR, "dimension", "asked", "stated",
        verdict=pl.when(pl.col("against").is_null()).then(pl.lit(SILENT)).otherwise(verdict),
    )  # fmt: skip


def _by_words(pairs: pl.DataFrame, left_out: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    pairs = pairs.join(left_out, on="query_id", maintain_order="left")
    of_products = dict(_said(products.join(pairs, on="product_id", how="semi", maintain_order="left")))
    rows = []
    for query_id, product_id, shown, stems in pairs.select(*PAIR, "shown", "stems").iter_rows():
        verdict, stated = _verdict(frozenset(stems), of_products.get(product_id, NOTHING))
        rows.append((query_id, product_id, WITHOUT, f"without {shown}", stated, verdict))
    return pl.DataFrame(rows, schema=REASON, orient="row")


def _verdict(stems: frozenset[str], product: Said) -> tuple[str, str | None]:
    """Whether a product lacks what is left out, has it, or does not say."""
    if lacked := product.lacking(stems):
        return AGREES, lacked
    if had := product.having(stems):
        return CONTRADICTS, had
    return SILENT, None


def _said(products: pl.DataFrame) -> Iterator[tuple[str, Said]]:
    """Each product with what its title, brand and attributes say in words."""
    pairs = attribute_pairs(products["attributes"])
    members = dict(pairs.group_by("row").agg(pl.struct("name", "value")).iter_rows())
    texts = products.select("product_id", "title", pl.col("brand").fill_null(""))
    for row, (product_id, title, brand) in enumerate(texts.iter_rows()):
        yield product_id, said([title, brand], [(m["name"], m["value"]) for m in members.get(row, [])])


def verdict_grades(reasons: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
    """How the reader's verdicts agree with people's.

    Args:
        reasons: as `explain` returns for judged pairs.
        judgments: query_id, product_id, grade.

    Returns:
        dimension, verdict, grade, pairs: counts, by name.
    """
    graded = reasons.join(judgments.select(*PAIR, pl.col("grade").cast(pl.String)), on=PAIR)
    counted = graded.group_by("dimension", "verdict", "grade").agg(pairs=pl.len().cast(pl.Int64))
    return counted.sort("dimension", "verdict", "grade")


def demoted(before: pl.DataFrame, after: pl.DataFrame, reasons: pl.DataFrame, judgments: pl.DataFrame) -> pl.DataFrame:
    """Exact products that sank because they contradict their query as the reader sees it: what it costs where it is wrong.

    Args:
        before: query_id, product_id, score without constraints.
        after: the same under them.
        reasons: as `explain` returns.
        judgments: query_id, product_id, grade.

    Returns:
        query_id, product_id, dimension, asked, stated, rank_before, rank_after; those that lost most first.
    """
    exact = judgments.filter(pl.col("grade").cast(pl.String) == "exact").select(PAIR)
    ranks = _ranked(before, "rank_before").join(_ranked(after, "rank_after"), on=PAIR).join(exact, on=PAIR, how="semi")
    sunk = reasons.filter(pl.col("verdict") == CONTRADICTS).drop("verdict").join(ranks, on=PAIR)
    lost = pl.col("rank_after") - pl.col("rank_before")
    return sunk.filter(lost > 0).sort([-lost, *PAIR, "dimension"], maintain_order=True)


def _ranked(run: pl.DataFrame, name: str) -> pl.DataFrame:
    ranked = pl.col("score").rank("min", descending=True).over("query_id").cast(pl.Int64)
    return run.select(*PAIR, ranked.alias(name))
