"""The service as a process: it starts without torch, answers many at once, waits for nobody, and ends what it has begun."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.service.conftest import release

from roar.commands import released as commands
from roar.encoder import short_queries
from roar.retrieval import Release, SearchIndex, write_release

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory, encoder):
    """A release with the encoder for one query, as a shop's has it."""
    root = tmp_path_factory.mktemp("shipped")
    index = SearchIndex.read(release(root / "without", encoder))
    patch = pytest.MonkeyPatch()
    figures = {"query_torch_ms": 2.0, "query_onnx_ms": 1.0, "query_onnx_cosine": 1.0}
    patch.setattr(short_queries, "_compared", lambda *_: figures)
    write_release(root / "release", index, encoder, {"k1": 1.2, "b": 0.75, "weight": 0.5}, ["red shoe"])
    patch.undo()
    return root / "release"


@pytest.fixture(scope="module")
def port(shipped):
    """`roar serve` in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "roar", "serve", "--release", str(shipped), "--port", str(number)],
        cwd=shipped,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    end = time.monotonic() + 60
    while not _listens(number):
        assert process.poll() is None and time.monotonic() < end, process.stderr.read()
        time.sleep(0.05)
    yield number
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM) and "Traceback" not in told, told


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def get(port: int, path: str) -> tuple[int, dict]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_it_answers_as_the_release_does(port, shipped):
    status, answer = get(port, "/search?q=red+memory+card&group_by=none")
    assert status == 200
    expected = Release.read(shipped).search("red memory card", 10)
    assert [hit["product_id"] for hit in answer["hits"]] == expected["product_id"].to_list()


def test_five_hundred_clients_at_once_are_answered_or_told_to_come_again(port):
    async def ask(number: int) -> tuple[int, bool]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /search?q=shoe+{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return int(answer[9:12]), b"retry-after: " in answer

    async def scene() -> list[tuple[int, bool]]:
        return await asyncio.gather(*map(ask, range(500)))

    found = asyncio.run(scene())
    assert {status for status, _ in found} <= {200, 429, 503} and sum(status == 200 for status, _ in found) > 50
    assert all(told == (status != 200) for status, told in found)
    time.sleep(0.5)
    assert get(port, "/search?q=shoe")[0] == 200


def test_slow_clients_and_clients_that_hang_up_keep_nobody_waiting(port):
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for number, one in enumerate(slow):
        one.sendall(b"GET /search?q=slow HTTP/1.1\r\nHost: a\r\n" + b"\r\n" * (number % 2))
    for one in slow[::3]:
        one.close()
    assert get(port, "/search?q=shoe")[0] == 200
    for one in slow:
        one.close()
    assert get(port, "/readyz")[1]["status"] == "ready"


def test_a_megabyte_in_the_address_and_what_is_no_http_are_refused(port):
    for sent in (b"GET /search?q=" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00\xff nonsense\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            try:
                raw.sendall(sent)
                first = raw.recv(100)
            except ConnectionError:
                first = b""
        assert not first or re.match(rb"HTTP/1.1 4\d\d ", first)
    assert get(port, "/search?q=shoe")[0] == 200


def test_what_it_has_accepted_is_answered_before_it_ends(shipped):
    """A search is under way when the signal comes."""
    script = f"""
import os, signal, threading, time
from pathlib import Path
from roar.retrieval.release import Release
from roar.service import Settings
from roar.service.running import run
rank = Release.rank
def slow(self, query, *args, **kwargs):
    if query == "slow":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)
    return rank(self, query, *args, **kwargs)
Release.rank = slow
run(Settings(release=Path({str(shipped)!r})), "127.0.0.1", 0)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    lines = iter(process.stderr.readline, "")
    number = next(int(found[1]) for line in lines if (found := re.search(r"running on http://127.0.0.1:(\d+)", line)))
    drained = threading.Thread(target=process.communicate)
    drained.start()
    assert get(number, "/search?q=slow")[0] == 200
    drained.join(30)
    assert process.returncode in (0, -signal.SIGTERM)


def test_it_starts_and_answers_without_what_trains_and_runs_pipelines(shipped):
    script = f"""
import sys
from pathlib import Path
from roar.service import Settings, create_app
from roar.service.models import SearchQuery
from roar.service.releases import Releases
from roar.service.trial import Trial
searcher = Releases(Settings(release=Path({str(shipped)!r}))).searcher
for system in searcher.systems:
    assert searcher.search("red shoe", SearchQuery(q="red shoe", system=system, explain=True), "id").hits
print([name for name in ("torch", "transformers", "kedro", "pandas", "pandera", "sklearn", "scipy.stats", "roar.training") if name in sys.modules])
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    assert ran.stdout.strip() == "[]"


def test_a_release_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(commands, ["serve", "--release", str(tmp_path / "none")])
    assert ran.exit_code == 1 and "no release here" in ran.output and "Traceback" not in ran.output
    ran = CliRunner().invoke(commands, ["serve"])
    assert ran.exit_code == 1 and "no folder conf here" in ran.output


def test_a_wrong_parameter_is_one_line_before_anything_is_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "base" / "parameters").mkdir(parents=True)
    (tmp_path / "conf" / "base" / "globals.yml").write_text("data: data\n")
    (tmp_path / "conf" / "base" / "parameters" / "serve.yml").write_text("serve: {quue: 3}\n")
    ran = CliRunner().invoke(commands, ["serve", "--release", str(tmp_path / "none")])
    assert ran.exit_code == 1 and "did you mean queue?" in ran.output and "Traceback" not in ran.output
