"""Encoders on disk: one plain sentence-transformers folder per fold, loadable by `SentenceTransformer(path)` alone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from roar.errors import InputError
from roar.files import SEAL, replaced_folder, seal

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class EncoderFolder(AbstractDataset[dict[str, "SentenceTransformer"], dict[str, Callable[[], "SentenceTransformer"]]]):
    """Encoders by fold name ("holdout", "fold_0", … or "all").

    Loading gives a function per fold, so that only one encoder need be in memory. Saving replaces the whole folder at once.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Callable[[], "SentenceTransformer"]]:
        """A loader for each fold, which refuses an encoder that is not as it was saved.

        Raises:
            InputError: there is none, or one without a seal.
        """
        folders = sorted(path for path in self._filepath.glob("*") if (path / "modules.json").is_file())
        if not folders:
            raise InputError(f"{self._filepath}: no encoder here; run the pipeline that trains it first.")
        if unsealed := [path for path in folders if not (path / SEAL).is_file()]:
            raise InputError(
                f"{unsealed[0]}: no seal ({SEAL}), so that nothing says whether the encoder is whole; run the pipeline that "
                "trains it again, or name the folder in evaluation.encoders."
            )
        return {path.name: _loader(path) for path in folders}

    def save(self, data: dict[str, "SentenceTransformer"]) -> None:
        """Write each fold's encoder, weights as safetensors, and seal it."""
        with replaced_folder(self._filepath) as folder:
            for fold, encoder in data.items():
                card = bool(encoder._model_card_text)  # written by the stage that trained it
                encoder.save_pretrained(str(folder / fold), create_model_card=card, safe_serialization=True)
                seal(folder / fold)

    def _exists(self) -> bool:
        return any(self._filepath.glob("*/modules.json"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def _loader(path: Path) -> Callable[[], "SentenceTransformer"]:
    def load() -> "SentenceTransformer":
        from roar.encoder import read_encoder

        return read_encoder(path)

    return load
