"""A training stage's section: its history as curves."""

import plotly.graph_objects as go
import polars as pl

from roar.plots import lines
from roar.report.page.section import Block, Expandable, Fact, Facts, Section, Table, chart, table

_STEPS = {"stage1": ("Stage 1: contrastive learning", 30), "stage2": ("Stage 2: ROAR", 40)}
_CURVES = {
    "loss": "Loss",
    "contrastive": "Contrastive loss",
    "alignment": "Alignment loss",
    "calibration": "Calibration loss",
    "distillation": "Distillation loss",
    "validation_ndcg8": "NDCG@8 on validation queries",
    "masked_share": "Share of in-batch negatives masked",
    "grad_norm": "Gradient norm",
    "learning_rate": "Learning rate",
}
_OPEN = ("loss", "contrastive", "alignment", "calibration", "distillation", "validation_ndcg8")
_FOLD_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def training_section(history: pl.DataFrame, stage: str) -> Section:
    """Build the section of one stage.

    Args:
        history: stage, fold, step and any of loss, contrastive, alignment, masked_share, grad_norm, learning_rate,
            validation_ndcg8 (null where a step did not measure it); rows of other stages are left out. Timings are not
            shown: the page is the same for the same seed.
        stage: stage1 or stage2, or another name, which then is the title.
    """
    rows = history.filter(stage=stage).sort("fold", "step")
    title, order = _STEPS.get(stage, (stage, 45))
    measured = [name for name in _CURVES if name in rows.columns and rows[name].is_not_null().any()]
    if {"loss", "contrastive"} <= set(measured) and rows.select((pl.col("loss") == pl.col("contrastive")).all()).item():
        measured.remove("contrastive")  # stage 1 has one loss: one curve
    charts = {name: chart(f"{_CURVES[name]} by step", _curves(rows, name), half=True) for name in measured}
    further = tuple(block for name, block in charts.items() if name not in _OPEN)
    blocks: list[Block] = [Facts(facts=_facts(rows))]
    blocks += [block for name, block in charts.items() if name in _OPEN]
    if further:
        blocks.append(Expandable(title="Further curves", blocks=further))
    blocks.append(Expandable(title="The last step of each fold", blocks=(_last_steps(rows, measured),)))
    return Section(title=title, anchor=stage.replace("_", "-"), order=order, blocks=tuple(blocks))


def training_chart(history: pl.DataFrame, stage: str) -> go.Figure:
    """The loss by step, a curve for each fold."""
    return _curves(history.filter(stage=stage).sort("fold", "step"), "loss")


def _facts(rows: pl.DataFrame) -> tuple[Fact, ...]:
    folds, steps = rows["fold"].n_unique(), rows["step"].n_unique()
    facts = [Fact(label="Steps", value=f"{steps:,}", detail=f"{folds} folds" if folds > 1 else "one split")]
    if "validation_ndcg8" in rows.columns:
        by_fold = rows.drop_nulls("validation_ndcg8").group_by("fold").agg(
            first=pl.col("validation_ndcg8").first(), best=pl.col("validation_ndcg8").max()
        )  # fmt: skip
        if by_fold.height:
            first, best = (float(by_fold.select(pl.col(name).mean()).item()) for name in ("first", "best"))
            detail = f"best measured; {first:.4f} at the first" + (", mean of the folds" if folds > 1 else "")
            facts.append(Fact(label="NDCG@8 on validation queries", value=f"{best:.4f}", detail=detail))
    return tuple(facts)


def _curves(rows: pl.DataFrame, name: str) -> go.Figure:
    """A curve for each fold; a long history is thinned to about 400 points."""
    series = {}
    for (fold,), own in rows.drop_nulls(name).group_by("fold", maintain_order=True):
        shown = own.gather_every(max(1, own.height // 400))
        series[str(fold)] = (shown["step"].to_list(), shown[name].to_list())
    colours = {fold: _FOLD_COLOURS[place % len(_FOLD_COLOURS)] for place, fold in enumerate(series)}
    figure = lines(series, colours, x_title="Step")
    return figure.update_layout(showlegend=len(series) > 1, height=280)


def _last_steps(rows: pl.DataFrame, measured: list[str]) -> Table:
    last = rows.group_by("fold", maintain_order=True).agg("step", *measured)
    last = last.select(
        "fold", pl.col("step").list.last(), *(pl.col(name).list.drop_nulls().list.last() for name in measured)
    )
    return table(last, "Last value measured", names={"fold": "Fold", "step": "Step", **_CURVES})
