"""The simulated marketplace."""

from datetime import datetime

from pydantic import Field

from roar.parameters.base import Parameters


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
    judged_queries: int = Field(3_000, ge=1)
    judged_per_query: int = Field(12, ge=2)
    raters: int = Field(3, ge=1, description="odd; the grade is their median, the weight their agreement")
    rater_error: float = Field(0.20, ge=0, le=1, description="probability that one rater is a grade off")
    behaviour: Behaviour = Behaviour()
