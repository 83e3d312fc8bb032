"""A newer release takes the place of the one that is served, and nobody notices but by its version."""

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient
from tests.service.conftest import SERVE, listings, release

from roar.retrieval import Release, versions
from roar.service import Settings, create_app

WRITER = """
import sys
from pathlib import Path
import numpy as np, polars as pl
from roar.retrieval import SearchIndex
index = SearchIndex.read(Path(sys.argv[1]))
for line in sys.stdin:
    vector = np.full((1, index.manifest.dimension), 0.25, dtype=np.float32)
    index.upsert(index.catalogue().head(1).with_columns(product_id=pl.lit("n" + line.strip())), vector)
    index.compact()
    print(line, end="", flush=True)
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, encoder):
    return release(tmp_path / "release", encoder)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_a_swap_drops_no_request_and_lets_the_old_release_go(folder, encoder):
    with TestClient(create_app(Settings(release=folder, serve=SERVE))) as client:
        service = client.app.state.service
        before = service.searcher.version
        old = weakref.ref(service.searcher.loaded[""].release)
        seen, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                answer = client.get("/search", params={"q": "red shoe"})
                seen.append((answer.status_code, answer.json()["index_version"], len(answer.json()["hits"])))

        thread = threading.Thread(target=ask)
        thread.start()
        release(folder, encoder, listings().filter(pl.col("vertical") == "food"))
        until(lambda: service.searcher.version != before)
        time.sleep(0.1)
        stop.set()
        thread.join()
        assert {status for status, _, _ in seen} == {200} and {hits for _, _, hits in seen} == {10}
        order = [version for _, version, _ in seen]
        assert order == sorted(order) and set(order) == {before, service.searcher.version}
        until(lambda: gc.collect() >= 0 and old() is None)
        assert "roar_release_swaps_total 1.0" in client.get("/metrics").text


def test_a_request_under_way_ends_with_the_release_it_began_with(folder, encoder, monkeypatch):
    with TestClient(create_app(Settings(release=folder, serve=SERVE))) as client:
        service = client.app.state.service
        before, began, go = service.searcher.version, threading.Event(), threading.Event()
        original = Release.rank

        def held(self, query, *args, **kwargs):
            if query == "hold":
                began.set()
                go.wait(20)
            return original(self, query, *args, **kwargs)

        monkeypatch.setattr(Release, "rank", held)
        found = []
        thread = threading.Thread(target=lambda: found.append(client.get("/search", params={"q": "hold"}).json()))
        thread.start()
        assert began.wait(20)
        release(folder, encoder)
        until(lambda: service.searcher.version != before)
        go.set()
        thread.join()
        assert found[0]["index_version"] == before


def test_changes_made_by_another_process_are_taken_over(folder):
    with TestClient(create_app(Settings(release=folder, serve=SERVE))) as client:
        assert client.get("/products/p000").status_code == 200
        Release.read(folder).index.remove(["p000"])
        until(lambda: client.get("/search?q=red").json()["index_version"].endswith("+1"))
        assert client.get("/products/p000").status_code == 404
        index = Release.read(folder).index
        index.upsert(pl.DataFrame({"product_id": ["new"], "title": ["thermos flask"], "cluster_id": ["c20"]}))
        until(lambda: client.get("/search?q=red").json()["index_version"].endswith("+2"))
        answer = client.get("/search", params={"q": "thermos flask", "group_by": "none", "system": "hybrid"}).json()
        hit = next(hit for hit in answer["hits"] if hit["product_id"] == "new")
        assert hit["scores"]["bm25"] is None and hit["scores"]["dense"] == pytest.approx(1, abs=0.2)
        many = client.get("/search", params={"q": "red coffee maker", "limit": 50}).json()["hits"]
        assert next(hit for hit in many if hit["cluster_id"] == "c20")["listings_total"] == 15


def test_a_newer_release_that_is_damaged_or_half_written_changes_nothing(folder, encoder, caplog):
    with TestClient(create_app(Settings(release=folder, serve=SERVE))) as client:
        service = client.app.state.service
        before = service.searcher.version
        (folder / ".20990101T000000.000000Z.partial" / "base").mkdir(parents=True)  # a writer that was killed
        with versions.writing(folder):  # the watch looks only when the damage is done
            damaged = folder / "20990101T000000.000000Z"
            (damaged / "base").mkdir(parents=True)
            (damaged / "changes").mkdir()
            (folder / "current").write_text("20990101T000000.000000Z\n")
        until(lambda: "the newer one cannot be" in caplog.text)
        assert client.get("/search?q=red").status_code == 200 and service.searcher.version == before
        release(folder, encoder)
        until(lambda: service.searcher.version != before)
        assert caplog.text.count("the newer one cannot be") == 1


@pytest.mark.parametrize("moment", [0.0, 0.03])
def test_a_writer_that_is_killed_while_versions_swap_leaves_a_whole_one_served(folder, moment):
    with TestClient(create_app(Settings(release=folder, serve=SERVE))) as client:
        service = client.app.state.service
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        command = [sys.executable, "-c", WRITER, str(folder)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=environment, **pipes) as writer:
            for number in (0, 1):
                writer.stdin.write(f"{number}\n")
                writer.stdin.flush()
                if number == 0:
                    assert writer.stdout.readline() == "0\n"
            time.sleep(moment)
            writer.kill()
        for _ in range(5):
            answer = client.get("/search", params={"q": "red shoe"})
            assert answer.status_code == 200 and len(answer.json()["hits"]) == 10
        until(lambda: service.searcher.version == _version_of(folder))
        assert client.get("/products/n0").status_code == 200


def _version_of(folder: Path) -> str:
    index = Release.read(folder).index
    return f"{index.manifest.version}+{index.revision}"
