"""A small simulated shop, whose truth is known."""

import pytest

from roar.marketplace import simulate
from roar.parameters import Behaviour, Simulation


@pytest.fixture(scope="session")
def market():
    """Few queries and many sessions: clicks at every position, and some queries searched by many."""
    behaviour = Behaviour(sessions=12_000)
    config = Simulation(products=600, queries=400, judged_queries=60, judged_per_query=6, behaviour=behaviour)
    return simulate(config, seed=7)
