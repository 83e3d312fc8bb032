"""The catalogue encoded by actors: the same vectors, shards that are resumed, a poison row that is named."""

import sys
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
import pytest
from tests.engines.conftest import CONFIG, TEXTS, check_encoding, needs

from roar.encoder import encode, shards
from roar.errors import InputError
from roar.files import seal
from roar.parameters import RayEngine


def test_a_poison_row_is_named_and_the_rest_is_done_and_kept(tiny_encoder, small, tmp_path, monkeypatch):
    """A second run encodes what is left, and nothing twice."""
    texts, names = [*TEXTS], [f"p{row}" for row in range(len(TEXTS))]
    texts[17] = None
    with pytest.raises(InputError, match=r"^products, p17: [^\n]+ 0 others[^\n]+$"):
        shards.encode_in_shards(tiny_encoder, texts, tmp_path, CONFIG, names=names)
    assert len(list(tmp_path.glob("*.npy"))) == 3
    encoded = []
    monkeypatch.setattr(
        shards, "encode", lambda encoder, part, **more: encoded.append(part) or encode(encoder, part, **more)
    )
    vectors = shards.encode_in_shards(tiny_encoder, TEXTS, tmp_path, CONFIG)
    assert encoded == [TEXTS[10:20]]
    np.testing.assert_allclose(vectors, encode(tiny_encoder, TEXTS, config=CONFIG), atol=1e-6)


def test_an_actor_writes_the_shards_of_one_process_and_tells_what_it_could_not(tiny_encoder, tmp_path):
    """Asked again, as Ray does after it lost an actor, it touches nothing that is there."""
    from roar.engines.encoding import Writer

    tiny_encoder.save_pretrained(str(tmp_path / "encoder"), create_model_card=False)
    seal(tmp_path / "encoder")
    actor, whole = Writer(str(tmp_path / "encoder"), CONFIG), tmp_path / "whole.npy"
    shard = {"start": 0, "texts": TEXTS[:10], "path": str(whole)}
    poisoned = {"start": 10, "texts": [*TEXTS[10:12], None], "path": str(tmp_path / "poisoned.npy")}
    told = actor(pa.Table.from_pylist([shard, poisoned]))
    assert told["row"].to_pylist() == [12] and not (tmp_path / "poisoned.npy").exists()
    np.testing.assert_allclose(np.load(whole), encode(tiny_encoder, TEXTS[:10], config=CONFIG), atol=1e-6)
    written = whole.stat().st_mtime_ns
    assert actor(pa.Table.from_pylist([shard])).num_rows == 0 and whole.stat().st_mtime_ns == written


def test_without_ray_the_choice_of_it_is_one_line(tiny_encoder, tmp_path, monkeypatch):
    from roar.engines.ray import encoding_on

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"^engines\.encoding ray: ray is not installed [^\n]+$"):
        shards.encode_in_shards(
            tiny_encoder, TEXTS, tmp_path, CONFIG, by=encoding_on(RayEngine(), tiny_encoder, CONFIG, tmp_path)
        )


@pytest.fixture(scope="module")
def cluster():
    needs("ray")
    from roar.engines.ray import STARTS, _cluster

    with ExitStack() as stack:
        try:
            stack.enter_context(_cluster(RayEngine(actors=2)))
        except InputError as error:
            pytest.skip(f"Ray missed its own limit of 30 seconds {STARTS} times, this machine is too busy: {error}")
        yield


@pytest.mark.engines
@pytest.mark.usefixtures("cluster", "small")
def test_actors_give_the_vectors_of_one_process_and_leave_no_shard_but_the_poisoned_one(tiny_encoder, tmp_path):
    from roar.engines.ray import encoding_on

    check_encoding(encoding_on(RayEngine(actors=2), tiny_encoder, CONFIG, tmp_path), tiny_encoder, tmp_path)
