"""How the report names metrics, slices and numbers, and in which order levels stand."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from roar.schemas import STRATA

_LAST = ("ambiguous", "other", "unknown")

_LABELS = {
    "ndcg": "NDCG",
    "map": "MAP",
    "mrr": "MRR",
    "recall": "Recall",
    "precision": "Precision",
    "judged": "Judged",
    "auc": "AUC",
    "auc_query": "AUC per query",
    "bpref": "bpref",
    "grade_ordering": "Grade ordering",
    "order_exact_substitute": "Exact > substitute",
    "order_substitute_complement": "Substitute > complement",
    "order_complement_irrelevant": "Complement > irrelevant",
    "attribute_conflict": "Attribute conflicts",
}

LOWER_IS_BETTER = ("attribute_conflict",)
"""Measures of which less is better."""

_MEANINGS = {
    "ndcg": "Discounted gain of the first k products over that of the best possible order; all four grades count.",
    "map": "Precision at each exact product among the first k, averaged over min(k, number of exact products).",
    "mrr": "One over the rank of the first exact product, 0 where the first k hold none.",
    "recall": "Share of a query's exact products among the first k.",
    "precision": "Share of exact products among the first k.",
    "judged": "Share of the first k products that somebody judged; unjudged ones count as a miss elsewhere.",
    "auc": "Probability that an exact product scores above another judged one, products of all queries together.",
    "auc_query": "The same among the products of one query, averaged: it needs no scores that compare across queries.",
    "bpref": "How rarely judged misses stand above exact products; unjudged products are ignored.",
    "grade_ordering": "Share of pairs of judged products of different grade that stand in the right order.",
    "order": "Share of the pairs of these two grades that stand in the right order.",
    "attribute_conflict": "Of the first k products that say anything on a quantity, pack, colour, audience or size that the query "
    "asks for, the share that contradicts it, as 128 GB does where 64 GB is wanted. Lower is better.",
    "condensed": "The metric after unjudged products are taken out of the ranking.",
}

PROTOCOLS = {"judged": "judged products", "catalogue": "full catalogue"}
PROTOCOL_MEANINGS = {
    "judged": "Each system ranks the products that were judged for a query, and those alone: every grade is known. "
    "This is how the method's paper measures.",
    "catalogue": "Each system retrieves from the whole catalogue, as it would in a shop. A product that nobody judged "
    "counts as a miss, so figures are lower bounds, and Judged@8 says how far to trust them.",
}


def metric_label(metric: str, grades: Mapping[str, str] | None = None) -> str:
    """The metric's usual name: ndcg@8 is NDCG@8; `grades` gives the data set's own names of the grades."""
    measure, _, k = metric.removeprefix("condensed_").partition("@")
    label = _LABELS.get(measure, measure.replace("_", " ").capitalize()) + (f"@{k}" if k else "")
    for grade, name in (grades or {}).items():
        label = re.sub(rf"\b{grade}\b", name, label, flags=re.IGNORECASE)
    label = label[:1].upper() + label[1:] if grades else label
    return f"Condensed {label}" if metric.startswith("condensed_") else label


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric is better."""
    return metric.partition("@")[0] in LOWER_IS_BETTER


def metric_meaning(metric: str) -> str:
    """What the metric measures, in a sentence; empty for one that is not known here."""
    if metric.startswith("condensed_"):
        return _MEANINGS["condensed"]
    if metric.startswith("order_"):
        return _MEANINGS["order"]
    return _MEANINGS.get(metric.partition("@")[0], "")


def slice_label(slice_: str) -> str:
    """A slice's name in a caption: frequency stratum, vertical by stratum, query length."""
    if " x " in slice_:
        return " and ".join(slice_label(part) for part in slice_.split(" x "))
    return {"stratum": "frequency stratum"}.get(slice_, slice_.replace("_", " "))


def anchor(*parts: str) -> str:
    """A link target made of words: lower case, hyphens."""
    return "-".join(filter(None, (re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)))


def distinct_anchors(names: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """An anchor for each name; where several would have one, symbols are spelled out ("c-plus-plus"), or a digest follows."""
    plain = {parts: anchor(*parts) for parts in names}
    spelled = {parts: anchor(*map(_spelled, parts)) if _shared(plain, text) else text for parts, text in plain.items()}
    return {
        parts: f"{text}-{blake2b(repr(parts).encode(), digest_size=4).hexdigest()}" if _shared(spelled, text) else text
        for parts, text in spelled.items()
    }


def _shared(anchors: dict[tuple[str, ...], str], text: str) -> bool:
    return not text or list(anchors.values()).count(text) > 1


def _spelled(part: str) -> str:
    """Symbols by the first word of their Unicode name."""
    return "".join(c if c.isalnum() or c in " _-" else f" {unicodedata.name(c, '').split(' ')[0]} " for c in part)


def ordered_levels(levels: Iterable[str]) -> list[str]:
    """Strata from frequent to rare; other levels by name, numbers by value, with ambiguous, other, unknown last."""
    return sorted(set(levels), key=_level_key)


def _level_key(level: str) -> tuple[int, int, float, str]:
    if level in STRATA:
        return 0, STRATA.index(level), 0.0, level
    number = re.match(r"\d+", level)
    return 1, int(level.lower() in _LAST), float(number.group()) if number else math.inf, level.lower()


def ordered_slices(slices: Iterable[str]) -> list[str]:
    """Vertical, frequency stratum, the others by name; crossed slices last. The overall ones are not among them."""
    first = ("vertical", "stratum")
    plain = [name for name in set(slices) if not name.startswith("overall")]
    return sorted(plain, key=lambda name: (" x " in name, first.index(name) if name in first else len(first), name))


def number(value: float | None, decimals: int = 4) -> str:
    """A metric's value, a dash where there is none."""
    return "–" if value is None else f"{value:.{decimals}f}"


def points(difference: float | None, decimals: int = 2) -> str:
    """A difference of two metrics in points (hundredths) with its sign, as the method's paper gives them."""
    if difference is None:
        return "–"
    text = f"{100 * difference:+.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def p_value(p: float | None) -> str:
    """A p-value with as many digits as it bears."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def equal_p(p: float | None) -> str:
    """A p-value in a sentence: p = 0.012, p < 0.001."""
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def listed(words: list[str]) -> str:
    """Words joined as a sentence has them: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
