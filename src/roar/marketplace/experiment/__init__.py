"""The simulated shop's online experiment: two rankers, routed searchers, the click model of the search log.

`shop` knows what each ranker shows for each query and what the simulator's truth makes of it; `searchers` plays the
test, in parts of any size; `truth` is the uplift that an estimator should find; `interleaved` is the cheaper test;
`live` sends the searchers to a search that runs.
"""

from roar.marketplace.experiment.interleaved import interleaved_votes
from roar.marketplace.experiment.live import Act, Visit, send_searchers
from roar.marketplace.experiment.searchers import Played, play, play_parts
from roar.marketplace.experiment.shop import RankedShop, ranked_shop
from roar.marketplace.experiment.truth import true_uplifts

__all__ = [
    "Act",
    "Played",
    "RankedShop",
    "Visit",
    "interleaved_votes",
    "play",
    "play_parts",
    "ranked_shop",
    "send_searchers",
    "true_uplifts",
]
