"""Metrics of one query: how well its ranking puts graded products in order.

`rank_products` lays all rankings out in one frame, a row per retrieved or judged product; each measure is then one
polars expression over a query's rows, so 100,000 queries are scored in a single grouped pass. Only `exact` counts as
relevant to the binary measures; NDCG takes all four grades through integer gains.

A judged product that the run does not return ranks below everything that it does (a miss for the cut-off measures,
last in the pairwise ones). A product that nobody judged gains nothing, and `judged@k` says how many there are; a
measure named `condensed_...` drops such holes first (Sakai 2007, "Alternatives to bpref").
"""

import logging
import re
from collections.abc import Callable
from itertools import combinations, pairwise

import polars as pl

from roar.errors import InputError
from roar.metrics.inputs import PAIR, checked_judgments, checked_run, log_uncovered
from roar.parameters import MetricSettings
from roar.schemas import GRADES

logger = logging.getLogger(__name__)

_WHOLE_LIST = 2**31 - 1
_LEVEL = {grade: level for level, grade in enumerate(GRADES)}
_NAME = re.compile(r"^(?P<condensed>condensed_)?(?P<measure>[a-z_]+)(@(?P<k>\d+))?$")

Measure = Callable[[str, int], pl.Expr]
"""From the name of the rank column and the cut-off k to an expression over one query's rows in rank order."""


def score_queries(run: pl.DataFrame, judgments: pl.DataFrame, config: MetricSettings | None = None) -> pl.DataFrame:
    """Score every judged query of a run.

    Args:
        run: query_id, product_id, score (higher is better, finite); any number of products for a query.
        judgments: query_id, product_id, grade; only its queries are scored, so pass those of the test split.
        config: which metrics, and the gains of NDCG.

    Returns:
        query_id, metric, value: one row for each judged query and metric, sorted by query, metrics in the order of
        `config.names`. The value lies in [0, 1] and is null where the query cannot have it: map, mrr, recall and bpref
        without an exact product, ndcg with all gains 0, pairwise measures without a pair of the grades, shares of an
        empty ranking.

    Raises:
        InputError: see `roar.metrics.inputs`.

    Examples:
        The exact product stands second, under an irrelevant one.

        >>> run = pl.DataFrame({"query_id": ["q", "q"], "product_id": ["a", "b"], "score": [0.9, 0.8]})
        >>> judged = run.select("query_id", "product_id", grade=pl.Series(["irrelevant", "exact"], dtype=pl.Enum(GRADES)))
        >>> score_queries(run, judged, MetricSettings(names=("mrr@10", "ndcg@8")))["value"].round(3).to_list()
        [0.5, 0.631]

    Cost: one sort of the run and one grouped pass, O(n log n) time and about 100 bytes a row.
    """
    config = config or MetricSettings()
    run, judgments = checked_run(run), checked_judgments(judgments)
    log_uncovered(run, judgments)
    ranked = rank_products(run, judgments, config)
    wide = ranked.group_by("query_id", maintain_order=True).agg(
        _expression(name).cast(pl.Float64).alias(name) for name in config.names
    )
    return (
        wide.sort("query_id")
        .unpivot(index="query_id", variable_name="metric", value_name="value")
        .sort("query_id", maintain_order=True)
    )


def mean_value(run: pl.DataFrame, judgments: pl.DataFrame, queries: pl.Series, metric: str) -> float | None:
    """Mean of one metric over the given queries that have it; None where none has.

    Examples:
        >>> run = pl.DataFrame({"query_id": ["q", "q"], "product_id": ["a", "b"], "score": [0.9, 0.8]})
        >>> judged = run.select("query_id", "product_id", grade=pl.Series(["irrelevant", "exact"], dtype=pl.Enum(GRADES)))
        >>> mean_value(run, judged, pl.Series(["q"]), "mrr@10")
        0.5
    """
    own = judgments.filter(pl.col("query_id").is_in(queries.implode()))
    if own.is_empty():
        return None
    mean = score_queries(run, own, MetricSettings(names=(metric,)))["value"].mean()
    return mean if isinstance(mean, float) else None


