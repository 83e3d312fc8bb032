"""The floor: products in random order."""

import numpy as np
import polars as pl

from roar.retrieval.runs import Runs, judged_positions, run_table


def random_runs(
    queries: pl.DataFrame, product_ids: pl.Series, judgments: pl.DataFrame, depth: int, *, seed: int
) -> Runs:
    """Random scores for the judged products, and `depth` random products of the catalogue.

    Args:
        queries: query_id.
        product_ids: N ids.
        judgments: query_id, product_id; pairs of other queries are ignored.
        depth: products to retrieve.
        seed: of the draw.

    Examples:
        >>> queries, ids = pl.DataFrame({"query_id": ["q"]}), pl.Series(["a", "b", "c"])
        >>> judged = pl.DataFrame({"query_id": ["q", "other"], "product_id": ["a", "b"]})
        >>> runs = random_runs(queries, ids, judged, 2, seed=1)
        >>> len(runs.judged), len(runs.catalogue)
        (1, 2)
    """
    rng = np.random.default_rng(seed)
    pairs = judged_positions(queries, product_ids, judgments)
    rows, columns = pairs["row"].to_numpy(), pairs["column"].to_numpy()
    judged = run_table(queries["query_id"], product_ids, rows, columns, rng.random(len(pairs)))
    depth = min(depth, len(product_ids))
    draws = [rng.choice(len(product_ids), depth, replace=False) for _ in range(len(queries) if depth else 0)]
    drawn = np.concatenate([np.empty(0, dtype=np.int64), *draws])
    row = np.repeat(np.arange(len(queries)), depth)
    return Runs(judged, run_table(queries["query_id"], product_ids, row, drawn, rng.random(len(drawn))))
