"""Every parameter of the project: one frozen model per block of `conf/base/parameters/`.

The YAML in `conf/base` repeats these defaults (a test compares the two), so that a user edits YAML and a notebook can
do without it. An unknown key is an error that names the block and the key. Kedro builds and checks the models before a
run starts, because nodes name them as the type of their `params:` inputs.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)


class Parameters(BaseModel):
    """Base of all blocks: immutable, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- simulate ---------------------------------------------------------------------------------------------------------


class QueryKinds(Parameters):
    """Weights of the intents behind simulated queries; they need not sum to 1."""

    type: float = Field(0.06, ge=0, description="the product type's name or a synonym")
    attributes: float = Field(0.36, ge=0, description="a type with one to three attribute values")
    brand: float = Field(0.15, ge=0, description="a brand with a type")
    model: float = Field(0.18, ge=0, description="a product line or a model number")
    use_case: float = Field(0.10, ge=0, description="a type and what it is for")
    colloquial: float = Field(0.18, ge=0, description="said in everyday words, without naming the type")
    ambiguous: float = Field(0.12, ge=0, description="a word that several verticals share")


class NoiseKinds(Parameters):
    """Weights of what goes wrong in a noisy query; they need not sum to 1."""

    typo: float = Field(0.40, ge=0)
    joined: float = Field(0.25, ge=0)
    split: float = Field(0.10, ge=0)
    transliterated: float = Field(0.25, ge=0)


class Engagement(Parameters):
    """Probability of an action for each grade of the product."""

    exact: float = Field(ge=0, le=1)
    substitute: float = Field(ge=0, le=1)
    complement: float = Field(ge=0, le=1)
    irrelevant: float = Field(ge=0, le=1)


class Behaviour(Parameters):
    """Position-based click model: a product is clicked if it is examined (position) and attractive (grade)."""

    sessions: int = Field(30_000, ge=1)
    results: int = Field(10, ge=2, description="products shown for a search")
    examination_decay: float = Field(0.8, ge=0, description="examined with probability position ** -decay")
    attraction: Engagement = Engagement(exact=0.60, substitute=0.28, complement=0.10, irrelevant=0.03)
    cart: Engagement = Engagement(exact=0.35, substitute=0.18, complement=0.12, irrelevant=0.02)
    order: float = Field(0.45, ge=0, le=1, description="probability that a carted product is ordered")
    reformulation: float = Field(0.5, ge=0, le=1, description="probability of another search after one without a cart")
    window_start: datetime = datetime(2026, 9, 1)
    window_days: int = Field(28, ge=1)


class Simulation(Parameters):
    """The simulated marketplace (`roar.marketplace`)."""

    products: int = Field(12_000, ge=50, le=1_500_000, description="listings, duplicates included")
    duplicate_share: float = Field(0.15, ge=0, lt=1, description="listings of an item that another row lists too")
    title_attributes: float = Field(0.75, ge=0, le=1, description="share of an item's attributes named in the title")
    title_noun: float = Field(0.75, ge=0, le=1, description="share of titles that name the product type")
    title_typos: float = Field(0.05, ge=0, le=1, description="share of titles with a slip")
    mentions: float = Field(0.5, ge=0, le=1, description="share of descriptions that mention a complement")
    queries: int = Field(60_000, ge=20, description="distinct logged queries")
    query_kinds: QueryKinds = QueryKinds()
    noisy_share: float = Field(0.35, ge=0, lt=1, description="share of queries that are a noisy variant of another")
    noise_kinds: NoiseKinds = NoiseKinds()
    zipf_exponent: float = Field(0.7, gt=0, description="frequency falls with rank ** -exponent")
    once_only_share: float = Field(0.3, ge=0, lt=1, description="share of queries searched once")
    judged_queries: int = Field(4_000, ge=1)
    judged_per_query: int = Field(12, ge=2)
    raters: int = Field(3, ge=1, description="odd; the grade is their median, the weight their agreement")
    rater_error: float = Field(0.20, ge=0, le=1, description="probability that one rater is a grade off")
    behaviour: Behaviour = Behaviour()


# --- ingestion --------------------------------------------------------------------------------------------------------


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
    max_characters: int = Field(20_000, ge=1, description="longer texts are cut")


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


# --- near_duplicates --------------------------------------------------------------------------------------------------


class DuplicateEvidence(Parameters):
    """What each piece of evidence adds to a pair's score, which the cosine of the texts starts (0 … 1)."""

    description: float = Field(0.4, ge=0, le=1)
    model_number: float = Field(0.6, ge=0)
    model_stem: float = Field(0.4, ge=0)
    sibling_model: float = Field(0.5, ge=0)
    agreement: float = Field(0.1, ge=0)
    enough_agreement: float = Field(3.0, ge=0)
    contradiction: float = Field(0.8, ge=0)
    accessory: float = Field(0.5, ge=0)
    price: float = Field(1.0, ge=0)
    price_factor: float = Field(3.0, gt=1)
    competition: float = Field(0.3, ge=0)
    threshold: float = 0.35
    steepness: float = Field(8.0, gt=0)


