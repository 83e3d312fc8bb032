"""What constraints at query time bring on each data set, gathered from full runs, as Markdown.

    python benchmarks/constraints.py data data/esci data/icecat > constraints.md

Each folder is one that `kedro run` has filled; its `08_reporting/constraint_differences.parquet` is read. A target is met where
the figure says so, and found where p, adjusted by Holm over all rows of the set and metric, is at most 0.05.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from roar.report.page.wording import number, p_value, points

METRICS = ("attribute_conflict@8", "ndcg@8", "order_exact_substitute", "recall@100")
TABLE = "08_reporting/constraint_differences.parquet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    folders = parser.parse_args().folders
    tables = {folder.name: pl.read_parquet(folder / TABLE) for folder in folders if (folder / TABLE).is_file()}
    print("# Constraints at query time, by data set\n")
    for line in lines(tables):
        print(line)


def lines(tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    """A table for each data set, protocol and system."""
    for name, table in tables.items():
        for (protocol, baseline, system), rows in table.group_by("protocol", "baseline", "system", maintain_order=True):
            yield f"## {name}: {system} against {baseline}, {protocol} products\n"
            yield "| asks for | metric | queries | before | after | difference, points | interval | p, adjusted |"
            yield "|---|---|---:|---:|---:|---:|---|---:|"
            for row in rows.filter(pl.col("metric").is_in(METRICS), pl.col("queries") > 0).iter_rows(named=True):
                yield (
                    f"| {row['asks_for']} | {row['metric']} | {row['queries']} | {number(row['before'], 3)} | "
                    f"{number(row['after'], 3)} | {points(row['difference'])} | {points(row['low'])} to "
                    f"{points(row['high'])} | {p_value(row['p_adjusted'])} |"
                )
            yield ""


if __name__ == "__main__":
    main()