def rank_products(run: pl.DataFrame, judgments: pl.DataFrame, config: MetricSettings | None = None) -> pl.DataFrame:
    """Lay out the rankings of the judged queries, one row per retrieved or judged product, in rank order.

    Returns:
        query_id, product_id; score (null where the run does not return the product); grade (0 … 3, -1 unjudged); gain;
        retrieved; rank (from 1); condensed_rank (rank among the judged and retrieved, null for others); ideal_rank
        (rank by gain). Equal scores are ordered by a hash of (query_id, product_id), which favours no system.

    Examples:
        What is judged and not retrieved comes last, without a score.

        >>> run = pl.DataFrame({"query_id": ["q"], "product_id": ["b"], "score": [0.8]})
        >>> judged = pl.DataFrame({"query_id": ["q"] * 2, "product_id": ["a", "b"], "grade": ["exact", "substitute"]})
        >>> judged = judged.with_columns(pl.col("grade").cast(pl.Enum(GRADES)))
        >>> rank_products(run, judged).select("product_id", "retrieved", "rank", "ideal_rank").rows()
        [('b', True, 1, 2), ('a', False, 2, 1)]
    """
    config = config or MetricSettings()
    gains = {_LEVEL[grade]: gain for grade, gain in config.gains.items()}
    judged = judgments.select(*PAIR, pl.col("grade").to_physical().cast(pl.Int8))
    rows = run.join(judged.select("query_id").unique(), on="query_id", how="semi").join(
        judged, on=PAIR, how="full", coalesce=True
    )
    ranked = rows.with_columns(
        pl.col("grade").fill_null(-1),
        retrieved=pl.col("score").is_not_null(),
        tie=pl.struct(PAIR).hash(seed=0),
    ).sort("query_id", "score", "tie", descending=[False, True, False], nulls_last=True)
    hit = pl.col("retrieved") & (pl.col("grade") >= 0)
    return (
        ranked.with_columns(
            gain=pl.col("grade").replace_strict(gains, default=0, return_dtype=pl.Int64),
            rank=pl.int_range(1, pl.len() + 1).over("query_id"),
            condensed_rank=pl.when(hit).then(hit.cum_sum().over("query_id")),
        )
        .with_columns(ideal_rank=pl.col("gain").rank("ordinal", descending=True).over("query_id"))
        .drop("tie")
    )


def _expression(name: str) -> pl.Expr:
    """The expression of a metric's name, as in ndcg@8, condensed_map@8 or grade_ordering."""
    parts = _NAME.match(name)
    if parts is None or parts["measure"] not in _MEASURES:
        raise InputError(f"Parameter metrics.names: unknown metric {name!r}; measures are {', '.join(_MEASURES)}.")
    rank = "condensed_rank" if parts["condensed"] else "rank"
    return _MEASURES[parts["measure"]](rank, int(parts["k"] or _WHOLE_LIST))


def _is(grade: str) -> pl.Expr:
    return pl.col("grade") == _LEVEL[grade]


def _top(rank: str, k: int) -> pl.Expr:
    """Rows that stand in the first k of the ranking that the system returned."""
    return pl.col("retrieved") & (pl.col(rank) <= k).fill_null(False)


_EXACT = _is("exact")
_JUDGED = pl.col("grade") >= 0


def _ndcg(rank: str, k: int) -> pl.Expr:
    """Normalised discounted cumulative gain, gain / log2(rank + 1) (Järvelin and Kekäläinen 2002, in Burges's form).

    References:
        Järvelin and Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4).
    """
    got = (pl.col("gain") / (pl.col(rank) + 1).log(2)).filter(_top(rank, k)).sum()
    best = (pl.col("gain") / (pl.col("ideal_rank") + 1).log(2)).filter(pl.col("ideal_rank") <= k).sum()
    return pl.when(best > 0).then(got / best)


def _map(rank: str, k: int) -> pl.Expr:
    """Average precision of the first k, over min(k, exacts); trec_eval's map_cut divides by all exacts instead.

    References:
        Voorhees and Harman (2005), TREC: experiment and evaluation in information retrieval, chapter 3.
    """
    precision = _EXACT.cum_sum() / pl.col(rank)
    total = precision.filter(_top(rank, k) & _EXACT).sum()
    return pl.when(_EXACT.any()).then(total / pl.min_horizontal(_EXACT.sum(), pl.lit(k)))


