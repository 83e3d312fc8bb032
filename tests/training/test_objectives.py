"""Collation and objectives: the fast path gives the loss and the gradients of encoding each text by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from roar.encoder.cpu import row_gradients
from roar.losses import ALIGNMENT_LOSSES, contrastive_loss, false_negative_mask, ranknet_loss, roar_loss
from roar.parameters import Alignment, Calibration, Comparisons, OwnNegatives, Stage1, Stage2
from roar.training import activations
from roar.training.collation import Batch, Collator, gathered
from roar.training.examples import Examples
from roar.training.objectives import ContrastiveObjective, RoarObjective


@pytest.fixture
def examples() -> Examples:
    """Three groups of uneven size and length; product 0 is in two of them, products 0 and 5 are listings of one item."""
    texts = [
        "red shoe",
        "a very long description of a blue running shoe for men size 42",
        "coffee",
        "green tea 500 g",
        "tea pot",
        "red shoe, by another seller",
    ]
    return Examples(
        query_text=["shoe", "something to drink in the morning", "shoes for a man"],
        query_group=np.array([0, 1, 2]),
        start=np.array([0, 3, 5, 8]),
        product=np.array([0, 1, 2, 2, 3, 1, 0, 4]),
        grade=np.array([3, 2, 0, 3, 1, 3, 3, 0]),
        weight=np.array([1, 0.5, 1, 1, 1, 1, 0.7, 1], dtype=np.float32),
        product_text=texts,
        cluster=np.array([0, 1, 2, 3, 4, 0]),
        relevant={0: np.array([0, 1]), 1: np.array([2]), 2: np.array([1])},
    )


def collate(examples, encoder):
    batch = Collator(examples, encoder)([{"example": e} for e in range(len(examples))])
    sides = [{k.removeprefix(s): v for k, v in batch.items() if k.startswith(s)} for s in ("query_", "product_")]
    return sides, batch["label"]


def whole(label) -> Batch:
    """The batch behind a label; vectors play no part."""
    count = [int(label[name].max()) + 1 for name in ("query_row", "product_row")]
    return gathered(*(torch.zeros(n, 2) for n in count), label)


def masked(scores, label):
    batch = whole(label)
    return false_negative_mask(
        scores, label["positive"], same_cluster=batch.same_cluster, known_relevant=batch.known_relevant
    )


def scores_one_by_one(encoder, examples):
    """(Q, C) cosines with every text encoded alone, padded with nothing, repeated as often as it occurs."""

    def embed(text):
        return encoder(encoder.preprocess([text]))["sentence_embedding"][0]

    query = torch.stack([embed(text) for text in examples.query_text])
    product = torch.stack([embed(examples.product_text[p]) for p in examples.product])
    return query @ product.T


def gradients(encoder):
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("objective", ["contrastive", "roar"])
def test_loss_and_gradients_equal_the_direct_computation(tiny_encoder, examples, objective, cached):
    tiny_encoder.eval()  # no dropout
    features, label = collate(examples, tiny_encoder)
    scores = scores_one_by_one(tiny_encoder, examples)
    mask = masked(scores, label)
    if objective == "contrastive":
        config = Stage1(mini_batch_tokens=64, gradient_cache=cached)
        made = ContrastiveObjective(tiny_encoder, config)
        expected = contrastive_loss(scores, label["positive"], mask=mask, weight=label["weight"][label["positive"]])
    else:
        config = Stage2(mini_batch_tokens=64, gradient_cache=cached, beta=0.5)
        made = RoarObjective(tiny_encoder, config)
        own = label["group"][None, :] == torch.arange(3)[:, None]
        expected = contrastive_loss(scores, label["positive"], mask=mask | own)
        graded = scores, label["group"], label["grade"]
        expected = expected + 0.5 * roar_loss(*graded, mask=mask, weight=label["weight"])
        expected = expected + ranknet_loss(*graded, temperature=0.05, weight=label["weight"], pairs="pooled")
    expected.backward()
    wanted = gradients(tiny_encoder)
    tiny_encoder.zero_grad()
    loss = made(features, label)
    loss.backward()
    torch.testing.assert_close(loss.detach(), expected.detach(), rtol=1e-4, atol=1e-5)
    found = gradients(tiny_encoder)
    assert found.keys() == wanted.keys() and max(g.abs().max() for g in wanted.values()) > 1e-3
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-2, atol=2e-4 * float(gradient.abs().max() + 1))


def test_collation_embeds_each_text_once_sorted_by_length(tiny_encoder, examples):
    (query, product), label = collate(examples, tiny_encoder)
    assert len(product["input_ids"]) == 5 and len(label["product_row"]) == 8 and len(query["input_ids"]) == 3
    for side in (query, product):
        length = side["attention_mask"].sum(dim=1)
        assert (length.diff() >= 0).all() and side["attention_mask"].shape[1] == length.max()


def test_labels_say_which_column_is_what(tiny_encoder, examples):
    _, label = collate(examples, tiny_encoder)
    assert label["positive"].tolist() == [0, 3, 5]
    assert label["group"].tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    # Column 6 is product 0, the item of row 0's positive; column 7, product 4, is nobody's duplicate here.
    batch = whole(label)
    assert batch.same_cluster[0].tolist() == [True, False, False, False, False, False, True, False]
    assert batch.known_relevant[0].tolist() == [True, True, False, False, False, True, True, False]


def test_matryoshka_averages_the_losses_of_the_dimensions(tiny_encoder, examples):
    tiny_encoder.eval()
    features, label = collate(examples, tiny_encoder)
    full = ContrastiveObjective(tiny_encoder, Stage1())(features, label)
    both = ContrastiveObjective(tiny_encoder, Stage1(matryoshka=(8, 64)))(features, label)
    vectors = [tiny_encoder(dict(side))["sentence_embedding"] for side in features]
    query, product = (torch.nn.functional.normalize(v[:, :8], dim=1) for v in vectors)
    scores = query[label["query_row"]] @ product[label["product_row"]].T
    mask = masked(scores, label)
    short = contrastive_loss(scores, label["positive"], mask=mask, weight=label["weight"][label["positive"]])
    torch.testing.assert_close(both, (full + short) / 2, rtol=1e-4, atol=1e-5)


def test_known_relevant_equals_a_look_up_pair_by_pair(tiny_encoder, examples):
    _, label = collate(examples, tiny_encoder)
    known = whole(label).known_relevant
    for row, group in enumerate(label["query_group"].tolist()):
        for column, product in enumerate(label["product"].tolist()):
            assert known[row, column] == (product in examples.relevant[group])


def test_query_and_product_negatives_join_the_denominator(tiny_encoder, examples):
    """Qwen3-Embedding's terms, against the formula written out row by row."""
    tiny_encoder.eval()
    features, label = collate(examples, tiny_encoder)
    query, product = (
        torch.nn.functional.normalize(tiny_encoder(dict(side))["sentence_embedding"], dim=1) for side in features
    )
    query, product = query[label["query_row"]], product[label["product_row"]]
    config = Stage1(query_negatives=True, product_negatives=True, temperature=0.1, margin=None)
    found = ContrastiveObjective(tiny_encoder, config)(features, label)
    batch, total, weights = whole(label), 0.0, []
    for q in range(len(query)):
        own = int(label["positive"][q])
        left_out = batch.same_cluster[q] | batch.known_relevant[q]
        logits = [query[q] @ product[own]]
        logits += [query[q] @ product[c] for c in range(len(product)) if not left_out[c]]
        logits += [query[q] @ query[o] for o in range(len(query)) if label["query_group"][o] != label["query_group"][q]]
        logits += [product[own] @ product[c] for c in range(len(product)) if not left_out[c]]
        weights.append(float(label["weight"][own]))
        total += weights[-1] * -torch.log_softmax(torch.stack(logits) / 0.1, dim=0)[0]
    torch.testing.assert_close(found.detach(), (total / sum(weights)).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ALIGNMENT_LOSSES))
