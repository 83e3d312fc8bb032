"""Encoders and indexes on disk: whole or not at all, readable by others, absent ones said in one line."""

import json
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import torch
from sentence_transformers import SentenceTransformer

from roar.datasets.encoder_folder import EncoderFolder
from roar.datasets.environment import environment_variable
from roar.datasets.index_folder import IndexFolder
from roar.encoder import encode, identity_of, load_encoder
from roar.errors import InputError
from roar.files import SEAL
from roar.parameters import Encoder
from roar.retrieval import ProductIndex
from roar.retrieval.index import unit_rows

FLOAT32 = Encoder(precision="float32")


def test_encoders_come_back_as_plain_sentence_transformers_folders(tmp_path, tiny_encoder):
    dataset = EncoderFolder(str(tmp_path / "encoder"))
    tiny_encoder.prompts = {"query": "find: ", "product": ""}
    tiny_encoder.max_seq_length = 12
    assert not dataset.exists()
    dataset.save({"fold_0": tiny_encoder, "fold_1": tiny_encoder})
    assert dataset.exists() and sorted(dataset.load()) == ["fold_0", "fold_1"]
    expected = encode(tiny_encoder, ["shoe"], kind="query", config=FLOAT32)
    plain = SentenceTransformer(str(tmp_path / "encoder" / "fold_1"), local_files_only=True)
    assert plain.max_seq_length == 12
    for again in (plain, dataset.load()["fold_0"]()):
        np.testing.assert_allclose(encode(again, ["shoe"], kind="query", config=FLOAT32), expected, atol=1e-6)
    assert list((tmp_path / "encoder" / "fold_0").rglob("*.safetensors")) and not list(tmp_path.rglob("*.bin"))


def test_a_save_that_fails_leaves_the_old_encoders(tmp_path, tiny_encoder):
    dataset = EncoderFolder(str(tmp_path / "encoder"))
    dataset.save({"fold_0": tiny_encoder})
    with pytest.raises(Exception, match="'str' object has no attribute"):
        dataset.save({"fold_0": tiny_encoder, "fold_1": "not an encoder"})
    assert list(dataset.load()) == ["fold_0"] and [p.name for p in tmp_path.iterdir()] == ["encoder"]


def test_one_flipped_bit_of_an_encoder_is_found_when_it_is_loaded(tmp_path, tiny_encoder):
    """Weights, pooling or tokenizer; by whichever door the encoder comes in."""
    dataset = EncoderFolder(str(tmp_path / "encoder"))
    dataset.save({"fold_0": tiny_encoder})
    folder = tmp_path / "encoder" / "fold_0"
    for name in ("model.safetensors", "1_Pooling/config.json", "tokenizer.json"):
        good = (folder / name).read_bytes()
        (folder / name).write_bytes(good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
        for load in (dataset.load()["fold_0"], lambda: load_encoder(Encoder(preset=str(folder), max_tokens=12))):
            with pytest.raises(
                InputError, match=f"fold_0: the encoder is damaged .{name} is missing, unreadable or changed"
            ):
                load()
        (folder / name).write_bytes(good)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"adapter_config.json does not belong"):
        dataset.load()["fold_0"]()
    (folder / "adapter_config.json").unlink()
    dataset.load()["fold_0"]()
    (folder / SEAL).unlink()
    with pytest.raises(Exception, match=r"no seal .*run the pipeline that trains it again"):
        dataset.load()


def test_an_encoder_is_known_by_all_that_decides_a_vector(tmp_path, tiny_encoder):
    dataset = EncoderFolder(str(tmp_path / "encoder"))
    tiny_encoder.prompts = {"query": "find: ", "product": ""}
    dataset.save({"fold_0": tiny_encoder})
    load = dataset.load()["fold_0"]
    known = identity_of(load(), FLOAT32)
    assert known == identity_of(load(), FLOAT32) == json.loads(json.dumps(known))

    def changed(change: Callable[[SentenceTransformer], object], config: Encoder = FLOAT32) -> set[str]:
        encoder = load()
        change(encoder)
        return {name for name, value in identity_of(encoder, config).items() if known[name] != value}

    def nudge(encoder: SentenceTransformer) -> None:
        with torch.no_grad():
            next(encoder.parameters()).view(-1)[7] += 1e-3

    assert changed(nudge) == {"weights"}
    assert changed(lambda encoder: encoder.prompts.update(query="seek: ")) == {"query_prompt"}
    assert "max_tokens" in changed(lambda encoder: setattr(encoder, "max_seq_length", 9))
    assert changed(lambda encoder: encoder.tokenizer.add_tokens(["sth"])) == {"tokenizer"}
    assert changed(lambda encoder: None, Encoder(product_fields=("title",))) == {"product_fields"}
    assert changed(lambda encoder: encoder.pop(2)) == {"modules"}


def test_indexes_by_fold(tmp_path):
    index = ProductIndex.build(unit_rows(np.eye(4, dtype=np.float32)), pl.Series("product_id", list("abcd")))
    dataset = IndexFolder(str(tmp_path / "index"))
    assert not dataset.exists()
    dataset.save({"holdout": index})
    assert dataset.exists() and dataset.load()["holdout"].product_ids.to_list() == list("abcd")


@pytest.mark.parametrize(
    ("dataset", "message"), [(EncoderFolder, "no encoder here"), (IndexFolder, "no product index here")]
)
def test_what_is_not_there_is_said_in_one_line(tmp_path, dataset, message):
    with pytest.raises(Exception, match=message) as error:
        dataset(str(tmp_path / "nothing")).load()
    assert isinstance(error.value.__cause__ or error.value, InputError)


def test_an_unset_environment_variable_is_named(monkeypatch):
    monkeypatch.delenv("ROAR_NOWHERE", raising=False)
    with pytest.raises(InputError, match="ROAR_NOWHERE is not set"):
        environment_variable("ROAR_NOWHERE")
    assert environment_variable("ROAR_NOWHERE", "here") == "here"