class DuplicateCandidates(Parameters):
    """How many pairs are looked at, and how they are found."""

    rarest_terms: int = Field(8, ge=2, le=16)
    largest_block: int = Field(20, ge=2)
    neighbours: int = Field(50, ge=1)


class DuplicateClusters(Parameters):
    """How pairs become clusters."""

    largest: int = Field(200, ge=2)
    linkage: float = Field(0.5, ge=0, le=1)


class NearDuplicates(Parameters):
    """Which products are listings of one item."""

    candidates: DuplicateCandidates = DuplicateCandidates()
    evidence: DuplicateEvidence = DuplicateEvidence()
    clusters: DuplicateClusters = DuplicateClusters()


# --- training_sets ----------------------------------------------------------------------------------------------------


class Strata(Parameters):
    """Where the cumulative traffic of all logged queries, most frequent first, is cut into strata."""

    head: float = Field(0.3, gt=0, lt=1)
    torso_high: float = Field(0.5, gt=0, lt=1)
    torso_low: float = Field(0.7, gt=0, lt=1)

    @model_validator(mode="after")
    def _ascending(self) -> "Strata":
        if not self.head < self.torso_high < self.torso_low:
            raise ValueError("strata: expected head < torso_high < torso_low")
        return self


class Slices(Parameters):
    """Further slices of the judged queries, beside vertical and stratum."""

    columns: tuple[str, ...] = ()  # columns of the queries table, each a slice of its own
    length_cuts: tuple[int, ...] = (2, 4)  # query length in words: up to 2, 3 to 4, more
    rarity_levels: int = Field(3, ge=1)  # thirds of queries by the catalogue frequency of their rarest word


class Splits(Parameters):
    """How judged queries are divided; variants of one query stay together."""

    method: Literal["auto", "holdout", "cross_fit", "upstream"] = "auto"
    validation: float = Field(0.1, gt=0, lt=0.5)
    test: float = Field(0.3, gt=0, lt=0.9)  # of holdout; cross-fitting tests every query once
    folds: int = Field(5, ge=2)
    cross_fit_below: int = Field(1000, ge=0)  # judged queries under which auto chooses cross-fitting
    products_apart: Literal["exact", "judged"] | None = None  # of held-out queries: no near-duplicate of them trains


class PairSource(Parameters):
    """One source of stage-1 pairs."""

    weight: float = Field(1.0, ge=0)
    limit: int | None = Field(None, ge=1)  # pairs kept, drawn at random; null keeps all


class Debias(Parameters):
    """Clicks weighed by the inverse of how likely their position is looked at, estimated from the log."""

    clip: float = Field(10.0, ge=1)  # the most that one click may count; bounds the variance
    clicks: int = Field(20, ge=1)  # fewest clicks that two positions are compared on


class BehaviourSource(PairSource):
    """Products clicked, carted or ordered for a query."""

    debias: Debias | None = None  # null: every position counts alike


class ReformulationSource(PairSource):
    """A query, and what the searcher engaged with after rewording it in the same session."""

    weight: float = Field(0.3, ge=0)
    engagement: Literal["clicked", "carted", "ordered"] = "carted"  # the least that counts as found
    minutes: float = Field(10.0, gt=0)  # between one search and the next


class CoClickSource(PairSource):
    """Products clicked for the same queries as one that the query's searchers clicked."""

    weight: float = Field(1.0, ge=0)  # times the weight of the engagement and the similarity
    queries: int = Field(2, ge=1)  # for which both were clicked, at least
    similarity: float = Field(0.1, ge=0, le=1)  # cosine over the queries, at least
    substitutes: int = Field(5, ge=1)  # of one product
    breadth: int = Field(50, ge=2)  # products of one query that count, the most clicked


class EditKinds(Parameters):
    """Weights of the ways to write a query differently; they need not sum to 1, and 0 switches one off."""

    keyboard: float = Field(1.0, ge=0)
    phonetic: float = Field(1.0, ge=0)
    dropped: float = Field(1.0, ge=0)
    joined: float = Field(1.0, ge=0)
    split: float = Field(1.0, ge=0)
    unit: float = Field(1.0, ge=0)
    number: float = Field(1.0, ge=0)
    order: float = Field(1.0, ge=0)
    transliteration: float = Field(1.0, ge=0)
    synonym: float = Field(1.0, ge=0)