@pytest.mark.parametrize("across", ["bixse", "ranknet_pooled"])
def test_every_alignment_can_be_trained(tiny_encoder, examples, name, across):
    """By name alone; what is drawn is the same for the same seed and batch."""
    features, label = collate(examples, tiny_encoder)
    config = Stage2(alignment=Alignment(loss=name), calibration=Calibration(loss=across, weight=0.5), beta=1.0)
    tiny_encoder.eval()
    losses = [RoarObjective(tiny_encoder, config, seed=3)(features, label) for _ in range(2)]
    assert torch.isfinite(losses[0]) and losses[0] == losses[1]
    made = RoarObjective(tiny_encoder, config)
    made(features, label).backward()
    assert {"loss", "contrastive", "alignment", "calibration", "masked_share"} == made.last.keys()
    assert (made.last["alignment"] == 0) == (name == "none")


def test_own_negatives_join_the_denominator_by_grade_and_with_their_margin(tiny_encoder, examples):
    """Group 0 has an irrelevant product, group 1 a complement, group 2 an irrelevant one; the formula written out row by row."""
    tiny_encoder.eval()
    features, label = collate(examples, tiny_encoder)
    own = OwnNegatives(complement=-0.1, irrelevant=0.2)
    silent = {"beta": 0.0, "calibration": Calibration(weight=0.0), "temperature": 0.1, "matryoshka": ()}
    plain, found = (RoarObjective(tiny_encoder, Stage2(own_negatives=o, **silent)) for o in (OwnNegatives(), own))
    loss = float(found(features, label).detach())
    scores, batch = scores_one_by_one(tiny_encoder, examples).detach(), whole(label)
    mask, extra, total = masked(scores, label), {1: -0.1, 0: 0.2}, 0.0
    for q in range(3):
        logits = [scores[q, label["positive"][q]]]
        for c in range(scores.shape[1]):
            if batch.group[c] != q and not mask[q, c]:
                logits.append(scores[q, c])
            elif batch.group[c] == q and int(batch.grade[c]) in extra:
                logits.append(scores[q, c] + extra[int(batch.grade[c])])
        total -= float(torch.log_softmax(torch.stack(logits) / 0.1, dim=0)[0])
    assert loss == pytest.approx(total / 3, rel=1e-4)
    assert loss > float(plain(features, label).detach()) + 0.01


