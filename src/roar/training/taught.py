"""What stage 2 is told by a teacher: targets for the judged products of train queries, and further products.

Candidates enter the distillation term alone: to the contrastive term and to the alignment a batch is what it is without them.
"""

import polars as pl

from roar.errors import InputError
from roar.parameters import Distillation
from roar.training_sets.teacher_scores import PAIR, of_fold, standardised


def taught(
    scores: pl.DataFrame, groups: pl.DataFrame, splits: pl.DataFrame, config: Distillation, fold: str, *, seed: int
) -> pl.DataFrame | None:
    """Choose what a fold's stage 2 is told.

    Args:
        scores: as `roar.training_sets.teacher_scores.read_scores` gives them; those of unjudged queries are told, too.
        groups: the fold's graded groups: query_id, product_id.
        splits: fold, query_id, split, variant_group.
        config: whether anything is told, and how many candidates a query.
        fold: the fold.
        seed: of the draw of candidates.

    Returns:
        query_id, query, variant_group, product_id, target (standardised over what is told, best first within a query); None where
        `config.weight` is 0. Nothing is told of a query that the fold holds out, or of a variant of one.

    Raises:
        InputError: a weight is set and the table says nothing of the fold's train queries.
    """
    if not config.weight:
        return None
    here = of_fold(scores, splits, fold)
    if here.join(groups, on="query_id", how="semi").is_empty():
        raise InputError(
            f"stage2.distillation.weight is {config.weight:g}, and table teacher_scores says nothing of the train queries of {fold}: "
            "kedro run --pipelines teacher makes it, or import scores (docs/bring_your_own_data.md)."
        )
    graded = groups.select(*PAIR, graded=pl.lit(value=True)).unique()
    told = here.join(graded, on=PAIR, how="left").with_columns(pl.col("graded").fill_null(value=False))
    drawn = pl.struct(PAIR).hash(seed).rank("ordinal").over("query_id", "graded")
    chosen = standardised(told.filter(pl.col("graded") | (drawn <= config.candidates)))
    return chosen.sort("query_id", "score", "product_id", descending=[False, True, False]).select(
        "query_id", "query", "variant_group", "product_id", target="score"
    )
