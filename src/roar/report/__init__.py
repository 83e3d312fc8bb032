"""The report: tables and figures in, one self-contained page out.

A `Section` is a title and blocks (text, facts, tables, charts), the same after a trip through JSON. Every pipeline
builds its own, from the one public builder of its folder here; `render` puts those that are there together to one page.
"""

from roar.report.ablation import ablation_chart, ablation_section
from roar.report.data import data_section
from roar.report.evaluation import evaluation_section, wide_tables
from roar.report.page import Section, chart, render, table
from roar.report.published import published_section
from roar.report.queries import ErrorAnalysis, queries_section
from roar.report.release import frontier_chart, release_section
from roar.report.systems import Behaviour, behaviour_section
from roar.report.training import training_chart, training_section

__all__ = [
    "Behaviour",
    "ErrorAnalysis",
    "Section",
    "ablation_chart",
    "ablation_section",
    "behaviour_section",
    "chart",
    "data_section",
    "evaluation_section",
    "frontier_chart",
    "published_section",
    "queries_section",
    "release_section",
    "render",
    "table",
    "training_chart",
    "training_section",
    "wide_tables",
]
