"""Near-duplicate detection."""

from pydantic import Field

from roar.parameters.base import Parameters


class DuplicateEvidence(Parameters):
    """What each piece of evidence adds to a pair's score, which the cosine of the texts starts (0 … 1)."""

    description: float = Field(0.4, ge=0, le=1)
    model_number: float = Field(0.6, ge=0)
    model_stem: float = Field(0.4, ge=0)
    sibling_model: float = Field(0.5, ge=0)
    other_model: float = Field(0.2, ge=0)
    agreement: float = Field(0.1, ge=0)
    enough_agreement: float = Field(3.0, ge=0)
    contradiction: float = Field(0.8, ge=0)
    accessory: float = Field(0.5, ge=0)
    price: float = Field(1.0, ge=0)
    price_factor: float = Field(3.0, gt=1)
    competition: float = Field(0.3, ge=0)
    rivalry: bool = True
    learn: bool = True
    learning_pairs: float = Field(20.0, gt=0)
    usual_difference: float = Field(0.05, gt=0, lt=1)
    unknown_difference: float = Field(0.5, gt=0, lt=1)
    usual_share: float = Field(0.1, gt=0, lt=1)
    prior: float = Field(0.75, ge=0)
    lookalike: float = Field(0.3, ge=0)
    unlike: float = Field(0.7, ge=0)
    tolerance: float = Field(2.0, ge=1)
    family: float = Field(2.5, ge=0)
    variant: float = Field(60.0, ge=0)
    fewest: int = Field(500, ge=1)
    threshold: float = 0.35
    steepness: float = Field(8.0, gt=0)


class DuplicateCandidates(Parameters):
    """How many pairs are looked at, and how they are found."""

    rarest_terms: int = Field(10, ge=2, le=16)
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
    alarm: float = Field(0.15, ge=0, le=1)
    use_labels: bool = False
