"""The release on disk: versions side by side, the newest current."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kedro.io import AbstractDataset

from roar.errors import InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from roar.retrieval import Release, SearchIndex


class NewRelease(NamedTuple):
    """What is put into a version."""

    search_index: "SearchIndex"
    encoder: "SentenceTransformer"
    lexical: dict[str, float]
    queries: list[str]


class ReleaseFolder(AbstractDataset[NewRelease, "Release"]):
    """Saving writes a further version and makes it current; loading reads the current one."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> "Release":
        """The current version, checked."""
        from roar.retrieval import Release

        return Release.read(self._filepath)

    def save(self, data: NewRelease) -> None:
        """Write a version, or leave all as it was."""
        from roar.retrieval import write_release

        write_release(self._filepath, *data)

    def _exists(self) -> bool:
        from roar.retrieval.versions import current_version

        try:
            return current_version(self._filepath).is_dir()
        except InputError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
