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
    checked = history.drop_nulls("validation_ndcg8")
    if checked.is_empty():
        return "Not validated during training."
    scores = checked["validation_ndcg8"].to_list()
    first, best = scores[0], max(scores)
    return f"NDCG@8 over the judged products of held-out validation queries: {first:.4f} before training, {best:.4f} at best."
