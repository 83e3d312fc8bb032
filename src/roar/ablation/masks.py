"""Which share of the true near-duplicates each mask rule leaves out of a batch's negatives, and what else it takes with them.

Only a simulated shop knows which listings are one item. Batches are drawn at random here, not free of conflicts as in
training, so that a rule has something to find.
"""

import numpy as np
import polars as pl
import torch
from sentence_transformers import SentenceTransformer

from roar.encoder import encode
from roar.losses import mask_rule
from roar.parameters import Encoder
from roar.training.examples import Examples

RULES = ("none", "margin", "gist", "cluster", "known_relevant", "margin+cluster+known_relevant")


def mask_coverage(
    encoder: SentenceTransformer,
    examples: Examples,
    item: np.ndarray,
    config: Encoder,
    *,
    batch_size: int = 256,
    margin: float = 0.1,
    seed: int,
) -> pl.DataFrame:
    """Count what each rule masks, over batches that hold every pair once.

    Args:
        encoder: whose cosines the rules read.
        examples: stage-1 pairs.
        item: (products,) int64, the true item behind each product.
        config: how to encode.
        batch_size: pairs a batch.
        margin: of the rules that have one.
        seed: of the order of pairs.

    Returns:
        rule; duplicates: true near-duplicates among the negatives of all rows, and the share of them masked; others: all
        other negatives, and the share of them masked.
    """
    product = examples.product[examples.start[:-1]]
    queries = torch.from_numpy(encode(encoder, examples.query_text, kind="query", config=config))
    titles = torch.from_numpy(encode(encoder, [examples.product_text[p] for p in product], config=config))
    found = {rule: np.zeros(4, dtype=np.int64) for rule in RULES}
    order = np.random.default_rng(seed).permutation(len(product))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        scores = queries[rows] @ titles[rows].T
        own = torch.eye(len(rows), dtype=torch.bool)
        same = torch.from_numpy(item[product[rows]][:, None] == item[product[rows]][None, :]) & ~own
        for rule in RULES:
            mask = _mask(rule, scores, rows, product, examples, margin)
            counted = (same.sum(), (mask & same).sum(), (~same & ~own).sum(), (mask & ~same & ~own).sum())
            found[rule] += np.array([int(count) for count in counted])
    return pl.DataFrame(
        [
            {
                "rule": rule,
                "duplicates": int(true),
                "duplicates_masked": float(hit / true) if true else None,
                "others": int(others),
                "others_masked": float(wrong / others) if others else None,
            }
            for rule, (true, hit, others, wrong) in found.items()
        ],
        schema_overrides={"duplicates_masked": pl.Float64, "others_masked": pl.Float64},
    )


def _mask(
    rule: str, scores: torch.Tensor, rows: np.ndarray, product: np.ndarray, examples: Examples, margin: float
) -> torch.Tensor:
    columns = product[rows]
    cluster = examples.cluster[columns]
    nothing = np.empty(0, dtype=np.int64)
    known = [np.isin(columns, examples.relevant.get(int(group), nothing)) for group in examples.query_group[rows]]
    return mask_rule(
        rule.split("+"),
        scores,
        torch.arange(len(rows)),
        same_cluster=torch.from_numpy(cluster[:, None] == cluster[None, :]),
        known_relevant=torch.from_numpy(np.stack(known)),
        margin=margin,
    )
