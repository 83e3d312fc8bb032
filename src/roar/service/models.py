"""What the service is asked and what it answers; OpenAPI says it in these words."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_QUERY = "sth to keep coffee hot"


class Asked(BaseModel):
    """Parameters of a request: a name that is unknown is refused, so that a misspelt one does not go unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Filters(Asked):
    """Which products may be found."""

    vertical: list[str] = Field([], max_length=50, description="Any of these verticals; repeat it for several.")
    brand: list[str] = Field([], max_length=50, description="Any of these brands; repeat it for several.")
    price_min: float | None = Field(None, allow_inf_nan=False, description="Lowest price.")
    price_max: float | None = Field(None, allow_inf_nan=False, description="Highest price.")

    def where(self) -> dict[str, Any] | None:
        """As `roar.retrieval.filters.Where`."""
        where: dict[str, Any] = {name: getattr(self, name) for name in ("vertical", "brand") if getattr(self, name)}
        if self.price_min is not None or self.price_max is not None:
            where["price"] = (self.price_min, self.price_max)
        return where or None


class Paged(Filters):
    """Which part of a ranking."""

    limit: int = Field(10, ge=1, description="Hits to give. The ranking does not depend on it.")
    offset: int = Field(0, ge=0, description="Hits to leave out before the first one.")
    group_by: str = Field(
        "cluster_id",
        max_length=100,
        description="A field of which each value is shown once, by its best product. `cluster_id`: one hit an item, its other "
        "listings beside it. `none`: every listing for itself.",
    )
    score_threshold: float | None = Field(
        None,
        allow_inf_nan=False,
        description="Hits below it are left out, all of them where nothing is good enough. Of an encoder it is a cosine, of BM25 "
        "its sum; of a hybrid it is the encoder's cosine, since a fused score says nothing of how good the best hit is.",
    )


class SearchQuery(Paged):
    """Parameters of /search."""

    q: str = Field(description="What a shopper types.", examples=[_QUERY])
    system: str | None = Field(None, max_length=100, description="Who answers; the default system where absent.")
    explain: bool = Field(
        False,
        description="Give what hits state of the attributes that the query asks for, and grades where it was judged.",
    )


class CompareQuery(Paged):
    """Parameters of /compare."""

    q: str = Field(description="What a shopper types.", examples=[_QUERY])
    systems: str = Field("stage2,bm25", max_length=300, description="Two to four systems, with commas between them.")
    explain: bool = Field(False, description="As in /search.")


class Fact(BaseModel):
    """An attribute that the query asks for and the product speaks of."""

    dimension: str
    asked: str
    stated: str
    agrees: bool
    effect: float = Field(0.0, description="What it added to the score, where the system answers under constraints.")


class Listing(BaseModel):
    """Another listing of the same item."""

    product_id: str
    title: str | None = None
    brand: str | None = None
    price: float | None = None


class Product(Listing):
    """A product as a hit shows it."""

    vertical: str | None = None
    cluster_id: str | None = None
    fields: dict[str, Any] = Field({}, description="Further fields that the release shows.")


class Hit(Product):
    """One result."""

    rank: int = Field(description="From 1, over all pages.")
    score: float
    scores: dict[str, float | None] = Field({}, description="Of each retriever that had a say: dense (a cosine), bm25.")
    ranks: dict[str, int | None] = Field(
        {}, description="In each retriever; null where it did not propose the product."
    )
    listings: list[Listing] = Field([], description="Other listings of the item, the cheapest first, at most 10.")
    listings_total: int = Field(0, description="How many other listings there are.")
    grade: str | None = Field(None, description="With `explain`: how the pair was judged, where it was.")
    facts: list[Fact] | None = Field(None, description="With `explain`.")
    team: str | None = Field(None, description="Where two systems are interleaved: the one that put it there.")


class SearchAnswer(BaseModel):
    """Answer of /search."""

    query: str = Field(description="As it was understood: white space and invisible characters cleaned.")
    system: str
    limit: int
    offset: int
    estimated_total: int = Field(description="Hits that paging reaches; a lower bound where it is the service's depth.")
    took_ms: dict[str, float] = Field(description="By part, and `total`.")
    index_version: str
    request_id: str
    hint: str | None = Field(None, description="What to change where nothing was found.")
    hits: list[Hit]


class SimilarAnswer(BaseModel):
    """Answer of /similar/{id}."""

    product_id: str
    limit: int
    offset: int
    estimated_total: int = Field(description="As in /search.")
    took_ms: dict[str, float]
    index_version: str
    request_id: str
    hits: list[Hit]


class Both(BaseModel):
    """A product that several systems found."""

    product_id: str
    ranks: dict[str, int]


class CompareAnswer(BaseModel):
    """Answer of /compare."""

    query: str
    systems: list[str]
    request_id: str
    answers: dict[str, SearchAnswer]
    only: dict[str, list[str]] = Field(description="Products of this page that one system alone found.")
    both: list[Both] = Field(description="Products that several found, and where each of them has it.")


class Problem(BaseModel):
    """What is wrong with a request."""

    parameter: str | None = None
    message: str


class ErrorAnswer(BaseModel):
    """Every 4xx and 5xx."""

    error: Problem


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok", "ready", "not ready"]
    index_version: str | None = None
