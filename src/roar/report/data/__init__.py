"""What came in, what was dropped, and how it was divided."""

from roar.report.data.section import data_section

__all__ = ["data_section"]
