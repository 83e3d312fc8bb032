"""An evaluation that never happened: six systems, two protocols, seven verticals, with effects that differ by slice."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from roar.metrics import aggregate, compare, slice_table
from roar.metrics.spread import seed_spread
from roar.parameters import Comparison, MetricSettings, Reporting
from roar.report import (
    Behaviour,
    ErrorAnalysis,
    behaviour_section,
    data_section,
    evaluation_section,
    queries_section,
    training_section,
)
from roar.report.evaluation import Evidence
from roar.report.page import Section
from roar.report.queries import annotation_queue, query_changes
from roar.schemas import GRADES, STRATA, Grade
from roar.training_sets import Counts

SYSTEMS = {"random": 0.45, "bm25": 0.68, "base": 0.70, "stage1": 0.76, "stage2": 0.77, "stage2_deployed": 0.767}
VERTICALS = (
    "general merchandise",
    "electronics",
    "food",
    "home",
    "large appliances",
    "lifestyle",
    "mobiles",
    "ambiguous",
)
METRICS = {
    "judged": Reporting().judged_metrics,
    "catalogue": (
        *("ndcg@8", "map@8", "mrr@10", "precision@1", "recall@10", "recall@20", "recall@50", "recall@100", "judged@8"),
        *(f"share_{grade}@8" for grade in reversed(GRADES)),
    ),
}
MEASURED = MetricSettings(resamples=500, permutations=1000)


@dataclass(frozen=True)
class Fabricated:
    """The tables that the report reads."""

    metrics: pl.DataFrame
    comparisons: pl.DataFrame
    per_query: pl.DataFrame
    queries: pl.DataFrame
    histories: pl.DataFrame
    behaviour: Behaviour
    errors: ErrorAnalysis
    sections: tuple[Section, ...]

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.metrics, self.comparisons, Reporting(), MEASURED)


def fabricate(count: int = 240, seed: int = 0) -> Fabricated:
    rng = np.random.default_rng(seed)
    queries = pl.DataFrame(
        {
            "query_id": [f"q{number:04d}" for number in range(count)],
            "query": [
                f"{rng.choice(['red', 'cheap', '64 gb', 'large'])} thing no. {number}" for number in range(count)
            ],
            "vertical": rng.choice(VERTICALS, count, p=[0.22, 0.17, 0.15, 0.14, 0.1, 0.1, 0.08, 0.04]),
            "stratum": rng.choice(STRATA[:5], count),
            "frequency": rng.zipf(1.5, count).clip(max=5000),
            "query_length": rng.choice(["1 to 2 words", "3 to 4 words", "5 and more"], count),
        }
    )
    slices = slice_table(
        queries, ["vertical", "stratum", "query_length"], crossed=[("vertical", "stratum")], weight="frequency"
    )
    per_query = pl.concat([_values(system, protocol, queries, rng) for system in SYSTEMS for protocol in METRICS])
    metrics, comparisons = _tables(per_query, slices)
    histories = _histories(rng)
    shown = Reporting()
    sections = (
        evaluation_section(metrics, comparisons, shown, MEASURED),
        _data(queries, rng),
        training_section(histories, "stage1"),
        training_section(histories, "stage2"),
    )
    pages = _pages(queries, rng)
    behaviour, errors = _behaviour(pages, queries, rng), _errors(pages, per_query, queries)
    evidence = Evidence(metrics, comparisons, shown, MEASURED)
    more = (behaviour_section(evidence, behaviour), queries_section(evidence, errors))
    return Fabricated(metrics, comparisons, per_query, queries, histories, behaviour, errors, (*sections, *more))


def _values(system: str, protocol: str, queries: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Per-query values around a system's level; stage 1 gains most on rare queries, stage 2 a little on electronics."""
    shared = np.random.default_rng(7).normal(0, 0.15, queries.height)
    rare = (queries["stratum"].to_numpy() == "ONCE ONLY") * (0.06 if system.startswith("stage") else 0.0)
    electronics = (queries["vertical"].to_numpy() == "electronics") * (0.05 if system.startswith("stage2") else 0.0)
    level = SYSTEMS[system] - (0.2 if protocol == "catalogue" else 0.0)
    frames = []
    for metric in METRICS[protocol]:
        values = (level + shared + rare + electronics + rng.normal(0, 0.08, queries.height)).clip(0, 1)
        if metric.startswith("recall"):
            values = (values * np.log10(int(metric.split("@")[1])) / 2).clip(0, 1)
        if metric.startswith("share_"):
            values = values * {"exact": 0.5, "substitute": 0.22, "complement": 0.1, "irrelevant": 0.08}[metric[6:-2]]
        frame = pl.DataFrame({"query_id": queries["query_id"], "metric": metric, "value": values})
        frames.append(frame.with_columns(value=pl.when(pl.col("query_id") != "q0003").then("value")))
    return pl.concat(frames).select(pl.lit(system).alias("system"), pl.lit(protocol).alias("protocol"), pl.all())


