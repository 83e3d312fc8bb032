"""Nothing that was acknowledged is lost, and what is written is the contract's."""

import errno
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from roar.errors import InputError
from roar.ingestion import ingest
from roar.parameters.serve_log import ServeLog
from roar.schemas import ExperimentLog
from roar.schemas import SearchLog as SearchLogTable
from roar.service.logs import Event, RefusedError, Search, SearchLog, UnavailableError, journal, rolls
from roar.service.logs.open_searches import OpenSearches
from roar.service.logs.tables import logged


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 5, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


EAGER = ServeLog(open_s=60, roll_s=0.001, roll_searches=1)


def searched(number: int, **other) -> Search:
    products = [f"p{number}", "p-other"]
    return Search(
        f"r{number}", f"s{number}", "red shoe", products, "dense", 20, unit=f"u{number}", variant="a", **other
    )


def tables(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    return tuple(pl.read_parquet(folder / name / "*.parquet") for name in ("search_log", "experiment_log"))


def until(true, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_searches_and_what_came_of_them_are_rows_of_the_contract(tmp_path):
    clock = Clock()
    with SearchLog(tmp_path, clock=clock) as log:
        log.search(searched(1))
        clock.wait(4)
        for kind, revenue in (("click", 0.0), ("cart", 0.0), ("order", 19.5)):
            log.event(Event("r1", "p1", kind, revenue)).result(5)
        log.search(Search("r2", "s1", "blue shoe", [], "dense", 0, unit="u1", variant="a"))
        log.search(Search("r3", "s9", "plain", ["p1"], "bm25", 1))
    impressions, searches = tables(tmp_path)
    SearchLogTable.validate(impressions)
    ExperimentLog.validate(searches)
    assert impressions.select("query", "product_id", "position", "clicked", "carted", "ordered", "ranker").rows() == [
        ("red shoe", "p1", 1, True, True, True, "dense"),
        ("red shoe", "p-other", 2, False, False, False, "dense"),
        ("plain", "p1", 1, False, False, False, "bm25"),
    ]
    assert searches.select("unit_id", "query", "results", "impressions", "clicks", "orders", "revenue", "first_click_s").rows() == [
        ("u1", "red shoe", 20, 2, 1, 1, 19.5, 4.0),
        ("u1", "blue shoe", 0, 0, 0, 0, 0.0, None),
    ]  # fmt: skip
    assert impressions["timestamp"][0] == datetime(2026, 10, 5, 12)


def test_an_event_counts_once_and_only_for_what_was_shown(tmp_path):
    with SearchLog(tmp_path) as log:
        log.search(searched(1))
        assert log.event(Event("r1", "p1", "order", 5.0)).result(5) is None
        assert log.event(Event("r1", "p1", "order", 5.0)) is None
        with pytest.raises(RefusedError) as unknown:
            log.event(Event("r1", "p2", "click"))
        assert unknown.value.parameter == "product_id"
        with pytest.raises(RefusedError) as unknown:
            log.event(Event("r2", "p1", "click"))
        assert unknown.value.parameter == "request_id"
    with SearchLog(tmp_path) as log:  # remembered over a restart
        assert log.event(Event("r1", "p1", "order", 5.0)) is None
        log.event(Event("r1", "p-other", "order", 2.5)).result(5)
    assert tables(tmp_path)[1].select("orders", "revenue").rows() == [(2, 7.5)]


def test_a_request_that_is_sent_again_counts_once(tmp_path):
    with SearchLog(tmp_path) as log:
        log.search(searched(1))
        log.search(searched(1))
    assert tables(tmp_path)[1].height == 1


def test_a_closed_log_takes_nothing_more_and_closes_once(tmp_path):
    with SearchLog(tmp_path) as log:
        log.search(searched(1))
        log.close()
        log.search(searched(2))
        with pytest.raises(UnavailableError):
            log.event(Event("r1", "p1", "click"))
    assert tables(tmp_path)[1]["unit_id"].to_list() == ["u1"] and log.lost == 2


def test_events_are_taken_for_a_time(tmp_path):
    clock = Clock()
    with SearchLog(tmp_path, ServeLog(open_s=60), clock) as log:
        log.search(searched(1))
        clock.wait(59)
        log.event(Event("r1", "p1", "click")).result(5)
        clock.wait(2)
        with pytest.raises(RefusedError):
            log.event(Event("r1", "p1", "cart"))


def test_further_pages_are_the_same_search_of_the_experiment_at_further_positions(tmp_path):
    with SearchLog(tmp_path) as log:
        log.search(searched(1))
        log.search(Search("r2", "s1", "red shoe", ["p8"], "dense", 20, offset=2, unit="u1", variant="a"))
        log.event(Event("r2", "p8", "click")).result(5)
        log.search(Search("r3", "s1", "red shoe", ["p1"], "dense", 20, unit="u1", variant="a"))
    impressions, searches = tables(tmp_path)
    assert impressions["position"].to_list() == [1, 2, 3, 1]
    assert searches.select("impressions", "clicks").rows() == [(3, 1), (1, 0)]


def test_searches_that_are_still_open_go_on_into_the_next_journal(tmp_path):
    clock = Clock()
    with SearchLog(tmp_path, EAGER, clock) as log:
        log.search(searched(1))
        clock.wait(50)
        log.search(searched(2))
        log.event(Event("r2", "p2", "click")).result(5)
        clock.wait(20)  # the first has closed, the second has not
        until(lambda: rolls.journals(tmp_path) == [2])
        assert tables(tmp_path)[1]["unit_id"].to_list() == ["u1"]
        log.event(Event("r2", "p2", "cart")).result(5)
    impressions, searches = tables(tmp_path)
    assert searches.select("unit_id", "clicks", "carts").rows() == [("u1", 0, 0), ("u2", 1, 1)]
    assert impressions.height == 4 and log.orphans == 0


def test_a_kill_between_the_journals_and_the_roll_doubles_and_loses_nothing(tmp_path):
    """The states that a kill leaves while it rolls: the next journal begun or not, a roll of one table there or not."""
    clock = Clock()
    with SearchLog(tmp_path, EAGER, clock) as log:
        log.search(searched(1))
        clock.wait(50)
        log.search(searched(2))
    first = rolls.journal_path(tmp_path, 1)
    entries = journal.read(first).entries
    carried = [entry for entry in entries if rolls.request_of(entry) == "r2"]
    journal.write(rolls.journal_path(tmp_path, 2), [{"kind": "c", "requests": ["r2"]}, *carried])
    (tmp_path / "search_log" / "00000001.parquet").unlink()
    with SearchLog(tmp_path, EAGER, clock):
        pass
    impressions, searches = tables(tmp_path)
    assert searches["unit_id"].to_list() == ["u1", "u2"] and impressions.height == 4
    assert not first.exists()


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_of_a_torn_journal_only_the_last_line_is_dropped(tmp_path, cut):
    with SearchLog(tmp_path) as log:
        for number in range(3):
            log.search(searched(number))
    path = rolls.journal_path(tmp_path, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with SearchLog(tmp_path) as log:
        log.search(searched(7))
    assert tables(tmp_path)[1]["unit_id"].to_list() == ["u0", "u1", "u7"]


def test_a_damaged_line_costs_that_line(tmp_path):
    with SearchLog(tmp_path) as log:
        for number in range(3):
            log.search(searched(number))
    path = rolls.journal_path(tmp_path, 1)
    path.write_bytes(path.read_bytes().replace(b'"u1"', b'"xx"'))
    with SearchLog(tmp_path):
        pass
    assert tables(tmp_path)[1]["unit_id"].to_list() == ["u0", "u2"]


_KILLED = """
import sys, time
from pathlib import Path
from roar.service.logs import Event, Search, SearchLog
from roar.parameters.serve_log import ServeLog
log = SearchLog(Path(sys.argv[1]), ServeLog(open_s=0.05, roll_s=0.01, roll_searches=20))
log.start()
for n in range(10**9):
    log.search(Search(f"{sys.argv[2]}-{n}", "s", "q", ["p"], "dense", 1, unit=f"u{n}", variant="a"))
    log.event(Event(f"{sys.argv[2]}-{n}", "p", "click")).result(5)
    print(n, flush=True)
"""


def test_what_was_acknowledged_survives_kills_while_it_rolls(tmp_path):
    acknowledged, rolled = [], lambda: len(list((tmp_path / "search_log").glob("*.parquet")))
    for round in range(2):
        before, deadline = rolled(), time.monotonic() + 60
        process = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(tmp_path), str(round)], stdout=subprocess.PIPE, text=True
        )
        lines = 0
        while lines < 150 + 77 * round or (rolled() == before and time.monotonic() < deadline):
            last, lines = process.stdout.readline(), lines + 1
        assert rolled() > before, "it never rolled while it ran"
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split()
        acknowledged.append(int(rest[-1] if rest else last) + 1)
    with SearchLog(tmp_path) as log:
        assert log.lost == 0
    impressions, searches = tables(tmp_path)
    assert rolled() > 2
    expected = sum(acknowledged)
    assert expected <= impressions.height <= expected + 2  # one more may have been written and not yet said, a round
    assert impressions.height - impressions["clicked"].sum() <= 2
    assert searches.height == impressions.height


def test_a_full_disk_stops_no_search_and_is_counted(tmp_path, monkeypatch, caplog):
    with SearchLog(tmp_path) as log:
        log.search(searched(1))
        until(lambda: journal.read(rolls.journal_path(tmp_path, 1)).entries)
        disk = Disk()
        monkeypatch.setattr("roar.service.logs.journal.os.pwrite", disk.write)
        log.search(searched(2))
        until(lambda: log.lost == 1)
        with pytest.raises(UnavailableError):
            log.event(Event("r1", "p1", "click")).result(5)
        disk.full = False
        log.event(Event("r1", "p1", "click")).result(5)  # sent again
        with pytest.raises(RefusedError):
            log.event(Event("r2", "p2", "click"))
    assert tables(tmp_path)[1].select("unit_id", "clicks").rows() == [("u1", 1)]
    assert log.lost == 2 and "1 entries lost so far" in caplog.text


class Disk:
    """One that takes ten bytes more, and then nothing."""

    def __init__(self) -> None:
        self.full, self.room, self.real = True, 10, os.pwrite

    def write(self, file: int, data: bytes, at: int) -> int:
        if not self.full:
            return self.real(file, data, at)
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= 10
        return self.real(file, data[:10], at)


def test_a_roll_that_the_disk_refuses_stays_in_the_journal(tmp_path, monkeypatch):
    clock = Clock()
    log = SearchLog(tmp_path, EAGER, clock)
    log.start()
    real = rolls.logged
    monkeypatch.setattr(rolls, "logged", lambda entries: (_ for _ in ()).throw(InputError("full")))
    log.search(searched(1))
    clock.wait(100)
    until(lambda: len(rolls.journals(tmp_path)) == 2)
    monkeypatch.setattr(rolls, "logged", real)
    log.close()
    assert tables(tmp_path)[1]["unit_id"].to_list() == ["u1"]


def test_two_processes_do_not_write_one_log(tmp_path):
    held = "import sys; from pathlib import Path; from roar.service.logs import SearchLog\nSearchLog(Path(sys.argv[1])).start()"
    with SearchLog(tmp_path):
        second = subprocess.run(
            [sys.executable, "-c", held, str(tmp_path)], check=False, capture_output=True, text=True
        )
    assert "another run writes there" in second.stderr


def test_open_searches_are_bounded():
    held = OpenSearches(60, 2)
    for number in range(5):
        held.add({"request_id": f"r{number}", "first": None, "session_id": f"s{number}", "query": "q", "variant": None,
                  "timestamp": number, "product_id": ["p"]})  # fmt: skip
    assert held.closed(10) == 3
    held.drop_closed(10)
    assert held.requests() == {"r3", "r4"}


def test_no_entries_are_empty_tables_of_the_contract():
    impressions, searches = logged([])
    SearchLogTable.validate(impressions)
    ExperimentLog.validate(searches)


def test_ingestion_reads_both_logs_without_a_mapping(tmp_path, catalogue, queries, judgments):
    product = catalogue["product_id"][0]
    with SearchLog(tmp_path) as log:
        for variant in ("control", "treatment"):
            log.search(Search(variant, f"s-{variant}", "kahvi \ud800 ☕\x00", [product], "dense", 1, unit=variant, variant=variant))  # fmt: skip
        log.event(Event("control", product, "click")).result(5)
    impressions, searches = tables(tmp_path)
    raw = {"raw_products": catalogue, "raw_queries": queries, "raw_judgments": judgments}
    found = ingest(raw | {"raw_search_log": impressions, "raw_experiment_log": searches})
    assert found.search_log["clicked"].to_list() == [True, False]
    assert found.experiment_log.select("unit_id", "clicks").rows() == [("control", 1), ("treatment", 0)]
    dropped = found.quality.filter(
        pl.col("table").is_in(["search_log", "experiment_log"]), pl.col("action") == "dropped"
    )
    assert dropped.is_empty()
