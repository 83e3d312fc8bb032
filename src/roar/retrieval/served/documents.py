"""All that the catalogue says of a few products, read from disk by the numbers of their rows.

Kept uncompressed and mapped, so that a hundred rows of a million cost what a hundred rows cost; parquet would decode the whole
column of ids to find them.
"""

from pathlib import Path

import numpy as np
import polars as pl

NAME = "documents.arrow"


def write(base: Path, products: pl.DataFrame) -> None:
    """Keep every column of the products, in the order of their rows."""
    import pyarrow as pa

    table = products.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    with pa.OSFile(str(base / NAME), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def read(base: Path, rows: np.ndarray) -> pl.DataFrame:
    """Every column of rows (n,), in their order."""
    import pyarrow as pa

    with pa.memory_map(str(base / NAME)) as file:
        taken = (
            pa.ipc.open_file(file).read_all().take(pl.Series(rows).to_arrow())
        )  # pa.array would load pandas for numpy
        return pl.DataFrame(pl.from_arrow(taken))
