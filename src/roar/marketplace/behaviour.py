"""Sessions: searches, reformulations, clicks, carts and orders, under two logging rankers.

A session belongs to one ranker. A shown product is clicked if it is examined, which depends on its position alone, and
attractive, which depends on its grade alone (the position-based model; Craswell et al., "An experimental comparison of
click position-bias models", WSDM 2008). As the rankers put one product at different positions for the same query,
examination can be told from attraction in the log.
"""

import numpy as np
import polars as pl

from roar.marketplace.catalogue import Catalogue, numbered
from roar.marketplace.draws import Draws
from roar.marketplace.queries import KINDS, Intents
from roar.marketplace.relevance import Grader, PoolMix, Pools, Postings, Words
from roar.parameters import Behaviour, Engagement

RANKERS = ("lexical", "popularity")
LOGGED_POOL = PoolMix(anchor=1, facet=10, type=12, close=4, complement=4, lexical=10, random=2)
SEARCHES = 3
"""At most as many searches in a session."""


def examination(config: Behaviour) -> np.ndarray:
    """(results,) probability that each position is looked at."""
    return np.arange(1, config.results + 1, dtype=np.float64) ** -config.examination_decay


def click_model(config: Behaviour) -> pl.DataFrame:
    """The truth behind the log: (ranker, position, examination), the same for both rankers."""
    seen = examination(config)
    position = np.tile(np.arange(1, config.results + 1), len(RANKERS))
    rankers = pl.Series(RANKERS).gather(np.repeat(np.arange(len(RANKERS)), config.results))
    return pl.DataFrame({"ranker": rankers, "position": position, "examination": np.tile(seen, len(RANKERS))})


def _by_grade(shares: Engagement) -> np.ndarray:
    return np.array([shares.irrelevant, shares.complement, shares.substitute, shares.exact])


def rank_results(
    queries: np.ndarray, pools: Pools, words: Words, catalogue: Catalogue, config: Behaviour, draws: Draws
) -> pl.DataFrame:
    """What each ranker shows for each query: (query, ranker, position, product)."""
    pairs = pools.draw("logged", queries, LOGGED_POOL, draws)
    query, product = pairs["query"].to_numpy(), pairs["product"].to_numpy()
    lexical = words.overlap(query, product)
    lexical = lexical + 0.3 * lexical.std() * draws.normal("lexical jitter", np.arange(len(pairs)))
    popular = 0.4 * (lexical - lexical.mean()) / max(float(lexical.std()), 1e-9) + catalogue.popularity(product)
    ranked = [
        pairs.with_columns(pl.lit(number, pl.Int64).alias("ranker"), pl.Series("score", score))
        .sort("query", "score", descending=[False, True])
        .with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("query").alias("position"))
        .filter(pl.col("position") <= config.results)
        for number, score in enumerate((lexical, popular))
    ]
    return pl.concat(ranked).drop("score")


class Reformulations:
    """The next query of a session that has not found what it wants.

    Mostly the same need in other words (a synonym, the slip corrected), else a narrower query of the same type. Needs
    are compared by what is asked for, so the two queries have the same exact products.
    """

    def __init__(self, intents: Intents) -> None:
        need = pl.DataFrame(np.column_stack([intents.types, np.sort(intents.asked, axis=1)]))
        self._need = need.select(pl.struct(pl.all()).rank("dense")).to_series().to_numpy().astype(np.int64)
        self._intents = intents
        rows = np.arange(len(intents))
        self._same = Postings(self._need, rows)
        narrow = np.flatnonzero(intents.kind == KINDS.index("attributes"))
        self._narrower = Postings(intents.types[narrow, 0], narrow)

    def following(self, queries: np.ndarray, keys: np.ndarray, draws: Draws) -> np.ndarray:
        """A following query for each row of `queries`; -1 where there is no other."""
        u = draws.uniform("reformulation", keys, 3).T
        same = self._same.draw(self._need[queries], u[0])
        plain = (self._intents.asked[queries] < 0).all(axis=1)
        narrower = np.where(plain, self._narrower.draw(self._intents.types[queries, 0], u[1]), -1)
        corrected = np.where(self._intents.noise[queries] > 0, self._intents.canonical[queries], same)
        found = np.where((u[2] < 0.3) | (corrected == queries), narrower, corrected)
        return np.where(found == queries, -1, found)