def _tables(per_query: pl.DataFrame, slices: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    def of(system: str, protocol: str) -> pl.DataFrame:
        return per_query.filter(system=system, protocol=protocol).select("query_id", "metric", "value")

    def labelled(table: pl.DataFrame, **labels: str) -> pl.DataFrame:
        return table.select(*(pl.lit(value).alias(name) for name, value in labels.items()), pl.all())

    metrics = [
        labelled(aggregate(of(system, protocol), slices, MEASURED), system=system, protocol=protocol)
        for system in SYSTEMS
        for protocol in METRICS
    ]
    pairs = [*pairwise(SYSTEMS), ("bm25", "stage2")]
    comparisons = [
        labelled(compare(of(a, protocol), of(b, protocol), slices, MEASURED), system_a=a, system_b=b, protocol=protocol)
        for a, b in pairs
        for protocol in METRICS
    ]
    return pl.concat(metrics), pl.concat(comparisons)


def _pages(queries: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """First pages of every system: exacts thin out down the ranks; half of the catalogue's products are unjudged."""
    rows = queries.select("query_id").join(pl.DataFrame({"rank": range(1, 9)}), how="cross")
    parts = []
    for system in SYSTEMS:
        for protocol in METRICS:
            quality = rng.random(rows.height) * 3 + (8 - rows["rank"].to_numpy()) / 8
            grades = np.array(GRADES)[np.minimum(quality.astype(int), 3)]
            unjudged = (protocol == "catalogue") & (rng.random(rows.height) < 0.5)
            page = rows.with_columns(
                product_id=pl.Series(
                    [f"p{n}" for n in (rows["rank"].to_numpy() * 7 + rng.integers(0, 3, rows.height))]
                ),
                score=1 - pl.col("rank") / 10,
                grade=pl.Series(np.where(unjudged, "unjudged", grades)),
            )
            parts.append(page.select(pl.lit(system).alias("system"), pl.lit(protocol).alias("protocol"), pl.all()))
    return pl.concat(parts)


def _behaviour(pages: pl.DataFrame, queries: pl.DataFrame, rng: np.random.Generator) -> Behaviour:
    ends = np.linspace(-0.1, 0.9, 11)
    bins = pl.DataFrame(
        [
            (system, "judged", low, high, grade, int(200 * np.exp(-((low - 0.2 * level - 0.1) ** 2) / 0.05)) + 1)
            for system in SYSTEMS
            for low, high in pairwise(ends)
            for level, grade in enumerate(GRADES)
        ],
        schema=["system", "protocol", "low", "high", "grade", "pairs"],
        orient="row",
    )
    coverage = pl.DataFrame(
        [
            {"system": s, "protocol": p, "queries": queries.height, "rows": 24_000, "unanswered": 3 * (s == "bm25"),
             "short": 0, "unknown_products": 0, "without_exact": 1}
            for s in SYSTEMS for p in METRICS
        ]
    )  # fmt: skip
    robustness = pl.DataFrame(
        [
            {"system": s, "protocol": p, "edit": e, "metric": m, "n": 100, "as_typed": 0.7, "edited": 0.6, "kept": 6 / 7,
             "difference": -0.1, "low": -0.12, "high": -0.08, "p": 0.001, "p_adjusted": 0.001}
            for s in SYSTEMS if s != "random" for p in METRICS for e in ("all", "keyboard", "split")
            for m in ("ndcg@8", "map@8", "recall@100")
        ]
    )  # fmt: skip
    tuning = pl.DataFrame({"fold": "holdout", "k1": [0.8, 1.2], "b": 0.75, "value": [0.7, 0.71], "best": [False, True]})
    spread = seed_spread({})
    return Behaviour(pages, coverage, bins, robustness, {"BM25": tuning}, spread)


def _errors(pages: pl.DataFrame, per_query: pl.DataFrame, queries: pl.DataFrame) -> ErrorAnalysis:
    pair = Comparison(baseline="stage1", system="stage2")
    side = pl.col("system").replace({"stage1": "before", "stage2": "after"}).alias("side")
    both = pages.filter(pl.col("system").is_in(["stage1", "stage2"])).select(side, pl.exclude("system"))
    own = {p: both.filter(protocol=p).drop("protocol") for p in METRICS}
    reasons = own["judged"].filter(pl.col("rank") == 1, pl.col("grade") == "irrelevant").select(
        "query_id", "product_id", reason=pl.lit("attribute"), detail=pl.lit("64 gb asked, 128 gb offered")
    ).unique(maintain_order=True)  # fmt: skip
    values = per_query.filter(protocol="judged", metric="ndcg@8")
    before, after = (values.filter(system=system).select("query_id", "value") for system in ("stage1", "stage2"))
    noisy = queries["query_id"].head(20)
    changes = query_changes(before, after, own["judged"], reasons, noisy)
    changes = changes.join(queries.select("query_id", "query", "vertical", "stratum"), on="query_id", how="left")
    products = pl.DataFrame(
        {"product_id": [f"p{n}" for n in range(80)], "title": [f"Thing {n}, blue" for n in range(80)]}
    )
    queue = annotation_queue(own["catalogue"], queries, products)
    clustered = products.with_columns(cluster_id=pl.format("c{}", pl.int_range(pl.len()) // 10))
    return ErrorAnalysis(pair, changes, own["judged"], clustered, reasons, queue)


def _histories(rng: np.random.Generator) -> pl.DataFrame:
    rows = []
    for stage, steps in (("stage1", 94), ("stage2", 80)):
        for step in range(1, steps + 1):
            contrastive = 2.2 * np.exp(-step / 30) + 0.5 + rng.normal(0, 0.05)
            alignment = 0.6 * np.exp(-step / 40) + 0.3 + rng.normal(0, 0.02) if stage == "stage2" else None
            validated = 0.72 + 0.05 * (1 - np.exp(-step / 40)) if step in (1, steps // 2, steps) else None
            rows.append(
                {
                    "stage": stage,
                    "fold": "holdout",
                    "step": step,
                    "loss": contrastive + 0.1 * (alignment or 0),
                    "contrastive": contrastive,
                    "alignment": alignment,
                    "masked_share": 0.02 + 0.01 * rng.random(),
                    "grad_norm": 1 + rng.random(),
                    "learning_rate": 5e-5 * (1 - step / steps),
                    "pairs_per_s": 100 + rng.random(),
                    "validation": validated,
                    "validation_gain": None if validated is None else validated - 0.72,
                    "validation_error": None if validated is None else 0.01,
                    "kept": None if validated is None else step == steps,
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def _data(queries: pl.DataFrame, rng: np.random.Generator) -> Section:
    ids = queries["query_id"].to_list()
    products = pl.DataFrame(
        {"product_id": [f"p{n}" for n in range(200)], "title": [f"Thing {n}, blue" for n in range(200)]}
    )
    judgments = pl.DataFrame(
        {"query_id": np.repeat(ids, 6), "product_id": "p0", "grade": rng.choice(GRADES, 6 * len(ids))}
    ).with_columns(pl.col("grade").cast(Grade), weight=pl.Series(rng.choice([1 / 3, 2 / 3, 1.0], 6 * len(ids))))
    quality = pl.DataFrame(
        {
            "table": ["products", "judgments"],
            "rule": ["empty title", "unknown product"],
            "column": ["title", "product_id"],
            "action": "dropped",
            "count": [3, 12],
            "examples": ["", "p999"],
        }
    )
    splits = pl.DataFrame(
        {
            "fold": "holdout",
            "query_id": ids,
            "split": rng.choice(["train", "validation", "test"], len(ids), p=[0.6, 0.1, 0.3]),
        }
    )
    pairs = pl.DataFrame(
        {
            "source": rng.choice(["annotation", "behaviour", "synonym"], 900),
            "query": "a",
            "product_id": "p1",
            "weight": 1.0,
        }
    )
    duplicates = pl.DataFrame(
        {
            "product_id_a": [f"p{n}" for n in range(60)],
            "product_id_b": [f"p{n + 60}" for n in range(60)],
            "similarity": np.linspace(0.8, 1.0, 60),
            "evidence": ["same text"] * 20 + ["same attributes"] * 40,
        }
    )
    counts = Counts()
    for step, left in (("judged products of train queries", judgments), ("largest size", judgments.head(500))):
        counts.add("graded groups", "holdout", "judgments", step, left)
    return data_section(
        quality,
        judgments,
        queries,
        splits,
        pairs,
        duplicates,
        products,
        counts=counts.table(),
        groups=judgments.with_columns(fold=pl.lit("holdout")).head(500),
        clusters=products.select("product_id", cluster_id=pl.format("c{}", pl.int_range(pl.len()) % 60)),
        near_misses=duplicates.head(30).with_columns(similarity=0.49 - pl.int_range(pl.len()) / 100),
        learned=pl.DataFrame(
            [
                ("prior", "second listing", 900, 0.2, 0.5),
                ("words", "second listing", 100, 0.5, 0.3),
                ("column", "category", 300, 0.94, 0.02),
            ],
            schema=["kind", "name", "pairs", "share", "weight"],
            orient="row",
        ),
        label_scores=pl.DataFrame(
            [("default", 0.8, 0.7, 0.747, 60, 90), ("fitted", 0.9, 0.75, 0.818, 60, 90)],
            schema=["weights", "precision", "recall", "f1", "same", "different"],
            orient="row",
        ),
        fitted=pl.DataFrame({"parameter": ["price"], "value": [1.0], "fitted": [2.5]}),
    )
