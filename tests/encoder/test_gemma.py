"""Gemma out of its packages: another file is refused, and what is missing is named."""

import sys
import types
from importlib.util import find_spec

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from roar.encoder import encode, gemma, load_encoder
from roar.errors import InputError
from roar.parameters import Encoder


def test_without_its_packages_the_preset_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, gemma.PACKAGE, None)
    with pytest.raises(InputError, match=r"gemma3_270m.*not installed; run: pip install '\.\[llm\]'"):
        load_encoder(Encoder(preset="gemma3_270m"))
    assert not any((tmp_path / "roar").glob("*gemma*")), "nothing half-made is left"


def test_another_file_than_the_known_one_is_refused(monkeypatch, tmp_path):
    parts = [tmp_path / name for name in ("a", "b")]
    for part in parts:
        part.write_bytes(b"GGUF of somebody else")
    package = types.ModuleType(gemma.PACKAGE)
    package.chunk_paths = lambda: parts
    monkeypatch.setitem(sys.modules, gemma.PACKAGE, package)
    with pytest.raises(InputError, match="do not give the known file"):
        gemma.gemma_folder(tmp_path / "cache")
    assert not any((tmp_path / "cache").glob("*gemma*"))


@pytest.mark.skipif(not find_spec(gemma.PACKAGE) or not find_spec("gguf"), reason="extra llm is not installed")
def test_the_converted_decoder_reads_as_one_and_is_found_again_by_the_library():
    config = Encoder(preset="gemma3_270m", precision="float32")
    encoder = load_encoder(config)
    texts = ["steel thermos flask 0.5 l", "usb"]
    assert encoder.tokenizer("usb")["input_ids"][-1] == encoder.tokenizer.eos_token_id
    assert encoder.tokenizer.padding_side == "left"
    ours = encode(encoder, texts, config=config)
    assert ours.shape == (2, 640)
    alone = SentenceTransformer(str(gemma.gemma_folder()), local_files_only=True, device="cpu")
    assert np.isfinite(alone.encode(texts)).all()
