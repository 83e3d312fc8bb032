"""How long a run will take: by what an earlier run here took, else by the work that its sizes and parameters mean.

What takes long is the encoder: tokens read, times what a token costs, over what the machine multiplies. The rest is many short
steps. A forecast from sizes is right to about a half; as steps end, what is left is corrected by how wrong it was so far.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from roar.parameters import Encoder, PairSource, Stage, Stage1, Stage2, TrainingSets

TRAINING = 3
"""Passes that a step of training costs: one forward, two backward."""

PRODUCT_SHARE, QUERY_TOKENS = 0.35, 7
"""Tokens of a usual product text, as a share of the most that are read, and of a usual query."""

LIGHT_SECONDS = 2.0
"""Of a step without the encoder, on a catalogue of 12,000 products."""


class Sizes(NamedTuple):
    """What the tables hold: products, judged queries, judgments."""

    products: int
    queries: int
    judgments: int


class Forecast:
    """Seconds of every node of a run, and what is left of them.

    Args:
        expected: node name to seconds.
    """

    def __init__(self, expected: Mapping[str, float]) -> None:
        self.expected = dict(expected)
        self._left = dict(expected)
        self._took = self._thought = 0.0

    def done(self, node: str, seconds: float) -> None:
        """Take note of a node that ended."""
        self._took += seconds
        self._thought += self._left.pop(node, 0.0)

    @property
    def left(self) -> float:
        """Seconds left, corrected by how far the nodes that ended were from what was expected of them."""
        sure = self._thought / (self._thought + sum(self._left.values()) / 4) if self._thought else 0.0
        correction = self._took / self._thought if self._thought else 1.0
        return sum(self._left.values()) * (sure * correction + (1 - sure))


def expected_seconds(
    nodes: Iterable[str], tokens: Mapping[str, float], tokens_per_second: float, products: int
) -> dict[str, float]:
    """Seconds of each node by its work.

    Args:
        nodes: names.
        tokens: `encoder_tokens`.
        tokens_per_second: that the encoder reads forward.
        products: of the catalogue.
    """
    light = LIGHT_SECONDS * max(0.25, products / 12_000)
    return {node: light + tokens.get(node, 0.0) / tokens_per_second for node in nodes}


def encoder_tokens(
    sizes: Sizes, encoder: Encoder, sets: TrainingSets, stage1: Stage1, stage2: Stage2
) -> dict[str, float]:
    """Tokens that each node of the default run reads forward; a step of training counts as three passes.

    Args:
        sizes: of the shop.
        encoder: how long a text may be.
        sets: how many queries train, and how many products of each.
        stage1: epochs, validations.
        stage2: likewise.
    """
    splits, sources = sets.splits, sets.stage1_sources
    crossed = splits.method == "cross_fit" or (splits.method == "auto" and sizes.queries < splits.cross_fit_below)
    folds, tested = splits.folds if crossed else 1, min(splits.test, splits.test_queries / max(sizes.queries, 1))
    train = sizes.queries * (1 - splits.validation) * (1 - (1 / folds if crossed else tested))
    product, judged = encoder.max_tokens * PRODUCT_SHARE, sizes.judgments / max(sizes.queries, 1)
    annotated = _pairs(sources.annotation, train, judged / 2, 0.0)
    pairs = annotated + _pairs(sources.behaviour, train, 1.0, annotated)
    members = train * min(judged, sets.groups.max_size)
    catalogue, asked = sizes.products * product, 2.2 * sizes.queries * QUERY_TOKENS
    work = {
        "stage_1.train_contrastive": pairs * (product + QUERY_TOKENS) * stage1.epochs * TRAINING,
        "stage_2.align_grades": (members * product + train * QUERY_TOKENS) * stage2.epochs * TRAINING,
    }
    stages: tuple[tuple[str, Stage], ...] = (
        ("stage_1.train_contrastive", stage1),
        ("stage_2.align_grades", stage2),
    )
    for node, stage in stages:
        looks = stage.validations + 1 if stage.validations else 0
        least = min(stage.validation.queries, sizes.queries * splits.validation) * judged
        checked = max(stage.validation.share * work[node], looks * max(least, stage.validation.products) * product)
        work[node] = folds * (work[node] + checked)
    for system, times in (("base", 1), ("stage1", folds), ("stage2", folds)):
        work |= {f"evaluation.{system}.index": times * catalogue, f"evaluation.{system}.encode_queries": asked}
    return work


def _pairs(source: PairSource | None, queries: float, found: float, annotated: float) -> float:
    """Pairs that a source gives which finds so many a query."""
    if source is None:
        return 0.0
    pairs = queries * min(found, source.per_query or found)
    if source.relative is not None and annotated:
        pairs = min(pairs, source.relative * annotated)
    return min(pairs, source.limit or pairs)


def in_words(seconds: float) -> str:
    """A duration as one says it: "less than a minute", "about 14 minutes", "about 3 hours"."""
    minutes = seconds / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return f"about {max(round(minutes), 1)} minute{'s' if round(minutes) > 1 else ''}"
    return f"about {round(minutes / 60)} hours"
