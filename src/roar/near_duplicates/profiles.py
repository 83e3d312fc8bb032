"""Products as rows of sparse matrices: what verification multiplies instead of looping over pairs.

`Profiles` reads every text once, slice by slice and from 50,000 products on in several processes (memory stays that of a slice
for each plus the matrices), and holds, per product: its weighted terms, its facts, its model numbers, and the accessory nouns of its title. Statistics of the
catalogue (how rare a term is) come from the products themselves; nothing is learned from labels.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from roar.attributes import declared
from roar.attributes.tables import IDLE, PIECE, dimensions, orders, scan_all, shapes, workers
from roar.near_duplicates import brands, editions, expressions, model_numbers, text, wording

NUMERAL = r"[\p{N}一二三四五六七八九十两半]"
"""A number of any script."""

SLICE = 50_000
"""Products that are read first, from which the phrases of all are learned; the others are read in several processes."""


@dataclass(frozen=True)
class Profiles:
    """All that is known of `size` products; every table has `row`, the product's place in the input."""

    size: int
    terms: pl.DataFrame
    """`row`, `term` (a 64-bit hash), `title`: whether the title has it or only the description; `code`: a model number."""
    facts: pl.DataFrame
    """`row`, `fact`: a 64-bit hash of a line of `dictionary`."""
    dictionary: pl.DataFrame
    """`fact`, `dimension`, `value`, `shown`, `strict`: see `wording` and `roar.attributes`; each fact once, sorted."""
    codes: pl.DataFrame
    """`row`, `code`, `stem`, `tail`, `piece`, `family`, `own`, `titled` (the title states it), `spoken` (no column alone does): model numbers."""
    mentions: pl.DataFrame
    """`row`, `fact`: brands that the title speaks of, as facts of the dictionary."""
    served: pl.DataFrame
    """`row`, `noun`: accessories for another product."""
    nouns: pl.DataFrame
    """`row`, `noun`: accessory nouns that the product mentions."""
    price: np.ndarray
    """(products,) float64, NaN where unknown."""

    @property
    def traits(self) -> pl.DataFrame:
        """Distinct `row`, `term`: what candidates share. Strict facts are words of the title already."""
        loose = self.dictionary.filter(~pl.col("strict")).select("fact")
        facts = self.facts.join(loose, on="fact", how="semi").select("row", term="fact")
        codes = self.codes.filter("own").select("row", term=pl.col("code").hash(seed=0))
        return pl.concat([self.terms.filter("title").select("row", "term"), facts, codes]).unique(maintain_order=True)

    @classmethod
    def read(cls, products: pl.DataFrame) -> "Profiles":
        """Read the texts of `products`."""
        learned: list[pl.DataFrame] = []
        first = _read_slice(products.head(SLICE), 0, learned)
        starts = range(SLICE, len(products), PIECE)
        processes = Parallel(n_jobs=workers(len(starts)), return_as="generator", idle_worker_timeout=IDLE)
        rest = processes(delayed(_read_apart)(products.slice(start, PIECE), start, learned) for start in starts)
        parts = [first, *tqdm(rest, desc="reading products", total=len(starts), disable=not starts)]
        tables = {name: pl.concat([part[name] for part in parts]) for name in parts[0]}
        tables["dictionary"] = tables["dictionary"].unique("fact", keep="first", maintain_order=True).sort("fact")
        price = products["price"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return cls(size=len(products), price=price, **tables)

    def of(self, rows: np.ndarray) -> "Profiles":
        """The profiles of some products alone, as if they had been read by themselves.

        Args:
            rows: places of products, sorted; those of the first slice among them, from which phrases are learned.
        """
        place = pl.DataFrame({"row": rows.astype(np.uint32), "place": np.arange(len(rows), dtype=np.uint32)})

        def kept(table: pl.DataFrame) -> pl.DataFrame:
            joined = table.join(place, on="row", how="inner", maintain_order="left")
            return joined.with_columns(row="place").select(table.columns)

        names = ("terms", "facts", "codes", "mentions", "served", "nouns")
        tables = {name: kept(getattr(self, name)) for name in names}
        known = self.dictionary.join(tables["facts"], on="fact", how="semi", maintain_order="left")
        return Profiles(size=len(rows), dictionary=known, price=self.price[rows], **tables)


def _read_apart(products: pl.DataFrame, start: int, learned: list[pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """`_read_slice` in a process of its own, which starts no further ones."""
    with parallel_config(backend="sequential"):
        return _read_slice(products, start, learned)


def _read_slice(products: pl.DataFrame, start: int, learned: list[pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Every table of `Profiles` for a slice that starts at row `start`; the first slice fills `learned`."""
    said, title = _read_text(products["title"], words=True)
    told, description = _read_text(products["description"], words=False)  # its quantities are terms, nothing more
    named, spoken, models = declared.read(products)
    spoken = spoken.drop("role")
    phrases = expressions.phrases(title.clear() if named.is_empty() else title)  # nothing declared, nothing to learn
    if not learned:
        learned.extend([expressions.learn(phrases, named), expressions.learn_lines(title, named)])
    named = expressions.apply(learned[0], phrases, named)
    named = pl.concat([named, expressions.product_lines(title, learned[1])]).with_columns(strict=False)
    loose = pl.concat([wording.series(title), editions.facts(model_numbers.without_served(title))]).with_columns(
        strict=False
    )
    facts = pl.concat([part.select(spoken.columns) for part in (said, loose, spoken, named)])
    facts = facts.with_columns(fact=pl.format("{}={}", "dimension", "value").hash(seed=2))
    spoken_of = brands.mentioned(title, named)
    terms = pl.concat(
        [
            *(table.with_columns(title=True) for table in (wording.terms(title), _measured(said))),
            *(table.with_columns(title=False) for table in (wording.terms(description), _measured(told))),
        ]
    )
    claims = editions.claims(title)
    nouns = pl.concat([wording.accessory_nouns(part).select("row", "noun") for part in (title, description)])
    tables = {
        "terms": terms.with_columns(pl.col("term").hash(seed=0)).unique(
            ["row", "term"], keep="first", maintain_order=True
        ),
        "facts": facts.select("row", "fact").unique(maintain_order=True),
        "codes": model_numbers.codes(title, models),
        "mentions": spoken_of.select("row", fact=pl.format("brand={}", "brand").hash(seed=2)),
        "served": pl.concat([wording.served(title), claims]).unique(),
        "nouns": pl.concat([nouns, claims]).unique(),
    }
    offset = pl.lit(start, dtype=pl.UInt32)
    tables = {name: table.with_columns(pl.col("row") + offset) for name, table in tables.items()}
    dictionary = facts.select("fact", "dimension", "value", "shown", "strict").unique(
        "fact", keep="first", maintain_order=True
    )
    return tables | {"dictionary": dictionary}


def _read_text(texts: pl.Series, *, words: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The facts of a text column, and its other words as analysed tokens; without `words` only texts with numbers are read."""
    texts = texts.str.slice(0, text.LONGEST)
    read = texts if words else pl.select(pl.when(texts.str.contains(NUMERAL)).then(texts)).to_series()
    facts, rest = scan_all(read)
    words_left = pl.select(pl.coalesce(rest, texts).alias(texts.name))
    strict = pl.concat([dimensions(facts), shapes(facts)]).with_columns(strict=True)
    stated = pl.concat([strict, orders(facts).with_columns(strict=False)])
    return stated, wording.analyse(text.tokens(words_left, texts.name))


def _measured(facts: pl.DataFrame) -> pl.DataFrame:
    """Quantities as terms: "1.5 l" and "1500 ml" are one word."""
    return (
        facts.filter("measured")
        .select("row", term=pl.format("{}={}", "dimension", "value"), code=False)
        .unique(maintain_order=True)
    )
