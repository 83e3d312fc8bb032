"""How the systems behave: coverage, grades by rank, scores, robustness."""

from roar.report.systems.section import Behaviour, behaviour_section

__all__ = ["Behaviour", "behaviour_section"]
