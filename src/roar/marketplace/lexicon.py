"""The taxonomy compiled to arrays: numbers for types and facets, and the phrases that write each of them.

A facet is something a product has and a query can ask for: a brand, a product line, an attribute's value, or the item
itself (a model number). Facets carry one number across all types ("colour: black" is the same on a phone and on a
shoe), so that "does this product meet what was asked" is a comparison of integers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from roar.marketplace.taxonomy import VERTICALS, ProductType, Taxonomy

BRANDS_PER_TYPE = 6
LINES_PER_BRAND = 4
EDITIONS = ("", " II", " III", " IV")
"""Later product lines of a brand, used when a very large shop has run through the words."""

MODEL = "\u00a4"
"""Stands for the model number until the text is complete."""


@dataclass(frozen=True)
class Forms:
    """The ways to write each entry: a run of phrase numbers per entry, the common form first."""

    first: np.ndarray
    count: np.ndarray

    def pick(self, entries: np.ndarray, u: np.ndarray) -> np.ndarray:
        """A phrase number for each entry (0 for entry -1); early forms are picked more often (u squared)."""
        return np.where(entries < 0, 0, self.first[entries] + (u * u * self.count[entries]).astype(np.int64))


class _Phrases:
    """Collects texts and hands out their numbers."""

    def __init__(self) -> None:
        self.texts: list[str | None] = [None]

    def forms(self, entries: Iterable[Iterable[str]]) -> Forms:
        first, count = [], []
        for entry in entries:
            texts = list(dict.fromkeys(entry))
            first.append(len(self.texts))
            count.append(len(texts))
            self.texts.extend(texts)
        return Forms(np.array(first, dtype=np.int64), np.array(count, dtype=np.int64))


def _number(value: float) -> str:
    return f"{value:.10g}"


class Wording:
    """How a facet is written by sellers, in the attribute table, and by shoppers."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._units = taxonomy.wording["units"]
        self._attributes = taxonomy.wording["attributes"]
        self._synonyms = taxonomy.wording["synonyms"]
        self._nouns = {kind.name: kind.nouns[:1] + kind.asked[:1] for kind in taxonomy.types}

    def _measures(self, attribute: str, value: Any, side: str) -> list[str]:
        """The value with its unit, in this side's forms; a label such as RAM goes along."""
        rule = self._attributes.get(attribute, {})
        if "unit" not in rule:
            return [str(value), *self._synonyms.get(value, {}).get(side, [])]
        unit = self._units[rule["unit"]]
        texts = [form.format(_number(value)) for form in unit[side]]
        if side == "seller" and "converted" in unit:
            texts.append(unit["converted"]["text"].format(_number(value * unit["converted"]["factor"])))
        return texts

    def texts(self, attribute: str, value: Any, side: str) -> list[str]:
        """All forms of one facet for `side`, seller or shopper."""
        if attribute.startswith("fits "):
            noun = self._nouns[attribute.removeprefix("fits ")][side == "shopper"]
            forms = {"seller": ["for {} {}", "compatible with {} {}", "fits {} {}"], "shopper": ["for {} {}", "{} {}"]}
            return [form.format(value, noun) for form in forms[side]] + ([f"for {value}"] if side == "shopper" else [])
        rule = self._attributes.get(attribute, {})
        before, after = rule.get("label_before", ""), rule.get("label", "")
        return [" ".join(filter(None, (before, text, after))) for text in self._measures(attribute, value, side)]

    def table_entries(self, attribute: str, value: Any) -> list[str]:
        """The facet as a member of the attributes' JSON object: the plain form, and another unit where there is one."""
        texts = [value] if attribute.startswith("fits ") else self._measures(attribute, value, "seller")
        plain = [texts[0], texts[-1]] if "unit" in self._attributes.get(attribute, {}) else texts[:1]
        return ['"{}": "{}"'.format(attribute, text.replace('"', '\\"')) for text in plain]


