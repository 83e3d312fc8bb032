"""A table that may be absent: it then loads as an empty frame.

Kedro fails on an input whose file is not there; many of a shop's tables (search log, experiment log, categories) are
there or not. `exists()` stays honest: it is true only where the file is.
"""

from importlib import import_module
from typing import Any

import polars as pl

from roar.datasets.table import Frame, Table


class OptionalTable(Table):
    """A `Table` that loads as an empty frame, in the columns of a schema, where its file is absent."""

    def __init__(self, *, schema: str | None = None, **table: Any) -> None:
        """Describe the file; nothing is opened.

        Args:
            schema: Import path of the pandera model that gives the empty frame its columns, for instance
                `roar.schemas.SearchLog`; without it the empty frame has no columns.
            table: The arguments of `Table`.
        """
        super().__init__(**table)
        self._schema = schema

    def load(self) -> Frame:
        """The table, or an empty frame.

        Raises:
            InputError: the file is there and cannot be read.
        """
        return super().load() if self._exists() else empty_frame(self._schema)


def empty_frame(schema: str | None) -> pl.DataFrame:
    """No rows, in the columns of a pandera model named by its import path."""
    if schema is None:
        return pl.DataFrame()
    module, name = schema.rsplit(".", 1)
    columns = getattr(import_module(module), name).to_schema().columns
    return pl.DataFrame(schema={name: column.dtype.type for name, column in columns.items()})
