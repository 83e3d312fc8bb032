"""A training stage: its history as curves."""

from roar.report.training.section import training_chart, training_section

__all__ = ["training_chart", "training_section"]
