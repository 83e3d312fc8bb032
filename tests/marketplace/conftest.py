"""A small shop, large enough for its statistics to be tested."""

import pytest

from roar.marketplace import Marketplace, simulate
from roar.parameters import Behaviour, Simulation

SMALL = Simulation(products=2_000, queries=6_000, judged_queries=800, behaviour=Behaviour(sessions=6_000))


@pytest.fixture(scope="session")
def small() -> Simulation:
    return SMALL


@pytest.fixture(scope="session")
def market() -> Marketplace:
    return simulate(SMALL, seed=7)
