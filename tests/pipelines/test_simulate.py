"""The simulate pipeline: what it writes, and where it must not."""

import pytest

from roar.errors import InputError
from roar.parameters import Behaviour, Simulation
from roar.pipelines.simulate import create_pipeline
from roar.pipelines.simulate.nodes import simulate_marketplace

TINY = Simulation(products=100, queries=100, judged_queries=20, behaviour=Behaviour(sessions=20))


@pytest.mark.parametrize("environment", ["esci", "icecat", "homedepot", "my_shop", ""])
def test_simulate_is_refused_outside_base_and_test(environment):
    """A shop's own files must not be replaced by a simulated one; the error is one line."""
    with pytest.raises(InputError, match="is not simulated") as error:
        simulate_marketplace(TINY, 0, environment)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("environment", ["base", "test"])
def test_simulate_runs_in_the_simulated_environments(environment):
    assert len(simulate_marketplace(TINY, 0, environment).products) == TINY.products


def test_the_pipeline_writes_raw_tables_and_truth_alone():
    outputs = create_pipeline().outputs()
    assert {"raw_products", "raw_queries", "raw_judgments", "raw_search_log"} <= outputs
    assert all(name.startswith(("raw_", "true_")) for name in outputs)
