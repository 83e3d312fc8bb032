"""The data-quality table: every rule that dropped, merged or repaired something, with counts and examples."""

from typing import NamedTuple

import polars as pl

from roar.errors import InputError

SCHEMA = {
    "table": pl.String,
    "rule": pl.String,
    "column": pl.String,
    "action": pl.String,
    "count": pl.Int64,
    "examples": pl.String,
}

NOTHING = "a word for nothing"
"""The rule under which NULL, N/A, - and the like become gaps."""
SIMULATED = "made by the simulator"
"""The rule under which rows that no shop ever had are noted."""

_EXAMPLES = 3
_EXAMPLE_LENGTH = 40


class Broken(NamedTuple):
    """A rule, and the rows that broke it (Boolean); `unreadable` values are those of another type than the column's."""

    rule: str
    rows: pl.Series
    unreadable: bool = False
    advice: str = "map another column to it, or mend the values"


class Quality:
    """Collects what ingestion did to each table.

    Actions: `dropped` (the row is lost), `merged` (rows that say the same became one), `repaired` (the row stays, a
    value changed), `left out` (the mapping asks for other rows) and `noted` (nothing changed; a reader should know).
    """

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, str, str, int, str]] = []

    def add(
        self, table: str, rule: str, action: str, count: int, *, column: str = "", examples: pl.Series | None = None
    ) -> None:
        """Record `count` rows under a rule; a rule that met no row is not recorded."""
        if count:
            self._rows.append((table, rule, column, action, int(count), "" if examples is None else listed(examples)))

    def repaired(self, table: str, column: str, raw: pl.Series, broken: list[Broken], max_loss: float) -> None:
        """Record what reading a column changed.

        Raises:
            InputError: more than `max_loss` of the filled values were unreadable.
        """
        filled = max(raw.len() - raw.null_count(), 1)
        for rule, rows, unreadable, advice in broken:
            count = int(rows.sum())
            if unreadable and count > max_loss * filled:
                raise InputError(
                    f"column {column}: {count} of {filled} values are no {rule.removeprefix('not a ')} (first: "
                    f"{listed(raw.filter(rows))}); {advice}"
                )
            # Two expressions may read one raw column; what it lost is told once.
            if (table, rule, column, "repaired", count) not in [row[:5] for row in self._rows]:
                self.add(table, rule, "repaired", count, column=column, examples=raw.filter(rows))

    def dropped(self, table: str) -> int:
        """Rows of `table` lost so far."""
        return sum(row[4] for row in self._rows if row[0] == table and row[3] == "dropped")

    def worst(self, table: str) -> str:
        """The rule that lost most rows of `table`, in words."""
        rows = [row for row in self._rows if row[0] == table and row[3] == "dropped"]
        _, rule, column, _, count, examples = max(rows, key=lambda row: row[4])
        return f"{count} by the rule '{rule}'" + (f" on {column}" if column else "") + f" (first: {examples})"

    def table(self) -> pl.DataFrame:
        """The table: table, rule, column, action, count, examples; in the order in which things happened."""
        return pl.DataFrame(self._rows, schema=SCHEMA, orient="row")


def listed(values: pl.Series, limit: int = _EXAMPLES) -> str:
    """The first distinct values as one line of text, long ones shortened."""
    distinct = values.head(1000).drop_nulls().unique(maintain_order=True).head(limit).to_list()
    texts = (" ".join(str(value)[: _EXAMPLE_LENGTH + 1].split()) for value in distinct)
    return ", ".join(text if len(text) <= _EXAMPLE_LENGTH else text[:_EXAMPLE_LENGTH] + "…" for text in texts)
