"""The releases in memory, and the newer one that takes a place.

A release is read, checked and asked a query beside the one that answers; then one assignment puts it in its place. Requests under
way go on with the searcher that they began with, and the old release is let go with the last of them. What cannot be read is
said once in the log, and what is there goes on answering.
"""

import logging
import threading
from pathlib import Path

from roar.engines.vectors import vectors_of
from roar.errors import InputError
from roar.parameters.serve import Serve
from roar.retrieval import Release
from roar.retrieval.versions import current_version
from roar.service.models import SearchQuery
from roar.service.searcher import MAIN, Loaded, Searcher
from roar.service.settings import Settings

logger = logging.getLogger(__name__)

_WARMING = "warm up 64 gb"
"""A query that every part of a release is asked before it serves; it asks for something, so that attributes are read."""


class Releases:
    """What is served now: `searcher`."""

    def __init__(self, settings: Settings) -> None:
        """Load what the settings name.

        Raises:
            InputError: a release is missing, damaged or of another format; or a system is named twice or is unknown.
        """
        self.settings = settings
        named = (system.release for system in settings.serve.systems.values())
        self.folders = {MAIN: settings.release} | {name: Path(name) for name in named if name is not None}
        self._refused: dict[str, str] = {}
        self.swaps = 0
        self.searcher = Searcher({name: self._load(name) for name in self.folders}, settings.serve)
        if settings.serve.default not in self.searcher.systems:
            raise InputError(
                f"serve.default: no system {settings.serve.default!r}; there are {', '.join(self.searcher.systems)}."
            )

    def _load(self, name: str) -> Loaded:
        release = Release.read(self.folders[name])
        if name == MAIN:
            release.vectors = vectors_of(release.index, self.settings.engines)
        loaded = Loaded(release, self.settings.serve.cached_queries)
        alone = Searcher({MAIN: loaded}, Serve())
        for system in alone.systems:
            alone.search(_WARMING, SearchQuery(q=_WARMING, system=system, explain=True), _WARMING)
        return loaded

    def look(self) -> None:
        """Take over newer versions, and changes made to those that are served. Never raises."""
        for name, folder in self.folders.items():
            served = self.searcher.loaded[name].release.index
            try:
                if current_version(folder) == served.folder:
                    served.refresh()
                    continue
                self._swap(name, self._load(name))
            except Exception as error:  # whatever it is, the old release answers
                self._refuse(name, error)
            else:
                self._refused.pop(name, None)

    def _swap(self, name: str, loaded: Loaded) -> None:
        self.searcher = Searcher({**self.searcher.loaded, name: loaded}, self.settings.serve)
        self.swaps += 1
        logger.info("Version %s is served.", loaded.version)

    def _refuse(self, name: str, error: Exception) -> None:
        if self._refused.get(name) != str(error):
            self._refused[name] = str(error)
            logger.error("The release that is served stays; the newer one cannot be: %s", error)


class Watch(threading.Thread):
    """Looks for newer releases until it is closed."""

    def __init__(self, releases: Releases, every_s: float) -> None:
        super().__init__(name="watch", daemon=True)
        self._releases, self._every_s, self._closed = releases, every_s, threading.Event()

    def run(self) -> None:
        """Look, wait, look again."""
        while not self._closed.wait(self._every_s):
            self._releases.look()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        self.join()
