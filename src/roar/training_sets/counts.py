"""What each step of building the training sets leaves, as one tidy table: where data are lost is seen, not guessed."""

from collections.abc import Iterator

import polars as pl

SCHEMA = {
    "set": pl.String,
    "fold": pl.String,
    "source": pl.String,
    "step": pl.String,
    "queries": pl.Int64,
    "products": pl.Int64,
    "rows": pl.Int64,
    "lost": pl.Int64,
}


class Counts:
    """Collects counts step by step; `stage1_pairs` and `graded_groups` fill one that is handed to them."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, str, str, int, int, int, int | None]] = []

    def add(self, set_: str, fold: str, source: str, step: str, table: pl.DataFrame) -> None:
        """Record the rows, queries and products of `table` after a step; `lost` is against the step before it."""
        before = next((row[6] for row in reversed(self._rows) if row[:3] == (set_, fold, source)), None)
        query = "query_id" if "query_id" in table.columns else "query"
        sizes = (table[query].n_unique(), table["product_id"].n_unique(), len(table))
        self._rows.append((set_, fold, source, step, *sizes, None if before is None else before - len(table)))

    def table(self) -> pl.DataFrame:
        """One row for each step, in the order of the work.

        Returns:
            set, fold, source, step, queries, products, rows, and lost: rows fewer than after the step before (null at
            the first step of a source; negative where a step adds).
        """
        return pl.DataFrame(self._rows, schema=SCHEMA, orient="row")


_LIMITS = {
    "per_query": "training_sets.stage1_sources.{source}.per_query",
    "relative": "training_sets.stage1_sources.{source}.relative",
    "limit": "training_sets.stage1_sources.{source}.limit",
    "largest size": "training_sets.groups.max_size",
}
"""Steps that keep no more than a parameter says."""


def limited(counts: pl.DataFrame) -> Iterator[str]:
    """What limits left out, a sentence for each: of all folds together, with the parameter to change.

    Args:
        counts: `Counts.table`.
    """
    cut = counts.filter(pl.col("step").is_in(list(_LIMITS)), pl.col("lost") > 0)
    summed = cut.group_by("set", "source", "step", maintain_order=True).agg(pl.col("rows", "lost").sum())
    for set_, source, step, rows, lost in summed.iter_rows():
        parameter, total = _LIMITS[step].format(source=source), rows + lost
        yield f"{set_}, {source}: {parameter} leaves out {lost:,} of {total:,} rows ({lost / total:.0%})."
