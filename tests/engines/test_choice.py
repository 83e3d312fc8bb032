"""Engines are chosen by configuration: nothing heavy is loaded where none is, and one that is missing is one line."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from roar.engines import engine
from roar.errors import InputError
from roar.parameters import Engines

HEAVY = ("pyspark", "ray", "pymilvus", "grpc")


def test_everything_is_local_unless_chosen():
    given = Engines()
    assert (given.near_duplicates, given.encoding, given.vectors) == ("local", "local", "local")


@pytest.mark.parametrize(
    "wrong", [{"near_duplicates": "dask"}, {"encoding": "spork"}, {"milvus": {"collection": "a-b"}}]
)
def test_an_unknown_engine_is_refused(wrong):
    with pytest.raises(ValidationError):
        Engines(**wrong)


def test_an_engine_that_is_not_installed_is_one_line_that_says_what_to_do():
    with pytest.raises(
        InputError, match=r"^engines\.encoding ray: no_such_engine is not installed [^\n]*'roar\[ray\]'"
    ):
        engine("no_such_engine", extra="ray", chosen="engines.encoding ray")


def test_no_engine_is_loaded_by_those_who_choose_none():
    code = (
        "import sys, roar.pipelines.data_engineering.nodes, roar.service.releases;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
