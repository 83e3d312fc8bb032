"""The interleaving test of the simulated shop: both rankings in one list, clicks as votes."""

import numpy as np
import polars as pl

from roar.ab_testing.drafting import team_draft
from roar.marketplace.behaviour import examination
from roar.marketplace.catalogue import numbered
from roar.marketplace.draws import Draws
from roar.marketplace.experiment.searchers import habits, sessions_of
from roar.marketplace.experiment.shop import RankedShop
from roar.parameters import Behaviour, SimulatedExperiment


def interleaved_votes(
    shop: RankedShop, config: SimulatedExperiment, behaviour: Behaviour, *, seed: int
) -> pl.DataFrame:
    """Searches of `interleaved_users` other searchers, won and lost by the treatment's picks.

    Returns:
        unit_id, won, lost, tied, as `roar.ab_testing.preference` reads them.
    """
    draws = Draws(seed)
    users = config.users + np.arange(config.interleaved_users)
    user, session = sessions_of("interleaved", users, (config.sessions - 1) * habits(users, config, draws), draws)
    query = draws.weighted("interleaved query", session, shop.weight)
    length = shop.product.shape[2]
    coins = draws.uniform("coin", session, length) < 0.5
    products, teams = team_draft(shop.product[0, query], shop.product[1, query], coins, length)
    seen = draws.uniform("interleaved click", session, length) < examination(behaviour) * _attraction(
        shop, query, products
    )
    margin = (seen & (teams == 1)).sum(axis=1) - (seen & (teams == 0)).sum(axis=1)
    outcomes = {"won": margin > 0, "lost": margin < 0, "tied": margin == 0}
    counts = {name: np.bincount(user, rows, minlength=len(users)).astype(np.int64) for name, rows in outcomes.items()}
    return pl.DataFrame({"unit_id": numbered("u", users)} | counts)


def _attraction(shop: RankedShop, query: np.ndarray, products: np.ndarray) -> np.ndarray:
    """(n, k) how attractive each interleaved product is for its query; a product has one attraction in both rankings."""
    found = np.zeros(products.shape)
    for arm in (0, 1):
        for place in range(shop.product.shape[2]):
            here = (products == shop.product[arm, query, place][:, None]) & (products >= 0)
            found = np.where(here, shop.attraction[arm, query, place][:, None], found)
    return found
