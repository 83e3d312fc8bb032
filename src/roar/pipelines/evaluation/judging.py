"""Nodes of evaluation: every system is judged alike, then all of them side by side."""

import polars as pl

from roar.attributes import agreement
from roar.errors import InputError, did_you_mean
from roar.metrics import compare_pairs
from roar.metrics.judging import Verdict, Yardstick, judge, robustness
from roar.parameters import TEACHER, Evaluation, MetricSettings

Frames = dict[str, pl.DataFrame]


def require_free_names(names: list[str], config: Evaluation) -> None:
    """Refuse names of further systems that are taken, or that stand for two.

    Raises:
        InputError: names the system.
    """
    taken = [*config.own_systems, TEACHER]
    for place, name in enumerate(names):
        if name in taken or name in names[:place] or "." in name:
            raise InputError(
                f"Further system {name!r} (evaluation.encoders or a file of external_runs): names must be new and without "
                f"a dot; taken are {', '.join(taken)}."
            )


def read_attributes(
    queries: pl.DataFrame, judgments: pl.DataFrame, products: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What judged queries ask for and what products state, attribute by attribute."""
    judged = queries.join(judgments, on="query_id", how="semi", maintain_order="left")
    return agreement.asked(judged), agreement.stated(products)


def judge_system(
    judged_run: pl.DataFrame,
    catalogue_run: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    slices: pl.DataFrame,
    products: pl.DataFrame,
    asked: pl.DataFrame,
    stated: pl.DataFrame,
    settings: MetricSettings,
) -> Verdict:
    """Per-query metrics, their means per slice, the first pages, what the run covers, and its scores by grade."""
    yardstick = Yardstick(tested_judgments(judgments, splits), slices, asked, stated, products["product_id"])
    return judge({"judged": judged_run, "catalogue": catalogue_run}, yardstick, settings)


def judge_encoder(
    judged_run: pl.DataFrame,
    catalogue_run: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    slices: pl.DataFrame,
    products: pl.DataFrame,
    asked: pl.DataFrame,
    stated: pl.DataFrame,
    settings: MetricSettings,
) -> Verdict:
    """As `judge_system`, and the pooled AUC: cosines mean the same for every query, other systems' scores do not."""
    yardstick = Yardstick(tested_judgments(judgments, splits), slices, asked, stated, products["product_id"])
    return judge({"judged": judged_run, "catalogue": catalogue_run}, yardstick, settings, comparable=True)


def judge_edited(
    scores: pl.DataFrame,
    judged_run: pl.DataFrame,
    catalogue_run: pl.DataFrame,
    edited: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    settings: MetricSettings,
) -> pl.DataFrame:
    """What a system keeps of its metrics when the test queries are written differently."""
    edits = edited.select("query_id", "edit")
    runs = {"judged": judged_run, "catalogue": catalogue_run}
    return robustness(scores, runs, edits, tested_judgments(judgments, splits), settings)


def judge_further_systems(
    runs: Frames,
    edited: pl.DataFrame,
    judgments: pl.DataFrame,
    splits: pl.DataFrame,
    slices: pl.DataFrame,
    products: pl.DataFrame,
    asked: pl.DataFrame,
    stated: pl.DataFrame,
    config: Evaluation,
    settings: MetricSettings,
) -> tuple[Frames, Frames, Frames, Frames, Frames, Frames]:
    """The same for the systems of `run_further_systems`: their tables by system, robustness last."""
    tested = tested_judgments(judgments, splits)
    yardstick = Yardstick(tested, slices, asked, stated, products["product_id"])
    verdicts: dict[str, Verdict] = {}
    kept: Frames = {}
    for name in dict.fromkeys(part.partition(".")[0] for part in runs):
        own = {kind: runs[f"{name}.{kind}"] for kind in ("judged", "catalogue") if f"{name}.{kind}" in runs}
        ours = f"{name}.edited_judged" in runs  # an encoder: another engine cannot be asked again
        verdicts[name] = judge(own, yardstick, settings, comparable=ours or name == TEACHER)
        if ours:
            again = {protocol: runs[f"{name}.edited_{protocol}"] for protocol in own}
            kept[name] = robustness(verdicts[name].scores, again, edited.select("query_id", "edit"), tested, settings)
    tables = ({name: verdict[place] for name, verdict in verdicts.items()} for place in range(len(Verdict._fields)))
    scores, means, pages, coverage, bins = tables
    return scores, means, pages, coverage, bins, kept


def tested_judgments(judgments: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """The judgments of the tested queries."""
    return judgments.join(splits.filter(pl.col("split") == "test"), on="query_id", how="semi", maintain_order="left")


def collect(further: Frames, **tables: pl.DataFrame) -> pl.DataFrame:
    """All systems' tables as one, each under its system's name."""
    every = tables | further
    return pl.concat([table.select(pl.lit(name).alias("system"), pl.all()) for name, table in every.items()])


def compare_systems(
    per_query: pl.DataFrame, slices: pl.DataFrame, config: Evaluation, settings: MetricSettings
) -> pl.DataFrame:
    """Paired differences: those that `evaluation.comparisons` names, and every system against the baseline.

    Another encoder's or engine's run stands against every system that these name, not against the baseline alone.

    Raises:
        InputError: a system that is to be compared has no run.
    """
    systems = per_query["system"].unique(maintain_order=True).to_list()
    named = dict.fromkeys([config.baseline, *(system for pair in config.comparisons for system in pair)])
    further = [(one, other) for other in systems if other not in config.own_systems for one in named]
    pairs = dict.fromkeys([*config.comparisons, *((config.baseline, other) for other in systems), *further])
    wanted = [pair for pair in pairs if pair[0] != pair[1]]
    if missing := sorted({system for pair in wanted for system in pair} - set(systems)):
        raise InputError(
            f"Parameters evaluation.comparisons and evaluation.baseline name {', '.join(missing)}, which has no run; "
            f"{did_you_mean(missing[0], systems)}"
        )
    return side_by_side(per_query, wanted, slices, settings)


def side_by_side(
    per_query: pl.DataFrame, pairs: list[tuple[str, str]], slices: pl.DataFrame, settings: MetricSettings
) -> pl.DataFrame:
    """Paired differences of the systems under both protocols, the first of a pair being the one compared with."""
    tables = []
    for protocol in ("judged", "catalogue"):
        own = per_query.filter(pl.col("protocol") == protocol).drop("protocol")
        there = set(own["system"].unique())
        compared = compare_pairs(own, [pair for pair in pairs if there.issuperset(pair)], slices, settings)
        tables.append(
            compared.select(
                "system_a", "system_b", pl.lit(protocol).alias("protocol"), pl.exclude("system_a", "system_b")
            )
        )
    return pl.concat(tables)
