"""The node of the simulator, and the guard that keeps it off real data."""

from roar.errors import InputError
from roar.hooks.configuration import SIMULATED_ENVIRONMENTS
from roar.marketplace import Marketplace, simulate
from roar.parameters import Simulation


def simulate_marketplace(config: Simulation, seed: int, environment: str) -> Marketplace:
    """The raw tables of a simulated shop, and the truth behind them.

    Raises:
        InputError: the environment is one on real files, which a simulated shop must not replace.
    """
    if environment not in SIMULATED_ENVIRONMENTS:
        raise InputError(
            f"simulate: the environment '{environment}' is not simulated; run it in {' or '.join(SIMULATED_ENVIRONMENTS)}, "
            "or leave it out: the raw tables of other environments are your files."
        )
    return simulate(config, seed=seed)
