"""The columns of each contract table and how a raw value of each is read.

`roar.schemas` says what a table must hold when it is saved; this table says how to get there from whatever a shop
has: the kind of each column (see `roar.ingestion.conform`), and what a gap means: the row is dropped where the
column is needed, else the value is the default (null unless said otherwise).
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "id", "text", "html", "attributes", "grade", "share", "amount", "number", "count", "rank", "flag", "time"
]


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    Attributes:
        kind: How raw values are read: `html` is text that may hold markup or entities, `amount` a number >= 0, `share` a number in 0..1,
            `count` an integer >= 0, `rank` an integer >= 1.
        needed: A table without the column is an error, and a row without a value is dropped.
        default: The value of gaps where the column is not needed.
    """

    name: str
    kind: Kind
    needed: bool = False
    default: float | bool | None = None


TABLES: dict[str, tuple[Column, ...]] = {
    "products": (
        Column("product_id", "id", needed=True),
        Column("title", "html", needed=True),
        Column("description", "html"),
        Column("brand", "html"),
        Column("vertical", "html"),
        Column("attributes", "attributes"),
        Column("price", "amount"),
    ),
    "queries": (
        Column("query_id", "id", needed=True),
        Column("query", "text", needed=True),
        Column("frequency", "count"),
        Column("vertical", "html"),
    ),
    "judgments": (
        Column("query_id", "id", needed=True),
        Column("product_id", "id", needed=True),
        Column("grade", "grade", needed=True),
        Column("weight", "share", default=1.0),
    ),
    "search_log": (
        Column("session_id", "id", needed=True),
        Column("timestamp", "time", needed=True),
        Column("query", "text", needed=True),
        Column("product_id", "id", needed=True),
        Column("position", "rank", needed=True),
        Column("clicked", "flag", needed=True),
        Column("carted", "flag", default=False),
        Column("ordered", "flag", default=False),
        Column("ranker", "text"),
    ),
    "experiment_log": (
        Column("unit_id", "id", needed=True),
        Column("session_id", "id", needed=True),
        Column("variant", "text", needed=True),
        Column("timestamp", "time", needed=True),
        Column("query", "text", needed=True),
        Column("results", "count", needed=True),
        Column("impressions", "count", needed=True),
        Column("clicks", "count", needed=True),
        Column("carts", "count", needed=True),
        Column("orders", "count", needed=True),
        Column("revenue", "amount", needed=True),
        Column("first_click_s", "amount"),
    ),
    "experiment_units": (
        Column("unit_id", "id", needed=True),
        Column("covariate", "number"),
    ),
}

REQUIRED = ("products", "queries", "judgments")
"""Tables that must be there and hold rows; the others may be absent and are then empty."""

KEYS = {"products": "product_id", "queries": "query_id", "experiment_units": "unit_id"}
"""Tables with one row per id."""
