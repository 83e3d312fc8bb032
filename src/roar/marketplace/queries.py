"""What shoppers type: intents, anchored on a product, put into words, often badly.

A query starts from a product that somebody has in mind (so that most queries can be met), asks for a part of what it
is, in the shopper's words rather than the seller's, and for a share of queries goes wrong on the way. Popularity
follows the intent: plain types and brands at the head, long and misspelt queries in the tail; frequencies are Zipfian
by rank.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import polars as pl

from roar.marketplace.catalogue import Catalogue, Items, numbered
from roar.marketplace.lexicon import MODEL
from roar.marketplace.taxonomy import AMBIGUOUS, VERTICALS
from roar.marketplace.text import join_phrases, join_words, misspell, split_word, transliterate
from roar.parameters import Simulation

KINDS = ("type", "attributes", "brand", "model", "use_case", "colloquial", "ambiguous")
NOISES = ("none", "typo", "joined", "split", "transliterated")
SECOND_SLIP = 0.4
"""Share of noisy queries with a typo on top of what went wrong."""

MEANINGS = 4
"""At most as many product types may be meant by one query."""

_ATTRIBUTE_SHARES = {
    # how often a query of this kind asks for 0, 1, 2, 3 attribute values
    "type": (1.0, 0.0, 0.0, 0.0),
    "attributes": (0.0, 0.35, 0.40, 0.25),
    "brand": (0.55, 0.35, 0.10, 0.0),
    "model": (0.3, 0.4, 0.3, 0.0),
    "use_case": (0.4, 0.5, 0.1, 0.0),
    "colloquial": (0.3, 0.55, 0.15, 0.0),
    "ambiguous": (0.05, 0.65, 0.30, 0.0),
}
_APPEAL = {
    "type": 2.2,
    "attributes": 0.0,
    "brand": 1.2,
    "model": -2.0,
    "use_case": 0.6,
    "colloquial": 1.6,
    "ambiguous": 0.8,
}
"""Log popularity by kind; each word and a slip cost some."""


@dataclass
class Intents:
    """Queries as arrays, one row each.

    `types` (n, MEANINGS) and `asked` (n, asks) hold type and facet numbers, -1 where unused; `anchor` is the row of the
    product in mind, `canonical` the row of the query that a noisy one is a variant of (itself where there is none).
    """

    kind: np.ndarray
    noise: np.ndarray
    types: np.ndarray
    asked: np.ndarray
    anchor: np.ndarray
    text: np.ndarray
    canonical: np.ndarray
    frequency: np.ndarray

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, rows: np.ndarray) -> Self:
        """These rows; `canonical` is left as it is."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


