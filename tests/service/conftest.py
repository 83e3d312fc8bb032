"""A release of forty products and some second listings, and a service over it."""

from pathlib import Path

import polars as pl
import pytest
from sentence_transformers import SentenceTransformer
from starlette.testclient import TestClient

from roar.encoder import encode, product_texts
from roar.parameters import Encoder
from roar.parameters.serve import Serve, ServedSystem
from roar.retrieval import Effort, SearchIndex, write_release
from roar.service import Settings, create_app

ENCODER = Encoder(precision="float32", product_fields=("title", "brand"), max_tokens=24)
FIELDS = {"shown": ("title", "brand", "vertical", "price"), "filters": ("vertical", "brand", "price")}

KINDS = ["memory card 64 gb", "running shoe", "coffee maker", "green tea 500 g"]
COLOURS = ["red", "blue", "black", "white", "green", "grey", "pink", "brown", "gold", "silver"]
VERTICALS = ["electronics", "lifestyle", "home", "food"]


def listings() -> pl.DataFrame:
    """Forty items; the first listing of every item has a dearer second one, and one item has 14 more."""
    items = [(k, c) for k in range(4) for c in range(10)]
    rows = [
        {
            "product_id": f"p{k}{c}{copy}",
            "cluster_id": f"c{k}{c}",
            "title": f"{COLOURS[c]} {KINDS[k]}{' free shipping' if copy else ''}",
            "brand": "Orvane" if c % 2 else "Kest",
            "vertical": VERTICALS[k],
            "price": 10.0 * k + c + copy,
            "attributes": f'{{"colour": "{COLOURS[c]}"}}',
            "description": "long",
        }
        for k, c in items
        for copy in range(15 if (k, c) == (2, 0) else 2)
    ]
    return pl.DataFrame(rows)


def release(folder: Path, encoder: SentenceTransformer, products: pl.DataFrame | None = None) -> Path:
    """Write a version below a folder."""
    products = listings() if products is None else products
    texts = product_texts(products, ENCODER.product_fields, ENCODER.max_tokens).to_list()
    vectors = encode(encoder, texts, config=ENCODER.model_copy(update={"dimension": 16}))
    template = ENCODER.model_dump(include={"product_fields", "max_tokens"}, mode="json")
    index = SearchIndex.build(
        products, vectors, "HNSW8,Flat", Effort(64), queries=vectors[:6], template=template, rebuild=0.9, **FIELDS
    )
    write_release(folder, index, encoder, {"k1": 1.2, "b": 0.75, "weight": 0.5})
    return folder


@pytest.fixture(scope="session")
def encoder(tiny_bert_folder) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_bert_folder), local_files_only=True, device="cpu")


@pytest.fixture(scope="session")
def released(tmp_path_factory, encoder) -> Path:
    """A release that no test changes."""
    return release(tmp_path_factory.mktemp("served") / "release", encoder)


SERVE = Serve(
    systems={"words": ServedSystem(kind="hybrid", weight=0.0)},
    depth=30,
    limit=50,
    watch_s=0.05,
    threads=2,
    timeout_s=30,  # a busy machine is no fault
)


@pytest.fixture(scope="session")
def client(released):
    with TestClient(create_app(Settings(release=released, serve=SERVE)), raise_server_exceptions=False) as client:
        yield client
