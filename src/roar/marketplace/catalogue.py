"""The catalogue: items, and the listings that sellers write for them.

Row r of the catalogue is a listing of one item; a share of the listings are further ones of an item that another
seller lists as well. Everything about an item follows from its number, everything about a listing's wording from the
row (see `draws`), so a catalogue of any size streams in chunks of any size and the truth is known without keeping it.

Items are distinct: within a type, the item's ordinal is decoded as a mixed-radix number over (brand, product line,
attribute values), scrambled by a step coprime to the size of that space.
"""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl

from roar.marketplace.draws import Draws
from roar.marketplace.lexicon import LINES_PER_BRAND, MODEL, Lexicon
from roar.marketplace.taxonomy import VERTICALS, load_taxonomy
from roar.marketplace.text import join_phrases, misspell
from roar.parameters import Simulation

SELLERS = 60
_MODEL_NUMBERS = 99_991  # prime, so that a step below it visits every number once

# Where the parts of a title stand, by template: brand, line, noun, model, attributes, seller's addition. Attributes
# spread over the given width, so that some stand before the noun.
_TITLES = np.array(
    [
        # brand, line, noun, model, attributes, width, addition
        [0, 1, 2, 3, 4, 1, 9],
        [0, 1, 4, 2, 2.5, 3, 9],
        [3, 2, 0, 5, 3.5, 1, 9],
        [0, 1, 5, 6, 2, 2, -1],
        [5, 6, 1.5, 7, 0, 3, 9],
        [0, 2, 1, 9, 3, 1, 10],
    ]
)


class Items(NamedTuple):
    """Items as arrays: type (n,), facets (n, slots) with -1 where unused, model number (n,), price (n,)."""

    type: np.ndarray
    facets: np.ndarray
    model: np.ndarray
    price: np.ndarray


