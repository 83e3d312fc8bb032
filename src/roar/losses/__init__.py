"""Losses of both stages: tensors in, a scalar out. Encoding, batching and gathering happen elsewhere.

Every function takes float32 cosine scores of shape (Q, P): one row per query, one column per product of the batch.

    contrastive      InfoNCE, the loss of stage 1
    false_negatives  which products are no negatives of a query; mask_rules gives its rules names
    roar             ROAR, the alignment loss of stage 2
    pairwise, listwise, pointwise   what ROAR is compared with
    controls         every alignment loss by name, in one signature
    distillation     towards a teacher's scores
"""

from roar.losses.contrastive import contrastive_loss
from roar.losses.controls import ALIGNMENT_LOSSES, AlignmentLoss, no_alignment
from roar.losses.distillation import DISTILLATION_LOSSES, listwise_kl_distillation, margin_mse_distillation
from roar.losses.false_negatives import false_negative_mask
from roar.losses.listwise import list_mle_loss, list_net_loss
from roar.losses.mask_rules import MASK_RULES, mask_rule
from roar.losses.pairwise import lambda_loss, margin_mse_loss, ranknet_loss
from roar.losses.pointwise import bixse_loss
from roar.losses.roar import log_odds, roar_loss

__all__ = [
    "ALIGNMENT_LOSSES",
    "DISTILLATION_LOSSES",
    "MASK_RULES",
    "AlignmentLoss",
    "bixse_loss",
    "contrastive_loss",
    "false_negative_mask",
    "lambda_loss",
    "list_mle_loss",
    "list_net_loss",
    "listwise_kl_distillation",
    "log_odds",
    "margin_mse_distillation",
    "margin_mse_loss",
    "mask_rule",
    "no_alignment",
    "ranknet_loss",
    "roar_loss",
]
