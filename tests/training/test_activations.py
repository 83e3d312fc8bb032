"""What a batch would keep for its backward pass, and how much memory there is for it."""

import torch
from torch import nn

from roar.training import activations


def test_what_is_kept_is_what_the_backward_pass_needs() -> None:
    model = nn.Sequential(nn.Linear(64, 32), nn.Tanh())
    rows = torch.randn(100, 64)
    # The linear layer keeps its input, the tanh its output.
    assert activations.kept_bytes(model, lambda: model(rows)) == 4 * 100 * (64 + 32)
    with torch.no_grad():
        assert activations.kept_bytes(model, lambda: model(rows)) == 0


def test_a_container_has_the_memory_that_it_may_take(tmp_path, monkeypatch) -> None:
    machine = activations.memory_of(torch.device("cpu"))
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(activations, "_CGROUP", limit)
    for said, expected in (("max", machine), ("1000000\n", 1_000_000), (str(10 * machine), machine)):
        limit.write_text(said)
        assert activations.memory_of(torch.device("cpu")) == expected
    monkeypatch.setenv(activations.SHARERS_VARIABLE, "4")
    assert activations.memory_of(torch.device("cpu")) == machine // 4
