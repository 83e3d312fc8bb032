"""Which queries lost and gained, and why; what to have annotated."""

from roar.report.queries.error_analysis import annotation_queue, product_reasons, query_changes
from roar.report.queries.search_page import search_page_tables
from roar.report.queries.section import ErrorAnalysis, largest_changes, queries_section

__all__ = [
    "ErrorAnalysis",
    "annotation_queue",
    "largest_changes",
    "product_reasons",
    "queries_section",
    "query_changes",
    "search_page_tables",
]
