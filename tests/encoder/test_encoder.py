"""Loading, product text, and encoding: fast path against the library's, and errors in one line."""

import resource
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from roar.encoder import (
    PRESETS,
    encode,
    encode_catalogue,
    identity_of,
    load_encoder,
    presets,
    product_texts,
    read_encoder,
)
from roar.encoder.presets import verified_folder
from roar.encoder.tokens import token_batches, tokenise
from roar.errors import InputError
from roar.parameters import Encoder

TEXTS = [
    "red shoe",
    "x",
    "",
    "a long text about a coffee maker with many many words in it and a 1.5 l tank",
    "red shoe",
] * 7
FLOAT32 = Encoder(precision="float32", batch_tokens=64)


@pytest.mark.parametrize("folder", ["tiny_bert_folder", "tiny_qwen_folder"])
def test_vectors_equal_those_of_the_library(folder, request):
    """Mean pooling and last-token pooling alike, whatever shares a batch."""
    encoder = SentenceTransformer(str(request.getfixturevalue(folder)), local_files_only=True, device="cpu")
    expected = encoder.encode(TEXTS, batch_size=1, normalize_embeddings=True)
    np.testing.assert_allclose(encode(encoder, TEXTS, config=FLOAT32), expected, atol=2e-6)


def test_rows_are_unit_float32_and_truncation_normalises_again(tiny_encoder):
    full, short = (encode(tiny_encoder, TEXTS, config=FLOAT32.model_copy(update={"dimension": d})) for d in (None, 8))
    assert full.dtype == short.dtype == np.float32 and full.shape == (35, 32) and short.shape == (35, 8)
    np.testing.assert_allclose(np.linalg.norm(short, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(short, full[:, :8] / np.linalg.norm(full[:, :8], axis=1, keepdims=True), atol=1e-6)


def test_the_query_prompt_is_put_in_front_of_queries_alone(tiny_encoder):
    tiny_encoder.prompts = {"query": "find: ", "product": ""}
    prompted, plain = (encode(tiny_encoder, ["shoe"], kind=kind, config=FLOAT32) for kind in ("query", "product"))
    np.testing.assert_allclose(prompted, encode(tiny_encoder, ["find: shoe"], config=FLOAT32), atol=1e-6)
    assert np.abs(prompted - plain).max() > 1e-3


def test_bf16_stays_close(tiny_encoder):
    exact, fast = (encode(tiny_encoder, TEXTS, config=Encoder(precision=p)) for p in ("float32", "bf16"))
    assert (exact * fast).sum(axis=1).min() > 0.99


def test_nothing_to_encode_gives_no_rows(tiny_encoder):
    assert encode(tiny_encoder, [], config=FLOAT32).shape == (0, 32)


def test_encoding_leaves_the_training_mode_as_it_was(tiny_encoder):
    tiny_encoder.train()
    encode(tiny_encoder, ["shoe"], config=FLOAT32)
    assert tiny_encoder.training


def test_token_batches_cover_all_rows_within_the_budget():
    length = np.sort([3, 4, 4, 9, 30, 31, 64, 64, 64])
    runs = list(token_batches(length, 100))
    assert [row for run in runs for row in run] == list(range(9))
    assert all(len(run) == 1 or len(run) * int(length[run.stop - 1]) <= 100 for run in runs)


def test_the_default_encoder_carries_the_official_weights():
    encoder = load_encoder()
    assert encoder.max_seq_length == 64 and encoder.get_embedding_dimension() == 384
    similar = encode(
        encoder, ["usb stick 64gb", "64 GB USB flash drive", "red summer dress"], config=Encoder(precision="float32")
    )
    assert similar[0] @ similar[1] > 0.7 and similar[0] @ similar[2] < 0.3


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the installed model, in the place of the package."""
    original = Path(verified_folder(PRESETS["minilm"]))
    monkeypatch.setattr(presets, "files", lambda _: tmp_path)
    return shutil.copytree(original, tmp_path / "model")


def test_every_file_of_the_packaged_model_is_checked(package):
    """A changed pooling, tokenizer, word list or weight, or one that is gone."""
    assert verified_folder(PRESETS["minilm"]) == str(package)
    names = [name for name, _ in PRESETS["minilm"].checksums]
    assert {"1_Pooling/config.json", "tokenizer.json", "vocab.txt", "model.safetensors"} <= set(names)
    for name in names:
        good = (package / name).read_bytes()
        (package / name).write_bytes(good.replace(b"true", b"false", 1) if b"true" in good else good[:-1])
        with pytest.raises(InputError, match=rf"{name} is missing, unreadable or changed, .*reinstall the package"):
            verified_folder(PRESETS["minilm"])
        (package / name).write_bytes(good)


@pytest.mark.parametrize("name", ["adapter_config.json", "added_tokens.json", "2_Normalize/config.json"])
def test_a_file_too_many_in_the_packaged_model_is_refused(package, name):
    """It would be read, and change what the encoder is."""
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text("{}")
    with pytest.raises(InputError, match=f"{name} does not belong to it"):
        verified_folder(PRESETS["minilm"])


@pytest.mark.parametrize(
    ("preset", "message"), [("no/such-model", "no/such-model"), ("qwen3_0_6b", "Qwen3-Embedding-0.6B")]
)
def test_weights_out_of_reach_are_one_clear_line(preset, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=message) as error:
        load_encoder(Encoder(preset=preset))
    assert "\n" not in str(error.value) and "minilm" in str(error.value)


def test_a_dimension_beyond_the_encoder_is_an_error(tiny_encoder):
    with pytest.raises(InputError, match="512 exceeds the 32"):
        encode(tiny_encoder, ["shoe"], config=Encoder(dimension=512))


def test_product_text_joins_fields_in_order_and_repeats_no_brand():
    products = pl.DataFrame(
        {
            "title": ["Orvane lamp", "lamp"],
            "brand": ["orvane", "Orvane"],
            "attributes": ['{"colour": "red", "power": 40, "note": "a \\"b\\""}', None],
            "description": [None, "Bright.\n  Warm."],
        }
    )
    texts = product_texts(products, ["title", "brand", "attributes", "description"], 64)
    assert texts.to_list() == ['Orvane lamp red 40 a "b"', "lamp Orvane Bright. Warm."]


def test_product_text_says_once_what_title_and_attributes_both_say():
    """Whole words decide, whatever stands between a number and its unit: 50 ml is not in 250 ml."""
    products = pl.DataFrame(
        {
            "title": ["Vinegar 250ml, balsamic", "Serum 250 ml", "Kabel über 2 m", None],
            "attributes": [
                '{"content": "250 ML", "kind": "Balsamic", "origin": "Modena", "made in": "Modena", "organic": true}',
                '{"content": "50 ml", "pack": "250"}',
                '{"preposition": "Über", "length": "2m", "colour": "rot"}',
                '{"colour": "red"}',
            ],
        }
    )
    texts = product_texts(products, ["title", "attributes"], 64)
    assert texts.to_list() == ["Vinegar 250ml, balsamic Modena", "Serum 250 ml 50 ml", "Kabel über 2 m rot", "red"]
    alone = product_texts(products, ["attributes"], 64)
    assert alone.to_list()[0] == "250 ML Balsamic Modena"


def test_product_text_is_cut_where_the_encoder_cannot_read_on():
    products = pl.DataFrame({"title": ["word " * 10_000]})
    assert len(product_texts(products, ["title"], 16)[0]) <= 16 * 8


def test_an_unknown_product_field_is_named():
    with pytest.raises(InputError, match="colour"):
        product_texts(pl.DataFrame({"title": ["a"]}), ["title", "colour"], 64)


def test_dropout_is_what_the_configuration_says_also_after_saving(tmp_path, tiny_bert_folder):
    encoder = load_encoder(Encoder(preset=str(tiny_bert_folder), dropout=0.25))
    encoder.save_pretrained(str(tmp_path), create_model_card=False)
    for model in (encoder, read_encoder(tmp_path)):
        rates = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
        assert len(rates) > 3 and set(rates) == {0.25}
    still = load_encoder(Encoder(preset=str(tiny_bert_folder))).train()
    features = still.preprocess(["red shoe"])
    torch.testing.assert_close(still(dict(features))["sentence_embedding"], still(dict(features))["sentence_embedding"])


def test_a_decoder_reads_every_text_up_to_its_closing_token(tiny_qwen_folder, tmp_path):
    """Padding goes to the left, the closing token stands at the end of whole and of cut texts, before and after saving."""
    encoder = SentenceTransformer(str(tiny_qwen_folder), local_files_only=True, device="cpu")
    words = encoder.tokenizer.backend_tokenizer
    encoder[0].processor = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", eos_token="[MASK]")
    encoder.save_pretrained(str(tmp_path / "decoder"), create_model_card=False)
    loaded = load_encoder(Encoder(preset=str(tmp_path / "decoder"), max_tokens=8))
    loaded.save_pretrained(str(tmp_path / "again"), create_model_card=False)
    alone = SentenceTransformer(str(tmp_path / "again"), local_files_only=True, device="cpu")
    for made in (loaded, read_encoder(tmp_path / "again"), alone):
        closing = made.tokenizer.eos_token_id
        features = made.preprocess(["red shoe", "word " * 50])
        assert features["input_ids"][:, -1].tolist() == [closing, closing]
        assert features["input_ids"].shape[1] == 8 and features["attention_mask"][0, 0] == 0


def test_a_decoder_keeps_the_token_that_opens_a_text(tiny_qwen_folder, tmp_path):
    """Many decoders open a text with a token of their own; the closing one is added to it."""
    encoder = SentenceTransformer(str(tiny_qwen_folder), local_files_only=True, device="cpu")
    words = encoder.tokenizer.backend_tokenizer
    words.post_processor = TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 101)])
    encoder[0].processor = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", eos_token="[MASK]")
    encoder.save_pretrained(str(tmp_path / "decoder"), create_model_card=False)
    loaded = load_encoder(Encoder(preset=str(tmp_path / "decoder"), max_tokens=8))
    for text in ("red shoe", "word " * 50):
        ids = loaded.tokenizer(text, truncation=True, max_length=8)["input_ids"]
        assert (ids[0], ids[-1]) == (101, 103) and len(ids) <= 8


def test_the_prompt_of_a_preset_goes_with_the_saved_encoder(tmp_path, tiny_bert_folder, monkeypatch):
    monkeypatch.setitem(PRESETS, "prompted", PRESETS["qwen3_0_6b"]._replace(source=str(tiny_bert_folder)))
    encoder = load_encoder(Encoder(preset="prompted"))
    encoder.save_pretrained(str(tmp_path), create_model_card=False)
    assert read_encoder(tmp_path).prompts["query"].startswith("Instruct: Given a shopper's search query")


def test_a_window_that_the_encoder_does_not_have_is_an_error(tiny_bert_folder):
    with pytest.raises(InputError, match=r"encoder.max_tokens: 500 exceeds the 128 positions"):
        load_encoder(Encoder(preset=str(tiny_bert_folder), max_tokens=500))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ab c", max_size=30), min_size=1, max_size=20), st.booleans(), st.data())
def test_tokens_are_those_of_the_library_whatever_shares_a_batch(tiny_bert, texts, left, data):
    tiny_bert.tokenizer.padding_side = "left" if left else "right"
    tokens = tokenise(tiny_bert, texts, "product")
    rows = np.array(data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=8)))
    found, wanted = tokens.padded(rows), tiny_bert.preprocess([texts[row] for row in rows])
    for name in ("input_ids", "attention_mask"):
        assert torch.equal(found[name], wanted[name])


@pytest.fixture(scope="module")
def tiny_bert(tiny_bert_folder) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_bert_folder), local_files_only=True, device="cpu")


def test_a_catalogue_is_encoded_from_disk_to_disk(tiny_encoder, catalogue, tmp_path, monkeypatch):
    """Chunk by chunk, the same vectors in the table's order; nothing half-written."""
    monkeypatch.setattr("roar.encoder.catalogue._CHUNK", 7)
    catalogue.write_parquet(tmp_path / "products.parquet")
    assert encode_catalogue(tiny_encoder, tmp_path / "products.parquet", tmp_path / "vectors.npy", FLOAT32) == 40
    texts = product_texts(catalogue, FLOAT32.product_fields, FLOAT32.max_tokens).to_list()
    vectors = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    np.testing.assert_allclose(vectors, encode(tiny_encoder, texts, config=FLOAT32), atol=1e-6)
    assert {path.name for path in tmp_path.iterdir()} == {"products.parquet", "vectors.npy"}


def test_vectors_that_do_not_fit_on_the_disk_are_one_line(tiny_encoder, catalogue, tmp_path):
    catalogue.write_parquet(tmp_path / "products.parquet")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limit[1]))
        with pytest.raises(InputError, match=r"vectors\.npy: cannot be written \(File too large\)"):
            encode_catalogue(tiny_encoder, tmp_path / "products.parquet", tmp_path / "vectors.npy", FLOAT32)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert {path.name for path in tmp_path.iterdir()} == {"products.parquet"}


