"""README's table of the simulated shop, written from stored figures.

    python docs/readme_tables.py --from data     take the figures of a run (make run) over into docs/findings/simulated/overall.csv
    python docs/readme_tables.py                 write README's table from that file
    python docs/readme_tables.py --check         exit status 1 where README says something else

The table stands between two comments in README.md; nothing else of the page is touched.
"""

import argparse
import sys
from pathlib import Path

import polars as pl

ROOT = Path(__file__).parents[1]
README, STORED = ROOT / "README.md", ROOT / "docs/findings/simulated/overall.csv"
START, END = "<!-- table: simulated -->", "<!-- end of table -->"

SYSTEMS = {
    "random": "random",
    "bm25": "BM25, tuned",
    "base": "base encoder (`minilm`)",
    "stage1": "stage 1",
    "stage2": "stage 2 (ROAR, pairs across queries)",
    "stage2_deployed": "stage 2 at 256 of 384 dimensions",
    "stage2_constrained": "stage 2 under what the query asks for",
    "hybrid_sum": "BM25 and stage 2, weighted sum",
    "hybrid_constrained": "the same under what the query asks for",
}
COLUMNS = {
    ("judged", "map@8"): "MAP@8",
    ("judged", "ndcg@8"): "NDCG@8",
    ("judged", "auc"): "AUC, pooled",
    ("judged", "auc_query"): "AUC per query",
    ("judged", "mrr@10"): "MRR@10",
    ("judged", "grade_ordering"): "grade ordering",
    ("catalogue", "recall@100"): "recall@100",
    ("catalogue", "attribute_conflict@8"): "conflicts@8",
}
LESS_IS_BETTER = {"attribute_conflict@8"}


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="data", type=Path, help="data folder of a run")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.data:
        take_over(options.data)
    page = README.read_text(encoding="utf-8")
    wanted = filled(page, table(pl.read_csv(STORED)))
    if options.check:
        return int(page != wanted)
    README.write_text(wanted, encoding="utf-8")
    return 0


def take_over(data: Path) -> None:
    """The overall means of a run, of what the table shows."""
    metrics = pl.read_parquet(data / "08_reporting/metrics.parquet").filter(slice="overall", level="all")
    shown = pl.DataFrame(list(COLUMNS), schema=["protocol", "metric"], orient="row")
    kept = metrics.join(shown, on=["protocol", "metric"]).filter(pl.col("system").is_in(list(SYSTEMS)))
    kept.select("system", "protocol", "metric", "n", "mean", "low", "high").sort(
        "system", "protocol", "metric"
    ).write_csv(STORED)


def table(stored: pl.DataFrame) -> str:
    """Markdown, the best of each column in bold."""
    mean = {(system, protocol, metric): value for system, protocol, metric, value in
            stored.select("system", "protocol", "metric", "mean").iter_rows()}  # fmt: skip
    best = {}
    for protocol, metric in COLUMNS:
        values = [value for (_, *of), value in mean.items() if of == [protocol, metric] and value is not None]
        best[protocol, metric] = min(values) if metric in LESS_IS_BETTER else max(values)
    lines = ["| system | " + " | ".join(COLUMNS.values()) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for system, name in SYSTEMS.items():
        values = [_shown(mean.get((system, *column)), best[column]) for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def _shown(value: float | None, best: float) -> str:
    if value is None:
        return "–"
    return f"**{value:.3f}**" if value == best else f"{value:.3f}"


def filled(page: str, made: str) -> str:
    """The page with the table in its place.

    Raises:
        ValueError: the page has no place for it.
    """
    if page.count(START) != 1 or page.count(END) != 1:
        raise ValueError(f"README.md: expected {START} and {END} once each")
    before, rest = page.split(START)
    return f"{before}{START}\n{made}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    sys.exit(main())
