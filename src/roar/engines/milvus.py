"""The vectors of a release in a Milvus collection: the same answers as those of its folder.

A version is written into a collection of its own; an alias that bears the version's name says that it is whole, and the alias
`milvus.collection` then moves to it in one step, so that clients never see half of one, or none. The fields are those that
searches filter by, the cluster, and the place in the catalogue, which breaks ties. Vectors are those that the release
stores, so that cosines are its cosines.

Collapsing is done here, as in `roar.retrieval.served.search`: more candidates are fetched until enough differ.
"""

import logging
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl

from roar.engines import engine
from roar.engines.milvus_filters import expression
from roar.errors import InputError
from roar.parameters import MilvusServer
from roar.retrieval import Manifest, SearchIndex
from roar.retrieval.candidates import firsts
from roar.retrieval.filters import Where
from roar.retrieval.served.build import checked
from roar.retrieval.served.changes import require_units

logger = logging.getLogger(__name__)

MANIFEST = "roar.manifest"
"""Property of a collection in which its manifest is kept."""
DEEPEST = 16_384
"""Candidates that Milvus gives a query at most."""
WHOLE = "_data"
"""Ends the name of the collection itself; without it, it is the alias that says that the collection is whole."""

_ROWS = 1_000
"""Products of one request."""
_GROUPED, _DEEPER = 1.5, 8
_TEXT, _SHORT = 65_535, 512
"""Bytes of a text, Milvus's own limit, and of an id."""
_TIE = 1e-6
"""Cosines of equal vectors differ by less, whoever adds them up."""


