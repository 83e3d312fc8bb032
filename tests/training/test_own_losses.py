"""A loss of one's own: stage 2 trains with it under its name, and nothing else is loosened."""

import pytest
import torch
from pydantic import ValidationError

from roar.errors import InputError
from roar.losses import ALIGNMENT_LOSSES
from roar.parameters import Alignment, Stage2
from roar.parameters.base import faults
from roar.training import own_losses, register_alignment_loss


@pytest.fixture
def hinge(monkeypatch):
    """A loss under the name "hinge", forgotten afterwards; what it was called with."""
    calls = []
    monkeypatch.setattr(own_losses, "_OWN", {})
    monkeypatch.setattr(own_losses, "FURTHER_LOSSES", names := set())
    monkeypatch.setattr("roar.parameters.training.FURTHER_LOSSES", names)

    def loss(scores, group, grade, **arguments):
        calls.append(arguments)
        return scores.sum()

    register_alignment_loss("hinge", loss)
    return calls


def test_a_registered_name_is_a_choice_and_its_loss_is_called_without_draws(hinge):
    config = Alignment(loss="hinge")
    assert Stage2(alignment=config).model_dump()["alignment"]["loss"] == "hinge"
    scores = torch.rand(2, 3)
    arguments = {"mask": None, "weight": None, "generator": torch.Generator()}
    value = own_losses.alignment_loss(config.loss)(
        scores, torch.tensor([0, 1, 1]), torch.tensor([3, 2, 0]), **arguments
    )
    assert value == scores.sum() and hinge == [{"mask": None, "weight": None}]


def test_ours_are_still_ours(hinge):
    assert all(own_losses.alignment_loss(name) is loss for name, loss in ALIGNMENT_LOSSES.items())


@pytest.mark.parametrize("name", ["hinge", "roar", "none"])
def test_a_name_that_is_taken_is_refused(hinge, name):
    with pytest.raises(InputError, match=f"there is a loss '{name}' already"):
        register_alignment_loss(name, lambda *_, **__: torch.zeros(()))


def test_a_name_that_is_none_is_refused(hinge):
    with pytest.raises(InputError, match="'My loss' is no name"):
        register_alignment_loss("My loss", lambda *_, **__: torch.zeros(()))


def test_a_misspelt_name_is_as_wrong_as_ever(hinge):
    with pytest.raises(ValidationError):
        Alignment(loss="hingee")
    (fault,) = faults(Stage2, {"alignment": {"loss": "ranknet_al"}}, "stage2")
    assert "stage2.alignment.loss: no 'ranknet_al'; did you mean ranknet_all?" in fault
