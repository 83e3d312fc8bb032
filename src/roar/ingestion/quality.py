"""The data-quality table: every rule that dropped, merged or repaired something, with counts and examples."""

import polars as pl

SCHEMA = {
    "table": pl.String,
    "rule": pl.String,
    "column": pl.String,
    "action": pl.String,
    "count": pl.Int64,
    "examples": pl.String,
}

SIMULATED = "made by the simulator"
"""The rule under which rows that no shop ever had are noted."""

_EXAMPLES = 3
_EXAMPLE_LENGTH = 40


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
