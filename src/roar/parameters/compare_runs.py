"""Two kept runs set side by side."""

from roar.parameters.base import Parameters


class CompareRuns(Parameters):
    """Which two runs; null takes the latest, and the one before it."""

    first: str | None = None  # name of a folder of data/08_reporting/runs
    second: str | None = None
    metrics: tuple[str, ...] = ("ndcg@8", "map@8", "recall@100")  # that are printed; the table holds all
