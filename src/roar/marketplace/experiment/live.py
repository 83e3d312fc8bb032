"""The simulator's searchers in front of a search that runs: they look at what it shows them, and act on that.

They start, reword, click, cart and order by the draws of the test that `searchers` plays, so that the same rankings and the same
routing give the same log.
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from roar.marketplace.behaviour import SEARCHES, examination
from roar.marketplace.catalogue import numbered
from roar.marketplace.draws import Draws
from roar.marketplace.experiment.searchers import DAY, SESSIONS, Following, engage, habits, sessions_of
from roar.marketplace.experiment.shop import EMPTY, RankedShop
from roar.parameters import Behaviour, SimulatedExperiment


class Visit(NamedTuple):
    """A search: who, in which visit, seconds since the test's start, what is typed."""

    unit: str
    session: str
    second: float
    query: str


class Act(NamedTuple):
    """What is done with a shown product, `after` so many seconds: click, cart, order, and the money of an order."""

    product: str
    kind: str
    after: float
    revenue: float


class Search(Protocol):
    """The search that is tried, and what it is told of."""

    def __call__(self, visit: Visit) -> Sequence[str]:
        """Ids of the products that a searcher is shown, best first."""

    def acted(self, act: Act) -> None:
        """What the searcher then does, one after the other."""


def send_searchers(
    search: Search, shop: RankedShop, config: SimulatedExperiment, behaviour: Behaviour, *, seed: int
) -> int:
    """Let all searchers of a test use a search, in the order of time.

    Args:
        search: that is tried; of its products, those that neither arm of the shop shows are nobody's.
        shop: what attracts whom; its queries are searched.
        config: searchers, sessions, days.
        behaviour: who rewords.
        seed: of the draws.

    Returns:
        Searches.
    """
    draws, following, seen = Draws(seed), Following(shop.need), examination(behaviour)
    users = np.arange(config.users)
    _, sessions = sessions_of("experiment sessions", users, (config.sessions - 1) * habits(users, config, draws), draws)
    start = draws.uniform("experiment start", sessions) * (config.days * DAY - 600)
    queries = draws.weighted("experiment query", sessions, shop.weight)
    units, names = numbered("u", sessions // SESSIONS), numbered("s", sessions, width=10)
    waiting = list(zip(start.tolist(), range(len(sessions)), [0] * len(sessions), queries.tolist(), strict=True))
    heapq.heapify(waiting)
    searches = 0
    while waiting:
        second, number, turn, query = heapq.heappop(waiting)
        key = np.array([sessions[number] * SEARCHES + turn])
        shown = search(Visit(units[number], names[number], second, shop.query[query]))
        searches += 1
        carted = False
        for act in _acts(shown, query, key, shop, seen, config, draws):
            carted |= act.kind == "cart"
            search.acted(act)
        reworded = following.draw(np.array([query]), draws.uniform("experiment reworded", key))[0]
        again = draws.uniform("experiment again", key)[0] < behaviour.reformulation
        if turn + 1 < SEARCHES and again and reworded != EMPTY and not carted:
            pause = 20 + 70 * draws.uniform("experiment pause", key)[0]
            heapq.heappush(waiting, (second + pause, number, turn + 1, int(reworded)))
    return searches


def _acts(
    shown: Sequence[str],
    query: int,
    key: np.ndarray,
    shop: RankedShop,
    seen: np.ndarray,
    config: SimulatedExperiment,
    draws: Draws,
) -> Iterator[Act]:
    """A searcher's acts in front of a list, by time."""
    attraction, cart, price = (np.zeros((1, len(seen))) for _ in range(3))
    for place, product in enumerate(shown[: len(seen)]):
        arm, at = np.nonzero(shop.product[:, query] == int(product[1:]))
        if len(at):
            here = arm[0], query, at[0]
            attraction[0, place], cart[0, place], price[0, place] = (
                values[here] for values in (shop.attraction, shop.cart, shop.price)
            )
    did = engage(attraction * seen, cart, shop.order, key, config, draws)
    for place in np.flatnonzero(did.clicked[0]).tolist():
        after = float(did.seconds[0])
        yield Act(shown[place], "click", after, 0.0)
        if did.carted[0, place]:
            yield Act(shown[place], "cart", after, 0.0)
        if did.ordered[0, place]:
            yield Act(shown[place], "order", after, float(price[0, place]))
