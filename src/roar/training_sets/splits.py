"""Which judged queries train, validate and test, so that no test query was seen in training under another spelling.

Three ways, all by group of query variants: `holdout` divides once; `cross_fit` rotates folds so that every query of a
small set is tested once; `upstream` honours the split that a data set came with. `auto` takes the upstream split where
it has both sides, cross-fits small sets, and holds out otherwise.
"""

import logging

import polars as pl

from roar.errors import InputError, did_you_mean
from roar.parameters import Splits
from roar.schemas import HOLDOUT
from roar.tables import require_columns

SPLIT = pl.Enum(["train", "validation", "test"])
_BASE = 10_000  # resolution of the shares

logger = logging.getLogger(__name__)


def split_queries(
    queries: pl.DataFrame, variants: pl.DataFrame, strata: pl.DataFrame, config: Splits | None = None, *, seed: int
) -> pl.DataFrame:
    """Divide judged queries into train, validation and test, per fold, evenly over strata and verticals.

    Args:
        queries: the judged queries: query_id, query and, to honour an upstream split, upstream_split: "train", "test"
            and, where it names them itself, "validation".
        variants: query, variant_group.
        strata: query_id, vertical, stratum.
        config: the method and its shares.
        seed: of the order in which groups are dealt out.

    Returns:
        fold, query_id, split, variant_group; a query has one row per fold and is tested in exactly one
        (with an upstream split: in none or one).

    Raises:
        InputError: too few queries, no upstream split where one is asked for, or one with other sides.
    """
    require_columns(queries, "queries", ["query_id", "query"])
    require_columns(variants, "query variants", ["query", "variant_group"])
    require_columns(strata, "query strata", ["query_id", "vertical", "stratum"])
    config = config or Splits()
    table = queries.join(variants, on="query", how="left", maintain_order="left").join(
        strata, on="query_id", how="left", maintain_order="left"
    )
    method = _method(table, config)
    logger.info("Splitting %d judged queries: %s", len(table), method)
    if method == "upstream":
        return _select(_upstream(table, config, seed), HOLDOUT)
    dealt = _deal(table, seed)
    groups = dealt["place"].n_unique()
    if groups < (config.folds if method == "cross_fit" else 3):
        raise InputError(
            f"table judgments: {groups} groups of distinct queries are too few for training_sets.splits.method {method!r}; "
            "judge more queries or use fewer folds."
        )
    if method == "holdout":
        return _select(
            dealt.with_columns(split=_by_share(min(config.test, config.test_queries / len(table)), config.validation)),
            HOLDOUT,
        )
    return pl.concat([_select(_fold(dealt, fold, groups, config), f"fold_{fold}") for fold in range(config.folds)])


def _method(table: pl.DataFrame, config: Splits) -> str:
    """The method to use; `auto` decides by what the data has."""
    sides = set(table["upstream_split"].drop_nulls().unique()) if "upstream_split" in table.columns else set()
    _require_known(table, sides, config)
    usable = {"train", "test"} <= sides
    if config.method == "upstream" and not usable:
        raise InputError(
            f"table queries, column upstream_split: expected both 'train' and 'test', found {sorted(sides) or 'nothing'}; "
            "map the column, or set training_sets.splits.method to auto."
        )
    if config.method != "auto":
        return config.method
    if usable:
        return "upstream"
    return "cross_fit" if len(table) < config.cross_fit_below else "holdout"


def _require_known(table: pl.DataFrame, sides: set[str], config: Splits) -> None:
    """Refuse an upstream split that says something else than the three sides, or nothing of some queries."""
    if config.method not in ("auto", "upstream") or not sides:
        return
    missing = table["upstream_split"].null_count()
    wrong = sorted(sides - set(SPLIT.categories))
    if wrong or missing:
        what = (
            f"{wrong[0]!r}; {did_you_mean(wrong[0], SPLIT.categories)}" if wrong else f"nothing for {missing} queries"
        )
        raise InputError(
            f"table queries, column upstream_split holds {what}: translate it in ingestion.queries.columns, or set "
            "training_sets.splits.method to holdout or cross_fit"
        )


def _deal(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Give each variant group a place: neighbours in place are alike in stratum and vertical, otherwise random.

    Cutting the places by a low-discrepancy rule then spreads every stratum and vertical evenly over the splits.
    """
    groups = (
        table.group_by("variant_group")
        .agg(pl.col("stratum").cast(pl.String).min(), pl.col("vertical").min())
        .with_columns(order=pl.col("variant_group").hash(seed))
        .sort("stratum", "vertical", "order", "variant_group")
        .with_row_index("place")
        .select("variant_group", "place")
    )
    return table.join(groups, on="variant_group", maintain_order="left")


def _by_share(test: float, validation: float) -> pl.Expr:
    """Split by place: the golden-ratio sequence visits [0, 1) evenly over any run of places."""
    position = (pl.col("place").cast(pl.Float64) * 0.6180339887498949) % 1.0
    split = pl.when(position < test).then(pl.lit("test")).when(position < test + validation).then(pl.lit("validation"))
    return split.otherwise(pl.lit("train")).cast(SPLIT)


def _fold(dealt: pl.DataFrame, fold: int, groups: int, config: Splits) -> pl.DataFrame:
    """One fold of cross-fitting: every `folds`-th place tests; of the rest, an even share validates."""
    tested = pl.col("place") % config.folds == fold
    rest = (pl.col("place") // config.folds).cast(pl.Float64) * 0.6180339887498949 + pl.col(
        "place"
    ) * 0.7548776662466927
    validates = (rest % 1.0) < config.validation
    split = pl.when(tested).then(pl.lit("test")).when(validates).then(pl.lit("validation")).otherwise(pl.lit("train"))
    return dealt.with_columns(split=split.cast(SPLIT))


def _upstream(table: pl.DataFrame, config: Splits, seed: int) -> pl.DataFrame:
    """Upstream's test side; a train query that is a variant of a test query is dropped from training by testing wins."""
    tested = (pl.col("upstream_split") == "test").any().over("variant_group")
    share = pl.col("variant_group").hash(seed) % _BASE < int(config.validation * _BASE)
    if (table["upstream_split"] == "validation").any():
        share = (pl.col("upstream_split") == "validation").any().over("variant_group")
    kept = table.filter((pl.col("upstream_split") == "test") | ~tested)
    if dropped := len(table) - len(kept):
        logger.warning("%d training queries are variants of test queries of the upstream split; left out.", dropped)
    split = pl.when(tested).then(pl.lit("test")).when(share).then(pl.lit("validation")).otherwise(pl.lit("train"))
    return kept.with_columns(split=split.cast(SPLIT))


def _select(table: pl.DataFrame, fold: str) -> pl.DataFrame:
    return table.select(pl.lit(fold).alias("fold"), "query_id", "split", "variant_group")
