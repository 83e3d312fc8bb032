"""Ingestion: how upstream tables become the data contract, as YAML says it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError

from roar.parameters.base import Parameters
from roar.text import MISSING


class Expression(Parameters):
    """How one column of the contract is made from raw columns; in YAML, the key that is set says which way."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class ColumnValue(Expression):
    """The raw column as it is; a bare name in YAML means the same. `default` fills the gaps."""

    column: str
    default: str | None = None


class Constant(Expression):
    """One value for every row."""

    constant: str


class JoinedText(Expression):
    """Several columns as one text, in this order; nulls and empty texts are skipped."""

    text: tuple[str, ...] = Field(min_length=1)
    separator: str = "\n"


class FirstFilled(Expression):
    """The first of these columns that is neither null nor empty."""

    first_of: tuple[str, ...] = Field(min_length=1)


class ContentHash(Expression):
    """An id derived from what these columns hold (BLAKE2b, 64 bits), for tables without ids."""

    hash: tuple[str, ...] = Field(min_length=1)


class Number(Expression):
    """A numeric column times a factor: 0.01 turns cents into units."""

    number: str
    factor: float = 1.0
    decimal: Literal[".", ","] | None = Field(None, description="the decimal mark, where the column does not tell it")


class Translation(Expression):
    """Labels or numbers to other labels, regardless of case; a label that is not listed is an error or `otherwise`."""

    translate: str
    to: dict[str, str] = Field(min_length=1)
    otherwise: str | None = None


class Thresholds(Expression):
    """A numeric scale cut into labels: the label with the highest threshold reached, or `otherwise` below all."""

    at_least: dict[str, float] = Field(min_length=1)
    column: str
    otherwise: str | None = None


class HierarchyLevel(Expression):
    """One level of a category path (1 is the top; a shorter path gives its last level); rare ones are joined."""

    level: int = Field(ge=1)
    column: str
    separator: str = ">"
    rare_below: int = Field(0, ge=0, description="levels on fewer rows than this become `rare`")
    rare: str = "Other"


class FirstMatch(Expression):
    """The name of the first pattern (Rust regex, case ignored) found in the columns' text."""

    first_match: dict[str, str] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    otherwise: str | None = None


class Matches(Expression):
    """Whether the column's text contains the pattern (Rust regex, case ignored): a slice of its own."""

    matches: str
    column: str


class InverseVariance(Expression):
    """1 / (1 + variance of the raters): a weight in (0, 1]; `otherwise` where the variance is missing."""

    inverse_variance: str
    otherwise: float = Field(1.0, ge=0, le=1)


class Agreement(Expression):
    """1 - mean absolute difference between the raters' columns / length of their scale: a weight in [0, 1]."""

    agreement: tuple[str, ...] = Field(min_length=2)
    scale: tuple[float, float]
    otherwise: float = Field(1.0, ge=0, le=1, description="where fewer than two raters judged")


class Gather(Expression):
    """Columns as attributes: raw name, or prefix ending in `*`, to attribute name, where `*` is what the prefix left.

    `packed` names a column that holds a JSON object whose keys count as columns too.
    """

    gather: dict[str, str] = Field(min_length=1)
    packed: str | None = None


class Pairs(Expression):
    """Attributes written out in one text: `name : value|name : value`."""

    pairs: str
    separator: str = Field("|", min_length=1)
    assign: str = Field(":", min_length=1)


_EXPRESSIONS: dict[str, type[Expression]] = {
    "constant": Constant,
    "text": JoinedText,
    "first_of": FirstFilled,
    "hash": ContentHash,
    "number": Number,
    "translate": Translation,
    "at_least": Thresholds,
    "level": HierarchyLevel,
    "first_match": FirstMatch,
    "matches": Matches,
    "inverse_variance": InverseVariance,
    "agreement": Agreement,
    "gather": Gather,
    "pairs": Pairs,
    "column": ColumnValue,
}


def _expression(value: Any) -> Any:
    """Build the expression that the set key names; a string is a column's name."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, str):
        return ColumnValue(column=value)
    if isinstance(value, Mapping):
        kind = next((kind for kind in _EXPRESSIONS if kind in value), None)
        if kind:
            try:
                return _EXPRESSIONS[kind](**value)
            except ValidationError as error:
                first = error.errors()[0]
                raise ValueError(f"{kind}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    raise ValueError(f"expected a column's name or a mapping with one of the keys {', '.join(_EXPRESSIONS)}")


class SideTable(Parameters):
    """Columns joined from an optional raw table by key; an absent table, or one without the key's row, gives nulls."""

    table: Literal["raw_product_extras", "raw_judgment_extras"]
    key: tuple[str, ...] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    max_unmatched: float | None = Field(
        None, ge=0, le=1, description="share of rows that may find no row there; by default the table's `max_loss`"
    )


class Where(Parameters):
    """Rows whose column, read as text, equals the value or one of the values."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    column: str
    equals: str | tuple[str, ...]


class TableMapping(Parameters):
    """How one table of the contract is made: where it lives, which rows, and what each column is."""

    table: str = Field(description="the raw table it is read from")
    where: tuple[Where, ...] = ()
    join: tuple[SideTable, ...] = ()
    distinct: bool = Field(False, description="the raw table repeats each row: queries inside the judgments, say")
    columns: dict[str, Annotated[SerializeAsAny[Expression], BeforeValidator(_expression)]] = Field(
        default={}, description="what is not listed is read from the raw column of the same name"
    )
    others: Literal["keep", "drop"] = Field("keep", description="raw columns that nothing above reads")


class TextCleaning(Parameters):
    """Clean-up of titles, descriptions, brands and queries."""

    html: bool = Field(True, description="strip tags, scripts and styles, and unescape entities, in product texts")
    unicode: Literal["NFC", "NFKC", "none"] = "NFC"
    max_characters: int = Field(20_000, ge=1, description="longer texts and attributes are cut")
    missing: tuple[str, ...] = Field(MISSING, description="what stands for nothing, whatever its case")


class QueryVertical(Parameters):
    """The vertical of queries that have none: that of the majority of their exact (else judged) products."""

    fill: bool = True
    majority: float = Field(0.5, ge=0, lt=1, description="a vertical needs more than this share of the products")
    ambiguous: str = Field("ambiguous", description="where no vertical has that share")


class Ingestion(Parameters):
    """Raw tables to the data contract: one mapping per table, and the policy for rows that break it."""

    choices: dict[str, str] = Field(default={}, description="values that the mapping refers to: ${ingestion.choices.x}")
    products: TableMapping = TableMapping(table="raw_products")
    queries: TableMapping = TableMapping(table="raw_queries")
    judgments: TableMapping = TableMapping(table="raw_judgments")
    search_log: TableMapping = TableMapping(table="raw_search_log")
    experiment_log: TableMapping = TableMapping(table="raw_experiment_log")
    experiment_units: TableMapping = TableMapping(table="raw_experiment_units")
    query_vertical: QueryVertical = QueryVertical()
    cleaning: TextCleaning = TextCleaning()
    duplicate_ids: Literal["keep_first", "reject"] = Field(
        "keep_first", description="products or queries that share an id and differ"
    )
    contradictions: Literal["majority", "max", "drop"] = Field(
        "majority", description="a pair judged twice with different grades; a tied majority takes the lower grade"
    )
    max_loss: float = Field(0.5, ge=0, le=1, description="losing more than this share of a table's rows is an error")
