"""What a saved encoder says of itself: where it comes from, what it was trained on and how, and what it scored."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
from sentence_transformers import SentenceTransformer

from roar.encoder.presets import preset_of
from roar.parameters import Encoder

_CARD = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
license: {licence_tag}
tags: [product-search, information-retrieval, roar]
---

# Product retrieval encoder, {stage}

One encoder for shoppers' queries and products, to be compared by cosine. Trained by [Roar](https://arxiv.org/abs/2606.01504)'s
method from `{source}` (licence: {licence}).

```python
from sentence_transformers import SentenceTransformer

encoder = SentenceTransformer("this/folder")
queries = encoder.encode(["sth to keep coffee hot"], prompt_name="query", normalize_embeddings=True)
products = encoder.encode(["steel thermos flask 0.5 l"], prompt_name="product", normalize_embeddings=True)
```

Products are read as: {fields}; texts are cut at {max_tokens} tokens.

## Training data

{data}

## Validation

{validation}

## Parameters

```json
{parameters}
```
"""


def write_card(
    encoder: SentenceTransformer,
    *,
    stage: str,
    config: Encoder,
    parameters: Mapping[str, Any],
    data: Mapping[str, int],
    history: pl.DataFrame,
) -> None:
    """Attach the card that is saved with the encoder as README.md.

    Args:
        encoder: is changed.
        stage: what trained it, and the fold.
        config: of the encoder.
        parameters: of the training.
        data: what was read, and how much of it.
        history: of the training; its validation scores are quoted.
    """
    preset = preset_of(config)
    # The library writes this text as it is, unless it made a card of its own.
    encoder._model_card_text = _CARD.format(  # type: ignore[assignment]
        stage=stage,
        source=preset.source,
        licence=preset.licence,
        licence_tag=preset.licence.lower() if preset.licence == "Apache-2.0" else "other",
        fields=", ".join(config.product_fields),
        max_tokens=config.max_tokens,
        data="\n".join(f"- {what}: {count:,}" for what, count in data.items()),
        validation=_validation(history),
        parameters=json.dumps(dict(parameters), indent=1, sort_keys=True),
    )


def _validation(history: pl.DataFrame) -> str:
    kept = history.filter(pl.col("kept")).to_dicts()
    if not kept:
        return "Not validated during training: the last weights."
    row = kept[0]
    if not row["step"]:
        return "These are the weights that training started from: it made them worse on held-out validation queries."
    return (
        f"Weights of step {row['step']}, chosen on held-out validation queries: {row['validation']:.4f}, "
        f"{row['validation_gain']:+.4f} ± {row['validation_error']:.4f} against the start."
    )
