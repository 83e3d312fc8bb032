"""A release's vectors in layouts that vector engines import, with ids, fields, and the index's settings in their terms.

parquet     products-00000.parquet, …: product_id, cluster_id, fields, vector (a list of float32): what Milvus, Qdrant's and
            OpenSearch's loaders, DuckDB and Spark read
npy         vectors.npy float32 (N, dim), and products.parquet with the same rows in the same order
both        settings.json: dimension, metric, encoder, and how each engine calls the index that was chosen here
"""

import json
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from roar.errors import InputError
from roar.files import replaced_folder, seal
from roar.retrieval.manifest import Manifest
from roar.retrieval.search_index import SearchIndex

_ROWS = 100_000
"""Of a parquet file: what loaders take at once."""


def export(index: SearchIndex, folder: Path, to: Literal["parquet", "npy"] = "parquet") -> int:
    """Write what can be found now, changes included.

    Memory: one float32 copy of the vectors.

    Args:
        index: the index.
        folder: is created, or replaced where it is an earlier export.
        to: the layout.

    Returns:
        Products written.

    Raises:
        InputError: an unknown layout, a folder that holds something else, or the disk refuses.
    """
    if to not in ("parquet", "npy"):
        raise InputError(f"export to {to!r}: expected parquet or npy.")
    if folder.exists() and not (folder / "settings.json").is_file():
        raise InputError(f"{folder}: is there and no export; name a new folder.")
    products, vectors = index.products, index.vectors
    with replaced_folder(folder) as partial:
        if to == "npy":
            products.write_parquet(partial / "products.parquet")
            np.save(partial / "vectors.npy", vectors, allow_pickle=False)
        for number, start in enumerate(range(0, max(len(products), 1), _ROWS) if to == "parquet" else ()):
            rows = slice(start, start + _ROWS)
            vector = pl.Series("vector", vectors[rows], dtype=pl.Array(pl.Float32, vectors.shape[1])).arr.to_list()
            products[rows].with_columns(vector).write_parquet(partial / f"products-{number:05d}.parquet")
        (partial / "settings.json").write_text(json.dumps(settings(index.manifest), indent=1), encoding="utf-8")
        seal(partial)
    return len(products)


def settings(manifest: Manifest) -> dict[str, Any]:
    """The index as FAISS, Milvus, Qdrant and OpenSearch would have it; vectors are of norm 1, so inner product is cosine."""
    graph = re.search(r"^HNSW(\d+)", manifest.index)
    lists = re.search(r"^IVF(\d+)", manifest.index)
    probes = manifest.effort.probes
    links, build = int(graph[1]) if graph else 16, 200
    qdrant = {
        "vectors": {"size": manifest.dimension, "distance": "Dot"},
        "hnsw_config": {"m": links, "ef_construct": build},
    }
    method = {
        "name": "hnsw",
        "engine": "faiss",
        "space_type": "innerproduct",
        "parameters": {"m": links, "ef_construction": build},
    }
    if lists:
        milvus = {"index_type": "IVF_SQ8", "params": {"nlist": int(lists[1])}, "search": {"nprobe": probes}}
    elif graph:
        milvus = {
            "index_type": "HNSW",
            "params": {"M": links, "efConstruction": build},
            "search": {"ef": max(probes, 100)},
        }
    else:
        milvus = {"index_type": "FLAT", "params": {}, "search": {}}
    return {
        "dimension": manifest.dimension,
        "metric": "inner product",
        "encoder": manifest.encoder,
        "prompts": manifest.prompts,
        "faiss": {"factory": manifest.index, "probes": probes, "candidates": manifest.effort.candidates},
        "milvus": {"metric_type": "IP", **milvus},
        "qdrant": qdrant | ({"search": {"hnsw_ef": max(probes, 100)}} if graph else {"search": {"exact": not lists}}),
        "opensearch": {"type": "knn_vector", "dimension": manifest.dimension, "method": method},
    }