class Synonyms(Parameters):
    """Words that say the same, mined from titles clicked for the same queries."""

    queries: int = Field(3, ge=1)  # that tell of the two words, at least
    confidence: float = Field(0.5, gt=0, le=1)  # share of clicked titles without the one word that have the other
    lift: float = Field(10.0, ge=1)  # how much more often than in other clicked titles
    swaps: int = Field(2, ge=0)  # queries that are logged with either word, at least


class AugmentationSource(PairSource):
    """Pairs of the other sources with the query written differently."""

    weight: float = Field(0.5, ge=0)  # times the weight of the pair
    copies: int = Field(1, ge=1)  # edits tried for each query
    kinds: EditKinds = EditKinds()
    synonyms: Synonyms = Synonyms()


class Stage1Sources(Parameters):
    """Sources of stage-1 pairs; null switches one off. One whose table is empty is skipped, and said once."""

    annotation: PairSource | None = PairSource(limit=9000)
    behaviour: BehaviourSource | None = BehaviourSource(weight=0.5, limit=3000)
    reformulations: ReformulationSource | None = None
    co_clicks: CoClickSource | None = None
    augmentation: AugmentationSource | None = None


class Filling(Parameters):
    """Irrelevant members that a group takes from mined hard negatives."""

    members: int = Field(2, ge=1)  # irrelevant products that a group is filled up to
    weight: float = Field(0.5, ge=0, le=1)  # of a member that no rater has seen


class Groups(Parameters):
    """Stage 2's graded groups."""

    max_size: int = Field(8, ge=2)
    fill: Filling | None = None  # null: judged products only


class TrainingSets(Parameters):
    """What the two stages learn from."""

    strata: Strata = Strata()
    slices: Slices = Slices()
    splits: Splits = Splits()
    stage1_sources: Stage1Sources = Stage1Sources()
    groups: Groups = Groups()


# --- encoder ----------------------------------------------------------------------------------------------------------


class Encoder(Parameters):
    """Which encoder to start from, what text of a product it reads, and how it computes."""

    preset: str = "minilm"  # minilm, qwen3_0_6b, qwen3_4b, or any sentence-transformers model by hub id or folder
    max_tokens: int = Field(64, ge=4)
    product_fields: tuple[str, ...] = ("title", "brand", "attributes")  # in this order, cut at max_tokens
    dropout: float = Field(0.0, ge=0, lt=1)  # short fine-tuning does without; attention is a third faster
    precision: Literal["bf16", "float32"] = "bf16"  # of the matrix products; scores and losses are float32 always
    batch_tokens: int = Field(4096, ge=64)  # tokens encoded at once; texts are sorted by length first
    dimension: int | None = Field(None, ge=1)  # keep this many leading dimensions (Matryoshka); null keeps all


# --- training ---------------------------------------------------------------------------------------------------------


class Stage(Parameters):
    """What both stages of training share."""

    learning_rate: float | None = Field(None, gt=0)  # null: the encoder preset's
    warmup: float = Field(0.1, ge=0, lt=1)  # share of steps over which the learning rate rises
    weight_decay: float = Field(0.01, ge=0)
    epochs: int = Field(1, ge=1)
    batch_size: int = Field(256, ge=2)  # queries a step
    temperature: float = Field(0.02, gt=0)
    margin: float | None = 0.1  # false-negative margin delta; null switches the rule off
    mask_clusters: bool = True  # near-duplicates of a query's product are no negatives of it
    mask_known_relevant: bool = True  # nor are products known to answer the query
    matryoshka: tuple[int, ...] = ()  # further dimensions trained beside the full one
    mini_batch_tokens: int = Field(1024, ge=64)  # tokens embedded at once
    gradient_cache: bool = (
        False  # bound activation memory by one mini-batch (GradCache), at the price of a second forward pass
    )
    max_steps: int | None = Field(None, ge=1)
    validations: int = Field(
        2, ge=0
    )  # validation ndcg@8 before training and this many times in it; the best weights are kept
    validation_queries: int = Field(150, ge=1)  # drawn from the validation split


class Stage1(Stage):
    """Stage 1: contrastive learning over pairs."""


class Roar(Parameters):
    """The alignment loss of stage 2 (roar.losses.roar_loss)."""

    temperature: float = Field(0.01, gt=0)
    scope: Literal["batch", "group"] = "batch"
    ties: Literal["pairs", "means", "chain"] = "pairs"
    gap_weight: bool = False
    rater_weight: bool = True  # weigh a product by the agreement of its raters


class Stage2(Stage):
    """Stage 2: contrastive loss + beta * ROAR over graded groups."""

    batch_size: int = Field(32, ge=1)  # queries a step, each with its group
    beta: float = Field(0.1, ge=0)
    roar: Roar = Roar()


# --- evaluation -------------------------------------------------------------------------------------------------------


