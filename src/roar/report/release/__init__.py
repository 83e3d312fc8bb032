"""The release: which index was chosen and from what."""

from roar.report.release.section import frontier_chart, release_section

__all__ = ["frontier_chart", "release_section"]
