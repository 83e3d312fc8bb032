"""Which teacher may score which query.

A fold's train queries are dealt out into parts, variants together. The teacher of a part trains on the other parts of the same
fold, so it has seen neither the part's queries nor what the fold holds out, and the student that learns from its scores has not
heard of a test query through it (Wolpert, "Stacked generalization", Neural Networks 1992).
"""

import polars as pl

from roar.errors import InputError
from roar.tables import require_columns
from roar.training_sets.held_out import allowed_texts


def teacher_parts(splits: pl.DataFrame, parts: int, *, seed: int) -> pl.DataFrame:
    """Deal each fold's train queries out into parts of nearly equal numbers of variant groups.

    Args:
        splits: fold, query_id, split, variant_group.
        parts: how many.
        seed: of the order in which groups are dealt out; a group has its place in a fold's order by its name alone.

    Returns:
        fold, query_id, variant_group, part (from 0), judged (true), of the train queries.

    Raises:
        InputError: a fold has fewer groups than parts.
    """
    require_columns(splits, "query splits", ["fold", "query_id", "split", "variant_group"])
    train = splits.filter(pl.col("split") == "train").select("fold", "query_id", "variant_group")
    groups = train.unique(["fold", "variant_group"]).select("fold", "variant_group")
    dealt = groups.sort("fold", pl.col("variant_group").hash(seed), "variant_group").with_columns(
        part=(pl.int_range(pl.len()) % parts).over("fold")
    )
    counts = groups.group_by("fold").len()
    if groups.is_empty() or counts["len"].min() < parts:  # type: ignore[operator]  # a number
        raise InputError(
            f"teacher.parts: {parts} parts are more than a fold's groups of train queries; judge more queries or lower it."
        )
    return train.join(dealt, on=["fold", "variant_group"], maintain_order="left").with_columns(
        judged=pl.lit(value=True)
    )


def with_logged(
    parts: pl.DataFrame, queries: pl.DataFrame, variants: pl.DataFrame, splits: pl.DataFrame, count: int, *, seed: int
) -> pl.DataFrame:
    """Add unjudged queries, whose candidates are to be scored, to the parts.

    One that is a variant of a train query goes to its part; a variant of a held-out query is left out of that fold.

    Args:
        parts: as `teacher_parts` gives them.
        queries: query_id, query, frequency.
        variants: query, variant_group.
        splits: fold, query_id, split, variant_group.
        count: queries at most, the most frequent.
        seed: of the parts of the others.

    Returns:
        `parts` and further rows, `judged` false.
    """
    unjudged = queries.join(splits, on="query_id", how="anti", maintain_order="left").join(
        variants, on="query", maintain_order="left"
    )
    chosen = unjudged.sort(pl.col("frequency").fill_null(0), "query_id", descending=[True, False]).head(count)
    rows = [parts]
    for (fold,), own in parts.group_by("fold", maintain_order=True):
        allowed = allowed_texts(chosen.select("query_id", "variant_group"), splits, str(fold))
        groups = own.select("variant_group", "part").unique()
        dealt = pl.col("variant_group").hash(seed) % (own["part"].max() + 1)  # type: ignore[operator]  # a number
        added = allowed.join(groups, on="variant_group", how="left", maintain_order="left").with_columns(
            fold=pl.lit(str(fold)), part=pl.coalesce("part", dealt.cast(pl.Int64)), judged=pl.lit(value=False)
        )
        rows.append(added.select(parts.columns))
    return pl.concat(rows)


def require_unseen(scored: pl.DataFrame, seen: pl.DataFrame) -> None:
    """Refuse to score a question that a teacher was trained on.

    Args:
        scored: variant_group of what is to be scored.
        seen: variant_group of what it was trained on.

    Raises:
        InputError: names a group in both.
    """
    both = scored.join(seen, on="variant_group", how="semi")
    if both.height:
        raise InputError(
            f"teacher: it would score {both['variant_group'].n_unique()} questions that it was trained on (first: "
            f"{both['variant_group'][0]!r}); make table teacher_parts again from the current query_splits."
        )
