"""Answers of the releases in memory: rank, group, page, show.

A `Searcher` never changes what it is made of. When a newer release is there another searcher takes its place, and this one is
let go with the last request that holds it.

A ranking is that of a fixed number of candidates (`serve.depth`), whatever part of it is shown: it does not change with `limit`,
and pages neither skip nor repeat. Filters apply before candidates are chosen, so that they cost no recall.
"""

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from roar.errors import did_you_mean
from roar.parameters.serve import Serve, ServedSystem
from roar.retrieval.candidates import firsts
from roar.retrieval.constraints import Weights
from roar.retrieval.ranking import Ranking
from roar.retrieval.release import STAGE2, Release
from roar.service.explaining import constrained, demands_of
from roar.service.faults import ServiceError
from roar.service.hints import hint
from roar.service.hooks import Assignment
from roar.service.models import (
    Both,
    CompareAnswer,
    CompareQuery,
    Paged,
    Product,
    SearchAnswer,
    SearchQuery,
    SimilarAnswer,
)
from roar.service.showing import as_product, documents, hits_of

INTERLEAVED = "interleaved"
"""Stands as the system of an answer that two made."""
COMPARED = 4
"""Systems side by side at most."""
MAIN = ""
"""Name of the release that is served; others go by their folders."""

DENSE = "dense"
"""Another name of `stage2`, as `roar search` and the scores of a hit have it."""

OWN = {STAGE2: ServedSystem(), "bm25": ServedSystem(kind="bm25"), "hybrid": ServedSystem(kind="hybrid")}
"""What every release answers by."""


class Clock:
    """Milliseconds of each part of an answer."""

    def __init__(self, waited_s: float = 0.0) -> None:
        self.parts = {"queue": 1000 * waited_s}
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        """What was since the last lap counts for a part."""
        now = time.perf_counter()
        self.parts[part] = self.parts.get(part, 0.0) + 1000 * (now - self._last)
        self._last = now

    def took(self) -> dict[str, float]:
        """All parts and their total."""
        parts = self.parts | {"total": sum(self.parts.values())}
        return {name: round(value, 3) for name, value in parts.items()}


class Loaded:
    """A release with the vectors of the queries that it was asked lately."""

    def __init__(self, release: Release, cached_queries: int) -> None:
        self.release = release
        self.encode = lru_cache(maxsize=cached_queries)(release.encode)

    @property
    def version(self) -> str:
        """The release's version, and the number of changes made to it since."""
        return f"{self.release.index.manifest.version}+{self.release.index.revision}"


class System(NamedTuple):
    """Who answers."""

    name: str
    loaded: Loaded
    config: ServedSystem

    @property
    def weights(self) -> Weights:
        """What contradicting and agreeing with a query is worth to it."""
        return Weights(self.config.penalty, self.config.bonus)


def _constrained_systems(loaded: Loaded) -> dict[str, ServedSystem]:
    """Systems under what queries ask for, with the weights that the release brings from validation."""
    tuned = loaded.release.index.manifest.constraints
    return {
        f"{name}_constrained": OWN[name].model_copy(update=weights) for name, weights in tuned.items() if name in OWN
    }


