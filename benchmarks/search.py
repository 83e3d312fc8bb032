"""The index that is served beside other libraries, as `name value` lines.

    python benchmarks/search.py                                    100,000 vectors, every candidate measured
    python benchmarks/search.py --count 1000000 --index IVF2048_HNSW32,PQ128x4fs
    python benchmarks/search.py --peers                            faiss flat, and hnswlib and usearch where they are installed

The vectors are made from up to 10,000 real titles (`texts.products`: ESCI's where `ROAR_REAL_DATA` names a folder), encoded with `minilm` at
256 dimensions: each is a title moved up to 0.6 of the way to one of its ten nearest, and by a quarter of the difference of two
others; 8% are near-copies of the one before. Queries are the sets' real ones. `--cache FOLDER` keeps the encoded titles, the index
and the peers' with the seconds that they took, so that what was built beside other work is measured on an idle machine.

p50, p95 and p99 are of one query for 100 products on one core, hits as numbers (as the peers give them); `search_p50_ms` is
`SearchIndex.search`, a table of products. Memory is what a fresh process holds after loading and 200 searches, less what it
holds without. Peers are searched with the effort at which their recall@100 first reaches what ours has.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import polars as pl

import texts
from roar.encoder import encode, load_encoder
from roar.parameters import Encoder
from roar.retrieval import SearchIndex
from roar.retrieval.frontier import candidates, efforts_of, measure
from roar.retrieval.index import unit_rows
from roar.retrieval.vector_index import threads

DIMENSION, TITLES, QUERIES, DEPTH = 256, 10_000, 500, 100
SHARES = (0.1, 0.01, 0.001)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--index", default="auto")
    parser.add_argument("--recall", type=float, default=0.975)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--cache", type=Path)
    parser.add_argument(
        "--load", type=Path, help="read this release and print seconds and memory; used by the script itself"
    )
    options = parser.parse_args()
    if options.load:
        load(options.load)
        return
    titles, queries = encoded(options.cache)
    vectors, _ = spread(titles, options.count)
    exact, seconds = flat(vectors, queries)
    report("flat_float32_p50_ms", seconds)
    cache = options.cache / str(options.count) if options.cache else None
    with tempfile.TemporaryDirectory() as folder:
        place = cache or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        reached = ours(vectors, queries, exact, place, options.index, options.recall)
        if options.peers:
            peers(vectors, queries, exact, place, reached)


def report(name: str, value: float) -> None:
    print(f"{name} {value:.5g}", flush=True)


def encoded(cache: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Titles and queries as vectors."""
    path = cache / "titles_and_queries.npz" if cache else None
    if path and path.is_file():
        kept = np.load(path)
        return kept["titles"], kept["queries"]
    config = Encoder(dimension=DIMENSION, precision="float32")
    encoder = load_encoder(config)
    titles = encode(encoder, texts.products(TITLES)["title"].to_list(), config=config, progress="titles")
    asked = list(dict.fromkeys(texts.pairs(4 * QUERIES)[0]))[:QUERIES]
    queries = encode(encoder, asked, kind="query", config=config)
    if path:
        np.savez(path, titles=titles, queries=queries)
    return titles, queries


