"""Product indexes on disk: one folder per fold, a FAISS file beside the product ids of its rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from roar.errors import InputError
from roar.files import replaced_folder

if TYPE_CHECKING:
    from roar.retrieval import ProductIndex


class IndexFolder(AbstractDataset[dict[str, "ProductIndex"], dict[str, "ProductIndex"]]):
    """Product indexes by fold name."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, "ProductIndex"]:
        """Read every fold's index."""
        from roar.retrieval import ProductIndex

        folders = sorted(path.parent for path in self._filepath.glob("*/index.faiss"))
        if not folders:
            raise InputError(f"{self._filepath}: no product index here; run the evaluation pipeline first.")
        return {path.name: ProductIndex.read(path) for path in folders}

    def save(self, data: dict[str, "ProductIndex"]) -> None:
        """Write every fold's index."""
        with replaced_folder(self._filepath) as folder:
            for fold, index in data.items():
                index.write(folder / fold)

    def _exists(self) -> bool:
        return any(self._filepath.glob("*/index.faiss"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
