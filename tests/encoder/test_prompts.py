"""What is put before a query and before a product: as configured, else as the encoder itself would."""

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from roar.datasets.encoder_folder import EncoderFolder
from roar.encoder import encode, load_encoder
from roar.parameters import Encoder

QUERIES, PRODUCTS = ["red shoe", "coffee"], ["a coffee maker with a 1.5 l tank", "running shoe, red"]
OWN = {
    "query and document": ({"query": "query: ", "document": "passage: "}, "query: ", "passage: "),
    "passage, as E5 has it": ({"query": "query: ", "passage": "passage: "}, "query: ", "passage: "),
    "corpus": ({"corpus": "text to find: "}, "", "text to find: "),
    "a query's alone": ({"query": "Instruct: find it\nQuery:"}, "Instruct: find it\nQuery:", ""),
    "none": ({}, "", ""),
}


def saved(folder, tmp_path, prompts, default=None, include_prompt=True) -> str:
    encoder = SentenceTransformer(str(folder), local_files_only=True, device="cpu")
    encoder.prompts, encoder.default_prompt_name = prompts, default
    encoder[1].include_prompt = include_prompt
    encoder.save_pretrained(str(tmp_path / "brought"), create_model_card=False)
    return str(tmp_path / "brought")


def settings(path, **changes) -> Encoder:
    return Encoder(preset=path, precision="float32", **changes)


def assert_encodes_as(path, config, queries, products) -> None:
    encoder = load_encoder(config)
    np.testing.assert_allclose(encode(encoder, QUERIES, kind="query", config=config), queries, atol=1e-5)
    np.testing.assert_allclose(encode(encoder, PRODUCTS, kind="product", config=config), products, atol=1e-5)


@pytest.mark.parametrize("folder", ["tiny_bert_folder", "tiny_qwen_folder"])
@pytest.mark.parametrize("own", OWN)
def test_an_encoder_is_used_with_the_prompts_that_it_brings(folder, own, request, tmp_path):
    prompts, query, product = OWN[own]
    path = saved(request.getfixturevalue(folder), tmp_path, prompts)
    plain = load_encoder(settings(path))  # reads as a decoder what is one
    queries, products = plain.encode(QUERIES, prompt=query), plain.encode(PRODUCTS, prompt=product)
    assert_encodes_as(path, settings(path), queries, products)


def test_a_default_prompt_stands_in_where_none_is_named(tiny_bert_folder, tmp_path):
    path = saved(tiny_bert_folder, tmp_path, {"sentence": "sentence: "}, default="sentence")
    own = SentenceTransformer(path, local_files_only=True, device="cpu")
    assert_encodes_as(path, settings(path), own.encode(QUERIES), own.encode(PRODUCTS))


@pytest.mark.parametrize("prompt", ["shop: ", ""])
def test_a_configuration_sets_both(tiny_bert_folder, tmp_path, prompt):
    path = saved(tiny_bert_folder, tmp_path, OWN["query and document"][0])
    config = settings(path, query_prompt=prompt, product_prompt=prompt)
    own = SentenceTransformer(path, local_files_only=True, device="cpu")
    assert_encodes_as(path, config, own.encode(QUERIES, prompt=prompt), own.encode(PRODUCTS, prompt=prompt))


def test_pooling_that_leaves_the_prompt_out_does_so_here(tiny_bert_folder, tmp_path):
    path = saved(tiny_bert_folder, tmp_path, OWN["query and document"][0], include_prompt=False)
    own = SentenceTransformer(path, local_files_only=True, device="cpu")
    assert_encodes_as(path, settings(path), own.encode_query(QUERIES), own.encode_document(PRODUCTS))


def test_prompts_are_saved_with_the_encoder(tiny_bert_folder, tmp_path):
    """Loaded by the library alone, a saved encoder gives the same vectors of queries and of products."""
    config = settings(saved(tiny_bert_folder, tmp_path, OWN["passage, as E5 has it"][0]))
    encoder = load_encoder(config)
    EncoderFolder(str(tmp_path / "models")).save({"holdout": encoder})
    alone = SentenceTransformer(str(tmp_path / "models" / "holdout"), local_files_only=True, device="cpu")
    ours = (
        encode(encoder, texts, kind=kind, config=config)
        for kind, texts in zip(("query", "product"), (QUERIES, PRODUCTS), strict=True)
    )
    theirs = (
        [alone.encode_query(QUERIES), alone.encode_document(PRODUCTS)],
        [alone.encode(QUERIES, prompt_name="query"), alone.encode(PRODUCTS, prompt_name="product")],
    )
    for own, *others in zip(ours, *theirs, strict=True):
        for other in others:
            np.testing.assert_allclose(own, other, atol=1e-5)
