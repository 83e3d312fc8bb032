"""One teacher: what it minimises, in which batches, and that it learns; scores do not depend on what stands beside a pair."""

import numpy as np
import pytest
import torch

from roar.parameters import Teacher
from roar.teacher.cross_encoder import load_cross_encoder, score_pairs, tokenise_pairs
from roar.teacher.training import JudgedPairs, SortedBatches, WeightedBinaryCrossEntropy, train_teacher

COLOURS = ["red", "blue", "black", "white", "green", "grey", "pink", "brown"]


@pytest.fixture
def model(encoder):
    return load_cross_encoder(encoder, 32, seed=1)


def pairs_of(model, target, weight=None):
    queries = [f"{query} shoe" for query in COLOURS for _ in COLOURS]
    products = [
        f"running shoe {product}" + " for men" * (place % 3) for _ in COLOURS for place, product in enumerate(COLOURS)
    ]
    target = np.array([target(query, product) for query in COLOURS for product in COLOURS], dtype=float)
    weight = np.ones(len(target)) if weight is None else weight
    return queries, products, JudgedPairs(tokenise_pairs(model, queries, products), target, weight)


def test_it_learns_what_a_product_is_worth(model):
    queries, products, pairs = pairs_of(model, lambda _, product: product in COLOURS[:4])
    history = train_teacher(
        model, pairs, Teacher(epochs=20, batch_size=16, learning_rate=2e-3), precision="float32", seed=3
    )
    assert history["loss"].tail(4).mean() < 0.5 * history["loss"].head(4).mean()
    scores = score_pairs(model, queries, products, "float32")
    assert scores[pairs.target == 1].min() > scores[pairs.target == 0].max()


def test_the_loss_is_the_weighted_mean_of_binary_cross_entropies_by_hand(model):
    weight = np.linspace(0, 1, len(COLOURS) ** 2)
    _, _, pairs = pairs_of(model, lambda query, product: 0.43 if query == product else 0.14, weight)
    rows = [3, 9, 40]
    batch = pairs([{"example": row} for row in rows])
    label = batch.pop("label")
    model.eval()
    loss = WeightedBinaryCrossEntropy(model, list(batch))(list(batch.values()), label)
    share = torch.sigmoid(model(dict(batch))["scores"].double().view(-1))
    target, own = torch.tensor(pairs.target[rows]), torch.tensor(weight[rows])
    expected = -(own * (target * share.log() + (1 - target) * (1 - share).log())).sum() / own.sum()
    torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=1e-5)


def test_batches_visit_every_pair_once_an_epoch_and_save_padding():
    length = np.random.default_rng(0).integers(5, 60, 500)
    batches = list(SortedBatches(length, 16, epochs=2, seed=1))
    assert len(batches) == len(SortedBatches(length, 16, epochs=2, seed=1)) == 64
    for epoch in (batches[:32], batches[32:]):
        assert sorted(row for batch in epoch for row in batch) == list(range(500))
    padded = sum(len(batch) * length[batch].max() for batch in batches[:32])
    assert padded < 1.15 * length.sum()
    assert batches == list(SortedBatches(length, 16, epochs=2, seed=1)) != list(SortedBatches(length, 16, 2, seed=2))


def test_a_score_is_a_pairs_own(model):
    queries, products, _ = pairs_of(model, lambda *_: 0)
    together = score_pairs(model, queries, products, "float32")
    alone = [score_pairs(model, [q], [p], "float32")[0] for q, p in zip(queries[:5], products[:5], strict=True)]
    np.testing.assert_allclose(together[:5], alone, atol=1e-4)
    backwards = score_pairs(model, queries[::-1], products[::-1], "float32")
    np.testing.assert_allclose(together, backwards[::-1], atol=1e-4)
    assert len(score_pairs(model, [], [], "float32")) == 0
