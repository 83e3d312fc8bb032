"""The data contract: what each table between the pipelines holds.

Every class is a schema for `pandera.polars`; the catalog names it as the `validator` of the dataset that saves the
table. `strict` is off, so a table may carry further columns (a slice of your own, an upstream label): they are kept.

Grades are one ordered enum everywhere, `Grade`: its physical value (0 … 3) is what the losses read, so that
`exact > substitute > complement > irrelevant` holds in polars, in torch and in the metrics alike.
"""

import polars as pl

from roar.lazy import without

with without("pyspark"):  # pandera imports it for pandas' sake wherever it is installed: tens of seconds
    import pandera.polars as pa

GRADES = ("irrelevant", "complement", "substitute", "exact")
"""Grades in ascending order; the position is the integer that losses use."""

Grade = pl.Enum(GRADES)

STRATA = ("HEAD", "TORSO HIGH", "TORSO LOW", "TAIL", "ONCE ONLY", "UNKNOWN")
"""Query-frequency strata, most frequent first; UNKNOWN where a query's frequency is not known."""

HOLDOUT = "holdout"
"""Name of the single fold where queries are split once instead of cross-fitted."""


ORIGIN = "origin"
SIMULATOR = "roar.marketplace"
"""What stands in the column `origin` of raw tables that the simulator made: wherever they go, they say so."""


class Table(pa.DataFrameModel):
    """Settings shared by all tables."""

    class Config:
        """Columns beyond the schema are allowed and kept; types are checked, never coerced in silence."""

        strict = False
        coerce = False


class Products(Table):
    """The catalogue: one row per product."""

    product_id: str = pa.Field(unique=True, str_length={"min_value": 1})
    title: str = pa.Field(str_length={"min_value": 1})
    description: str = pa.Field(nullable=True)
    brand: str = pa.Field(nullable=True)
    vertical: str = pa.Field(nullable=True)
    attributes: str = pa.Field(nullable=True, description="a JSON object: attribute name to value")
    price: float = pa.Field(nullable=True, ge=0)


class Queries(Table):
    """What shoppers typed: one row per distinct query."""

    query_id: str = pa.Field(unique=True, str_length={"min_value": 1})
    query: str = pa.Field(str_length={"min_value": 1})
    frequency: pl.Int64 = pa.Field(nullable=True, ge=0, description="searches in the window")
    vertical: str = pa.Field(nullable=True)


class Judgments(Table):
    """Graded relevance: one row per (query, product)."""

    query_id: str
    product_id: str
    grade: Grade  # type: ignore[valid-type]
    weight: float = pa.Field(ge=0, le=1, description="rater agreement")

    class Config:
        """A pair is judged once; contradictions are resolved before this table is saved."""

        unique = ["query_id", "product_id"]


class SearchLog(Table):
    """Impressions: one row per product shown."""

    session_id: str
    timestamp: pl.Datetime
    query: str
    product_id: str
    position: pl.Int64 = pa.Field(ge=1)
    clicked: bool
    carted: bool
    ordered: bool
    ranker: str = pa.Field(nullable=True)


class ExperimentLog(Table):
    """An online experiment: one row per search."""

    unit_id: str
    session_id: str
    variant: str
    timestamp: pl.Datetime
    query: str
    results: pl.Int64 = pa.Field(ge=0)
    impressions: pl.Int64 = pa.Field(ge=0)
    clicks: pl.Int64 = pa.Field(ge=0)
    carts: pl.Int64 = pa.Field(ge=0)
    orders: pl.Int64 = pa.Field(ge=0)
    revenue: float = pa.Field(ge=0)
    first_click_s: float = pa.Field(nullable=True, ge=0)


class ExperimentUnits(Table):
    """What was known of each randomisation unit before the experiment."""

    unit_id: str = pa.Field(unique=True)
    covariate: float = pa.Field(nullable=True)


class DuplicatePairs(Table):
    """Pairs of products accepted as listings of one item."""

    product_id_a: str
    product_id_b: str
    similarity: float = pa.Field(ge=0, le=1)
    evidence: str


class JudgedDuplicates(Table):
    """What judgments say of pairs accepted as listings of one item: they deserve one grade."""

    product_id_a: str
    product_id_b: str
    similarity: float = pa.Field(ge=0, le=1)
    evidence: str
    queries: int = pa.Field(ge=1)
    differing: int = pa.Field(ge=0)
    label: int = pa.Field(isin=[0, 1])


