"""Training sets: strata, slices, splits, stage-1 sources, graded groups."""

from typing import Literal

from pydantic import Field, model_validator

from roar.parameters.base import Parameters


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
    test: float = Field(0.45, gt=0, lt=0.9)  # of holdout; cross-fitting tests every query once
    test_queries: int = Field(1350, ge=1)  # about so many at most: beyond them, queries are worth more in training
    folds: int = Field(5, ge=2)
    cross_fit_below: int = Field(1000, ge=0)  # judged queries under which auto chooses cross-fitting
    products_apart: Literal["exact", "judged"] | None = None  # of held-out queries: no near-duplicate of them trains


class PairSource(Parameters):
    """One source of stage-1 pairs."""

    weight: float = Field(1.0, ge=0)
    per_query: int | None = Field(None, ge=1)  # pairs kept of each query, drawn at random; null keeps all
    relative: float | None = Field(None, gt=0)  # pairs kept for each annotated one; null, or none annotated, keeps all
    limit: int | None = Field(None, ge=1)  # pairs kept in all, drawn at random; null keeps all


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

    annotation: PairSource | None = PairSource(per_query=3)
    behaviour: BehaviourSource | None = BehaviourSource(weight=0.5, relative=0.4)
    reformulations: ReformulationSource | None = None
    co_clicks: CoClickSource | None = None
    augmentation: AugmentationSource | None = None


class HardNegatives(Parameters):
    """How both stages mine products that an encoder wrongly finds close to a query."""

    kind: Literal["mined", "contradicting", "both"] = "mined"  # near the query, contradicting what it asks for, or both
    per_pair: int = Field(0, ge=0)  # mined for each stage-1 pair; 0 mines none (stage 2 mines where groups.fill is set)
    depth: int = Field(100, ge=1)  # nearest products that are looked at
    skip: int = Field(0, ge=0)  # nearest products that are passed over before
    relative: float | None = Field(0.95, gt=0, le=1)  # a negative scores below this share of the positive's score
    absolute: float | None = Field(None, ge=0)  # and at least this much below it; null switches a rule off
    index: str = "Flat"  # FAISS factory string; "Flat" is exact
    teacher: float | None = Field(
        None, gt=0, lt=1
    )  # and below this share of the scores that the teacher gives to answers


class Filling(Parameters):
    """Members that a group takes from hard negatives: irrelevant ones, and as substitutes those that contradict the query."""

    members: int = Field(2, ge=1)  # products of either grade that a group is filled up to
    weight: float = Field(0.5, ge=0, le=1)  # of a member that no rater has seen
    graded: bool = False  # such a member has the grade that the teacher gives it, instead of irrelevant


class Groups(Parameters):
    """Stage 2's graded groups."""

    max_size: int = Field(8, ge=2)
    fill: Filling | None = None  # null: judged products only


class CatalogueGroups(Parameters):
    """Graded groups out of the catalogue itself, beside those of judged queries."""

    queries: int = Field(1000, ge=1)  # groups at most
    first: int = Field(20, ge=1)  # kept only where the starting encoder finds the product among so many
    facts: int = Field(2, ge=1)  # stated facts that a query asks for at most
    substitutes: int = Field(3, ge=1)  # of a group, each contradicting one of the facts
    complements: int = Field(1, ge=0)
    irrelevant: int = Field(2, ge=0)
    looked_at: int = Field(50, ge=1)  # products of the type, drawn to find substitutes among
    edited: float = Field(0.3, ge=0, le=1)  # share of the queries that are written differently
    weight: float = Field(0.5, ge=0, le=1)  # of a member, which no rater has seen


class TrainingSets(Parameters):
    """What the two stages learn from."""

    strata: Strata = Strata()
    slices: Slices = Slices()
    splits: Splits = Splits()
    stage1_sources: Stage1Sources = Stage1Sources()
    hard_negatives: HardNegatives = HardNegatives()
    groups: Groups = Groups()
    catalogue_groups: CatalogueGroups | None = None  # off until it wins
