"""Which encoder is released, and when the evaluation's vectors are taken."""

import numpy as np
import pytest

from roar.encoder import encode, identity_of, product_texts
from roar.errors import InputError
from roar.files import seal
from roar.parameters import Encoder, Engines, Release
from roar.pipelines.release import nodes
from roar.retrieval import ProductIndex

ENCODER = Encoder(precision="float32", product_fields=("title",), max_tokens=24)


def chosen(config: Release, stage2: dict) -> dict:
    """The node with nothing but its encoders."""
    return nodes.choose_encoder({}, stage2, *[None] * 12, ENCODER, *[None] * 3, config, None, 0)


def test_the_only_encoder_is_taken_and_one_of_several_where_no_single_one_is_wanted(tiny_encoder):
    assert chosen(Release(), {"holdout": lambda: tiny_encoder}) == {"holdout": tiny_encoder}
    folds = {"fold_1": lambda: None, "fold_0": lambda: tiny_encoder}
    assert chosen(Release(single_encoder=False), folds) == {"fold_0": tiny_encoder}


@pytest.mark.parametrize("sealed", [True, False])
def test_a_kept_encoder_is_taken_whether_or_not_this_project_saved_it(sealed, tmp_path, tiny_encoder):
    folder = tmp_path / "kept"
    tiny_encoder.save_pretrained(str(folder), create_model_card=False)
    if sealed:
        seal(folder)
    (encoder,) = chosen(Release.model_validate({"from": str(folder)}), {}).values()
    expected = encode(tiny_encoder, ["red shoe"], config=ENCODER)
    np.testing.assert_allclose(encode(encoder, ["red shoe"], config=ENCODER), expected, atol=1e-5)


def test_a_folder_without_an_encoder_is_named():
    with pytest.raises(InputError, match=r"release.from: /nowhere is no encoder"):
        chosen(Release.model_validate({"from": "/nowhere"}), {})


def test_the_evaluations_vectors_are_taken_only_where_they_are_this_encoders(tmp_path, tiny_encoder, catalogue):
    texts = product_texts(catalogue, ENCODER.product_fields, ENCODER.max_tokens).to_list()
    right = encode(tiny_encoder, texts, config=ENCODER)
    told = np.roll(right, 1, axis=0)  # wrong vectors, by which one sees where they came from
    known = ProductIndex.build(told, catalogue["product_id"], encoder=identity_of(tiny_encoder, ENCODER))
    taken = nodes.catalogue_vectors(tiny_encoder, known, catalogue, ENCODER, Engines(), tmp_path)
    np.testing.assert_array_equal(taken, told)
    for other in (
        None,
        ProductIndex.build(
            told, catalogue["product_id"], encoder=identity_of(tiny_encoder, ENCODER) | {"weights": "other"}
        ),
        ProductIndex.build(told, catalogue["product_id"].reverse(), encoder=identity_of(tiny_encoder, ENCODER)),
    ):
        anew = nodes.catalogue_vectors(tiny_encoder, other, catalogue, ENCODER, Engines(), tmp_path)
        np.testing.assert_allclose(anew, right, atol=1e-5)
