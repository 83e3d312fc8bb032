"""Encoders and indexes on disk: whole or not at all, readable by others, absent ones said in one line."""

import numpy as np
import polars as pl
import pytest
from sentence_transformers import SentenceTransformer

from roar.datasets.encoder_folder import EncoderFolder
from roar.datasets.environment import environment_variable
from roar.datasets.index_folder import IndexFolder
from roar.encoder import encode
from roar.errors import InputError
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
