"""Which encoder this is: all that decides the vector of a text, as a few short values that can be kept and compared."""

import hashlib
import json
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from roar.encoder.product_text import TEMPLATE
from roar.parameters import Encoder


def identity_of(encoder: SentenceTransformer, config: Encoder) -> dict[str, Any]:
    """What an index has to share with the encoder whose queries are searched in it.

    Args:
        encoder: as `load_encoder` or `read_encoder` gives it.
        config: what it reads of a product: `product_fields`.

    Returns:
        weights, tokenizer, modules (hashes), dimension, max_tokens, query_prompt, product_prompt, product_fields, template; ready for JSON.
    """
    parts: list[Any] = [[type(part).__name__, getattr(part, "get_config_dict", dict)()] for part in encoder]
    return {
        "weights": weights_hash(encoder),
        "tokenizer": _short(_words_of(encoder.tokenizer)),
        "modules": _short(json.dumps(parts, sort_keys=True, default=str)),
        "dimension": int(encoder.get_embedding_dimension() or 0),
        "max_tokens": encoder.max_seq_length,
        "query_prompt": encoder.prompts.get("query", ""),
        "product_prompt": encoder.prompts.get("product", ""),
        "product_fields": list(config.product_fields),
        "template": TEMPLATE,
    }


def weights_hash(encoder: SentenceTransformer) -> str:
    """SHA-256 over the names and bytes of all weights, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, weight in encoder.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _words_of(tokenizer: Any) -> str:
    """What decides a text's tokens; not how the last batch was cut and padded, which a tokenizer keeps too."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return repr(tokenizer)
    state = json.loads(backend.to_str())
    return json.dumps({name: value for name, value in state.items() if name not in ("truncation", "padding")})


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
