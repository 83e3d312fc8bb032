"""Precision: what the device is faster in, decided once, said once, obeyed where it is stated; float16 never."""

import logging

import numpy as np
import pytest
import torch

from roar.encoder import decide, encode, precision, settled
from roar.parameters import Encoder

GAINS = {"bf16": 2.4, "float32": 1 / 9}
"""How many times faster bf16 is, by what then suits the processor."""
AUTO = Encoder()


@pytest.fixture(autouse=True)
def undecided(monkeypatch):
    """Each test is a process that has decided nothing yet."""
    monkeypatch.setattr(precision, "_decided", {})
    monkeypatch.setattr(precision, "_warned", set())


@pytest.fixture(params=GAINS)
def suited(request, monkeypatch) -> str:
    """What the probe is made to find, and the device measured once at most."""
    answers = iter([(100.0, 100 * GAINS[request.param])])
    monkeypatch.setattr(precision, "product_gflops", lambda shape: next(answers))
    return request.param


def computed_in(encoder, config: Encoder) -> torch.dtype:
    """The type that the encoder's first linear layer gives."""
    seen = []
    layer = next(module for module in encoder.modules() if isinstance(module, torch.nn.Linear))
    handle = layer.register_forward_hook(lambda _, __, output: seen.append(output.dtype))
    encode(encoder, ["red shoe"], config=config)
    handle.remove()
    return seen[0]


def test_auto_takes_what_the_processor_is_faster_in_and_says_so_once(suited, tiny_encoder, caplog):
    with caplog.at_level(logging.INFO, "roar.encoder.precision"):
        types = {computed_in(tiny_encoder, AUTO) for _ in range(2)}
    assert types == {torch.bfloat16 if suited == "bf16" else torch.float32}
    (line,) = [record.getMessage() for record in caplog.records]
    wanted = "2.4 times faster" if suited == "bf16" else "9.0 times slower"
    assert line.startswith(f"{suited}: bf16 products are {wanted} on this processor")


def test_a_stated_precision_is_obeyed_and_the_slow_one_warned_of_once(suited, tiny_encoder, caplog):
    slow = "float32" if suited == "bf16" else "bf16"
    for stated in (suited, slow, slow):
        own = torch.bfloat16 if stated == "bf16" else torch.float32
        assert computed_in(tiny_encoder, Encoder(precision=stated)) == own
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f"encoder.precision is set to {slow}" in warning and f"auto would take {suited}" in warning


def test_the_record_of_a_run_says_what_was_decided_and_why(suited, tiny_encoder):
    assert precision.decisions() == {}, "nothing is measured that nobody asks for"
    settled(AUTO, tiny_encoder)
    decision = precision.decisions()["cpu"]
    assert decision["gflops"] == pytest.approx(torch.get_num_threads() * 100 * max(GAINS[suited], 1))
    assert (decision["precision"], decision["gain"]) == (suited, pytest.approx(GAINS[suited])) and decision["device"]


def test_settled_leaves_nothing_to_decide_and_changes_nothing_else(suited, tiny_encoder):
    config = Encoder(max_tokens=32, batch_tokens=99)
    assert settled(config, tiny_encoder) == config.model_copy(update={"precision": suited})


def test_vectors_of_both_precisions_agree_to_a_hundredth(tiny_encoder):
    texts = ["red shoe", "a coffee maker with a 1.5 l tank", "x"]
    fast, exact = (encode(tiny_encoder, texts, config=Encoder(precision=p)) for p in ("bf16", "float32"))
    assert np.einsum("nd,nd->n", fast, exact).min() > 0.99


def test_the_measurement_is_of_this_processor_and_takes_a_moment():
    """The very products, timed against a long series of both: the same verdict unless they are nearly level."""
    float32, bf16 = precision.product_gflops(precision.MINILM)
    layer, rows = torch.nn.Linear(384, 1536), torch.ones(512, 384)
    with torch.inference_mode(), precision._one_thread():
        times = {p: min(precision._seconds(layer, rows, p) for _ in range(20)) for p in ("float32", "bf16")}
    series = times["float32"] / times["bf16"]
    assert min(float32, bf16) > 0.1 and (0.5 < series < 2 or (bf16 > float32) == (series > 1))


@pytest.mark.parametrize(("has", "wanted"), [(True, "bf16"), (False, "float32")])
def test_an_accelerator_computes_in_bf16_where_its_hardware_does(has, wanted, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: asked.append(including_emulation) or has
    )
    decision = decide(torch.device("cuda"))
    assert decision.precision == wanted and "Some GPU" in decision.reason and asked == [False]


def test_a_device_of_another_kind_computes_in_float32():
    assert decide(torch.device("mps")).precision == "float32"
