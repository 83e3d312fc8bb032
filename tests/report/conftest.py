"""The fabricated evaluation, made once for all tests of the report."""

import pytest
from fabricated_evaluation import Fabricated, fabricate


@pytest.fixture(scope="session")
def fabricated() -> Fabricated:
    return fabricate()
