"""Text on disk, all or nothing: one file, or a folder of named files, tables in parquet among them."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from roar.files import replaced_file, replaced_folder

Files = dict[str, str | bytes]

_BYTES = {".parquet"}


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


class TextFolder(AbstractDataset[Files, Files]):
    """Texts by file name in a folder of their own, and files of other kinds as bytes; saving replaces the folder."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Describe the folder; nothing is opened.

        Args:
            filepath: Path of the folder.
            metadata: For Kedro-Viz and other plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Files:
        """The contents by file name, in the order of the names."""
        paths = sorted(self._path.iterdir())
        return {p.name: p.read_bytes() if p.suffix in _BYTES else p.read_text(encoding="utf-8") for p in paths}

    def save(self, data: Files) -> None:
        """Replace the folder's content, or leave it as it was."""
        with replaced_folder(self._path) as part:
            for name, content in data.items():
                if isinstance(content, bytes):
                    (part / name).write_bytes(content)
                else:
                    (part / name).write_text(content, encoding="utf-8", newline="\n")

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
