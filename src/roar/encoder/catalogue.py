"""A catalogue of any size to vectors on disk, in a memory that does not grow with it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from pyarrow import RecordBatch
from sentence_transformers import SentenceTransformer
from tqdm import tqdm

from roar.encoder.encoding import dimension_of, encode
from roar.encoder.product_text import product_texts
from roar.errors import InputError
from roar.files import replaced_file
from roar.parameters import Encoder

_CHUNK = 16_384
"""Products in memory at once: enough to sort by length, a few tens of megabytes of text."""


def encode_catalogue(
    encoder: SentenceTransformer, products: Path, vectors: Path, config: Encoder | None = None, *, progress: str = ""
) -> int:
    """Encode a product table, a chunk at a time.

    Cost: linear in products. Memory: one chunk of texts and vectors, whatever the table's size.

    Args:
        encoder: as `load_encoder` gives it.
        products: a parquet file with the columns of `roar.schemas.Products`.
        vectors: the file to write, float32 (n, dim) in numpy's format, rows in the table's order; `numpy.load(vectors,
            mmap_mode="r")` reads it. It appears when it is complete.
        config: which fields are read, and how.
        progress: what a progress bar says; empty for none.

    Returns:
        n, the number of products.

    Raises:
        InputError: the file cannot be read, lacks a field, or `config.dimension` exceeds the encoder's.
    """
    config = config or Encoder()
    try:
        table = pq.ParquetFile(products)
    except (OSError, ValueError) as error:
        raise InputError(f"{products}: not a readable parquet file ({error}).") from error
    count, dimension = table.metadata.num_rows, dimension_of(encoder, config.dimension)
    columns = [name for name in config.product_fields if name in table.schema_arrow.names]
    with replaced_file(vectors) as partial:
        _write(encoder, table.iter_batches(_CHUNK, columns=columns), partial, (count, dimension), config, progress)
    return count


def _write(
    encoder: SentenceTransformer,
    batches: Iterator[RecordBatch],
    path: Path,
    shape: tuple[int, int],
    config: Encoder,
    progress: str,
) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": shape}
    with (
        path.open("wb") as out,  # written, not mapped: a full disk kills whoever writes to a mapping
        tqdm(total=shape[0], desc=progress, unit="product", disable=not progress) as bar,
    ):
        np.lib.format.write_array_header_1_0(out, header)
        for batch in batches:
            texts = product_texts(pl.DataFrame(batch), config.product_fields, config.max_tokens).to_list()
            out.write(np.ascontiguousarray(encode(encoder, texts, config=config)).data)
            bar.update(len(texts))
