"""What stands on the first page, product by product: the rankings themselves, and where they contradict their query."""

import polars as pl

from roar.metrics.inputs import PAIR, checked_judgments, checked_run
from roar.metrics.ranking import rank_products
from roar.parameters import MetricSettings
from roar.schemas import GRADES

UNJUDGED = "unjudged"


def first_page(run: pl.DataFrame, judgments: pl.DataFrame, config: MetricSettings | None = None) -> pl.DataFrame:
    """The first `config.page` products of every judged query.

    Args:
        run: query_id, product_id, score.
        judgments: query_id, product_id, grade; only its queries are looked at.
        config: page, and what `rank_products` reads.

    Returns:
        query_id, rank (from 1), product_id, score, grade (String; "unjudged" where nobody judged).

    Examples:
        >>> run = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["a", "b"], "score": [0.2, 0.7]})
        >>> judged = pl.DataFrame({"query_id": ["q"], "product_id": ["a"], "grade": ["exact"]})
        >>> first_page(run, judged).select("rank", "product_id", "grade").rows()
        [(1, 'b', 'unjudged'), (2, 'a', 'exact')]
    """
    config = config or MetricSettings()
    ranked = rank_products(checked_run(run), checked_judgments(judgments), config)
    names = dict(enumerate(GRADES)) | {-1: UNJUDGED}
    return ranked.filter(pl.col("retrieved") & (pl.col("rank") <= config.page)).select(
        "query_id", pl.col("rank").cast(pl.Int64), "product_id", "score",
        grade=pl.col("grade").replace_strict(names, return_dtype=pl.String),
    )  # fmt: skip


def conflict_shares(
    page: pl.DataFrame, positions: pl.DataFrame, queries: pl.Series, config: MetricSettings | None = None
) -> pl.DataFrame:
    """How often the first page contradicts what is asked: 128 GB where 64 GB is wanted.

    Silent products are left out: random order, which shows products of other kinds, would look good by them.

    Args:
        page: query_id, product_id, as `first_page` returns.
        positions: query_id, product_id, against: what products say on what is asked
            (`roar.attributes.agreement.positions`).
        queries: ids of all queries that are scored.
        config: page, for the metric's name.

    Returns:
        query_id, metric (attribute_conflict@8), value: of the page's products that say anything on what the query asks for,
        the share that contradicts it on some of it; null where none says anything. Lower is better.

    Examples:
        Two of three products say how much they hold, and one of them contradicts the query.

        >>> page = pl.DataFrame({"query_id": ["q"] * 3, "product_id": ["a", "b", "c"]})
        >>> positions = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["a", "b"], "against": [True, False]})
        >>> conflict_shares(page, positions, pl.Series(["q"])).rows()
        [('q', 'attribute_conflict@8', 0.5)]

    References:
        None: the count is this project's, see docs/decisions.md.
    """
    config = config or MetricSettings()
    speaking = positions.group_by(PAIR).agg(pl.col("against").any())
    shares = page.join(speaking, on=PAIR).group_by("query_id").agg(value=pl.col("against").mean())
    every = pl.DataFrame({"query_id": queries.unique().sort()})
    named = every.with_columns(metric=pl.lit(f"attribute_conflict@{config.page}"))
    return named.join(shares, on="query_id", how="left", maintain_order="left")


def coverage(
    run: pl.DataFrame | pl.LazyFrame,
    judgments: pl.DataFrame,
    product_ids: pl.Series,
    config: MetricSettings | None = None,
) -> dict[str, int]:
    """How much of the tested queries a run covers; what the policy on runs counts.

    Returns:
        queries (tested), rows, unanswered (queries without a row), short (answered queries with fewer products than the
        page), unknown_products (distinct ids that the catalogue lacks), without_exact (tested queries that map, mrr and
        recall leave out).

    Examples:
        >>> run = pl.DataFrame({"query_id": ["q"], "product_id": ["gone"], "score": [1.0]})
        >>> judged = pl.DataFrame({"query_id": ["q", "r"], "product_id": ["a", "a"], "grade": ["exact", "exact"]})
        >>> coverage(run, judged, pl.Series(["a", "b"]))
        {'queries': 2, 'rows': 1, 'unanswered': 1, 'short': 1, 'unknown_products': 1, 'without_exact': 0}
    """
    config = config or MetricSettings()
    tested = judgments.group_by("query_id").agg(exact=(pl.col("grade").cast(pl.String) == "exact").any())
    returned = run.lazy().join(tested.lazy(), on="query_id", how="semi")
    lengths = returned.group_by("query_id").len().collect(engine="streaming")
    known = pl.LazyFrame({"product_id": product_ids})
    unknown = (
        run.lazy().select("product_id").join(known, on="product_id", how="anti").unique().collect(engine="streaming")
    )
    return {
        "queries": tested.height,
        "rows": run.lazy().select(pl.len()).collect().item(),
        "unanswered": tested.height - lengths.height,
        "short": lengths.filter(pl.col("len") < config.page).height,
        "unknown_products": unknown.height,
        "without_exact": tested.filter(~pl.col("exact")).height,
    }


def score_bins(run: pl.DataFrame, judgments: pl.DataFrame, config: MetricSettings | None = None) -> pl.DataFrame:
    """Counts of judged pairs by grade in bins of equal width over the run's scores.

    Returns:
        low, high (ends of the bin), grade, pairs. Empty where nothing that is judged was scored.

    Examples:
        >>> run = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["a", "b"], "score": [0.0, 1.0]})
        >>> judged = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["a", "b"], "grade": ["irrelevant", "exact"]})
        >>> bins = score_bins(run, judged).filter(pl.col("pairs") > 0)
        >>> bins.select("grade", "pairs").rows()
        [('irrelevant', 1), ('exact', 1)]
    """
    config = config or MetricSettings()
    scored = (
        checked_run(run).join(checked_judgments(judgments), on=PAIR).select("score", pl.col("grade").cast(pl.String))
    )
    if scored.is_empty():
        return pl.DataFrame(schema={"low": pl.Float64, "high": pl.Float64, "grade": pl.String, "pairs": pl.Int64})
    low, high = (float(value) for value in scored.select(pl.min("score"), high=pl.max("score")).row(0))
    width = (high - low) / config.score_bins or 1.0
    place = ((pl.col("score") - low) / width).floor().clip(0, config.score_bins - 1).cast(pl.Int64)
    counted = scored.group_by(place.alias("bin"), "grade").agg(pairs=pl.len().cast(pl.Int64)).sort("bin", "grade")
    return counted.select(
        low=low + pl.col("bin") * width, high=low + (pl.col("bin") + 1) * width, grade="grade", pairs="pairs"
    )
