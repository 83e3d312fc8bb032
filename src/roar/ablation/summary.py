"""What a study says: every variant against the baseline, on all queries, with everything that was tried counted.

Every query is tested in one fold, once for each seed. Seeds are averaged per query before anything is tested: two runs of one
query are not two queries. All folds' queries are pooled. The difference has a paired permutation test over queries and the
interval that inverts it (the pooled auc a bootstrap); Holm's correction takes all variants of a study, or of a family of
studies, within a metric, the failures too. Where an interval lies within the stated margin, variant and baseline are
equivalent as far as it goes, which is more than that no difference was found.
"""

import polars as pl

from roar.metrics import compare
from roar.metrics.auc import compare_pooled_auc
from roar.metrics.resampling import holm
from roar.parameters import Ablation, AblationStudies, MetricSettings, Primary, Study

SUMMARY = (
    "study",
    "variant",
    "baseline",
    "metric",
    "n",
    "seeds",
    "mean",
    "seed_spread",
    "difference",
    "low",
    "high",
    "p",
    "p_adjusted",
    "verdict",
)
"""Columns of the table; `mean` and `difference` are of the metric itself, not points."""


def summarise(
    metrics: pl.DataFrame,
    scores: pl.DataFrame,
    judgments: pl.DataFrame,
    config: Ablation,
    declared: AblationStudies,
    settings: MetricSettings,
) -> pl.DataFrame:
    """Compare every variant with its study's baseline, or with what it names instead.

    Args:
        metrics: study, variant, fold, seed, query_id, metric, value.
        scores: study, variant, fold, seed, query_id, product_id, score.
        judgments: query_id, product_id, grade.
        config: the margin of equivalence.
        declared: the studies, and their primary comparisons.
        settings: confidence, numbers of resamples and permutations, seed.

    Returns:
        The columns of `SUMMARY`, a row for each study, variant and metric, the pooled auc among them. p_adjusted is Holm's
        within a family of studies and a metric; a primary comparison, named before the runs, keeps its p. verdict: better, worse,
        equivalent (the interval lies within the margin), or undecided. The baseline's own rows have no difference.
    """
    tables = []
    for study in metrics["study"].unique(maintain_order=True):
        of = pl.col("study") == study
        compared = _study(declared.studies[study], study, metrics.filter(of), scores.filter(of), judgments, settings)
        tables.append(compared)
    return _adjusted(pl.concat(tables), config, declared, settings)


def _study(
    declared: Study,
    study: str,
    metrics: pl.DataFrame,
    scores: pl.DataFrame,
    judgments: pl.DataFrame,
    settings: MetricSettings,
) -> pl.DataFrame:
    rows = []
    for variant in metrics["variant"].unique(maintain_order=True):
        baseline = declared.against(variant)
        pair = [(metrics.filter(variant=v), scores.filter(variant=v)) for v in (baseline, variant)]
        (metrics_a, scores_a), (metrics_b, scores_b) = pair
        queries = compare(_per_query(metrics_a), _per_query(metrics_b), _NO_SLICES, settings)
        spread = _spread(metrics_b)
        pooled = compare_pooled_auc(_by_seed(scores_a), _by_seed(scores_b), judgments, settings)
        compared = pl.concat([queries.select(_COMPARED), pooled.select(_COMPARED)])
        labels = {"study": study, "variant": variant, "baseline": baseline}
        rows.append(
            compared.join(spread, on="metric", how="left", maintain_order="left").select(
                *(pl.lit(value).alias(name) for name, value in labels.items()),
                "metric",
                "n",
                pl.lit(metrics_b["seed"].n_unique()).alias("seeds"),
                pl.col("mean_b").alias("mean"),
                "seed_spread",
                *(
                    (pl.lit(None, pl.Float64) if variant == baseline else pl.col(name)).alias(name)
                    for name in ("difference", "low", "high", "p")
                ),
            )
        )
    return pl.concat(rows)


_COMPARED = ["metric", "n", "mean_b", "difference", "low", "high", "p"]
_NO_SLICES = pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})


def _per_query(metrics: pl.DataFrame) -> pl.DataFrame:
    """A query's mean over seeds."""
    return metrics.group_by("query_id", "metric", maintain_order=True).agg(pl.col("value").mean())


def _spread(metrics: pl.DataFrame) -> pl.DataFrame:
    """Standard deviation over seeds of the mean over queries; null with one seed."""
    means = metrics.group_by("metric", "seed").agg(pl.col("value").mean())
    return means.group_by("metric").agg(seed_spread=pl.col("value").std())


def _by_seed(scores: pl.DataFrame) -> list[pl.DataFrame]:
    """One run over all folds for each seed."""
    return [scores.filter(seed=seed) for seed in scores["seed"].unique().sort()]


def _adjusted(
    compared: pl.DataFrame, config: Ablation, declared: AblationStudies, settings: MetricSettings
) -> pl.DataFrame:
    """Holm's p within family and metric, and what it all says."""
    adjusted = compared["p"].to_numpy().copy()
    families = {name: study.family or name for name, study in declared.studies.items()}
    rows = compared.with_row_index("row").drop_nulls("p").filter(~_is_primary(declared.primary))
    for _, family in rows.group_by(pl.col("study").replace(families), "metric", maintain_order=True):
        chosen = family["row"].to_numpy()
        adjusted[chosen] = holm(adjusted[chosen])
    margin = config.equivalence
    equal = (pl.col("low") > -margin) & (pl.col("high") < margin)
    found = pl.col("p_adjusted") < 1 - settings.confidence
    verdict = (
        pl.when(pl.col("difference").is_null())
        .then(pl.lit("baseline"))
        .when(found & (pl.col("difference") > 0))
        .then(pl.lit("better"))
        .when(found)
        .then(pl.lit("worse"))
        .when(equal)
        .then(pl.lit("equivalent"))
        .otherwise(pl.lit("undecided"))
    )
    p_adjusted = pl.Series("p_adjusted", adjusted, dtype=pl.Float64).fill_nan(None)
    return compared.with_columns(p_adjusted).with_columns(verdict=verdict).select(*SUMMARY)


def _is_primary(primary: tuple[Primary, ...]) -> pl.Expr:
    """The comparisons that were named before the runs, which are corrected for nothing."""
    named = [pl.all_horizontal(pl.col(name) == value for name, value in one.model_dump().items()) for one in primary]
    return pl.any_horizontal(pl.lit(value=False), *named)