class QueryWriter:
    """Makes the queries of a catalogue whose listings have these items."""

    def __init__(self, catalogue: Catalogue, items: Items) -> None:
        self.catalogue = catalogue
        self.items = items
        self.lexicon = catalogue.lexicon
        self.draws = catalogue.draws
        self.config: Simulation = catalogue.config

    def write(self) -> Intents:
        """The logged queries, most frequent first."""
        wanted = self.config.queries
        clean = self._distinct(self._canonical(np.arange(4 * wanted)), round(wanted * (1 - self.config.noisy_share)))
        clean.canonical = np.arange(len(clean))
        appeal = self._appeal(clean)
        noisy, noisy_appeal = self._noisy(clean, appeal, wanted)
        return self._ranked(_stack(clean, noisy), np.concatenate([appeal, noisy_appeal]))

    def _canonical(self, rows: np.ndarray) -> Intents:
        """One intent per row, in clean words; the same words may come up again."""
        weights = np.array([getattr(self.config.query_kinds, kind) for kind in KINDS])
        kind = self.draws.weighted("kind", rows, weights)
        words = np.where(kind == KINDS.index("ambiguous"), self.draws.below("word", rows, len(self._meanings)), -1)
        anchor = self._anchors(rows, words)
        types = np.full((len(rows), MEANINGS), -1, dtype=np.int64)
        types[:, 0] = self.items.type[anchor]
        types[words >= 0] = self._meanings[words[words >= 0]]
        asked = self._asked(rows, kind, anchor)
        text = self._texts(rows, kind, words, anchor, asked)
        none = np.zeros(len(rows), dtype=np.int64)
        return Intents(kind, none, types, asked, anchor, text, rows, none)

    @property
    def _meanings(self) -> np.ndarray:
        """(words, MEANINGS) type numbers of each ambiguous word."""
        table = np.full((len(self.lexicon.taxonomy.ambiguous), MEANINGS), -1, dtype=np.int64)
        for row, names in enumerate(self.lexicon.taxonomy.ambiguous.values()):
            table[row, : len(names)] = [self.lexicon.number[name] for name in names]
        return table

    def _anchors(self, rows: np.ndarray, words: np.ndarray) -> np.ndarray:
        """The product in mind: any for plain words, one of a type that is meant for an ambiguous one."""
        anchor = self.draws.below("anchor", rows, len(self.items.type))
        meant = self._meanings[np.maximum(words, 0)]
        kind = meant[np.arange(len(rows)), self.draws.below("meaning", rows, (meant >= 0).sum(axis=1))]
        order = np.argsort(self.items.type, kind="stable")
        first, last = (np.searchsorted(self.items.type[order], kind, side) for side in ("left", "right"))
        of_kind = order[np.minimum(first + self.draws.below("anchor", rows, last - first), len(order) - 1)]
        return np.where((words >= 0) & (last > first), of_kind, anchor)

    def _asked(self, rows: np.ndarray, kind: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        """(n, 5) facets asked for: brand, line or item, and up to three attribute values of the anchor."""
        shares = np.cumsum([_ATTRIBUTE_SHARES[name] for name in KINDS], axis=1)[kind]
        number = (self.draws.uniform("attributes", rows)[:, None] >= shares[:, :3]).sum(axis=1)
        facets = self.items.facets[anchor]
        attributes = facets[:, 2:]
        keys = np.where(attributes < 0, 2.0, self.draws.uniform("which attributes", rows, attributes.shape[1]))
        chosen = np.take_along_axis(attributes, np.argsort(keys, axis=1, kind="stable")[:, :3], axis=1)
        chosen = np.where(np.arange(3) < number[:, None], chosen, -1)
        by_model, by_brand = kind == KINDS.index("model"), kind == KINDS.index("brand")
        exact_item = by_model & (self.items.model[anchor] >= 0) & (self.draws.uniform("by number", rows) < 0.4)
        brand = by_brand | (by_model & ~exact_item) | (self.draws.uniform("and brand", rows) < 0.08) & (number > 0)
        line = np.where(exact_item, self.item_facet(anchor), np.where(by_model, facets[:, 1], -1))
        chosen[exact_item] = -1
        return np.column_stack([np.where(brand, facets[:, 0], -1), line, chosen])

    def item_facet(self, rows: np.ndarray) -> np.ndarray:
        """The number of the facet "this very item"."""
        return len(self.lexicon.facets) + self.catalogue.listing_items(rows)

    def _texts(
        self, rows: np.ndarray, kind: np.ndarray, words: np.ndarray, anchor: np.ndarray, asked: np.ndarray
    ) -> np.ndarray:
        """The words of each intent, in a shopper's order."""
        lexicon, u = self.lexicon, self.draws.uniform
        types, is_item = self.items.type[anchor], asked[:, 1] >= len(lexicon.facets)
        spoken, ambiguous = kind == KINDS.index("colloquial"), kind == KINDS.index("ambiguous")
        expert = kind == KINDS.index("model")  # who knows the product line has read listings: the seller's words
        plain = lexicon.shopper_noun.pick(
            np.where(spoken | ambiguous | expert, -1, types), np.sqrt(u("shopper noun", rows))
        )
        plain += lexicon.seller_noun.pick(np.where(expert, types, -1), u("expert noun", rows))
        told = lexicon.colloquial.pick(np.where(spoken, types, -1), np.sqrt(u("colloquial", rows)))
        noun = plain + told + lexicon.ambiguous.pick(words, np.zeros(1))  # at most one of them is not 0
        no_noun = is_item & (u("number alone", rows) < 0.5)
        pieces = [
            lexicon.shopper_facet.pick(asked[:, 0], np.zeros(1)),
            lexicon.shopper_facet.pick(np.where(is_item, -1, asked[:, 1]), np.zeros(1)),
            lexicon.extra.pick(np.where(is_item, 0, -1), np.zeros(1)),
            np.where(no_noun, 0, noun),
            lexicon.use.pick(np.where(kind == KINDS.index("use_case"), types, -1), np.sqrt(u("use", rows))),
            lexicon.extra.pick(np.where(u("filler", rows) < 0.08, 3, -1), np.sqrt(u("filler word", rows))),
            lexicon.shopper_facet.pick(asked[:, 2:], u("shopper form", rows, asked.shape[1] - 2)),
        ]
        keys = np.tile([0.0, 1.0, 2.0, 3.0, 6.0, -1.0], (len(rows), 1))
        keys[:, 0] = np.where(u("brand last", rows) < 0.2, 5.5, 0.0)
        attribute_keys = 1.5 + 4.0 * u("shopper order", rows, asked.shape[1] - 2)
        text = join_phrases(lexicon.phrases, np.column_stack(pieces), np.column_stack([keys, attribute_keys]))
        models = self.catalogue.model_texts(Items(*(part[anchor] for part in self.items)), u("typed model", rows))
        frame = pl.DataFrame({"text": text, "model": models})
        return frame.select(pl.col("text").str.replace(MODEL, pl.col("model"), literal=True).str.to_lowercase())[
            "text"
        ].to_numpy()

    @staticmethod
    def _distinct(intents: Intents, wanted: int) -> Intents:
        """The first of each text, up to the wanted number."""
        first = pl.Series(intents.text).is_first_distinct().to_numpy()
        return intents.take(np.flatnonzero(first)[:wanted])

    def _appeal(self, intents: Intents) -> np.ndarray:
        """Log popularity: by kind, by length, by type, and chance."""
        rows = np.arange(len(intents))
        by_kind = np.array([_APPEAL[kind] for kind in KINDS])[intents.kind]
        by_type = self.draws.normal("type appeal", np.maximum(intents.types, 0).sum(axis=1))
        words = pl.Series(intents.text, dtype=pl.String).str.count_matches(" ").to_numpy() + 1.0
        return by_kind - 0.35 * words + 0.5 * by_type + self.draws.normal("appeal", rows)

    def _noisy(self, clean: Intents, appeal: np.ndarray, wanted: int) -> tuple[Intents, np.ndarray]:
        """Variants of popular queries with one or two things gone wrong, distinct from all clean ones and from each other."""
        rows = np.arange(3 * (wanted - len(clean)))
        source = self.draws.weighted("noisy source", rows, np.exp(0.2 * appeal))
        kinds = np.array([getattr(self.config.noise_kinds, noise) for noise in NOISES[1:]])
        noisy = clean.take(source)
        noisy.noise = 1 + self.draws.weighted("noise", rows, kinds)
        where, how = self.draws.uniform("noise place", rows), self.draws.uniform("noise form", rows)
        noisy.text = np.array(
            [self._spoil(*slip) for slip in zip(noisy.text, noisy.noise, where, how, strict=True)], object
        )
        twice = np.flatnonzero(self.draws.uniform("second slip", rows) < SECOND_SLIP)
        again = self.draws.uniform("second slip place", twice, 2)
        noisy.text[twice] = [misspell(text, *slip) for text, slip in zip(noisy.text[twice], again, strict=True)]
        texts = pl.Series(np.concatenate([clean.text, noisy.text]), dtype=pl.String)
        fresh = np.flatnonzero(texts.is_first_distinct().to_numpy()[len(clean) :])[: wanted - len(clean)]
        return noisy.take(fresh), appeal[source[fresh]] - 0.8

    def _spoil(self, text: str, noise: int, where: float, how: float) -> str:
        """One slip of the given kind."""
        match NOISES[noise]:
            case "typo":
                return misspell(text, where, how)
            case "joined":
                return join_words(text, where)
            case "split":
                return split_word(text, where)
            case _:
                return transliterate(text, self.lexicon.taxonomy.wording["transliterations"], where, how)

    def _ranked(self, intents: Intents, appeal: np.ndarray) -> Intents:
        """Sort by appeal and give each rank its frequency."""
        order = np.argsort(-appeal, kind="stable")
        rank_of = np.empty(len(order), dtype=np.int64)
        rank_of[order] = np.arange(len(order))
        ranked = intents.take(order)
        ranked.canonical = rank_of[ranked.canonical]
        ranked.frequency = zipf_frequencies(len(order), self.config.zipf_exponent, self.config.once_only_share)
        return ranked

    def table(self, intents: Intents) -> pl.DataFrame:
        """The contract's query table."""
        spread = intents.kind == KINDS.index("ambiguous")
        verticals = pl.Series([*VERTICALS, AMBIGUOUS])
        return pl.DataFrame(
            {
                "query_id": numbered("q", np.arange(len(intents))),
                "query": pl.Series(intents.text, dtype=pl.String),
                "frequency": intents.frequency,
                "vertical": verticals.gather(
                    np.where(spread, len(VERTICALS), self.lexicon.vertical[intents.types[:, 0]])
                ),
            }
        )

    def truth(self, intents: Intents) -> pl.DataFrame:
        """What is meant by each query, and what went wrong in it."""
        types = pl.Series([*(kind.name for kind in self.lexicon.types), None])
        unused = len(types) - 1
        meant = [
            types.gather(np.where(column < 0, unused, column)).alias(str(i)) for i, column in enumerate(intents.types.T)
        ]
        return pl.DataFrame(
            {
                "query_id": numbered("q", np.arange(len(intents))),
                "intent": pl.Series(KINDS).gather(intents.kind),
                "product_type": pl.select(pl.concat_str(meant, separator="|", ignore_nulls=True)).to_series(),
                "asked": pl.Series([self._describe(row) for row in intents.asked], dtype=pl.String),
                "noise": pl.Series(NOISES).gather(intents.noise),
                "noisy": intents.noise > 0,
                "canonical": pl.Series(intents.text[intents.canonical], dtype=pl.String),
                "anchor_product_id": numbered("p", intents.anchor),
            }
        )

    def _describe(self, asked: np.ndarray) -> str:
        """Facets in words: `brand=Velora; storage=64`."""
        known = self.lexicon.facets
        return "; ".join(
            "item" if facet >= len(known) else f"{known[facet][0]}={known[facet][1]}" for facet in asked if facet >= 0
        )


def _stack(a: Intents, b: Intents) -> Intents:
    return Intents(
        **{field.name: np.concatenate([getattr(a, field.name), getattr(b, field.name)]) for field in fields(Intents)}
    )


def zipf_frequencies(n: int, exponent: float, once_only_share: float) -> np.ndarray:
    """Searches by rank: round(c * rank ** -exponent), at least 1, with c such that a given share is searched once."""
    scale = 1.5 * max(1.0, n * (1 - once_only_share)) ** exponent
    return np.maximum(1, np.rint(scale * np.arange(1, n + 1, dtype=np.float64) ** -exponent)).astype(np.int64)
