"""A training stage's section: its history as curves."""

import plotly.graph_objects as go
import polars as pl

from roar.plots import lines
from roar.report.page.section import Block, Expandable, Fact, Facts, Paragraph, Section, Table, chart, table
from roar.report.page.wording import listed

_STEPS = {"stage1": ("Stage 1: contrastive learning", 30), "stage2": ("Stage 2: ROAR", 40)}
_CURVES = {
    "loss": "Loss",
    "contrastive": "Contrastive loss",
    "alignment": "Alignment loss",
    "calibration": "Calibration loss",
    "distillation": "Distillation loss",
    "validation": "Criterion on validation queries",
    "masked_share": "Share of in-batch negatives masked",
    "grad_norm": "Gradient norm",
    "learning_rate": "Learning rate",
}
_OPEN = ("loss", "contrastive", "alignment", "calibration", "distillation", "validation")
_FOLD_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def training_section(history: pl.DataFrame, stage: str) -> Section:
    """Build the section of one stage.

    Args:
        history: stage, fold, step and any of loss, contrastive, alignment, masked_share, grad_norm, learning_rate,
            validation with validation_gain, validation_error and kept (null where a step did not measure it); rows of other stages
            are left out. Timings are not
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
    blocks: list[Block] = [Facts(facts=_facts(rows)), *_not_kept(rows)]
    blocks += [block for name, block in charts.items() if name in _OPEN]
    if further:
        blocks.append(Expandable(title="Further curves", blocks=further))
    blocks += _choice(rows)
    blocks.append(Expandable(title="The last step of each fold", blocks=(_last_steps(rows, measured),)))
    return Section(title=title, anchor=stage.replace("_", "-"), order=order, blocks=tuple(blocks))


def training_chart(history: pl.DataFrame, stage: str) -> go.Figure:
    """The loss by step, a curve for each fold."""
    return _curves(history.filter(stage=stage).sort("fold", "step"), "loss")


def _facts(rows: pl.DataFrame) -> tuple[Fact, ...]:
    folds, steps = rows["fold"].n_unique(), rows["step"].n_unique()
    facts = [Fact(label="Steps", value=f"{steps:,}", detail=f"{folds} folds" if folds > 1 else "one split")]
    kept = _kept(rows)
    if kept.height:
        steps_kept = sorted(set(kept["step"].to_list()))
        named = {0: "the start's"}
        value = listed([named.get(step, f"step {step}") for step in steps_kept])
        facts.append(Fact(label="Weights kept", value=value, detail=_compared(kept)))
    return tuple(facts)


def _kept(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows whose weights each fold ended with; none where nothing was validated."""
    return rows.filter(pl.col("kept")) if "kept" in rows.columns else rows.clear()


def _compared(kept: pl.DataFrame) -> str:
    """How the weights kept stand to the start's on validation queries."""
    mean = kept.select(pl.col("validation", "validation_gain").mean()).row(0)
    if kept.height > 1:
        return f"criterion {mean[0]:.4f}, {mean[1]:+.4f} against the start, means of {kept.height} folds"
    if not kept["step"][0]:
        return f"criterion {mean[0]:.4f} on validation queries"
    return f"criterion {mean[0]:.4f}, {mean[1]:+.4f} ± {kept['validation_error'][0]:.4f} against the start"


def _not_kept(rows: pl.DataFrame) -> list[Block]:
    """Said once, where a stage ended with the weights that it started from."""
    kept = _kept(rows)
    lost = kept.filter(step=0).height
    if not lost:
        return []
    folds = f"In {lost} of {kept.height} folds this" if kept.height > 1 else "This"
    text = (
        f"{folds} training was not kept: on validation queries the best of its weights were worse than those it started "
        "from, beyond noise. What the page says of this stage holds of its starting weights there."
    )
    return [Paragraph(text=text, style="warning")]


def _choice(rows: pl.DataFrame) -> list[Block]:
    """Every validation: what could have been kept."""
    if not _kept(rows).height:
        return []
    between = ["interpolation"] if "interpolation" in rows.columns and rows["interpolation"].is_not_null().any() else []
    shown = rows.drop_nulls("validation").select(
        "fold", "step", *between, "validation", "validation_gain", "validation_error",
        kept=pl.when("kept").then(pl.lit("yes")).otherwise(pl.lit("")),
    )  # fmt: skip
    names = {"fold": "Fold", "step": "Step", "interpolation": "Share of the way", "validation": _CURVES["validation"]}
    names |= {"validation_gain": "Against the start", "validation_error": "Standard error", "kept": "Kept"}
    note = (
        "The difference to the start is paired by query. The start is kept only where the best is worse beyond noise."
    )
    return [Expandable(title="Which weights were kept", blocks=(table(shown, "Validations", names=names, note=note),))]


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
