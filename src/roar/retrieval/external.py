"""Runs made elsewhere: another engine's export, judged like any other system.

The policy. Refused in one line: a table without query_id, product_id and score, a score that is no finite number, a pair
that is there twice, a run of which no query is tested or most products are unknown (ids in another form, as a rule).
Counted and shown: queries that are not tested (left out), tested queries without an answer (an empty ranking), products
that the catalogue does not know (kept at their ranks, where they gain nothing), rankings shorter than the page.

Queries are named by id, or by their text (a column `query`, or texts where ids are expected), case and blanks aside: ids that
are hashes need not be looked up.

A column `protocol` (judged, catalogue) gives each protocol rows of its own. Without one the same rows serve both: under
`judged` they are cut to the judged products, and a judged product that the engine did not return counts as not found.
"""

import polars as pl

from roar.errors import InputError
from roar.metrics.inputs import PAIR, checked_run
from roar.retrieval.runs import Runs
from roar.tables import require_columns
from roar.text import as_ids

_UNKNOWN_AT_MOST = 0.5


def external_runs(
    table: pl.DataFrame, name: str, queries: pl.DataFrame, product_ids: pl.Series, judgments: pl.DataFrame
) -> Runs:
    """Fit a foreign run to the two protocols.

    Args:
        table: query_id (or query), product_id, score (numbers, or texts that read as such), and optionally protocol.
        name: of the system, for messages.
        queries: query_id of the tested queries, and query where texts are to be known.
        product_ids: the catalogue's.
        judgments: query_id, product_id.

    Raises:
        InputError: see the policy above.

    Examples:
        Another engine's results, by the query's text.

        >>> theirs = pl.DataFrame({"query": ["shoe"] * 2, "product_id": ["a", "b"], "score": ["0.3", "0.9"]})
        >>> queries, ids = pl.DataFrame({"query_id": ["q"], "query": ["shoe"]}), pl.Series(["a", "b"])
        >>> judged = pl.DataFrame({"query_id": ["q"], "product_id": ["a"]})
        >>> external_runs(theirs, "theirs", queries, ids, judged).judged.rows()
        [('q', 'a', 0.3)]
    """
    table = _with_ids(table, queries)
    require_columns(table, f"external run {name}", [*PAIR, "score"], typed=False)
    numbers = table.with_columns(
        *(as_ids(table[column]) for column in PAIR), pl.col("score").cast(pl.Float64, strict=False)
    )
    judged, catalogue = (_of_protocol(numbers, name, protocol) for protocol in ("judged", "catalogue"))
    for run in (judged, catalogue):
        _require_known(run, name, "query_id", queries["query_id"], "tested queries", at_least=None)
        _require_known(run, name, "product_id", product_ids, "products of the catalogue", at_least=1 - _UNKNOWN_AT_MOST)
    pairs = judgments.select(PAIR).join(queries, on="query_id", how="semi")
    return Runs(
        judged.join(pairs, on=PAIR, how="semi", maintain_order="left"),
        catalogue.join(queries, on="query_id", how="semi", maintain_order="left"),
    )


def _with_ids(table: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """The run with query ids for texts; a text that is no tested query's stays, and is counted as unknown."""
    named = next((column for column in ("query_id", "query") if column in table.columns), None)
    if named is None or "query" not in queries.columns:
        return table
    known = queries.select(text=_folded(pl.col("query")), known_id=pl.col("query_id").cast(pl.String)).unique()
    rows = table.with_columns(as_ids(table[named])).rename({named: "said"})
    is_id = pl.col("said").is_in(known["known_id"].implode()) if named == "query_id" else pl.lit(False)
    rows = rows.with_columns(text=pl.when(~is_id).then(_folded(pl.col("said"))))
    joined = rows.join(known, on="text", how="left", maintain_order="left")
    return joined.with_columns(query_id=pl.coalesce("known_id", "said")).drop("text", "known_id", "said")


def _folded(text: pl.Expr) -> pl.Expr:
    return text.cast(pl.String).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _of_protocol(table: pl.DataFrame, name: str, protocol: str) -> pl.DataFrame:
    if "protocol" not in table.columns:
        return checked_run(table, f"external run {name}")
    other = table.filter(pl.col("protocol").is_in(["judged", "catalogue"]).not_().fill_null(True))
    if other.height:
        raise InputError(
            f"Table external run {name}, column protocol: {other['protocol'][0]!r} is neither judged nor catalogue."
        )
    return checked_run(table.filter(protocol=protocol), f"external run {name}, protocol {protocol}")


def _require_known(
    run: pl.DataFrame, name: str, column: str, known: pl.Series, what: str, *, at_least: float | None
) -> None:
    """Refuse a run of which no row (or fewer than a share) has a known id."""
    hits = run[column].is_in(known.implode())
    share = hits.sum() / max(run.height, 1)
    if share < (at_least or 0.0) or not share:
        example = run.filter(~hits)[column].head(1).to_list() or ["none"]
        raise InputError(
            f"Table external run {name}, column {column}: {share:.0%} of {run.height} rows name {what}, first that "
            f"does not: {example[0]!r}; export the ids of the tables queries and products, or the texts of queries."
        )