class Catalogue:
    """A shop's items and listings, computed on demand from the configuration and the seed."""

    def __init__(self, config: Simulation, seed: int) -> None:
        self.config = config
        self.draws = Draws(seed)
        self.lexicon = Lexicon(load_taxonomy(), seed)
        self.size = config.products
        self.n_items = max(1, round(config.products * (1 - config.duplicate_share)))
        self._step = _coprime_step(self.size)

    @cached_property
    def _schedule(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Types in the order in which items take them: every vertical has equal weight, types within one too.

        Returns the type of each place, how often it came before within the period, and how often in all.
        """
        period = 180
        by_vertical = [np.flatnonzero(self.lexicon.vertical == v) for v in range(len(VERTICALS))]
        places = np.concatenate([np.resize(types, period) for types in by_vertical])
        places = np.random.default_rng(self.draws.seed).permutation(places)
        before = pl.DataFrame({"type": places}).select(pl.int_range(pl.len()).over("type")).to_series().to_numpy()
        return places, before, np.bincount(places, minlength=len(self.lexicon.types))

    @cached_property
    def _space_steps(self) -> np.ndarray:
        """The step that scrambles each type's space of values."""
        return np.array([_coprime_step(int(size)) for size in self.lexicon.radix.prod(axis=1)])

    def items(self, numbers: np.ndarray) -> Items:
        """Everything about the items with these numbers."""
        types, before, in_all = self._schedule
        period, place = np.divmod(numbers, len(types))
        kind = types[place]
        ordinal = period * in_all[kind] + before[place]
        return Items(kind, self._facets(kind, ordinal), self._models(kind, ordinal), self._prices(kind, numbers))

    def _facets(self, kind: np.ndarray, ordinal: np.ndarray) -> np.ndarray:
        """Decode ordinals into a value for each slot; product lines change when a type's space is used up."""
        radix = self.lexicon.radix
        space = radix.prod(axis=1)
        cycle, place = np.divmod(ordinal, space[kind])
        code = (place * self._space_steps[kind] + space[kind] // 3) % space[kind]
        facets = np.full((len(kind), radix.shape[1]), -1, dtype=np.int32)
        for slot in range(radix.shape[1]):
            code, digit = np.divmod(code, radix[kind, slot])
            facets[:, slot] = self.lexicon.slots[kind, slot, digit]
            if slot == 1:
                start = self.draws.below("line", kind * 1009 + facets[:, 0], self.lexicon.first_lines)
                facets[:, 1] = start + digit + LINES_PER_BRAND * cycle
        return facets

    def _models(self, kind: np.ndarray, ordinal: np.ndarray) -> np.ndarray:
        """A model number per item, unique within its type; -1 in verticals that have none."""
        has = np.array([entry.models for entry in self.lexicon.types])[kind]
        return np.where(has, (ordinal * 31_337 + kind * 7_919) % _MODEL_NUMBERS, -1)

    def _prices(self, kind: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Log-uniform within the type's range."""
        low, high = np.log(np.array([entry.price for entry in self.lexicon.types], dtype=np.float64))[kind].T
        return np.exp(low + (high - low) * self.draws.uniform("price", numbers))

    def listing_items(self, rows: np.ndarray) -> np.ndarray:
        """The item that each row lists. Rows are shuffled, so a row's place says nothing about duplicates."""
        listing = (rows * self._step + self.size // 3) % self.size
        repeat = self.draws.below("repeat", listing, self.n_items)
        return np.where(listing < self.n_items, listing, repeat)

    def sellers(self, rows: np.ndarray) -> np.ndarray:
        """The seller of each row."""
        return self.draws.below("seller", rows, SELLERS)

    def popularity(self, rows: np.ndarray) -> np.ndarray:
        """How much shoppers like each row's item (log scale, standard normal)."""
        return self.draws.normal("popularity", self.listing_items(rows))

    def model_texts(self, items: Items, u: np.ndarray) -> pl.Series:
        """Model numbers as sellers write them: `VX-23101`, `VX23101` or `vx 23101`."""
        letters = np.array(
            [chr(65 + i // 26 % 26) + chr(65 + i % 26) for i in range(17, 17 + len(self.lexicon.types) * 3, 3)]
        )
        frame = pl.DataFrame(
            {"letters": letters[items.type], "number": np.maximum(items.model, 0), "form": (u * u * 3).astype(np.int8)}
        ).with_columns(pl.col("number").cast(pl.String).str.zfill(5))
        dashed, plain = pl.concat_str("letters", "number", separator="-"), pl.concat_str("letters", "number")
        spaced = pl.concat_str(pl.col("letters").str.to_lowercase(), "number", separator=" ")
        form = pl.col("form")
        return frame.select(pl.when(form == 0).then(dashed).when(form == 1).then(plain).otherwise(spaced)).to_series()

    def products(self, rows: np.ndarray) -> pl.DataFrame:
        """The contract's product table for these rows."""
        listing = _Listings(self, rows)
        return pl.DataFrame(
            {
                "product_id": numbered("p", rows),
                "title": listing.titles(),
                "description": listing.descriptions(),
                "brand": listing.brands(),
                "vertical": pl.Series(VERTICALS).gather(self.lexicon.vertical[listing.items.type]),
                "attributes": listing.tables(),
                "price": listing.prices(),
            }
        )

    def truth(self, rows: np.ndarray) -> pl.DataFrame:
        """Which item each row lists, who sells it and what it is."""
        numbers = self.listing_items(rows)
        kinds = pl.Series([kind.name for kind in self.lexicon.types])
        return pl.DataFrame(
            {
                "product_id": numbered("p", rows),
                "item_id": numbered("i", numbers),
                "seller": numbered("s", self.sellers(rows), width=2),
                "product_type": kinds.gather(self.items(numbers).type),
            }
        )


class _Listings:
    """The texts of some rows: which facets are shown where, in which words."""

    def __init__(self, catalogue: Catalogue, rows: np.ndarray) -> None:
        self.rows = rows
        self.draws = catalogue.draws
        self.lexicon = catalogue.lexicon
        self.items = catalogue.items(catalogue.listing_items(rows))
        self.models = catalogue.model_texts(self.items, self.draws.uniform("model form", rows))
        self.sellers = catalogue.sellers(rows)
        self.config = catalogue.config
        attributes = self.items.facets[:, 2:]
        self.in_title = (self._u("in title", attributes.shape[1]) < self.config.title_attributes) & (attributes >= 0)
        self.has_model = self.items.model >= 0

    def _u(self, name: str, columns: int | None = None) -> np.ndarray:
        return self.draws.uniform(name, self.rows, columns)

    def _extra(self, number: int, name: str, share: np.ndarray | float) -> np.ndarray:
        """A phrase of `lexicon.extra` on a share of the rows."""
        entries = np.where(self._u(name) < share, number, -1)
        return self.lexicon.extra.pick(entries, np.sqrt(self._u(name + " form")))

    def _with_models(self, texts: pl.Series) -> pl.Series:
        """Put the model numbers where their mark stands."""
        frame = pl.DataFrame({"text": texts, "model": self.models})
        return frame.select(pl.col("text").str.replace(MODEL, pl.col("model"), literal=True)).to_series()

    def titles(self) -> pl.Series:
        """Titles by the seller's template; a few sellers shout, and a few slips of the pen."""
        lexicon, facets = self.lexicon, self.items.facets
        shown = np.where(self.in_title, facets[:, 2:], -1)
        parts = [
            lexicon.seller_facet.pick(np.where(self._u("brand in title") < 0.92, facets[:, 0], -1), np.zeros(1)),
            lexicon.seller_facet.pick(np.where(self._u("line in title") < 0.85, facets[:, 1], -1), np.zeros(1)),
            lexicon.seller_noun.pick(
                np.where(self._u("noun in title") < self.config.title_noun, self.items.type, -1), self._u("noun")
            ),
            np.where(self.has_model, self._extra(0, "model in title", 0.85), 0),
            self._extra(1, "addition", np.where(self.sellers % 4 == 0, 0.6, 0.05)),
        ]
        attributes = lexicon.seller_facet.pick(shown, self._u("title form", shown.shape[1]))
        layout = _TITLES[self.draws.below("template", self.rows, len(_TITLES))]
        keys = layout[:, [0, 1, 2, 3, 6]]
        attribute_keys = layout[:, [4]] + layout[:, [5]] * self._u("title order", shown.shape[1])
        texts = join_phrases(
            lexicon.phrases, np.column_stack([*parts, attributes]), np.column_stack([keys, attribute_keys])
        )
        return self._slips(self._with_models(texts))

    def _slips(self, titles: pl.Series) -> pl.Series:
        """Upper case for the sellers who shout; one typo in a share of the titles."""
        shouting = pl.Series(self.sellers % 20 == 7)
        titles = pl.select(pl.when(shouting).then(titles.str.to_uppercase()).otherwise(titles)).to_series()
        wrong = np.flatnonzero(self._u("title typo") < self.config.title_typos)
        where, how = self._u("typo place")[wrong], self._u("typo kind")[wrong]
        slipped = [misspell(*slip) for slip in zip(titles.gather(wrong).to_list(), where, how, strict=True)]
        return titles.scatter(wrong, pl.Series(slipped, dtype=pl.String))

    def tables(self) -> pl.Series:
        """The attributes as a JSON object: all that the title leaves out, most of the others."""
        attributes = self.items.facets[:, 2:]
        kept = (attributes >= 0) & (~self.in_title | (self._u("in table", attributes.shape[1]) < 0.7))
        entries = self.lexicon.table_facet.pick(
            np.where(kept, attributes, -1), self._u("table form", attributes.shape[1])
        )
        models = self.lexicon.table_model.pick(
            np.where(self.has_model & (self._u("model in table") < 0.6), 0, -1), np.zeros(1)
        )
        pieces = np.column_stack([entries, models])
        keys = np.broadcast_to(np.arange(pieces.shape[1]), pieces.shape)
        body = join_phrases(self.lexicon.phrases, pieces, keys, ", ")
        return "{" + self._with_models(body) + "}"

    def descriptions(self) -> pl.Series:
        """An opening, another product to go with, some attributes as sentences, service; null on some rows."""
        attributes = self.items.facets[:, 2:]
        told = (attributes >= 0) & (self._u("in description", attributes.shape[1]) < 0.35)
        sentences = self.lexicon.sentence_facet.pick(
            np.where(told, attributes, -1), self._u("sentence form", attributes.shape[1])
        )
        opening = self.lexicon.opening.pick(self.items.type, np.sqrt(self._u("opening")))
        related = np.where(self._u("mentions another") < self.config.mentions, self.items.type, -1)
        mention = self.lexicon.mention.pick(related, np.sqrt(self._u("mention")))
        pieces = np.column_stack([opening, mention, sentences, self._extra(2, "service", 0.4)])
        keys = np.broadcast_to(np.arange(pieces.shape[1]), pieces.shape)
        texts = join_phrases(self.lexicon.phrases, pieces, keys)
        return texts.set(pl.Series(self._u("no description") < 0.15), None)

    def brands(self) -> pl.Series:
        """The brand's name; null where neither the seller bothered nor the title needs it."""
        names = pl.Series([str(value) for _, value in self.lexicon.facets]).gather(self.items.facets[:, 0])
        missing = (self._u("brand in title") < 0.92) & (self._u("no brand") < 0.06)
        return names.set(pl.Series(missing), None)

    def prices(self) -> pl.Series:
        """The item's price, give or take the seller's margin, ending in 9 cents."""
        price = self.items.price * (0.92 + 0.16 * self._u("margin"))
        return pl.Series(np.maximum(0.49, np.round(price, 1) - 0.01).round(2))


def _coprime_step(size: int) -> int:
    """A step near the golden section of `size` without a common factor: its multiples visit every number once."""
    return next(step for step in range(int(size * 0.618) | 1, 2 * size + 3, 2) if math.gcd(step, size) == 1)


def numbered(prefix: str, numbers: np.ndarray, width: int = 7) -> pl.Series:
    """Ids such as `p0000042`."""
    return prefix + pl.Series(numbers).cast(pl.String).str.zfill(width)


def generate_products(
    config: Simulation | None = None, *, seed: int = 0, chunk_size: int = 50_000
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Stream the catalogue: frames of at most `chunk_size` products, each with its ground truth.

    Yields:
        (products, items): the contract's product table and (product_id, item_id, seller, product_type). The rows do
        not depend on the chunk size. Peak memory grows with `chunk_size` only.
    """
    config = config or Simulation()
    catalogue = Catalogue(config, seed)
    for start in range(0, catalogue.size, chunk_size):
        rows = np.arange(start, min(start + chunk_size, catalogue.size))
        yield catalogue.products(rows), catalogue.truth(rows)
