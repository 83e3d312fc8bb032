"""Losses of both stages: tensors in, a scalar out. Encoding, batching and gathering happen elsewhere.

Every function takes float32 cosine scores of shape (Q, P): one row per query, one column per product of the batch.
"""

from roar.losses.contrastive import contrastive_loss
from roar.losses.false_negatives import false_negative_mask
from roar.losses.roar import log_odds, roar_loss

__all__ = ["contrastive_loss", "false_negative_mask", "log_odds", "roar_loss"]