def _mrr(rank: str, k: int) -> pl.Expr:
    """Reciprocal rank of the first exact product, 0 where the first k hold none.

    References:
        Voorhees (1999), The TREC-8 question answering track report.
    """
    return pl.when(_EXACT.any()).then((1 / pl.col(rank)).filter(_top(rank, k) & _EXACT).max().fill_null(0))


def _recall(rank: str, k: int) -> pl.Expr:
    """Share of the exact products that stand in the first k.

    References:
        Voorhees and Harman (2005), chapter 3.
    """
    return pl.when(_EXACT.any()).then((_top(rank, k) & _EXACT).sum() / _EXACT.sum())


def _precision(rank: str, k: int) -> pl.Expr:
    """Share of the first k ranks that hold an exact product; ranks that a short run lacks count as misses.

    References:
        Voorhees and Harman (2005), chapter 3.
    """
    return (_top(rank, k) & _EXACT).sum() / k


def _share(of: pl.Expr) -> Measure:
    """Share of the products returned in the first k for which `of` holds.

    References:
        Sakai (2007), Alternatives to bpref, SIGIR: judged@k is the share that any judgment covers.
    """

    def measure(rank: str, k: int) -> pl.Expr:
        shown = _top(rank, k)
        return pl.when(shown.any()).then((shown & of).sum() / shown.sum())

    return measure


def _bpref(_rank: str, _k: int) -> pl.Expr:
    """Binary preference with trec_eval's bound (Buckley and Voorhees 2004): judged products alone, holes ignored.

    References:
        Buckley and Voorhees (2004), Retrieval evaluation with incomplete information, SIGIR.
    """
    others = (_JUDGED & ~_EXACT).sum()
    above = pl.min_horizontal((_JUDGED & ~_EXACT).cum_sum(), _EXACT.sum())
    penalty = pl.when(above > 0).then(above / pl.min_horizontal(_EXACT.sum(), others)).otherwise(0.0)
    return pl.when(_EXACT.any()).then((1 - penalty).filter(_EXACT & pl.col("retrieved")).sum() / _EXACT.sum())


def _auc(_rank: str, _k: int) -> pl.Expr:
    """Probability that an exact product outscores another judged one, ties counting half (Mann and Whitney 1947).

    References:
        Mann and Whitney (1947), Annals of Mathematical Statistics 18(1).
    """
    score = pl.col("score").fill_null(float("-inf")).filter(_JUDGED)
    exacts, others = _EXACT.sum().cast(pl.Float64), (_JUDGED & ~_EXACT).sum().cast(pl.Float64)
    rank_sum = (score.rank("average") * _EXACT.filter(_JUDGED)).sum()
    return pl.when(exacts * others > 0).then((rank_sum - exacts * (exacts + 1) / 2) / (exacts * others))


def _ordering(*pairs: tuple[str, str]) -> Measure:
    """Share of the pairs of judged products of the given (better, worse) grades that stand in the right order.

    References:
        Kendall (1938), A new measure of rank correlation, Biometrika 30: the share of concordant pairs.
    """

    def measure(_rank: str, _k: int) -> pl.Expr:
        right, pairs_there = pl.lit(0.0), pl.lit(0.0)
        for better, worse in pairs:
            worse_below = _is(worse).sum().cast(pl.Float64) - _is(worse).cum_sum()
            right = right + worse_below.filter(_is(better)).sum()
            pairs_there = pairs_there + _is(better).sum().cast(pl.Float64) * _is(worse).sum()
        return pl.when(pairs_there > 0).then(right / pairs_there)

    return measure


_DESCENDING = tuple(reversed(GRADES))
_MEASURES: dict[str, Measure] = {
    "ndcg": _ndcg,
    "map": _map,
    "mrr": _mrr,
    "recall": _recall,
    "precision": _precision,
    "judged": _share(_JUDGED),
    "bpref": _bpref,
    "auc_query": _auc,
    "grade_ordering": _ordering(*combinations(_DESCENDING, 2)),
    **{f"order_{a}_{b}": _ordering((a, b)) for a, b in pairwise(_DESCENDING)},
    **{f"share_{grade}": _share(_is(grade)) for grade in _DESCENDING},
}