class Lexicon:
    """Numbers and phrases of everything in a taxonomy.

    Attributes:
        types: the product types, in order of their numbers.
        vertical: (types,) index into `VERTICALS`.
        facets: (attribute, value) of each facet number.
        slots: (types, slots, values) facet numbers, -1 beyond a type's values; slot 0 is the brand, slot 1 the line.
        radix: (types, slots) how many values each slot has (1 where the slot is not used).
        relation: (types, types) grade of a product of the second type for a query of the first, attributes apart.
        phrases: all texts, number 0 null.
    """

    def __init__(self, taxonomy: Taxonomy, seed: int) -> None:
        self.taxonomy = taxonomy
        self.types = taxonomy.types
        self.number = {kind.name: number for number, kind in enumerate(self.types)}
        self.vertical = np.array([VERTICALS.index(kind.vertical) for kind in self.types])
        self._rng = np.random.default_rng(seed)
        self.brands_of = {kind.name: self._brands(kind) for kind in self.types}
        self._number_facets()
        self._collect_phrases()

    def _brands(self, kind: ProductType) -> list[str]:
        sellers = [brand for brand, verticals in self.taxonomy.brands.items() if kind.vertical in verticals]
        return [sellers[i] for i in sorted(self._rng.permutation(len(sellers))[:BRANDS_PER_TYPE])]

    def attributes_of(self, kind: ProductType) -> dict[str, tuple[Any, ...]]:
        """A type's attributes; an accessory's include the brand that it fits."""
        fits = {f"fits {kind.fits}": tuple(self.brands_of[kind.fits])} if kind.fits else {}
        return fits | kind.attributes

    def _number_facets(self) -> None:
        """Give every facet its number, and lay out which type has which."""
        words = self.taxonomy.wording["series"]
        lines = [("line", word + edition) for edition in EDITIONS for word in words]
        numbers = {facet: number for number, facet in enumerate(lines)}
        rows = []
        for kind in self.types:
            columns = [[("brand", brand) for brand in self.brands_of[kind.name]], lines[:LINES_PER_BRAND]]
            columns += [[(name, value) for value in values] for name, values in self.attributes_of(kind).items()]
            rows.append([[numbers.setdefault(facet, len(numbers)) for facet in column] for column in columns])
        self.facets = list(numbers)
        self.first_lines = len(words)
        width, values = max(map(len, rows)), max(len(column) for row in rows for column in row)
        self.slots = np.full((len(rows), width, values), -1, dtype=np.int32)
        self.radix = np.ones((len(rows), width), dtype=np.int64)
        for type_number, row in enumerate(rows):
            for slot, column in enumerate(row):
                self.slots[type_number, slot, : len(column)] = column
                self.radix[type_number, slot] = len(column)

    def _collect_phrases(self) -> None:
        """Write down every form of every noun and facet."""
        wording, rules, types = Wording(self.taxonomy), self.taxonomy.wording, self.types
        boiler = rules["boilerplate"]
        pool = _Phrases()
        self.seller_facet = pool.forms(wording.texts(name, value, "seller") for name, value in self.facets)
        self.shopper_facet = pool.forms(wording.texts(name, value, "shopper") for name, value in self.facets)
        self.table_facet = pool.forms(wording.table_entries(name, value) for name, value in self.facets)
        self.sentence_facet = pool.forms(
            [f"{name.capitalize()}: {text}." for text in wording.texts(name, value, "seller")[:2]]
            for name, value in self.facets
        )
        self.seller_noun = pool.forms(kind.nouns for kind in types)
        self.shopper_noun = pool.forms((kind.nouns[0], *kind.asked, *kind.nouns[1:]) for kind in types)
        self.colloquial = pool.forms(kind.colloquial for kind in types)
        self.use = pool.forms(kind.uses for kind in types)
        self.opening = pool.forms(
            [form.format(use=use) for use in kind.uses for form in boiler["opening"]] for kind in types
        )
        self.mention = pool.forms(
            [
                form.format(noun=self.types[self.number[name]].nouns[0])
                for name in kind.complements
                for form in boiler["mention"]
            ]
            or [boiler["description"][0]]
            for kind in types
        )
        self.ambiguous = pool.forms([word] for word in self.taxonomy.ambiguous)
        # entries by number: 0 the model number, 1 what sellers add to titles, 2 to descriptions, 3 shoppers' fillers
        self.extra = pool.forms([[MODEL], boiler["title"], boiler["description"], rules["fillers"]])
        self.table_model = pool.forms([[f'"model": "{MODEL}"']])
        self.phrases = pl.Series("phrase", pool.texts, dtype=pl.String)

    @cached_property
    def relation(self) -> np.ndarray:
        """(types, types) grade by type alone: 3 same, 2 one family, 1 complement in either direction, 0 otherwise."""
        families = np.array([f"{kind.vertical} {kind.family}" for kind in self.types])
        grades = np.where(families[:, None] == families[None, :], 2, 0)
        for a, kind in enumerate(self.types):
            for b in (self.number[name] for name in kind.complements):
                grades[a, b], grades[b, a] = max(grades[a, b], 1), max(grades[b, a], 1)
        np.fill_diagonal(grades, 3)
        return grades
