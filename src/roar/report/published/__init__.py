"""A published data set by its authors' conventions, beside published figures."""

from roar.report.published.section import DataSet, published_section

__all__ = ["DataSet", "published_section"]
