"""The fabricated evaluation, made once for all tests of the report."""

import pickle

import pytest
from fabricated_evaluation import Fabricated, fabricate


@pytest.fixture(scope="session")
def fabricated(once) -> Fabricated:
    """Made once for all workers."""
    folder = once("fabricated", lambda folder: (folder / "tables.pickle").write_bytes(pickle.dumps(fabricate())))
    return pickle.loads((folder / "tables.pickle").read_bytes())
