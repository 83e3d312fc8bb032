"""Journals to rolls: parquet files under the contract, one of each table for a journal.

A roll is what its journal says, without the searches that went on into the next journal; it can be written again at any
time, and is, after a kill at any point: journal n goes only when roll n is there.
"""

from pathlib import Path

from roar.files import replaced_file
from roar.service.logs import journal
from roar.service.logs.journal import Entry
from roar.service.logs.tables import CARRIED, EVENT, SEARCH, logged

SEARCH_LOG, EXPERIMENT_LOG, JOURNAL = "search_log", "experiment_log", "journal"
"""Folders below the log's."""


def journals(folder: Path) -> list[int]:
    """Numbers of the journals that are there, in order."""
    return sorted(int(path.stem) for path in (folder / JOURNAL).glob("[0-9]*.jsonl"))


def journal_path(folder: Path, number: int) -> Path:
    """Of journal `number`."""
    return folder / JOURNAL / f"{number:08}.jsonl"


def next_number(folder: Path) -> int:
    """One more than any journal or roll has."""
    rolls = (int(path.stem) for path in (folder / SEARCH_LOG).glob("[0-9]*.parquet"))
    return max([*journals(folder), *rolls], default=0) + 1


def write_roll(folder: Path, number: int) -> int:
    """Write the roll of a journal, or write it again.

    Returns:
        Events in it whose search is nowhere.

    Raises:
        InputError: the disk refuses.
    """
    entries = journal.read(journal_path(folder, number)).entries
    gone = _carried(folder, number + 1)
    kept = [entry for entry in entries if entry["kind"] != CARRIED and request_of(entry) not in gone]
    for name, table in zip((SEARCH_LOG, EXPERIMENT_LOG), logged(kept), strict=True):
        with replaced_file(folder / name / f"{number:08}.parquet") as part:
            table.write_parquet(part)
    known = {entry["request_id"] for entry in kept if entry["kind"] == SEARCH}
    return sum(entry["kind"] == EVENT and request_of(entry) not in known for entry in kept)


def seal(folder: Path, number: int) -> int:
    """Write the roll of a journal that is not written to any more, and remove the journal; as `write_roll`."""
    orphans = write_roll(folder, number)
    journal_path(folder, number).unlink()
    return orphans


def _carried(folder: Path, number: int) -> set[str]:
    """Requests that journal `number` took over from the one before it."""
    path = journal_path(folder, number)
    if not path.is_file():
        return set()
    return {
        request for entry in journal.read(path).entries if entry["kind"] == CARRIED for request in entry["requests"]
    }


def request_of(entry: Entry) -> str:
    """The request that an entry belongs to."""
    return entry["request_id"] if entry["kind"] == SEARCH else entry["event"]["request_id"]