class MilvusIndex:
    """Products in a collection, as `roar.retrieval.VectorIndex` asks."""

    def __init__(self, client: Any, collection: str, server: MilvusServer) -> None:
        """Of a collection that `publish` wrote; `read` finds one."""
        self._client, self._collection, self._server = client, collection, server
        with _asking(server):
            said = client.describe_collection(collection)
        self.manifest = Manifest.model_validate_json(said["properties"][MANIFEST])
        self._types = {field["name"]: field["type"].name for field in said["fields"]}

    @classmethod
    def publish(cls, index: SearchIndex, server: MilvusServer) -> "MilvusIndex":
        """Write a release's index into a collection of its own, then let the alias name it; older ones beyond `keep` go.

        Memory: some thousand products, whatever the catalogue's size, beside what the index holds.

        Raises:
            InputError: the server is not there or refuses, or a filter's column is of a type that no field can have.
        """
        client, rows = connect(server), np.flatnonzero(index.allowed())
        version = name_of(server, index.manifest.version)
        with _asking(server):
            _drop(client, version)
            _create(client, version + WHOLE, index, server)
            for start in range(0, len(rows), _ROWS):
                part = rows[start : start + _ROWS]
                client.insert(
                    version + WHOLE, _entities(index.shown(part), index.vectors_of(part), part, index.manifest)
                )
            client.flush(version + WHOLE)
            client.load_collection(version + WHOLE)
            if (count := _count(client, version + WHOLE)) != len(rows):
                raise InputError(f"engines.milvus, {version}: {count} of {len(rows)} products arrived; release again.")
            client.create_alias(version + WHOLE, version)
            _make_current(client, version, server)
            _drop_older(client, server, index.manifest.keep)
        logger.info("%d products in the collection %s, which %s names now.", len(rows), version, server.collection)
        return cls(client, version, server)

    @classmethod
    def read(cls, server: MilvusServer, version: str | None = None) -> "MilvusIndex":
        """A version that was written whole; the current one where none is named.

        Raises:
            InputError: the server is not there, or has no such version.
        """
        client, name = connect(server), server.collection if version is None else name_of(server, version)
        with _asking(server):
            whole = client.has_collection(name)
        if not whole:
            raise InputError(
                f"engines.milvus, {server.uri}: no whole collection {name}; kedro run --pipelines release writes it "
                "where engines.vectors is milvus."
            )
        return cls(client, name, server)

    def __len__(self) -> int:
        with _asking(self._server):
            return _count(self._client, self._collection)

    def search(
        self, vectors: np.ndarray, limit: int, *, where: Where | None = None, group_by: str | None = None
    ) -> pl.DataFrame:
        """As `SearchIndex.search`; `where` as a mapping, `group_by` the cluster or a column that filters read.

        Of one query no more than the 16,384 nearest are looked at.
        """
        queries = np.atleast_2d(np.ascontiguousarray(vectors, dtype=np.float32))
        self.manifest.require(dimension=queries.shape[1])
        if limit < 1:
            raise InputError(f"limit: {limit} products are asked for; ask for at least one.")
        kept = ("cluster_id", *self.manifest.filters)
        if group_by is not None and group_by not in kept:
            raise InputError(f"group_by: Milvus keeps no column {group_by}; it has {', '.join(kept)}.")
        condition = expression(where, {name: self._types[name] for name in self.manifest.filters})
        wanted = limit if group_by is None else math.ceil(_GROUPED * limit)
        hits = [self._best(query, limit, wanted + 1, condition, group_by) for query in queries]
        row = np.repeat(np.arange(len(hits), dtype=np.uint32), [len(own) for own in hits])
        return pl.concat(hits).insert_column(0, pl.Series("row", row, dtype=pl.UInt32))

    def _best(self, query: np.ndarray, limit: int, wanted: int, condition: str, group_by: str | None) -> pl.DataFrame:
        """The best of `wanted` candidates; of more where groups, or scores that are equal, leave open which they are."""
        wanted = min(wanted, DEEPEST)
        found = self._candidates(query, wanted, condition, group_by)
        best = found if group_by is None else found.filter(pl.Series(firsts(found[group_by]), dtype=pl.Boolean))
        best = best.head(limit)
        seen_all = len(found) < wanted or wanted == DEEPEST
        if not seen_all and (len(best) < limit or best["level"][-1] == found["level"][-1]):
            return self._best(query, limit, _DEEPER * wanted, condition, group_by)
        return best.select("product_id", "score", "cluster_id")

    def _candidates(self, query: np.ndarray, wanted: int, condition: str, group_by: str | None) -> pl.DataFrame:
        """product_id, score, level (equal for equal scores, rising), place, cluster_id and the group, best first."""
        fields = list(dict.fromkeys(["place", "cluster_id", group_by or "place"]))
        with _asking(self._server):
            (found,) = self._client.search(
                self._collection, data=[query], limit=wanted, filter=condition, output_fields=fields
            )
        columns = {name: [hit["entity"].get(name) for hit in found] for name in fields}
        hits = pl.DataFrame(
            {
                "product_id": pl.Series([hit["product_id"] for hit in found], dtype=pl.String),
                "score": pl.Series([hit["distance"] for hit in found], dtype=pl.Float32),
            }
            | {
                name: pl.Series(values, dtype=pl.String if name == "cluster_id" else None)
                for name, values in columns.items()
            }
        )
        level = (-pl.col("score").diff().fill_null(0) > _TIE).cum_sum()
        return hits.with_columns(level=level).sort("level", "place")

    def upsert(self, products: pl.DataFrame, vectors: np.ndarray | None = None) -> int:
        """As `SearchIndex.upsert`; the vectors have to be given, there is no encoder here."""
        if vectors is None:
            raise InputError("upsert: no encoder lies beside a collection; give the products' vectors as well.")
        table, before = checked(products), len(self)
        missing = [pl.lit(None).alias(name) for name in self.manifest.filters if name not in table.columns]
        self.manifest.require(dimension=vectors.shape[1])
        require_units(vectors, table["product_id"])
        places = time.time_ns() + np.arange(len(table))  # after those of the release, in the order in which they came
        with _asking(self._server):
            for start in range(0, len(table), _ROWS):
                part = slice(start, start + _ROWS)
                entities = _entities(table[part].with_columns(missing), vectors[part], places[part], self.manifest)
                self._client.upsert(self._collection, entities)
        return len(self) - before

    def remove(self, product_ids: pl.Series | list[str]) -> int:
        """As `SearchIndex.remove`."""
        ids, before = pl.Series(product_ids, dtype=pl.String).unique().to_list(), len(self)
        with _asking(self._server):
            for start in range(0, len(ids), _ROWS):
                self._client.delete(self._collection, ids=ids[start : start + _ROWS])
        return before - len(self)