def test_a_catalogue_that_is_no_parquet_file_is_named(tiny_encoder, tmp_path):
    (tmp_path / "products.parquet").write_text("title\nshoe")
    with pytest.raises(InputError, match=r"products\.parquet: not a readable parquet file"):
        encode_catalogue(tiny_encoder, tmp_path / "products.parquet", tmp_path / "vectors.npy")


def test_an_encoder_is_the_same_one_after_it_was_used(tiny_encoder):
    """A tokenizer keeps how it cut and padded the last batch; that is no part of who it is."""
    before = identity_of(tiny_encoder, FLOAT32)
    encode(tiny_encoder, ["a text", "a longer text with more words"], config=FLOAT32)
    assert identity_of(tiny_encoder, FLOAT32) == before


@pytest.mark.parametrize(
    ("attributes", "read"),
    [
        ('{"material": "wei\\u00df"}', "weiß"),
        ('{"colour":["red","blue"],"width":3}', "red, blue 3"),
        ('{"size": {"width": "3 cm"}, "note": "a \\"b\\" \\\\ c"}', '3 cm a "b" \\ c'),
        ('{"brand": "N/A", "empty": null}', ""),
        ("no JSON", ""),
        (None, ""),
    ],
)
def test_attributes_are_read_in_any_form(attributes: str | None, read: str) -> None:
    products = pl.DataFrame({"title": ["Lamp"], "attributes": [attributes]}, schema_overrides={"attributes": pl.String})
    assert product_texts(products, ["title", "attributes"], 100).item() == f"Lamp {read}".strip()
