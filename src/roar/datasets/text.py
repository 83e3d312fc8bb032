"""Text on disk, all or nothing: one file, or a folder of named files."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from roar.datasets.atomic import replaced_file, replaced_folder


class TextFile(AbstractDataset[str, str]):
    """A UTF-8 text in a local file, the same bytes on every system."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Describe the file; nothing is opened.

        Args:
            filepath: Path of the file.
            metadata: For Kedro-Viz and other plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        """The text."""
        return self._path.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        """Write the whole text, or nothing."""
        with replaced_file(self._path) as part:
            part.write_text(data, encoding="utf-8", newline="\n")

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class TextFolder(AbstractDataset[dict[str, str], dict[str, str]]):
    """Texts by file name in a folder of their own; saving replaces the folder."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Describe the folder; nothing is opened.

        Args:
            filepath: Path of the folder.
            metadata: For Kedro-Viz and other plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """The texts by file name, in the order of the names."""
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(self._path.iterdir())}

    def save(self, data: dict[str, str]) -> None:
        """Replace the folder's content, or leave it as it was."""
        with replaced_folder(self._path) as part:
            for name, text in data.items():
                (part / name).write_text(text, encoding="utf-8", newline="\n")

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