class DuplicateLabels(Table):
    """Pairs of products that people have judged: listings of one item (1) or not (0)."""

    product_id_a: str
    product_id_b: str
    label: int = pa.Field(isin=[0, 1])


class LearnedEvidence(Table):
    """What a catalogue taught of its own evidence (`roar.near_duplicates.learning.learned_table`)."""

    kind: str = pa.Field(isin=["prior", "words", "column"])
    name: str
    pairs: int = pa.Field(ge=0)
    share: float = pa.Field(ge=0, le=1)
    weight: float = pa.Field(ge=0)


class DuplicateScores(Table):
    """How well weights of evidence do on labelled pairs."""

    weights: str = pa.Field(isin=["default", "fitted"])
    precision: float = pa.Field(ge=0, le=1)
    recall: float = pa.Field(ge=0, le=1)
    f1: float = pa.Field(ge=0, le=1)
    same: int = pa.Field(ge=0)
    different: int = pa.Field(ge=0)


class FittedEvidence(Table):
    """Parameters of `near_duplicates.evidence` as they are, and as labelled pairs would have them."""

    parameter: str = pa.Field(unique=True)
    value: float
    fitted: float


class ProductClusters(Table):
    """The near-duplicate cluster of every product; a product alone is a cluster of one."""

    product_id: str = pa.Field(unique=True)
    cluster_id: str


class QueryStrata(Table):
    """The slices of every query."""

    query_id: str = pa.Field(unique=True)
    vertical: str
    stratum: pl.Enum(STRATA)  # type: ignore[valid-type]


class QuerySplits(Table):
    """Where each judged query stands in each fold: it is tested in exactly one."""

    fold: str
    query_id: str
    split: pl.Enum(["train", "validation", "test"])  # type: ignore[valid-type]
    variant_group: str = pa.Field(description="queries that say the same stay on one side")

    class Config:
        """A query has one place in a fold."""

        unique = ["fold", "query_id"]


class Stage1Pairs(Table):
    """Positive (query, product) pairs of stage 1, per fold, with where they come from."""

    fold: str
    query: str
    product_id: str
    source: str
    weight: float = pa.Field(ge=0)


class HardNegatives(Table):
    """Products that an encoder finds close to a query and that do not answer it, as far as is known.

    `positive` names the pair's product (stage 1), `query_id` the judged query (stage 2).
    """

    fold: str
    query: str
    product_id: str
    rank: pl.Int64 = pa.Field(ge=1)
    score: float
    positive_score: float


class TeacherScores(Table):
    """What a teacher thinks of a (query, product), judged or not; a higher score is better, on whatever scale.

    A score serves one fold, whose held-out queries its teacher has not seen, or all folds where `fold` is null.
    """

    query_id: str = pa.Field(str_length={"min_value": 1})
    product_id: str = pa.Field(str_length={"min_value": 1})
    score: float
    fold: str = pa.Field(nullable=True)
    teacher: str = pa.Field(str_length={"min_value": 1}, description="who scored")

    class Config:
        """A pair has one score in a fold."""

        unique = ["fold", "query_id", "product_id"]


class GradedGroups(Table):
    """Stage 2's groups: a query's graded products, per fold; at least two grades in each group."""

    fold: str
    query_id: str
    query: str
    product_id: str
    grade: Grade  # type: ignore[valid-type]
    weight: float = pa.Field(ge=0, le=1)


class Run(Table):
    """What a system returned: a score per (query, product); higher is better."""

    query_id: str
    product_id: str
    score: float


class HeldOutRun(Run):
    """What a teacher thinks of the judged products of each fold's validation and test queries."""

    fold: str
    split: pl.Enum(["train", "validation", "test"])  # type: ignore[valid-type]


class PerQueryMetrics(Table):
    """One metric of one query; null where the query cannot have it (no exact product, say)."""

    query_id: str
    metric: str
    value: float = pa.Field(nullable=True)


class Metrics(Table):
    """The tidy metric table: an interval for each system, protocol, slice, level and metric."""

    system: str
    protocol: str = pa.Field(isin=["judged", "catalogue"])
    slice: str
    level: str
    metric: str
    n: pl.Int64 = pa.Field(ge=0)
    mean: float = pa.Field(nullable=True)
    low: float = pa.Field(nullable=True)
    high: float = pa.Field(nullable=True)
