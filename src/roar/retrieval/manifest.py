"""What an index says of itself: which encoder and text it belongs to, how it was chosen, and what it was measured to do."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from roar.errors import InputError
from roar.retrieval.vector_index import FLAT, Effort

FORMAT = 1
"""Grows when folders are laid out otherwise."""

NAME = "manifest.json"


class Manifest(BaseModel):
    """Written once with the files that it speaks of; SHA256SUMS beside it holds their hashes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    version: str
    created: str
    dimension: int
    products: int
    entries: int
    """Vectors in the index: near-copies share one."""
    index: str = FLAT
    """FAISS factory string."""
    effort: Effort = Effort()
    ids: str
    """Fingerprint of the product ids."""
    encoder: str = ""
    """Fingerprint of the encoder's files, empty where an index has none with it."""
    template: dict[str, Any] = {}
    """What is read of a product: the encoder's `product_fields` and `max_tokens`."""
    prompts: dict[str, str] = {}
    filters: tuple[str, ...] = ()
    """Columns that a search may filter by."""
    shown: tuple[str, ...] = ()
    """Columns that stay in memory for what a hit shows; all of them where none is named."""
    keep: int = 2
    """Versions kept side by side."""
    collapse: float = 0.98
    """Cosine from which on near-copies share an entry."""
    rebuild: float = 0.2
    """Share of changed products beyond which the index is built again."""
    measured: dict[str, float] = {}
    """recall@100 against an exact scan, p50_ms and p99_ms of one query, bytes_per_vector, build_s, and on how many queries."""
    machine: dict[str, Any] = {}
    data: dict[str, str] = {}
    """Fingerprints of the tables that it was made from."""
    lexical: dict[str, float] = {}
    """BM25's k1 and b, and the encoder's weight in the hybrid."""
    constraints: dict[str, dict[str, float]] = {}
    """By served system the penalty and bonus of constraints, in units of its scores, as validation queries chose them."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns that are held in memory; empty for all."""
        named = ("product_id", "cluster_id", *self.shown, *self.filters)
        return tuple(dict.fromkeys(named)) if self.shown else ()

    def write(self, folder: Path) -> None:
        """Save as manifest.json."""
        text = json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False)
        (folder / NAME).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Load a manifest.

        Raises:
            InputError: it is missing or unreadable, or of another format.
        """
        path = folder / NAME
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: no readable manifest ({error}); release again.") from error
        found = written.get("format") if isinstance(written, dict) else None
        if found != FORMAT:
            raise InputError(
                f"{path}: format {found}, and this version of the project reads {FORMAT}; release again, or install the "
                "version that wrote it."
            )
        try:
            return cls.model_validate(written)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"{path}, {'.'.join(map(str, first['loc']))}: {first['msg']}; it was changed, release again."
            ) from error

    def require(
        self, *, encoder: str | None = None, dimension: int | None = None, template: dict[str, Any] | None = None
    ) -> None:
        """Refuse what does not belong to this index.

        Raises:
            InputError: another encoder, dimension or text template than the index was made with.
        """
        for what, own, given in (
            ("encoder", self.encoder, encoder),
            ("dimension", self.dimension, dimension),
            ("text template", self.template, template),
        ):
            if given is not None and given != own:
                raise InputError(
                    f"index {self.version}: made with {what} {own}, and asked with {given}; their scores mean nothing "
                    "together. Use what lies beside the index, or release again."
                )
