"""The suite's own order: what starts first is there, and no list of it rots."""

from pathlib import Path

from tests.conftest import LONG


def test_files_that_start_first_are_there() -> None:
    assert len(set(LONG)) == len(LONG)
    assert not [name for name in LONG if not (Path(__file__).parent / name).is_file()]
