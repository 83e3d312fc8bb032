"""LoRA: nothing changes before training, merging keeps what was learned, and targets that match nothing are named."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from roar.datasets.encoder_folder import EncoderFolder
from roar.encoder import encode, trains_lora
from roar.encoder.adapters import add_lora, has_lora, merge_lora
from roar.errors import InputError
from roar.parameters import Encoder, Lora

FLOAT32 = Encoder(precision="float32")
TEXTS = ["red shoe", "a coffee maker with a 1.5 l tank"]


@pytest.fixture(params=["tiny_bert_folder", "tiny_qwen_folder"])
def encoder(request) -> SentenceTransformer:
    return SentenceTransformer(str(request.getfixturevalue(request.param)), local_files_only=True, device="cpu")


def learn(encoder: SentenceTransformer) -> None:
    """Stand in for training: adapters that do something."""
    torch.manual_seed(3)
    for name, parameter in encoder.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)


def test_adapters_start_without_effect_and_are_all_that_is_trained(encoder):
    before = encode(encoder, TEXTS, config=FLOAT32)
    add_lora(encoder, Lora(rank=4), seed=1)
    np.testing.assert_allclose(encode(encoder, TEXTS, config=FLOAT32), before, atol=1e-6)
    trained = [name for name, p in encoder.named_parameters() if p.requires_grad]
    assert trained and all("lora_" in name for name in trained)
    linear = sum(".lora_A." in name for name in trained)
    assert linear == sum(".lora_B." in name for name in trained) and linear in (2 * 6, 2 * 7), (
        "every layer of both blocks"
    )
    assert not any("pooler" in name for name in trained)


def test_merging_gives_a_plain_encoder_that_computes_the_same(encoder, tmp_path):
    plain = {name for name, _ in encoder.named_parameters()}
    add_lora(encoder, Lora(rank=4), seed=1)
    learn(encoder)
    with_adapters = encode(encoder, TEXTS, config=FLOAT32)
    merge_lora(encoder)
    assert not has_lora(encoder) and {name for name, _ in encoder.named_parameters()} == plain
    np.testing.assert_allclose(encode(encoder, TEXTS, config=FLOAT32), with_adapters, atol=1e-5)
    EncoderFolder(str(tmp_path / "models")).save({"holdout": encoder})
    alone = SentenceTransformer(str(tmp_path / "models" / "holdout"), local_files_only=True, device="cpu")
    np.testing.assert_allclose(encode(alone, TEXTS, config=FLOAT32), with_adapters, atol=1e-5)
    assert not list((tmp_path / "models").rglob("*.bin")) and list((tmp_path / "models").rglob("*.safetensors"))


def test_adapters_can_be_saved_apart_and_go_on(encoder, tmp_path):
    add_lora(encoder, Lora(rank=4), seed=1)
    learn(encoder)
    expected = encode(encoder, TEXTS, config=FLOAT32)
    EncoderFolder(str(tmp_path / "models")).save({"all": encoder})
    again = SentenceTransformer(str(tmp_path / "models" / "all"), local_files_only=True, device="cpu")
    np.testing.assert_allclose(encode(again, TEXTS, config=FLOAT32), expected, atol=1e-5)
    assert has_lora(again)
    add_lora(again, Lora(rank=4), seed=2)
    assert {name for name, p in again.named_parameters() if p.requires_grad} == {
        name for name, p in encoder.named_parameters() if p.requires_grad
    }
    np.testing.assert_allclose(encode(again, TEXTS, config=FLOAT32), expected, atol=1e-5)


def test_targets_are_chosen_by_name(encoder):
    layer = "q_proj" if "Qwen3" in type(encoder[0].auto_model).__name__ else "query"
    add_lora(encoder, Lora(rank=2, targets=(layer,)), seed=1)
    assert all(f".{layer}." in name for name, p in encoder.named_parameters() if p.requires_grad)


def test_targets_that_match_nothing_are_named_with_those_there_are(encoder):
    with pytest.raises(InputError, match=r"encoder.lora.targets: \['attention_q'\] match no linear layer") as error:
        add_lora(encoder, Lora(targets=("attention_q",)), seed=1)
    assert "\n" not in str(error.value) and ("q_proj" in str(error.value) or "query" in str(error.value))


def test_which_weights_are_trained_follows_the_preset_unless_it_is_said():
    assert not trains_lora(Encoder()) and trains_lora(Encoder(preset="qwen3_0_6b"))
    assert trains_lora(Encoder(fine_tuning="lora")) and not trains_lora(Encoder(preset="qwen3_4b", fine_tuning="full"))