class Evaluation(Parameters):
    """How systems are run and which are compared."""

    depth: int = Field(100, ge=8)  # products kept per query in catalogue retrieval
    index: str = "Flat"  # a FAISS index factory string: Flat is exact; "HNSW32,Flat" serves large catalogues
    deployed_dimension: int = Field(256, ge=1)  # of stage2_deployed; an encoder with fewer keeps its own
    bm25_k1: float = Field(1.2, ge=0)
    bm25_b: float = Field(0.75, ge=0, le=1)
    comparisons: tuple[tuple[str, str], ...] = (  # (baseline, system)
        ("stage1", "stage2"),
        ("base", "stage1"),
        ("base", "stage2"),
        ("bm25", "stage2"),
        ("stage2", "stage2_deployed"),
    )


MetricName = Annotated[
    str,
    Field(
        pattern=r"^((condensed_)?(ndcg|map|mrr|recall|precision)@[1-9]\d*"
        r"|judged@[1-9]\d*|share_(exact|substitute|complement|irrelevant)@[1-9]\d*"
        r"|grade_ordering|order_(exact_substitute|substitute_complement|complement_irrelevant)|auc_query|bpref)$"
    ),
]
"""A metric of one query: a measure of `roar.metrics.ranking` and, where it has one, its cut-off."""


class MetricSettings(Parameters):
    """What is measured for each query, and how certain the means are."""

    names: tuple[MetricName, ...] = Field(
        (
            "ndcg@8",
            "map@8",
            "mrr@10",
            "recall@10",
            "recall@20",
            "recall@50",
            "recall@100",
            "precision@1",
            "grade_ordering",
            "order_exact_substitute",
            "order_substitute_complement",
            "order_complement_irrelevant",
            "auc_query",
            "judged@8",
            "condensed_ndcg@8",
            "bpref",
            "share_exact@8",
            "share_substitute@8",
            "share_complement@8",
            "share_irrelevant@8",
        ),
        min_length=1,
    )
    gains: dict[Literal["exact", "substitute", "complement", "irrelevant"], NonNegativeInt] = {
        "exact": 7,
        "substitute": 3,
        "complement": 1,
        "irrelevant": 0,
    }
    confidence: float = Field(0.95, gt=0.5, lt=1)
    resamples: int = Field(2_000, ge=100)
    permutations: int = Field(10_000, ge=100)
    auc_resamples: int = Field(1_000, ge=100)
    power: float = Field(0.8, gt=0.5, lt=1)
    seed: int = Field(20261123, ge=0)

    @field_validator("gains")
    @classmethod
    def _gains_fall_with_the_grade(cls, gains: dict[str, int]) -> dict[str, int]:
        ordered = [gains.get(grade, -1) for grade in ("exact", "substitute", "complement", "irrelevant")]
        if -1 in ordered or ordered != sorted(ordered, reverse=True):
            raise ValueError("metrics.gains needs all four grades, and no grade may gain more than a better one")
        return gains


# --- reporting --------------------------------------------------------------------------------------------------------


class Comparison(Parameters):
    """Two systems to set against each other; the difference is `system` minus `baseline`."""

    baseline: str
    system: str


class Reporting(Parameters):
    """What the page shows, and how it names it."""

    title: str = "Semantic product retrieval: is the new model better, and for whom?"
    environment: str = "base"
    seed: int = Field(20261123, ge=0)
    simulated_environments: tuple[str, ...] = ("base", "test")
    systems: dict[str, str] = {
        "random": "Random",
        "bm25": "BM25",
        "base": "Base encoder",
        "stage1": "Stage 1",
        "stage2": "Stage 2 (ROAR)",
        "stage2_deployed": "Stage 2, deployed dimension",
        "stage2_256": "Stage 2, 256 dimensions",
        "hybrid": "Hybrid",
    }
    headline_metric: MetricName = "ndcg@8"
    headline_protocol: Literal["judged", "catalogue"] = "judged"
    comparisons: tuple[Comparison, ...] = Field(
        (Comparison(baseline="stage1", system="stage2"), Comparison(baseline="base", system="stage1")), min_length=1
    )
    judged_metrics: tuple[str, ...] = (
        "map@8",
        "ndcg@8",
        "auc",
        "auc_query",
        "mrr@10",
        "precision@1",
        "grade_ordering",
        "order_exact_substitute",
        "order_substitute_complement",
        "order_complement_irrelevant",
    )
    catalogue_metrics: tuple[str, ...] = (
        "map@8",
        "ndcg@8",
        "condensed_ndcg@8",
        "bpref",
        "mrr@10",
        "precision@1",
        "recall@10",
        "recall@100",
        "judged@8",
    )
    small_cell: int = Field(30, ge=0)
    significance: float = Field(0.05, gt=0, lt=0.5)
    examples: int = Field(15, ge=0)
