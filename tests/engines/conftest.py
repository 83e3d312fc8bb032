"""What tests of engines share."""

from importlib.util import find_spec

import pytest


def needs(*packages: str) -> None:
    """Skip, saying so in a line, where an engine is not installed."""
    if missing := [package for package in packages if find_spec(package) is None]:
        pytest.skip(f"{missing[0]} is not installed: pip install '.[spark,ray,milvus]' runs the tests of engines")
