"""JSON that may be absent: it then loads as None.

A report's sections come from pipelines that may not have been run; Kedro fails on an input whose file is not there.
`exists()` stays honest: it is true only where the file is.
"""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from roar.errors import InputError
from roar.files import replaced_file


class OptionalJSON(AbstractDataset[Any, Any]):
    """A JSON document in a local file; None where there is no file."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Describe the file; nothing is opened.

        Args:
            filepath: Path of the file.
            metadata: For Kedro-Viz and other plugins.
        """
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Any:
        """The document, or None.

        Raises:
            InputError: the file is there and is not JSON.
        """
        if not self._exists():
            return None
        try:
            return json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(
                f"{self._path}: not a JSON document ({error}); remove it and run its pipeline again"
            ) from error

    def save(self, data: Any) -> None:
        """Write the whole document, or nothing."""
        with replaced_file(self._path) as part:
            part.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