class SessionWriter:
    """Plays sessions against the two rankers' results."""

    def __init__(
        self, intents: Intents, pools: Pools, words: Words, grader: Grader, catalogue: Catalogue, config: Behaviour
    ) -> None:
        self.intents, self.pools, self.words, self.grader = intents, pools, words, grader
        self.catalogue, self.config, self.draws = catalogue, config, catalogue.draws
        self.next_queries = Reformulations(intents)

    def write(self) -> pl.DataFrame:
        """The contract's search log, by session and time."""
        sessions = np.arange(self.config.sessions)
        queries = self.draws.weighted("session query", sessions, self.intents.frequency)
        searches = []
        for turn in range(SEARCHES):
            played = self._play(sessions, queries, turn)
            searches.append(played)
            satisfied = played.filter(pl.col("carted"))["session"].unique().to_numpy()
            again = self.draws.uniform(f"again {turn}", sessions) < self.config.reformulation
            following = self.next_queries.following(queries, sessions + turn * self.config.sessions, self.draws)
            stay = again & (following >= 0) & ~np.isin(sessions, satisfied)
            sessions, queries = sessions[stay], following[stay]
            if not len(sessions):
                break
        return self._table(pl.concat(searches))

    def _play(self, sessions: np.ndarray, queries: np.ndarray, turn: int) -> pl.DataFrame:
        """One search per session: what was shown, clicked, carted and ordered."""
        ranker = self.draws.below("ranker", sessions, len(RANKERS))
        shown = rank_results(np.unique(queries), self.pools, self.words, self.catalogue, self.config, self.draws)
        search = pl.DataFrame({"session": sessions, "query": queries, "ranker": ranker})
        rows = search.join(shown, on=["query", "ranker"], how="inner", maintain_order="left_right")
        key = ((rows["session"] * SEARCHES + turn) * self.config.results + rows["position"] - 1).to_numpy()
        grade = self.grader.grade(rows["query"].to_numpy(), rows["product"].to_numpy())
        seen = examination(self.config)[rows["position"].to_numpy() - 1]
        u = self.draws.uniform("engagement", key, 3).T
        clicked = u[0] < seen * _by_grade(self.config.attraction)[grade]
        carted = clicked & (u[1] < _by_grade(self.config.cart)[grade])
        ordered = carted & (u[2] < self.config.order)
        return rows.with_columns(
            pl.Series("clicked", clicked), pl.Series("carted", carted), pl.Series("ordered", ordered),
            pl.Series("second", self._seconds(rows["session"].to_numpy(), turn)),
        )  # fmt: skip

    def _seconds(self, sessions: np.ndarray, turn: int) -> np.ndarray:
        """Seconds since the window's start; a reformulation follows within a minute and a half."""
        start = self.draws.uniform("session start", sessions) * (self.config.window_days * 86_400 - 600)
        return (start + turn * (20 + 70 * self.draws.uniform("pause", sessions))).astype(np.int64)

    def _table(self, searches: pl.DataFrame) -> pl.DataFrame:
        texts, rankers = pl.Series(self.intents.text, dtype=pl.String), pl.Series(RANKERS)
        start = pl.lit(self.config.window_start, dtype=pl.Datetime("us"))
        searches = searches.sort("session", "second", "position")
        return searches.select(
            numbered("s", searches["session"].to_numpy()).alias("session_id"),
            (start + pl.duration(seconds="second")).alias("timestamp"),
            texts.gather(searches["query"]).alias("query"),
            numbered("p", searches["product"].to_numpy()).alias("product_id"),
            "position",
            "clicked",
            "carted",
            "ordered",
            rankers.gather(searches["ranker"]).alias("ranker"),
        )