def spread(titles: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many vectors that lie as titles do, and the title that each was made from; see the module."""
    rng = np.random.default_rng(0)
    index = faiss.IndexFlatIP(titles.shape[1])
    index.add(titles)
    near = index.search(titles, 11)[1][:, 1:]
    vectors, source = np.empty((count, titles.shape[1]), dtype=np.float32), np.empty(count, dtype=np.int64)
    for start in range(0, count, 65_536):
        size = min(65_536, count - start)
        own, one, other = rng.integers(0, len(titles), (3, size))
        source[start : start + size] = own
        towards = titles[near[own, rng.integers(0, 10, size)]] - titles[own]
        moved = titles[own] + rng.uniform(0, 0.6, (size, 1)) * towards + 0.25 * (titles[one] - titles[other])
        vectors[start : start + size] = unit_rows(moved.astype(np.float32))
    copies = np.flatnonzero(rng.random(count - 1) < 0.08) + 1
    jitter = 0.01 * rng.standard_normal((len(copies), titles.shape[1])).astype(np.float32)
    vectors[copies] = unit_rows(vectors[copies - 1] + jitter)
    source[copies] = source[copies - 1]
    return vectors, source


def flat(vectors: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, float]:
    """The exactly best products, and the median milliseconds of a query on one core."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    with threads(1):
        times = timed(lambda query: index.search(query[None], DEPTH), queries[:30])
    return index.search(queries, DEPTH)[1], float(np.median(times))


def timed(search: Callable[[np.ndarray], object], queries: np.ndarray) -> np.ndarray:
    """Milliseconds of each query."""
    times = []
    for query in queries:
        start = time.perf_counter()
        search(query)
        times.append(time.perf_counter() - start)
    return 1000 * np.array(times)


def recall(found: list[np.ndarray], exact: np.ndarray, depth: int) -> float:
    """Share of the exactly best that were found; of fewer than `depth` products where fewer are allowed."""
    pairs = [(own[:depth], best[:depth][best[:depth] >= 0]) for own, best in zip(found, exact, strict=True)]
    return float(np.mean([len(np.intersect1d(own, best)) / len(best) for own, best in pairs]))


def ours(
    vectors: np.ndarray, queries: np.ndarray, exact: np.ndarray, place: Path, factory: str, wanted: float
) -> float:
    kept = place / factory
    if not kept.is_dir():
        built(vectors, queries, factory, wanted).write(kept)
    index = SearchIndex.read(kept)
    effort, measured = index.manifest.effort, index.manifest.measured
    print(f"index {index.manifest.index} probes {effort.probes} candidates {effort.candidates}")
    report("build_s", measured["build_s"])
    reached = searched(index, queries, exact)
    filtered(index, vectors, queries)
    loaded = subprocess.run([sys.executable, __file__, "--load", str(kept)], capture_output=True, text=True, check=True)
    print(loaded.stdout, end="")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        live = SearchIndex.read(Path(folder))
        changed(live, vectors)
        report("recall_100_after_changes", live.recall())
    return reached


def built(vectors: np.ndarray, queries: np.ndarray, factory: str, wanted: float) -> SearchIndex:
    """The index as it is chosen among candidates, or of the factory string, at the least effort that finds enough."""
    count = len(vectors)
    rng = np.random.default_rng(1)
    products = pl.DataFrame(
        {"product_id": pl.int_range(count, eager=True).cast(pl.String), "share": pl.Series(rng.random(count))}
    )
    start = time.perf_counter()
    index = SearchIndex.build(products, vectors, queries=queries, filters=("share",), rebuild=0.9)
    report("build_stored_s", time.perf_counter() - start)
    size = index.manifest.entries, index.manifest.dimension
    tried = candidates(*size) if factory == "auto" else efforts_of(factory, *size)
    frontier, index = measure(index, tried, wanted)
    with pl.Config(tbl_rows=-1, tbl_width_chars=140, tbl_cols=-1):
        print(frontier.sort("p50_ms"), file=sys.stderr)
    return index


def searched(index: SearchIndex, queries: np.ndarray, exact: np.ndarray) -> float:
    numbers = index.rows["product_id"].cast(pl.Int64).to_numpy()
    found = [numbers[own] for own in index.positions(queries, DEPTH)]
    reached = recall(found, exact, DEPTH)
    report("recall_10", recall(found, exact, 10))
    report("recall_100", reached)
    with threads(1):
        for name, value in zip(
            ("p50", "p95", "p99"),
            np.percentile(timed(lambda q: index.positions(q[None], DEPTH), queries), [50, 95, 99]),
            strict=True,
        ):
            report(f"{name}_ms", value)
        report("search_p50_ms", float(np.median(timed(lambda q: index.search(q, DEPTH), queries))))
    start = time.perf_counter()
    for _ in range(4):
        index.positions(queries, DEPTH)
    report("queries_per_second", 4 * len(queries) / (time.perf_counter() - start))
    return reached


def filtered(index: SearchIndex, vectors: np.ndarray, queries: np.ndarray) -> None:
    share = index.rows.select(pl.col("share"), number=pl.col("product_id").cast(pl.Int64))
    for part in SHARES:
        kept = share.filter(pl.col("share") <= part)["number"].to_numpy()
        scan = faiss.IndexFlatIP(vectors.shape[1])
        scan.add(vectors[kept])
        exact = kept[scan.search(queries[:100], min(DEPTH, len(kept)))[1]]
        where = {"share": (None, part)}
        hits = index.search(queries[:100], DEPTH, where=where)
        found = hits["product_id"].cast(pl.Int64).to_numpy().reshape(100, -1)
        report(f"filtered_{part:g}_recall_100", recall(list(found), exact, DEPTH))
        with threads(1):
            times = timed(lambda query, where=where: index.search(query, DEPTH, where=where), queries[:100])
        report(f"filtered_{part:g}_p50_ms", float(np.median(times)))


def changed(index: SearchIndex, vectors: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    rows = rng.choice(len(vectors), 20_000, replace=False)
    start = time.perf_counter()
    for part in np.split(rows, 10):
        table = pl.DataFrame({"product_id": pl.Series(part).cast(pl.String), "share": rng.random(len(part))})
        index.upsert(table, vectors[part])
    report("upserts_per_second", len(rows) / (time.perf_counter() - start))
    start = time.perf_counter()
    for part in np.split(rows[:10_000], 10):
        index.remove(pl.Series(part).cast(pl.String))
    report("removals_per_second", 10_000 / (time.perf_counter() - start))


def load(folder: Path) -> None:
    """Seconds to load, checked and not, and megabytes held after searching."""
    before, loaded = held("VmRSS"), held("RssAnon")
    start = time.perf_counter()
    SearchIndex.read(folder, check=False)
    report("load_s", time.perf_counter() - start)
    start = time.perf_counter()
    index = SearchIndex.read(folder)
    report("load_checked_s", time.perf_counter() - start)
    for query in index.queries[:200]:
        index.search(query, DEPTH)
    report("memory_mb", held("VmRSS") - before)
    report("of_it_not_mapped_mb", held("RssAnon") - loaded)


def held(what: str) -> float:
    """Megabytes of this process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


def peers(vectors: np.ndarray, queries: np.ndarray, exact: np.ndarray, place: Path, wanted: float) -> None:
    for peer in (hnswlib_index, usearch_index):
        try:
            peer(vectors, queries, exact, place, wanted)
        except ImportError as error:
            print(f"{error.name} is not installed", file=sys.stderr)


def once(path: Path, build: Callable[[], None]) -> float:
    """Build what is not there yet; the seconds that it took."""
    record = path.with_suffix(".json")
    if not record.is_file():
        start = time.perf_counter()
        build()
        record.write_text(json.dumps(time.perf_counter() - start))
    return float(json.loads(record.read_text()))


def hnswlib_index(vectors: np.ndarray, queries: np.ndarray, exact: np.ndarray, place: Path, wanted: float) -> None:
    import hnswlib

    path = place / "hnswlib.bin"

    def build() -> None:
        index = hnswlib.Index(space="ip", dim=vectors.shape[1])
        index.init_index(max_elements=len(vectors), ef_construction=200, M=16)
        index.add_items(vectors)
        index.save_index(str(path))

    report("hnswlib_build_s", once(path, build))
    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.load_index(str(path))
    report("hnswlib_memory_mb", path.stat().st_size / 1e6)
    index.set_num_threads(1)

    def search(effort: int) -> Callable[[np.ndarray], np.ndarray]:
        index.set_ef(effort)
        return lambda query: index.knn_query(query, k=DEPTH)[0][0]

    swept("hnswlib", search, queries, exact, wanted)


def usearch_index(vectors: np.ndarray, queries: np.ndarray, exact: np.ndarray, place: Path, wanted: float) -> None:
    from usearch.index import Index

    for kind in ("i8", "f16"):
        path = place / f"usearch_{kind}.bin"

        def build(kind: str = kind, path: Path = path) -> None:
            index = Index(ndim=vectors.shape[1], metric="ip", dtype=kind, connectivity=16, expansion_add=200)
            index.add(np.arange(len(vectors)), vectors)
            index.save(str(path))

        report(f"usearch_{kind}_build_s", once(path, build))
        index = Index(ndim=vectors.shape[1], metric="ip", dtype=kind, connectivity=16, expansion_add=200)
        index.load(str(path))
        report(f"usearch_{kind}_memory_mb", index.memory_usage / 1e6)

        def search(effort: int, index: Index = index) -> Callable[[np.ndarray], np.ndarray]:
            index.expansion_search = effort
            return lambda query: index.search(query, DEPTH, threads=1).keys

        swept(f"usearch_{kind}", search, queries, exact, wanted)


def swept(
    name: str,
    search: Callable[[int], Callable[[np.ndarray], np.ndarray]],
    queries: np.ndarray,
    exact: np.ndarray,
    wanted: float,
) -> None:
    """The least effort whose recall reaches ours, or the most that is tried."""
    reached = 0.0
    for effort in (100, 150, 200, 300, 400, 600, 800):
        ask = search(effort)
        found = [ask(query) for query in queries]
        reached = recall(found, exact, DEPTH)
        if reached >= wanted:
            break
    report(f"{name}_recall_10", recall(found, exact, 10))
    report(f"{name}_recall_100", reached)
    for quantile, value in zip(("p50", "p95", "p99"), np.percentile(timed(ask, queries), [50, 95, 99]), strict=True):
        report(f"{name}_{quantile}_ms", value)


if __name__ == "__main__":
    main()
