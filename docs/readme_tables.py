"""README's tables of results and its sentence of gains, written from stored figures.

    python docs/readme_tables.py --from data                 take the figures of the simulated shop's run (make run) over, and write README
    python docs/readme_tables.py --from data --env esci      the same of a run of `kedro run --env esci`, in data/esci
    python docs/readme_tables.py                             write README from what is stored
    python docs/readme_tables.py --check                     exit status 1, and the lines that differ, where README says something else

Figures are kept in docs/findings/<set>/overall.csv (means) and differences.csv (paired differences), as the run measured them. What is
written stands between two comments in README.md; nothing else of the page is touched.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from pathlib import Path

import polars as pl

ROOT = Path(__file__).parents[1]
README, FINDINGS = ROOT / "README.md", ROOT / "docs/findings"
SIMULATED, REAL = "simulated", ("esci", "icecat", "crowdflower", "homedepot", "wands")
TABLES, KEY = "08_reporting", ["protocol", "metric"]

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
NDCG, MAP, RECALL = ("judged", "ndcg@8"), ("judged", "map@8"), ("catalogue", "recall@100")
COLUMNS = {
    MAP: "MAP@8",
    NDCG: "NDCG@8",
    ("judged", "auc"): "AUC, pooled",
    ("judged", "auc_query"): "AUC per query",
    ("judged", "mrr@10"): "MRR@10",
    ("judged", "grade_ordering"): "grade ordering",
    RECALL: "recall@100",
    ("catalogue", "attribute_conflict@8"): "conflicts@8",
}
NAMES = COLUMNS | {("catalogue", "ndcg@8"): "NDCG@8 over the full catalogue"}
LESS_IS_BETTER = {"attribute_conflict@8"}
SUMMARY = (
    ("bm25", "base", "stage1", "stage2", "stage2_constrained"),
    (MAP, NDCG, RECALL, ("catalogue", "attribute_conflict@8")),
)
STEPS = {("base", "stage1"): "stage 1 − base", ("stage1", "stage2"): "stage 2 − stage 1"}
GAINS = {
    ("base", "stage1"): ("Stage 1 over base", (NDCG, RECALL)),
    ("stage1", "stage2"): ("Stage 2 over stage 1", (NDCG, MAP, RECALL)),
    ("stage2", "stage2_constrained"): ("Constraints over stage 2", (MAP, NDCG, ("catalogue", "ndcg@8"))),
}


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="data", type=Path, help="folder of all environments' data: data")
    parser.add_argument("--env", default=SIMULATED, choices=(SIMULATED, *REAL), help="the set whose run is taken over")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    if options.data:
        take_over(options.data, options.env)
    page = README.read_text(encoding="utf-8")
    wanted = filled(page)
    if options.check:
        sys.stderr.writelines(
            unified_diff(page.splitlines(True), wanted.splitlines(True), "README.md", "stored figures", n=0)
        )
        return int(page != wanted)
    README.write_text(wanted, encoding="utf-8")
    return 0


def take_over(data: Path, name: str) -> None:
    """Keep of a run what the tables show.

    Raises:
        SystemExit: the folder has no run, or that of another environment.
    """
    tables = (data if name == SIMULATED else data / name) / TABLES
    environment = "base" if name == SIMULATED else name
    try:
        said = json.loads((tables / "run_record.json").read_text(encoding="utf-8"))["environment"]
    except FileNotFoundError as error:
        raise SystemExit(f"{error.filename}: no run of {environment} there; --from names the folder data") from error
    if said != environment:
        raise SystemExit(f"{tables}: a run of {said}, expected {environment}")
    shown = pl.DataFrame(list(NAMES), schema=KEY, orient="row")
    pairs = pl.DataFrame(list(GAINS), schema=["system_a", "system_b"], orient="row")
    of_all = {"slice": "overall", "level": "all"}
    means = pl.read_parquet(tables / "metrics.parquet").filter(**of_all).join(shown, on=KEY)
    gains = pl.read_parquet(tables / "comparisons.parquet").filter(**of_all).join(shown, on=KEY)
    store(name, "overall", means.filter(pl.col("system").is_in(list(SYSTEMS))), ["system"], ["n", "mean"])
    store(name, "differences", gains.join(pairs, on=pairs.columns), pairs.columns, ["n", "difference"])


def store(name: str, file: str, table: pl.DataFrame, of: list[str], values: list[str]) -> None:
    """Write one file of figures, sorted."""
    folder = FINDINGS / name
    folder.mkdir(parents=True, exist_ok=True)
    table.select(*of, *KEY, *values, "low", "high").sort(*of, *KEY).write_csv(folder / f"{file}.csv")


def read(name: str, file: str, of: int) -> dict[tuple[str, ...], dict[str, float]]:
    """Rows of stored figures by their first columns and the metric; none where nothing is stored."""
    path = FINDINGS / name / f"{file}.csv"
    rows = pl.read_csv(path).rows(named=True) if path.exists() else []
    return {tuple(list(row.values())[: of + len(KEY)]): row for row in rows}


def filled(page: str) -> str:
    """The page with everything in its place.

    Raises:
        ValueError: the page has no place for it.
    """
    made = {
        "table: summary": simulated_table(*SUMMARY),
        f"table: {SIMULATED}": simulated_table(),
        f"gains: {SIMULATED}": gains(),
        "table: real": real_table(),
    }
    for name, text in made.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name.split(':')[0]} -->"
        if page.count(start) != 1 or end not in page.partition(start)[2]:
            raise ValueError(f"README.md: expected {start} once, and {end} after it")
        before, _, rest = page.partition(start)
        page = f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}"
    return page


def simulated_table(
    systems: Iterable[str] = tuple(SYSTEMS), columns: Sequence[tuple[str, str]] = tuple(COLUMNS)
) -> str:
    """Systems by metrics, the best of each column in bold."""
    stored, best = read(SIMULATED, "overall", 1), {}
    for column in columns:
        rows = (stored.get((system, *column)) for system in systems)
        values = [row["mean"] for row in rows if row and row["mean"] is not None]
        best[column] = min(values) if column[1] in LESS_IS_BETTER else max(values)
    lines = ["| system | " + " | ".join(COLUMNS[column] for column in columns) + " |", "|---|" + "---:|" * len(columns)]
    for system in systems:
        values = [_mean(stored.get((system, *column)), best[column]) for column in columns]
        lines.append(f"| {SYSTEMS[system]} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def gains() -> str:
    """A sentence for each step of the simulated shop."""
    stored = read(SIMULATED, "differences", 2)
    said, interval = [], "95% interval "
    for pair, (name, metrics) in GAINS.items():
        parts = []
        for metric in metrics:
            row = stored[(*pair, *metric)]
            unit = " points" if interval else ""
            parts.append(f"{NAMES[metric]} {_points(row['difference'])}{unit} ({interval}{_interval(row)})")
            interval = ""
        said.append(f"{name}: {', '.join(parts)}.")
    return "\n".join(said)


def real_table() -> str:
    """Two lines for each set whose figures are stored."""
    head = ["", "BM25", "base", "stage 1", "stage 2", *STEPS.values()]
    return "\n".join(
        [f"| {' | '.join(head)} |".replace("|  |", "| |"), "|---|---:|---:|---:|---:|---|---|", *_real_lines()]
    )


def _real_lines() -> Iterator[str]:
    for name in REAL:
        means, differences = read(name, "overall", 1), read(name, "differences", 2)
        for metric in (NDCG, RECALL) if means else ():
            rows = [means.get((system, *metric)) for system in ("bm25", "base", "stage1", "stage2")]
            steps = [differences[(*pair, *metric)] for pair in STEPS]
            label = f"{name}, {rows[1]['n']:,} queries" if metric == NDCG and rows[1] else name
            told = [f"{_points(step['difference'])} ({_interval(step)})" for step in steps]
            yield f"| {label}: {NAMES[metric]} | {' | '.join([*map(_mean, rows), *told])} |"


def _mean(row: dict[str, float] | None, best: float | None = None) -> str:
    if row is None or row["mean"] is None:
        return "–"
    return f"**{row['mean']:.3f}**" if row["mean"] == best else f"{row['mean']:.3f}"


def _points(value: float) -> str:
    text = f"{100 * value:+.2f}".replace("-", "−")
    return text[1:] if text[1:] == "0.00" else text


def _interval(row: dict[str, float]) -> str:
    return "no interval" if None in (row["low"], row["high"]) else f"{_points(row['low'])} to {_points(row['high'])}"


if __name__ == "__main__":
    sys.exit(main())
