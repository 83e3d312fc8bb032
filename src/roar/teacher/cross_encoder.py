"""A cross-encoder: query and product read as one text, so that every word of one can attend to every word of the other.

It starts from the encoder's own weights (sentence-transformers turns the encoder into a classifier with one new output), scores
are logits in float32, and pairs are tokenised once and sorted by length, as the encoder's texts are.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from torch import Tensor
from tqdm import tqdm
from transformers.utils import logging as transformers_logging
from transformers.utils.logging import disable_progress_bar

from roar.encoder.cpu import fast_on_cpu
from roar.encoder.precision import autocast
from roar.encoder.presets import preset_of, verified_folder
from roar.encoder.tokens import Tokens, token_batches
from roar.errors import InputError
from roar.parameters import Encoder

_AT_ONCE = 8192
_BATCH_TOKENS = {"cpu": 2048}


@dataclass(frozen=True)
class PairTokens:
    """Token ids of n pairs without padding, and which of the two texts each token belongs to (None where a model has no use for it)."""

    ids: Tokens
    types: Tokens | None

    def __len__(self) -> int:
        return len(self.ids)

    def padded(self, rows: np.ndarray) -> dict[str, Tensor]:
        """What the model reads of these pairs: input_ids, attention_mask and token_type_ids, (b, longest of them)."""
        features = self.ids.padded(rows)
        return features if self.types is None else features | {"token_type_ids": self.types.padded(rows)["input_ids"]}


def load_cross_encoder(config: Encoder, max_tokens: int, *, seed: int) -> CrossEncoder:
    """The preset's weights under a new output for one score.

    Args:
        config: `preset` and `dropout` are read.
        max_tokens: of query and product together; the longer of the two is cut.
        seed: of the new output's weights.

    Raises:
        InputError: the weights cannot be loaded.
    """
    preset = preset_of(config)
    path = verified_folder(preset) if preset.checksums else preset.source
    torch.manual_seed(seed)
    disable_progress_bar()
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # that the output is new is what is meant
    logging.getLogger("sentence_transformers.base.model").setLevel(logging.ERROR)  # and the conversion, too
    rates = {"hidden_dropout_prob": config.dropout, "attention_probs_dropout_prob": config.dropout}
    try:
        model = CrossEncoder(
            path, num_labels=1, max_length=max_tokens, local_files_only=Path(path).is_dir(), config_kwargs=rates
        )
    except Exception as error:  # hub, network and file errors share no base class
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"teacher: cannot make a cross-encoder of encoder.preset {config.preset!r} ({reason[:160]})."
        ) from error
    finally:
        transformers_logging.set_verbosity(level)
    return model.float()


def tokenise_pairs(model: CrossEncoder, queries: Sequence[str], products: Sequence[str]) -> PairTokens:
    """Tokenise n queries with n products; memory: the ids, and one padded matrix of a few thousand pairs."""
    ids, types, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
    for start in range(0, len(queries), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        features = model.preprocess(list(zip(queries[part], products[part], strict=True)))
        real = features["attention_mask"].bool()
        ids.append(features["input_ids"][real].numpy().astype(np.int32))
        if "token_type_ids" in features:
            types.append(features["token_type_ids"][real].numpy().astype(np.int32))
        lengths.append(real.sum(dim=1).numpy())
    start_of = np.cumsum(np.concatenate(lengths))
    left = model.tokenizer.padding_side == "left"
    tokens = Tokens(np.concatenate(ids), start_of, padding=int(model.tokenizer.pad_token_id or 0), left=left)
    return PairTokens(tokens, Tokens(np.concatenate(types), start_of, padding=0, left=left) if len(types) > 1 else None)


def score_pairs(
    model: CrossEncoder, queries: Sequence[str], products: Sequence[str], precision: str, *, progress: str = ""
) -> np.ndarray:
    """Score n queries with n products.

    Args:
        model: a cross-encoder with one output.
        queries: n texts.
        products: n texts.
        precision: of matrix products, "bf16" or "float32".
        progress: what a progress bar says; empty for none.

    Returns:
        float32 (n,): logits, higher is better.
    """
    pairs = tokenise_pairs(model, queries, products)
    order = np.argsort(pairs.ids.length, kind="stable")
    scores = np.empty(len(pairs), dtype=np.float32)
    training = model.training
    model.eval()
    budget = _BATCH_TOKENS.get(model.device.type, 16_384)
    with (
        torch.inference_mode(),
        fast_on_cpu(model),
        tqdm(total=len(pairs), desc=progress, unit="pair", disable=not progress) as bar,
    ):
        for batch in token_batches(pairs.ids.length[order], budget):
            rows = order[batch.start : batch.stop]
            features = {name: value.to(model.device) for name, value in pairs.padded(rows).items()}
            with autocast(model.device, precision):
                logits = model(features)["scores"]
            scores[rows] = logits.float().view(-1).cpu().numpy()
            bar.update(len(rows))
    model.train(training)
    return scores
