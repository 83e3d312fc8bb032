"""Which system finds better: the evaluation's section, its charts, and wide tables to take away."""

from roar.report.evaluation.evidence import Evidence
from roar.report.evaluation.section import evaluation_section
from roar.report.evaluation.wide_tables import wide_tables

__all__ = ["Evidence", "evaluation_section", "wide_tables"]