def connect(server: MilvusServer) -> Any:
    """A client.

    Raises:
        InputError: pymilvus is not installed, no server is named, or it does not answer.
    """
    if server.uri is None:
        raise InputError("engines.milvus.uri: it is null; name the server, http://host:19530, or choose local vectors.")
    pymilvus = engine("pymilvus", extra="milvus", chosen="engines.vectors milvus")
    with _asking(server):
        return pymilvus.MilvusClient(server.uri, token=server.token)


def name_of(server: MilvusServer, version: str) -> str:
    """The alias of a version: Milvus takes letters, digits and underscores."""
    return f"{server.collection}_{re.sub('[^A-Za-z0-9]', '_', version)}"


@contextmanager
def _asking(server: MilvusServer) -> Iterator[None]:
    """Turn what the server refuses into one line."""
    pymilvus = engine("pymilvus", extra="milvus", chosen="engines.vectors milvus")
    try:
        yield
    except pymilvus.MilvusException as error:
        said = " ".join(str(error.message).split())[:200]
        raise InputError(
            f"engines.milvus, {server.uri}: {said or type(error).__name__}. Is the server there?"
        ) from error


def _create(client: Any, name: str, index: SearchIndex, server: MilvusServer) -> None:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("product_id", DataType.VARCHAR, is_primary=True, max_length=_SHORT)
    schema.add_field("cluster_id", DataType.VARCHAR, max_length=_SHORT)
    schema.add_field("place", DataType.INT64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=index.manifest.dimension)
    for column in index.manifest.filters:
        kind, more = _field(column, index.rows.schema[column])
        schema.add_field(column, DataType[kind], nullable=True, **more)
    searched = client.prepare_index_params()
    searched.add_index("vector", index_type=server.index, metric_type="IP")
    said = {MANIFEST: index.manifest.model_dump_json()}
    client.create_collection(name, schema=schema, index_params=searched, properties=said, consistency_level="Strong")


def _field(column: str, dtype: pl.DataType) -> tuple[str, dict[str, int]]:
    """The type of a filter's field in Milvus, and its length."""
    if dtype == pl.Boolean:
        return "BOOL", {}
    if dtype.is_integer():
        return "INT64", {}
    if dtype.is_float():
        return "DOUBLE", {}
    if dtype in (pl.String, pl.Categorical, pl.Null):
        return "VARCHAR", {"max_length": _TEXT}
    raise InputError(f"release.filters, {column}: Milvus has no field for {dtype}; make it a text or a number.")


def _entities(
    products: pl.DataFrame, vectors: np.ndarray, places: np.ndarray, manifest: Manifest
) -> list[dict[str, Any]]:
    cluster = pl.coalesce("cluster_id", "product_id") if "cluster_id" in products.columns else pl.col("product_id")
    table = products.select("product_id", *manifest.filters, cluster_id=cluster, place=pl.Series(places))
    return [row | {"vector": vector} for row, vector in zip(table.to_dicts(), vectors, strict=True)]


def _count(client: Any, name: str) -> int:
    return int(client.query(name, filter="", output_fields=["count(*)"])[0]["count(*)"])


def _make_current(client: Any, version: str, server: MilvusServer) -> None:
    """One step: who searches the alias finds the old version or the new one."""
    move = client.alter_alias if client.has_collection(server.collection) else client.create_alias
    move(version + WHOLE, server.collection)


def _drop_older(client: Any, server: MilvusServer, keep: int) -> None:
    """Collections of all but the newest `keep` whole versions, what killed runs left among them."""
    own = re.compile(rf"{re.escape(server.collection)}_\d{{8}}T\w+{WHOLE}")
    versions = sorted(name.removesuffix(WHOLE) for name in client.list_collections() if own.fullmatch(name))
    kept = [version for version in versions if client.has_collection(version)][-keep:]
    for version in versions:
        if version not in kept:
            _drop(client, version)


def _drop(client: Any, version: str) -> None:
    """A version, its alias first, so that nobody takes for whole what is going."""
    if client.has_collection(version):
        client.drop_alias(version)
    if client.has_collection(version + WHOLE):
        client.drop_collection(version + WHOLE)
