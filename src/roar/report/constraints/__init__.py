"""The section on constraints at query time: what they keep off the first page, what they cost, and how often the reader is right."""

from roar.report.constraints.section import Constrained, constraint_table, constraints_section

__all__ = ["Constrained", "constraint_table", "constraints_section"]