class Searcher:
    """See the module.

    Args:
        loaded: the releases: `MAIN`, and those that `serve.systems` name, by folder.
        serve: the block.
    """

    def __init__(self, loaded: Mapping[str, Loaded], serve: Serve) -> None:
        self.loaded, self.serve = loaded, serve
        configured = OWN | _constrained_systems(loaded[MAIN]) | serve.systems
        self.systems = {
            name: System(name, loaded[config.release or MAIN], config) for name, config in configured.items()
        }

    @property
    def version(self) -> str:
        """Of the release that is served."""
        return self.loaded[MAIN].version

    def system(self, name: str | None, parameter: str = "system") -> System:
        """A system by its name; the default one for None.

        Raises:
            ServiceError: 404, and lists what there is.
        """
        name = self.serve.default if name is None else name
        if name == DENSE and name not in self.systems:
            name = STAGE2
        if name not in self.systems:
            raise ServiceError(404, f"no system {name[:40]!r}; {did_you_mean(name, self.systems)}", parameter)
        return self.systems[name]

    # --- ranking

    def rank(self, system: System, query: str, asked: Paged, clock: Clock, *, grouped: bool = True) -> Ranking:
        """A system's candidates."""
        kind, release = system.config.kind, system.loaded.release
        vector = None
        if kind != "bm25":
            vector = system.loaded.encode(query)
            clock.lap("encode")
        ranking = release.rank(
            query,
            self.serve.depth,
            system=kind,
            where=self._where(system, asked),
            group_by=self._group(system, asked) if grouped else None,
            vector=vector,
            weight=system.config.weight,
        )
        clock.lap("retrieve")
        return self._constrained(system, query, ranking, clock)

    def _constrained(self, system: System, query: str, ranking: Ranking, clock: Clock) -> Ranking:
        """The candidates under what the query asks for, where the system weighs it and the query asks."""
        weights, strict = system.weights, system.config.strict
        demands = demands_of(query) if any(weights) or strict else None
        if demands is None or not len(ranking.rows):
            return ranking
        index = system.loaded.release.index
        ids = index.shown(ranking.rows)["product_id"]
        moved = constrained(ranking, ids, demands, documents(index, ids), weights, strict=strict)
        clock.lap("constrain")
        return moved

    def _where(self, system: System, asked: Paged) -> dict[str, Any] | None:
        where = asked.where()
        for name in where or ():
            if name not in system.loaded.release.index.manifest.filters:
                raise ServiceError(422, "this release cannot filter by it.", "price_min" if name == "price" else name)
        return where

    def _group(self, system: System, asked: Paged) -> str | None:
        if asked.group_by == "none":
            return None
        name = "cluster_id" if asked.group_by == "cluster" else asked.group_by
        known = _groups(system)
        if name not in known:
            raise ServiceError(422, f"no such field; {did_you_mean(name[:40], known)}", "group_by")
        return name

    @property
    def groups(self) -> list[str]:
        """What `group_by` can be, whoever answers."""
        own = [set(_groups(system)) for system in self.systems.values()]
        return sorted(set.intersection(*own) | {"cluster"})

    # --- answers

    def search(
        self, query: str, asked: SearchQuery, request_id: str, waited_s: float = 0.0, assigned: Assignment | None = None
    ) -> SearchAnswer:
        """Answer a query, as it is understood (`roar.service.queries`)."""
        clock = Clock(waited_s)
        if assigned is not None and assigned.merge is not None:
            return self._merged(query, asked, request_id, clock, assigned)
        system = self.system(assigned.systems[0] if assigned is not None else asked.system)
        ranking = self.rank(system, query, asked, clock)
        return self._answer(system, query, asked, request_id, clock, ranking)

    def _merged(
        self, query: str, asked: SearchQuery, request_id: str, clock: Clock, assigned: Assignment
    ) -> SearchAnswer:
        """Several systems of one release as one ranking, folded after it."""
        assert assigned.merge is not None
        systems = [self.system(name) for name in assigned.systems]
        ranking, teams = assigned.merge([self.rank(one, query, asked, clock, grouped=False) for one in systems])
        kept = np.arange(len(ranking.rows))
        if group := self._group(systems[0], asked):
            groups = systems[0].loaded.release.index.shown(ranking.rows)[group]
            kept = np.flatnonzero(firsts(groups))
        return self._answer(
            systems[0], query, asked, request_id, clock, ranking.where(kept), [teams[row] for row in kept.tolist()]
        )

    def _answer(
        self,
        system: System,
        query: str,
        asked: SearchQuery,
        request_id: str,
        clock: Clock,
        ranking: Ranking,
        teams: list[str | None] | None = None,
    ) -> SearchAnswer:
        kept = good_enough(ranking, asked.score_threshold)
        page = kept[asked.offset : asked.offset + asked.limit]
        hits = hits_of(
            system.loaded.release.index,
            ranking.where(page),
            asked.offset + 1,
            collapsed=self._group(system, asked) == "cluster_id",
            where=asked.where(),
            facts_for=query if asked.explain else None,
            weights=system.weights,
        )
        for hit, place in zip(hits, page if teams is not None else (), strict=False):
            hit.team = teams[place] if teams is not None else None
        clock.lap("show")
        return SearchAnswer(
            query=query,
            system=system.name if teams is None else INTERLEAVED,
            limit=asked.limit,
            offset=asked.offset,
            estimated_total=len(kept),
            took_ms=clock.took(),
            index_version=system.loaded.version,
            request_id=request_id,
            hint=None if hits else hint(system.loaded.release.index, asked, ranking, len(kept)),
            hits=hits,
        )

    def compare(self, query: str, asked: CompareQuery, request_id: str, waited_s: float = 0.0) -> CompareAnswer:
        """Answers of several systems side by side."""
        names = list(dict.fromkeys(name.strip() for name in asked.systems.split(",") if name.strip()))
        if not 2 <= len(names) <= COMPARED:
            raise ServiceError(422, f"name two to {COMPARED} different systems, with commas between them.", "systems")
        for name in names:
            self.system(name, "systems")
        own = asked.model_dump(exclude={"systems"})
        answers = {name: self.search(query, SearchQuery(**own, system=name), request_id, waited_s) for name in names}
        ranks: dict[str, dict[str, int]] = {}
        for name, answer in answers.items():
            for hit in answer.hits:
                ranks.setdefault(hit.product_id, {})[name] = hit.rank
        return CompareAnswer(
            query=query,
            systems=names,
            request_id=request_id,
            answers=answers,
            only={name: [one for one, own in ranks.items() if set(own) == {name}] for name in names},
            both=[Both(product_id=one, ranks=own) for one, own in ranks.items() if len(own) > 1],
        )

    def similar(self, product_id: str, asked: Paged, request_id: str, waited_s: float = 0.0) -> SimilarAnswer:
        """What the encoder finds nearest to a product, other listings of it left out."""
        clock, system = Clock(waited_s), self.system(STAGE2)
        index = system.loaded.release.index
        vector = index.vector(product_id)
        if vector is None:
            raise unknown_product(product_id)
        own = index.details(pl.Series([product_id]))["cluster_id"][0]
        ranking = system.loaded.release.rank(
            "",
            self.serve.depth + 1,
            where=self._where(system, asked),
            group_by=self._group(system, asked),
            vector=vector,
        )
        ranking = ranking.where((index.shown(ranking.rows)["cluster_id"] != own).to_numpy())
        clock.lap("retrieve")
        kept = good_enough(ranking, asked.score_threshold)
        page = ranking.where(kept[asked.offset : asked.offset + asked.limit])
        collapsed = self._group(system, asked) == "cluster_id"
        hits = hits_of(index, page, asked.offset + 1, collapsed=collapsed, where=asked.where())
        clock.lap("show")
        return SimilarAnswer(
            product_id=product_id,
            limit=asked.limit,
            offset=asked.offset,
            estimated_total=len(kept),
            took_ms=clock.took(),
            index_version=system.loaded.version,
            request_id=request_id,
            hits=hits,
        )

    def product(self, product_id: str) -> Product:
        """All that the catalogue says of a product."""
        found = documents(self.loaded[MAIN].release.index, pl.Series([product_id]))
        if found.is_empty():
            raise unknown_product(product_id)
        return as_product(found.row(0, named=True))


def _groups(system: System) -> list[str]:
    manifest = system.loaded.release.index.manifest
    return ["none", "cluster_id", *dict.fromkeys((*manifest.filters, *manifest.shown))]


def unknown_product(product_id: str) -> ServiceError:
    """Nobody is there by that name."""
    return ServiceError(404, f"no product {product_id[:40]!r} in this release.", "product_id")


def good_enough(ranking: Ranking, threshold: float | None) -> np.ndarray:
    """Places (n,) of the candidates that a threshold leaves: on the encoder's cosine where it had a say."""
    if threshold is None:
        return np.arange(len(ranking.rows))
    part = ranking.parts.get("dense", ranking.parts.get("bm25"))
    scores = ranking.scores if part is None else part.scores
    return np.flatnonzero(scores >= threshold)
