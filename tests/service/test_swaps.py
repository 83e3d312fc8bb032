"""A newer release takes the place of the one that is served, and nobody notices but by its version."""

import gc
import os
import signal
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


_WRITER = """
import shutil, sys
from pathlib import Path
from roar.retrieval import versions
root = Path(sys.argv[1])
while True:
    before, name = versions.current_version(root), versions.new_version()
    with versions.written_version(root, name, keep=2) as base:
        shutil.copytree(before / "base", base, dirs_exist_ok=True, ignore=shutil.ignore_patterns("SHA256SUMS"))
        manifest = base / "manifest.json"
        manifest.write_text(manifest.read_text().replace(before.name, name))
    print(name, flush=True)
"""


def test_a_writer_that_is_killed_while_versions_swap_leaves_one_that_is_whole(folder, encoder):
    """It is killed wherever it happens to be, while the service takes one version over after another."""
    with TestClient(create_app(Settings(release=folder, serve=SERVE))) as client:
        service = client.app.state.service
        for round in range(3):
            before, seen = service.searcher.version, set()
            writer = subprocess.Popen(
                [sys.executable, "-c", _WRITER, str(folder)],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            )
            written = writer.stdout.readline()
            while len(seen) < 3 and written:
                answer = client.get("/search", params={"q": "red shoe"})
                assert answer.status_code == 200
                seen |= {answer.json()["index_version"]} - {before}
            time.sleep(0.007 * round)
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            left = Release.read(folder)
            assert left.index.folder.name == (folder / "current").read_text().strip()
            until(lambda: service.releases.searcher.loaded[""].release.index.folder == left.index.folder)  # noqa: B023
        release(folder, encoder)
        assert versions.current_version(folder).name > left.index.folder.name, "the next writer finds the lock free"
