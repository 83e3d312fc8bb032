"""The service end to end, the client in another process over loopback, as `name value` lines.

    python benchmarks/service.py                           the default shop's release (make run), beside the plain way
    python benchmarks/service.py --minutes 10              then so long at 8 clients: memory and errors
    python benchmarks/service.py --listings 1000000 --cache FOLDER      on a release of so many listings, built once into FOLDER

Every request asks `stage2` for 10 hits of a query that was not asked before, so that nothing is found in a cache; `mixed_` lines
are of the share `--repeated` of requests drawn from 500 popular queries (by 1/rank), the others new. Queries are real ones
(`texts.pairs`) with a word of another one. A client asks again as soon as it was answered. Latencies are milliseconds at the client.

The plain way is what a user would write: a FastAPI handler that calls SentenceTransformer.encode, searches the release's own
FAISS index, and returns title, brand and price; library defaults throughout. Ratios are of it, in the same run.

The service runs outside the project's folder: with the defaults of its parameters, and without a log. Processor time is the service
process's own; it says what a request costs where other jobs disturb the clock.

Listings are vectors made as `search.py` makes them, under the titles that they were made from, each with a word of another one;
near-copies are listings of one item. The index is `IVF2048_HNSW32,PQ128x4fs` from 500,000 listings on, HNSW below. FOLDER keeps
the encoded titles and the release; `--build` ends there, so that what was built beside other work is measured on an idle machine.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from roar.retrieval import SearchIndex

CLIENTS, COMPARED, POPULAR, HITS = (1, 8, 64), 8, 500, 10
MEASURED, RECALL, VERTICALS = 200, 0.97, 20
QUANTILES = {"p50": 50, "p95": 95, "p99": 99}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=Path, default=Path("data/06_models/release"))
    parser.add_argument("--listings", type=int, help="build a release of so many listings and measure on it")
    parser.add_argument("--cache", type=Path, default=Path("data/benchmark_release"), help="where it is kept")
    parser.add_argument("--build", action="store_true", help="build that release, and measure nothing")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--repeated", type=float, default=0.5, help="share of repeated queries in the mix")
    parser.add_argument("--minutes", type=float, default=0.0, help="of steady load at 8 clients")
    parser.add_argument(
        "--serve-plain", type=int, metavar="PORT", help="be the plain service; used by the script itself"
    )
    options = parser.parse_args()
    if options.serve_plain:
        plain(options.release, options.serve_plain)
        return
    release = (listed(options.cache, options.listings) if options.listings else options.release).resolve()
    if options.build:
        return
    asked = Queries(options.repeated)
    command = [sys.executable, "-m", "roar", "serve", "--release", str(release)]
    with served("", [*command, "--port", "8766"], 8766) as process:
        ours = measured("", process.pid, 8766, asked.new, options.seconds, CLIENTS)
        report("memory_mb", held(process.pid, "VmRSS"))
        report("of_it_not_mapped_mb", held(process.pid, "RssAnon"))
        measured("mixed_", process.pid, 8766, asked.mixed, options.seconds, (COMPARED,))
        if options.minutes:
            steady(process.pid, 8766, asked.mixed, 60 * options.minutes)
    with served(
        "plain_",
        [sys.executable, str(Path(__file__).resolve()), "--release", str(release), "--serve-plain", "8767"],
        8767,
    ) as process:
        theirs = measured("plain_", process.pid, 8767, asked.new, options.seconds, (1, COMPARED))
        report("plain_memory_mb", held(process.pid, "VmRSS"))
    report("requests_ratio_plain", ours["rate"] / theirs["rate"])
    report("p99_ratio_plain", ours["p99"] / theirs["p99"])


def report(name: str, value: float) -> None:
    print(f"{name} {value:.4g}", flush=True)


class Queries:
    """Paths to ask for: new ones without end, or a mix with popular ones."""

    def __init__(self, repeated: float) -> None:
        import texts

        self._texts = list(dict.fromkeys(texts.pairs(5_000)[0]))
        self._words = sorted({word for text in self._texts for word in text.split()})
        self._rng, self._asked, self._repeated = np.random.default_rng(0), set[str](), repeated
        popularity = 1 / np.arange(1, POPULAR + 1)
        self._popular = np.cumsum(popularity / popularity.sum())

    def new(self) -> str:
        """A query that was never asked."""
        while True:
            text, word = self._rng.integers((len(self._texts), len(self._words)))
            query = f"{self._texts[text]} {self._words[word]}"
            if query not in self._asked:
                self._asked.add(query)
                return _path(query)

    def mixed(self) -> str:
        """A popular one, or a new one."""
        if self._rng.random() >= self._repeated:
            return self.new()
        return _path(self._texts[int(np.searchsorted(self._popular, self._rng.random())) % len(self._texts)])


def _path(query: str) -> str:
    return f"/search?limit={HITS}&q={quote(query)}"


@contextlib.contextmanager
def served(name: str, command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A service in a process of its own, from the first good answer on."""
    environment = os.environ if name else os.environ | {"OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, cwd=tempfile.gettempdir())
    try:
        while asyncio.run(_status(port)) != 200:
            if process.poll() is not None:
                sys.exit(f"{' '.join(command)}: ended with {process.returncode}")
            time.sleep(0.01)
        report(f"{name}cold_start_s", time.perf_counter() - started)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def _status(port: int) -> int:
    try:
        client = await Client.open(port)
        return (await client.get("/search?q=coffee&limit=1"))[0]
    except OSError:
        return 0


class Client:
    """One connection that is kept open: HTTP/1.1 at the least cost to the cores that the service shares."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


async def load(port: int, path: Callable[[], str], seconds: float, clients: int) -> tuple[np.ndarray, int, float]:
    """Milliseconds of every answer, answers other than 200, and seconds that it took."""
    took: list[float] = []
    failed, end = 0, time.perf_counter() + seconds

    async def ask() -> None:
        nonlocal failed
        client = await Client.open(port)
        while (start := time.perf_counter()) < end:
            status, _ = await client.get(path())
            took.append(1000 * (time.perf_counter() - start))
            failed += status != 200
        client.close()

    start = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(clients)))
    return np.array(took), failed, time.perf_counter() - start


def measured(
    name: str, pid: int, port: int, path: Callable[[], str], seconds: float, clients: tuple[int, ...]
) -> dict[str, float]:
    """Print what so many clients see; gives rate and p99 at `COMPARED`."""
    asyncio.run(load(port, path, 1.0, COMPARED))
    found = {}
    for count in clients:
        before = used_s(pid)
        took, failed, lasted = asyncio.run(load(port, path, seconds, count))
        report(f"{name}clients_{count}_processor_ms_per_request", 1000 * (used_s(pid) - before) / len(took))
        values = dict(zip(QUANTILES, np.percentile(took, list(QUANTILES.values())), strict=True))
        for quantile, value in values.items():
            report(f"{name}clients_{count}_{quantile}_ms", value)
        report(f"{name}clients_{count}_requests_per_second", len(took) / lasted)
        report(f"{name}clients_{count}_errors", failed)
        if count == COMPARED:
            found = {"rate": len(took) / lasted, "p99": values["p99"]}
    return found


def steady(pid: int, port: int, path: Callable[[], str], seconds: float) -> None:
    """Load that goes on: whether memory grows, and whether anything fails."""
    parts, memory, failures, answers = max(round(seconds / 30), 4), [], 0, 0
    for _ in range(parts):
        took, failed, _ = asyncio.run(load(port, path, seconds / parts, COMPARED))
        failures, answers = failures + failed, answers + len(took)
        memory.append(held(pid, "RssAnon"))
    report("steady_requests", answers)
    report("steady_errors", failures)
    for share in (0.25, 0.5, 0.75, 1.0):
        report(f"steady_not_mapped_mb_at_{share:.0%}", memory[round(share * parts) - 1])


def used_s(pid: int) -> float:
    """Processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def held(pid: int, what: str) -> float:
    """Megabytes of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


def listed(cache: Path, count: int) -> Path:
    """A release of so many listings, built once."""
    folder = cache / f"release_{count}"
    if (folder / "current").is_file():
        return folder
    import texts
    from roar.encoder import load_encoder
    from roar.parameters import Encoder
    from roar.retrieval import write_release

    cache.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    index = indexed(cache, count)
    report("index_built_s", time.perf_counter() - start)
    encoder = load_encoder(Encoder(precision="float32"))
    asked = list(dict.fromkeys(texts.pairs(200)[0]))
    write_release(folder, index, encoder, {"k1": 1.2, "b": 0.75, "weight": 0.5}, asked)
    report("released_s", time.perf_counter() - start)
    report("recall_100", index.manifest.measured["recall@100"])
    return folder


def indexed(cache: Path, count: int) -> "SearchIndex":
    """Listings with their vectors, behind the approximate index of their number."""
    import search
    import texts
    from roar.retrieval import SearchIndex
    from roar.retrieval.frontier import efforts_of, measure

    titles, queries = search.encoded(cache)
    vectors, source = search.spread(titles, count)
    index = SearchIndex.build(
        listings(texts.products(search.TITLES), source),
        vectors,
        queries=queries[:MEASURED],
        filters=("vertical", "brand", "price"),
        shown=("title", "brand", "vertical", "price"),
        template={"product_fields": ["title", "brand"], "max_tokens": 64},
    )
    del vectors
    factory = "IVF2048_HNSW32,PQ128x4fs" if count >= 500_000 else "HNSW32,SQ8"
    return measure(index, efforts_of(factory, index.manifest.entries, index.manifest.dimension), RECALL)[1]


def listings(products: pl.DataFrame, source: np.ndarray) -> pl.DataFrame:
    """The catalogue: each listing has the title that its vector was made from, and a word of another title."""
    rng, count = np.random.default_rng(3), len(source)
    words = products["title"].str.split(" ").list.explode()
    cluster = np.cumsum(np.r_[True, source[1:] != source[:-1]])  # a near-copy follows the listing that it copies
    return products.select("title", "brand")[source].with_columns(
        title=pl.col("title") + " " + words[rng.integers(0, len(words), count)],
        product_id=pl.int_range(count, eager=True).cast(pl.String),
        cluster_id=pl.Series(cluster).cast(pl.String),
        vertical=pl.Series(source % VERTICALS).cast(pl.String),
        price=pl.Series(rng.lognormal(3, 1, count).round(2)),
    )


def plain(release: Path, port: int) -> None:
    """The service as a user would write it in ten minutes."""
    import faiss
    import uvicorn
    from fastapi import FastAPI
    from sentence_transformers import SentenceTransformer

    from roar.retrieval.versions import BASE, current_version

    base = current_version(release) / BASE
    model = SentenceTransformer(str(base / "encoder"), device="cpu")
    approximate = (base / "index.faiss").is_file()  # otherwise the stored vectors are scanned, a row a product
    index = faiss.read_index(str(base / ("index.faiss" if approximate else "vectors.faiss")))
    products = pl.read_parquet(base / "products.parquet", columns=["product_id", "title", "brand", "price"])
    listing_of = np.load(base / "start.npy") if approximate else np.arange(len(products))
    effort = pl.read_json(base / "manifest.json").select("effort").item().to_list()
    if hasattr(index, "nprobe"):
        index.nprobe = int(effort[0])
    app = FastAPI()

    @app.get("/search")
    def answer(q: str, limit: int = HITS) -> list[dict[str, object]]:
        vector = model.encode([q], normalize_embeddings=True)[:, : index.d]
        scores, entries = index.search(np.ascontiguousarray(vector), limit)
        return [
            products.row(int(listing_of[entry]), named=True) | {"score": float(score)}
            for entry, score in zip(entries[0], scores[0], strict=True)
        ]

    uvicorn.run(app, port=port, log_level="warning")


if __name__ == "__main__":
    main()
