"""What may lie beside an index's own files: the encoder that made its vectors, and BM25 over the same products."""

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.parameters import Encoder as EncoderSettings
from roar.retrieval.bm25 import LexicalIndex, Setting
from roar.retrieval.manifest import Manifest

LEXICAL, ENCODER = "lexical", "encoder"
"""Their folders."""

Encode = Callable[[pl.DataFrame], np.ndarray]
"""Products to float32 unit rows, as the index's own were made."""


def encoder_beside(base: Path, manifest: Manifest) -> Encode | None:
    """What encodes products as those of the index were: loaded when it is first needed."""
    if not (base / ENCODER).is_dir():
        return None

    @cache
    def encoder() -> Any:
        from roar.encoder import read_encoder  # loads torch, which a search by vector does without

        return read_encoder(base / ENCODER)

    def encode(products: pl.DataFrame) -> np.ndarray:
        from roar.encoder import encode, product_texts

        config = EncoderSettings(**manifest.template, dimension=manifest.dimension, precision="float32")
        absent = [name for name in config.product_fields if name not in products.columns and name != "title"]
        products = products.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
        texts = product_texts(products, config.product_fields, config.max_tokens)
        if empty := products.filter(texts == "")["product_id"].head(1).to_list():
            raise InputError(
                f"upsert, product {empty[0]!r}: {', '.join(config.product_fields)} are empty, so there is nothing to encode."
            )
        return encode(encoder(), texts.to_list(), config=config)

    return encode


def lexical_index(rows: pl.DataFrame, manifest: Manifest) -> LexicalIndex:
    """BM25 over what the encoder reads of a product, uncut."""
    from roar.encoder import product_texts  # loads torch, which a search by vector does without

    texts = product_texts(rows, manifest.template["product_fields"], max_tokens=10_000)
    return LexicalIndex(rows["product_id"], texts)


def carry_over(old: Path, new: Path, rows: pl.DataFrame, manifest: Manifest) -> None:
    """Take what lies beside one base into another, whose rows are given: BM25 anew, the rest as it is."""
    for path in old.iterdir():
        if path.is_dir() and path.name != LEXICAL:
            shutil.copytree(path, new / path.name, copy_function=os.link)
    if manifest.lexical:
        setting = Setting(manifest.lexical["k1"], manifest.lexical["b"])
        lexical_index(rows, manifest).write(new / LEXICAL, setting)
