"""Ingestion: how upstream tables become the data contract, as YAML says it."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from roar.errors import did_you_mean, nearest
from roar.parameters.base import Parameters, in_words
from roar.text import MISSING

GRADES = ("exact", "substitute", "complement", "irrelevant")
"""The contract's grades (`roar.schemas`), best first."""


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

    @field_validator("to")
    @classmethod
    def _one_translation_each(cls, to: dict[str, str]) -> dict[str, str]:
        folded: dict[str, str] = {}
        for label, value in to.items():
            if folded.setdefault(label.strip().lower(), value) != value:
                raise ValueError(f"{label!r} has two translations: case and blanks around a label do not count")
        return to


class Thresholds(Expression):
    """A numeric scale cut into labels: the label with the highest bound reached; below all is an error or `otherwise`."""

    at_least: dict[str, float] = Field(min_length=1)
    column: str
    otherwise: str | None = None

    @field_validator("at_least")
    @classmethod
    def _bounds_fall_with_the_grade(cls, bounds: dict[str, float]) -> dict[str, float]:
        if not all(map(isfinite, bounds.values())):
            raise ValueError("bounds must be finite numbers; what lies below all of them is `otherwise`")
        if len(set(bounds.values())) < len(bounds):
            raise ValueError("two labels have one bound; each needs its own")
        for better, worse in pairwise(grade for grade in GRADES if grade in bounds):
            if bounds[better] <= bounds[worse]:
                raise ValueError(
                    f"bounds must fall with the grade, and {better} begins at {bounds[better]:g}, {worse} at "
                    f"{bounds[worse]:g}; where less is better, use translate"
                )
        return bounds


class HierarchyLevel(Expression):
    """One level of a category path (1 is the top; a shorter path gives its last level); rare ones are joined."""

    level: int = Field(ge=1)
    column: str
    separator: str = ">"
    rare_below: int = Field(0, ge=0, description="levels on fewer rows than this become `rare`")
    rare: str = "Other"


class FirstMatch(Expression):
    """The name of the first pattern (Rust regex, case ignored) found in the columns' text; none is an error or `otherwise`."""

    first_match: dict[str, str] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    otherwise: str | None = None


class Matches(Expression):
    """Whether the column's text contains the pattern (Rust regex, case ignored): a slice of its own."""

    matches: str
    column: str


class InverseVariance(Expression):
    """1 / (1 + variance of the raters): a weight in (0, 1]; `otherwise` where the variance is missing.

    A negative one is an error unless `otherwise` is said.
    """

    inverse_variance: str
    otherwise: float = Field(1.0, ge=0, le=1)


