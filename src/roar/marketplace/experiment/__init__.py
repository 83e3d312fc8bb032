"""The simulated shop's online experiment: two rankers, routed searchers, the click model of the search log.

`shop` knows what each ranker shows for each query and what the simulator's truth makes of it; `searchers` plays the
test, in parts of any size; `truth` is the uplift that an estimator should find; `interleaved` is the cheaper test.
"""

from roar.marketplace.experiment.interleaved import interleaved_votes
from roar.marketplace.experiment.searchers import Played, play, play_parts
from roar.marketplace.experiment.shop import RankedShop, ranked_shop
from roar.marketplace.experiment.truth import true_uplifts

__all__ = ["Played", "RankedShop", "interleaved_votes", "play", "play_parts", "ranked_shop", "true_uplifts"]
