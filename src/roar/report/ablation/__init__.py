"""The ablation: what each part is worth."""

from roar.report.ablation.section import ablation_chart, ablation_section

__all__ = ["ablation_chart", "ablation_section"]
