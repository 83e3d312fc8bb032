"""A tiny release with its evidence, and a service of it on loopback."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import uvicorn

from roar.encoder import encode, product_texts
from roar.parameters import Encoder
from roar.parameters.serve import Serve
from roar.retrieval import SearchIndex, write_release
from roar.service.app import create_app
from roar.service.releases import Releases
from roar.service.rooms import rooms
from roar.service.settings import Settings

ENCODER = Encoder(precision="float32", product_fields=("title",), max_tokens=24)
MARKUP = "red <b>memory</b> card 128 gb <script>alert(1)</script>"


def catalogue() -> pl.DataFrame:
    """Forty products of four kinds in ten colours; p00 has two further listings, and one title holds markup."""
    kinds = ["memory card 64 gb", "running shoe", "coffee maker", "green tea 500 g"]
    colours = ["red", "blue", "black", "white", "green", "grey", "pink", "brown", "gold", "silver"]
    rows = [
        (f"p{k}{c}", f"{colour} {kind}", f"c{k}{c}") for k, kind in enumerate(kinds) for c, colour in enumerate(colours)
    ]
    rows += [("p00x", "red memory card 64 gb", "c00"), ("p00y", "red memory card 64 gb", "c00"), ("odd", MARKUP, "odd")]
    table = pl.DataFrame(rows, schema=["product_id", "title", "cluster_id"], orient="row")
    return table.with_columns(
        brand=pl.lit("Orvane"),
        vertical=pl.lit("home"),
        price=pl.int_range(pl.len()).cast(pl.Float64),
        attributes=pl.lit(None, pl.String),
    )


def write_tiny_release(data: Path, encoder) -> Path:
    """Release and evidence, where an environment has them; the release's folder."""
    products = catalogue()
    vectors = encode(encoder, product_texts(products, ENCODER.product_fields, 24).to_list(), config=ENCODER)
    template = ENCODER.model_dump(include={"product_fields", "max_tokens"}, mode="json")
    fields = {"shown": ("title", "brand", "vertical", "price"), "filters": ("vertical", "brand", "price")}
    index = SearchIndex.build(products, vectors, "Flat", template=template, **fields)
    index = index.saying(
        constraints={"stage2": {"penalty": 5.0, "bonus": 1.0}, "hybrid": {"penalty": 0.0, "bonus": 0.0}}
    )
    write_release(data / "06_models/release", index, encoder, {"k1": 1.2, "b": 0.75, "weight": 0.5})
    folder = data / "08_reporting/search_page"
    folder.mkdir(parents=True)
    known = {"query_id": ["q1"], "query": ["Red memory card"], "vertical": ["home"], "stratum": ["HEAD"]}
    pl.DataFrame(known | {"key": ["red memory card"]}).write_parquet(folder / "queries.parquet")
    judged = {"query_id": ["q1"] * 2, "product_id": ["p00", "p01"], "grade": ["exact", "substitute"]}
    pl.DataFrame(judged).write_parquet(folder / "judgments.parquet")
    examples = [("red memory card", 0.9, 0.4, -0.5, False), ("green tea", 0.1, 0.6, 0.5, True)]
    columns = ["query", "before", "after", "difference", "best"]
    pl.DataFrame(examples, schema=columns, orient="row").write_parquet(folder / "examples.parquet")
    queue = [("q1", "red memory card", p, p) for p in ("p02", "p03")] + [("q7", "tea", "p31", "p31")]
    columns = ["query_id", "query", "product_id", "title"]
    pl.DataFrame(queue, schema=columns, orient="row").write_parquet(folder / "annotation_queue.parquet")
    return data / "06_models/release"


def app_of(data: Path, **serve):
    """The application, as `roar serve` makes it; threads share one core in tests."""
    block = Serve.model_validate({"timeout_s": 30.0, **serve})
    settings = Settings(release=data / "06_models/release", serve=block, data=data)
    releases = Releases(settings)
    return create_app(settings, releases=releases, **rooms(settings, releases))


@contextmanager
def listening(app) -> Iterator[str]:
    """Its address while it is served by a thread."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
