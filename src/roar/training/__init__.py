"""Training both stages: examples from tables, batches without conflicts, objectives, and the trainer around them."""

from roar.training.examples import Examples, group_examples, pair_examples
from roar.training.own_losses import register_alignment_loss
from roar.training.trainer import Trained, train

__all__ = ["Examples", "Trained", "group_examples", "pair_examples", "register_alignment_loss", "train"]
