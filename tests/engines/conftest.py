"""What tests of engines share."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from roar.encoder import encode, shards
from roar.errors import InputError
from roar.parameters import Encoder

CONFIG = Encoder(precision="float32")
TEXTS = [f"{colour} shoe {size}" for colour in ("red", "blue", "black", "white") for size in range(36, 46)]


def needs(*packages: str) -> None:
    """Skip, saying so in a line, where an engine is not installed."""
    if missing := [package for package in packages if find_spec(package) is None]:
        pytest.skip(f"{missing[0]} is not installed: pip install '.[spark,ray,milvus]' runs the tests of engines")


@pytest.fixture
def small(monkeypatch) -> None:
    """Shards of ten texts."""
    monkeypatch.setattr(shards, "_TEXTS", 10)


def check_encoding(by, encoder, folder: Path) -> None:
    """What every engine owes (in `small` shards): a first run with a poison row loses its shard alone, and names the row; a second one
    without, beside another's half-written file, encodes nothing twice and gives the vectors of one process.
    """
    texts, names = [*TEXTS], [f"p{row}" for row in range(len(TEXTS))]
    texts[33] = None
    with pytest.raises(InputError, match=r"^products, p33: [^\n]+ 0 others"):
        shards.encode_in_shards(encoder, texts, folder, CONFIG, names=names, by=by)
    done = {path: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    assert len(done) == 3
    (folder / f".{'0' * 24}.npy.1.partial").write_bytes(b"half")
    vectors = shards.encode_in_shards(encoder, TEXTS, folder, CONFIG, by=by)
    assert {path: path.stat().st_mtime_ns for path in done} == done, "no shard is encoded twice"
    np.testing.assert_allclose(vectors, encode(encoder, TEXTS, config=CONFIG), atol=1e-6)
    cosine = np.einsum("nd,nd->n", vectors, encode(encoder, TEXTS, config=CONFIG))
    assert cosine.min() > 1 - 1e-6
    assert not (folder / ".encoder").exists()
