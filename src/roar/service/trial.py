"""The experiment: each visitor's variant, and two rankings in one list where they are interleaved."""

import hashlib
from collections.abc import Sequence
from functools import partial

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from roar.ab_testing.assignment import assign
from roar.ab_testing.drafting import EMPTY, team_draft
from roar.parameters.serve_log import ServeExperiment
from roar.retrieval.ranking import Part, Ranking
from roar.service.hooks import Assignment
from roar.service.models import SearchQuery
from roar.service.visitors import session_of, unit_of


class Trial:
    """Decides who answers (`roar.service.hooks.Experiment`)."""

    def __init__(self, config: ServeExperiment) -> None:
        self.config = config
        self._salt = config.salt or config.name

    def assign(self, request: Request, response: Response, asked: SearchQuery) -> Assignment | None:
        """The visitor's variant; None outside the experiment."""
        unit, variants = unit_of(request, response), self.config.variants
        if self.config.mode == "ab":
            variant = assign(unit, self.config.shares, self._salt)
            return None if variant is None else Assignment(variant, (variants[variant],))
        if asked.score_threshold is not None:
            return None  # one system's floor means nothing in the other's list
        # One draft for a visit's query: its further pages go on in the same list.
        key = "\0".join((self._salt, unit, session_of(request, response), asked.q))
        seed = int.from_bytes(hashlib.sha256(key.encode(errors="replace")).digest()[:16], "big")
        merge = partial(interleave, names=tuple(variants), seed=seed)
        return Assignment("interleaving", tuple(variants.values()), merge)


def interleave(rankings: Sequence[Ranking], names: Sequence[str], seed: int) -> tuple[Ranking, list[str | None]]:
    """Team draft of two rankings, as long as both together.

    Args:
        rankings: of the two teams.
        names: of the teams.
        seed: of the coins.

    Returns:
        The list, whose scores are its reversed places (two systems' scores cannot be compared), and each candidate's team.
    """
    both = np.union1d(*(ranking.rows for ranking in rankings))
    size = len(both)
    padded = np.full((2, 1, max(len(ranking.rows) for ranking in rankings)), EMPTY, dtype=np.int64)
    for row, ranking in zip(padded, rankings, strict=True):
        row[0, : len(ranking.rows)] = ranking.rows
    if not size:
        return rankings[0], []
    coins = np.random.default_rng(seed).random((1, size)) < 0.5
    rows, teams = (part[0] for part in team_draft(padded[0], padded[1], coins, size))
    filled = rows != EMPTY
    rows, teams = rows[filled], teams[filled]
    parts = {name: _of(rows, own.rows, own.parts[name]) for own in rankings for name in own.parts}
    return Ranking(rows, np.arange(len(rows), 0, -1, dtype=np.float64), parts), [names[team] for team in teams]


def _of(rows: np.ndarray, own: np.ndarray, part: Part) -> Part:
    """What a retriever said of its own candidates, at their places in the list; nothing of others."""
    place = {row: at for at, row in enumerate(own.tolist())}
    at = np.array([place.get(row, -1) for row in rows.tolist()])
    known = at >= 0
    scores, ranks = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.int64)
    scores[known], ranks[known] = part.scores[at[known]], part.ranks[at[known]]
    return Part(scores, ranks)
