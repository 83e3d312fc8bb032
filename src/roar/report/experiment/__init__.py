"""The A/B test: its section and its charts."""

from roar.report.experiment.charts import plan_chart
from roar.report.experiment.evidence import ExperimentEvidence
from roar.report.experiment.section import experiment_section

__all__ = ["ExperimentEvidence", "experiment_section", "plan_chart"]
