"""From example indices to what a step needs: token ids of distinct texts, and how they make up the score matrix.

The collator emits distinct query texts and distinct product texts, each sorted by length, so that mini-batches cut from
them hold no padding and an identical text is embedded once. The label says which embedding each row and column of the
(Q, C) score matrix reads: row q is query q, column c is one member of one group.
"""

from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from roar.encoder.encoding import trim
from roar.training.examples import Examples


class Collator:
    """Collates examples of a pool; also what sentence-transformers' trainer asks of a collator."""

    valid_label_columns = ("label",)
    include_prompt_lengths = False

    def __init__(self, examples: Examples, encoder: SentenceTransformer) -> None:
        self.examples = examples
        self.encoder = encoder

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """Collate the examples that `rows` names.

        Returns:
            query_input_ids, query_attention_mask, …: distinct query texts by length; product_…: likewise;
            label: dict of tensors: `query` (Q,) and `product` (C,), the embedding of each row and column; `group`, `grade`,
            `weight` (C,); `positive` (Q,), the column of each row's positive; `same_cluster`, `known_relevant` (Q, C) bool.
        """
        pool = self.examples
        chosen = np.array([row["example"] for row in rows])
        member, sizes = pool.members_of(chosen)
        product = pool.product[member]
        query_features, query = self._tokenise([pool.query_text[e] for e in chosen], "query")
        product_features, column = self._tokenise([pool.product_text[p] for p in product], "product")
        positive = np.cumsum(sizes) - sizes
        label = {
            "query": query,
            "product": column,
            "group": torch.from_numpy(np.repeat(np.arange(len(chosen)), sizes)),
            "grade": torch.from_numpy(pool.grade[member]),
            "weight": torch.from_numpy(pool.weight[member]),
            "positive": torch.from_numpy(positive),
            "same_cluster": torch.from_numpy(
                pool.cluster[product][None, :] == pool.cluster[product[positive]][:, None]
            ),
            "known_relevant": torch.from_numpy(self._known_relevant(chosen, product)),
        }
        return query_features | product_features | {"label": label}

    def _known_relevant(self, chosen: np.ndarray, product: np.ndarray) -> np.ndarray:
        """(Q, C) bool: the product is known to answer the question, under whatever spelling."""
        nothing = np.empty(0, dtype=np.int64)
        known = [self.examples.relevant.get(int(group), nothing) for group in self.examples.query_group[chosen]]
        return np.stack([np.isin(product, found) for found in known])

    def _tokenise(self, texts: list[str], kind: str) -> tuple[dict[str, Tensor], Tensor]:
        """Token ids of the distinct texts by length, under names that the trainer takes apart, and each text's row."""
        distinct, inverse = np.unique(np.array(texts, dtype=object), return_inverse=True)
        features = self.encoder.preprocess(distinct.tolist(), prompt=self.encoder.prompts.get(kind) or None)
        tensors = trim({name: value for name, value in features.items() if isinstance(value, Tensor)})
        order = torch.argsort(tensors["attention_mask"].sum(dim=1), stable=True)
        row = torch.empty_like(order)
        row[order] = torch.arange(len(order))
        return {f"{kind}_{name}": value[order] for name, value in tensors.items()}, row[
            torch.from_numpy(inverse.reshape(-1))
        ]