@pytest.mark.parametrize("block", [{"alignment": {"loss": "list_mle"}}, {"calibration": {"loss": "bixse"}}])
def test_weights_of_comparisons_for_a_loss_without_any_are_refused(block):
    ((name, said),) = block.items()
    with pytest.raises(ValidationError, match=f"comparisons: {said['loss']} does not compare two grades"):
        Stage2.model_validate({name: said | {"comparisons": {"irrelevant": 3.0}}})


def test_weights_of_comparisons_reach_the_losses(tiny_encoder, examples):
    tiny_encoder.eval()
    features, label = collate(examples, tiny_encoder)
    heavy = Comparisons(irrelevant=3.0)
    config = Stage2(alignment=Alignment(comparisons=heavy), calibration=Calibration(comparisons=heavy))
    made = RoarObjective(tiny_encoder, config)
    made(features, label)
    scores = scores_one_by_one(tiny_encoder, examples).detach()
    graded, by_worse = (scores, label["group"], label["grade"]), (3.0, 1.0, 1.0)
    weight, mask = label["weight"], masked(scores, label)
    expected = {
        "alignment": roar_loss(*graded, mask=mask, weight=weight, by_worse=by_worse),
        "calibration": ranknet_loss(*graded, temperature=0.05, weight=weight, pairs="pooled", by_worse=by_worse),
    }
    assert {name: made.last[name] for name in expected} == pytest.approx(
        {n: float(v) for n, v in expected.items()}, rel=1e-3
    )


def test_the_embedding_table_gets_the_gradient_that_autograd_gives(tiny_encoder, examples):
    tiny_encoder.eval()
    features, label = collate(examples, tiny_encoder)
    objective = ContrastiveObjective(tiny_encoder, Stage1(mini_batch_tokens=64))
    objective(features, label).backward()
    wanted = gradients(tiny_encoder)
    tiny_encoder.zero_grad()
    table = tiny_encoder[0].auto_model.get_input_embeddings()
    with row_gradients(tiny_encoder):
        assert tiny_encoder[0].auto_model.get_input_embeddings() is not table
        objective(features, label).backward()
    assert tiny_encoder[0].auto_model.get_input_embeddings() is table
    found = gradients(tiny_encoder)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max() + 1))


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("mined", [False, True])
def test_the_stretches_of_all_processes_make_up_the_batch(tiny_encoder, examples, processes, mined):
    """Also where a mined negative is left out because another example of the batch, of another process, has its item."""
    examples = replace(examples, mined=mined)
    rows = [{"example": e} for e in (2, 0, 1)]
    alone = Collator(examples, tiny_encoder)(rows)["label"]
    parts = [Collator(examples, tiny_encoder, process, processes)(rows)["label"] for process in range(processes)]
    for name in ("example", "product", "grade", "weight", "cluster", "query_group"):
        assert torch.equal(torch.cat([part[name] for part in parts]), alone[name])
    assert len(alone["product"]) == (5 if mined else 8), "products 0, 1 and 2 stand twice"


@pytest.mark.parametrize("enough", [True, False])
def test_memory_decides_and_changes_no_gradient(tiny_encoder, examples, monkeypatch, enough) -> None:
    tiny_encoder.eval()
    features, labels = collate(examples, tiny_encoder)
    plain = ContrastiveObjective(tiny_encoder, Stage1(mini_batch_tokens=64, gradient_cache=False))
    plain(features, labels).backward()
    wanted = gradients(tiny_encoder)
    tiny_encoder.zero_grad()
    needed = activations.kept_bytes(tiny_encoder, lambda: tiny_encoder(features[1])["sentence_embedding"])
    monkeypatch.setattr(activations, "memory_of", lambda device: int(needed * (10 if enough else 1)))
    asked = ContrastiveObjective(tiny_encoder, Stage1(mini_batch_tokens=64))
    asked(features, labels).backward()
    assert asked.caches is not enough
    found = gradients(tiny_encoder)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max() + 1))


def test_looking_leaves_dropout_as_it_was(tiny_encoder, examples) -> None:
    tiny_encoder.train()
    losses = []
    for cached in (None, False):
        features, labels = collate(examples, tiny_encoder)
        torch.manual_seed(0)
        losses.append(ContrastiveObjective(tiny_encoder, Stage1(gradient_cache=cached))(features, labels).item())
    assert losses[0] == losses[1]