class Agreement(Expression):
    """1 - mean absolute difference between the raters' columns / length of their scale: a weight in [0, 1]."""

    agreement: tuple[str, ...] = Field(min_length=2)
    scale: tuple[float, float]
    otherwise: float = Field(1.0, ge=0, le=1, description="where fewer than two raters judged")

    @field_validator("scale")
    @classmethod
    def _ascending(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not scale[0] < scale[1]:
            raise ValueError("the scale goes from its lowest to its highest value")
        return scale


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
                return _EXPRESSIONS[kind].model_validate(dict(value))
            except ValidationError as error:
                raise ValueError(in_words(_EXPRESSIONS[kind], error, kind)[0]) from None
    near = (
        next(filter(None, (nearest(str(key), _EXPRESSIONS) for key in value)), "") if isinstance(value, Mapping) else ""
    )
    raise ValueError(
        f"expected a column's name or a mapping with one of the keys {', '.join(_EXPRESSIONS)}"
        + (f"; did you mean {near}?" if near else "")
    )


MappedColumn = Annotated[SerializeAsAny[Expression], BeforeValidator(_expression)]
"""What a column is made of: a raw column's name, or one of the expressions by its key."""


class SideTable(Parameters):
    """Columns joined from an optional raw table by key; an absent table, or one without the key's row, gives nulls."""

    table: Literal["raw_product_extras", "raw_judgment_extras"]
    key: tuple[str, ...] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    max_unmatched: float | None = Field(
        None, ge=0, le=1, description="share of rows that may find no row there; by default the table's `max_loss`"
    )


class Where(Parameters):
    """Rows whose column, read as text, meets every condition that is stated.

    The column is a raw one, or one that the mapping makes where the raw table has none of that name; of queries also
    `vertical`, which their products may say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    column: str
    equals: str | tuple[str, ...] | None = Field(None, description="the value, or one of the values")
    contains: str | tuple[str, ...] | None = Field(None, description="the text, or one of the texts, case ignored")
    matches: str | None = Field(None, description="a Rust regex found in the text, case ignored")

    @model_validator(mode="after")
    def _says_something(self) -> "Where":
        if self.equals is None and self.contains is None and self.matches is None:
            raise ValueError("a condition needs equals, contains or matches")
        return self

    @property
    def said(self) -> str:
        """The condition in words."""
        tests = {"=": self.equals, "contains": self.contains, "matches": self.matches}
        return " and ".join(f"{self.column} {verb} {value}" for verb, value in tests.items() if value is not None)


class TableMapping(Parameters):
    """How one table of the contract is made: where it lives, which rows, and what each column is."""

    table: str = Field(description="the raw table it is read from")
    where: tuple[Where, ...] = ()
    join: tuple[SideTable, ...] = ()
    distinct: bool = Field(False, description="the raw table repeats each row: queries inside the judgments, say")
    columns: dict[str, MappedColumn] = Field(
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


class Sample(Parameters):
    """A part of the shop, to try things on: whole queries with all products judged for them, and a share of the others.

    What is taken follows from the ids and the seed alone, so that a larger sample holds the smaller one.
    """

    queries: int = Field(200, ge=1, description="judged queries; of the others the same share is taken")
    other_products: float = Field(0.1, ge=0, le=1, description="share of the products that no taken query judged")
    seed: int = Field(0, ge=0)


class Ingestion(Parameters):
    """Raw tables to the data contract: one mapping per table, and the policy for rows that break it."""

    choices: dict[str, str] = Field(default={}, description="values that the mapping refers to: ${ingestion.choices.x}")
    products: TableMapping = TableMapping(table="raw_products")
    queries: TableMapping = TableMapping(table="raw_queries")
    judgments: TableMapping = TableMapping(table="raw_judgments")
    search_log: TableMapping = TableMapping(table="raw_search_log")
    experiment_log: TableMapping = TableMapping(table="raw_experiment_log")
    experiment_units: TableMapping = TableMapping(table="raw_experiment_units")
    sample: Sample | None = Field(None, description="null: the whole shop")
    query_vertical: QueryVertical = QueryVertical()
    cleaning: TextCleaning = TextCleaning()
    duplicate_ids: Literal["keep_first", "reject"] = Field(
        "keep_first", description="products or queries that share an id and differ"
    )
    contradictions: Literal["majority", "max", "drop"] = Field(
        "majority", description="a pair judged twice with different grades; a tied majority takes the lower grade"
    )
    max_loss: float = Field(0.5, ge=0, le=1, description="losing more than this share of a table's rows is an error")

    @model_validator(mode="after")
    def _grades_are_known(self) -> "Ingestion":
        for label in _labels(self.judgments.columns.get("grade")):
            if label.strip().lower() not in GRADES:
                raise ValueError(f"judgments.columns.grade gives {label!r}; {did_you_mean(label, GRADES)}")
        return self


def _labels(expression: Expression | None) -> Iterator[str]:
    """The labels that an expression can give, as far as it states them."""
    match expression:
        case Translation(to=to, otherwise=otherwise):
            yield from (*to.values(), *filter(None, [otherwise]))
        case Thresholds(at_least=labels, otherwise=otherwise) | FirstMatch(first_match=labels, otherwise=otherwise):
            yield from (*labels, *filter(None, [otherwise]))
        case Constant(constant=label):
            yield label
