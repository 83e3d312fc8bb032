"""From example indices to what a step needs: token ids of distinct texts, and how they make up the score matrix.

The collator emits distinct query texts and distinct product texts, each sorted by length, so that mini-batches cut from
them hold no padding and an identical text is embedded once. The label says which embedding each row and column of the
(Q, C) score matrix reads: row q is query q, column c is one member of one group. It holds ids instead of (Q, C) masks,
because the whole matrix is known only when all processes' shares have been gathered.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from roar.encoder.tokens import Tokens, tokenise
from roar.training.distributed import gather_rows, offset_of_rows
from roar.training.examples import Examples


class Collator:
    """Collates examples of a pool; also what sentence-transformers' trainer asks of a collator."""

    valid_label_columns = ("label",)
    include_prompt_lengths = False

    def __init__(self, examples: Examples, encoder: SentenceTransformer, process: int = 0, processes: int = 1) -> None:
        self.examples = examples
        self.process, self.processes = process, processes
        self.query_tokens, self.query_token_row = _tokenise_distinct(encoder, examples.query_text, "query")
        used, self.product_place = np.unique(examples.product, return_inverse=True)
        texts = [examples.product_text[product] for product in used]
        self.product_tokens, self.product_token_row = _tokenise_distinct(encoder, texts, "product")

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """Collate this process's stretch of the batch that `rows` names.

        Returns:
            query_input_ids, query_attention_mask: distinct query texts by length; product_…: likewise;
            label: dict of tensors, see `Batch`, and `query_row` (Q,), `product_row` (C,), the embedding of each row and column.
        """
        pool = self.examples
        chosen, member, sizes = self._stretch(np.array([row["example"] for row in rows]))
        positive = np.cumsum(sizes) - sizes
        product = pool.product[member]
        query_features, query_row = _features(self.query_tokens, self.query_token_row[chosen])
        product_features, product_row = _features(
            self.product_tokens, self.product_token_row[self.product_place[member]]
        )
        known = [pool.relevant.get(int(group), _NOTHING) for group in pool.query_group[chosen]]
        label = {
            "query_row": query_row,
            "product_row": product_row,
            "example": chosen,
            "query_group": pool.query_group[chosen],
            "positive": positive,
            "product": product,
            "cluster": pool.cluster[product],
            "group": np.repeat(np.arange(len(chosen)), sizes),
            "grade": pool.grade[member],
            "weight": pool.weight[member],
            "target": _targets(pool, member),
            "relevant_query": np.repeat(np.arange(len(chosen)), [len(found) for found in known]),
            "relevant_product": np.concatenate([_NOTHING, *known]),
        }
        tensors = {name: torch.as_tensor(value) for name, value in label.items()}
        return _named("query", query_features) | _named("product", product_features) | {"label": tensors}

    def _stretch(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Examples, members, and members of each: chosen over the whole batch first, so that processes do not change it."""
        member, sizes = self.examples.members_of(batch)
        first, last = (len(batch) * process // self.processes for process in (self.process, self.process + 1))
        start = np.concatenate([[0], sizes.cumsum()])
        return batch[first:last], member[start[first] : start[last]], sizes[first:last]


_NOTHING = np.empty(0, dtype=np.int64)


def _targets(pool: Examples, member: np.ndarray) -> np.ndarray:
    return np.full(len(member), np.nan, dtype=np.float32) if pool.target is None else pool.target[member]


def _tokenise_distinct(encoder: SentenceTransformer, texts: list[str], kind: Any) -> tuple[Tokens, np.ndarray]:
    """Tokens of the distinct texts, and the row of each text among them."""
    row = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return tokenise(encoder, list(row), kind), np.array([row[text] for text in texts], dtype=np.int64)


def _features(tokens: Tokens, rows: np.ndarray) -> tuple[dict[str, Tensor], np.ndarray]:
    """Padded ids of the distinct rows by length, and the place of each row among them."""
    distinct, inverse = np.unique(rows, return_inverse=True)
    order = np.argsort(tokens.length[distinct], kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return tokens.padded(distinct[order]), place[inverse]


def _named(kind: str, features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Under names that the trainer takes apart again."""
    return {f"{kind}_{name}": value for name, value in features.items()}


class Batch(NamedTuple):
    """A whole batch, all processes' shares together: Q queries (rows) and C products (columns)."""

    query: Tensor  # (Q, dim)
    product: Tensor  # (C, dim)
    query_group: Tensor  # (Q,) variants of one question share a number
    positive: Tensor  # (Q,) the column of each row's positive
    product_id: Tensor  # (C,)
    cluster: Tensor  # (C,) near-duplicates share a number
    group: Tensor  # (C,) the row that each column belongs to
    grade: Tensor  # (C,) 3 exact … 0 irrelevant, -1 where no rater has seen it
    weight: Tensor  # (C,)
    target: Tensor  # (C,) what a teacher says, NaN where it says nothing
    relevant_query: Tensor  # (R,) rows …
    relevant_product: Tensor  # (R,) … and the products known to answer them, in this batch or not

    @property
    def same_cluster(self) -> Tensor:
        """(Q, C) bool: the column is a near-duplicate of the row's positive."""
        return self.cluster[None, :] == self.cluster[self.positive][:, None]

    @property
    def known_relevant(self) -> Tensor:
        """(Q, C) bool: the column's product is known to answer the row's question, under whatever spelling.

        Cost: Q times the distinct products for the result, and R log C for the look-up: known products are few, columns many.
        """
        distinct, column = torch.unique(self.product_id, return_inverse=True)
        place = torch.searchsorted(distinct, self.relevant_product).clamp_max(len(distinct) - 1)
        here = distinct[place] == self.relevant_product
        known = torch.zeros((len(self.query), len(distinct)), dtype=torch.bool, device=self.query.device)
        known[self.relevant_query[here], place[here]] = True
        return known[:, column]


def gathered(query: Tensor, product: Tensor, labels: dict[str, Tensor]) -> Batch:
    """Put all processes' shares of a batch together.

    Args:
        query: (q, dim), the embeddings of the distinct query texts of this process.
        product: (p, dim), likewise.
        labels: as `Collator` gives them.
    """
    first_row = offset_of_rows(len(labels["query_row"]), query.device)
    first_column = offset_of_rows(len(labels["product_row"]), query.device)
    return Batch(
        query=gather_rows(query[labels["query_row"]]),
        product=gather_rows(product[labels["product_row"]]),
        query_group=gather_rows(labels["query_group"]),
        positive=gather_rows(labels["positive"] + first_column),
        product_id=gather_rows(labels["product"]),
        cluster=gather_rows(labels["cluster"]),
        group=gather_rows(labels["group"] + first_row),
        grade=gather_rows(labels["grade"]),
        weight=gather_rows(labels["weight"]),
        target=gather_rows(labels["target"]),
        relevant_query=gather_rows(labels["relevant_query"] + first_row),
        relevant_product=gather_rows(labels["relevant_product"]),
    )


def judged_part(batch: Batch) -> Batch:
    """The batch without the products that no rater has seen, and without queries that have no others."""
    column = batch.grade >= 0
    if bool(column.all()):
        return batch
    row = torch.zeros(len(batch.query), dtype=torch.bool, device=column.device)
    row[batch.group[column]] = True
    row_place, column_place = row.cumsum(0) - 1, column.cumsum(0) - 1
    relevant = row[batch.relevant_query]
    return Batch(
        query=batch.query[row],
        product=batch.product[column],
        query_group=batch.query_group[row],
        positive=column_place[batch.positive[row]],
        product_id=batch.product_id[column],
        cluster=batch.cluster[column],
        group=row_place[batch.group[column]],
        grade=batch.grade[column],
        weight=batch.weight[column],
        target=batch.target[column],
        relevant_query=row_place[batch.relevant_query[relevant]],
        relevant_product=batch.relevant_product[relevant],
    )
