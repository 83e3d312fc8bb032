"""Two listings side by side: every kind of evidence about many pairs at once, as sparse algebra.

A contradiction between strict facts (64 GB and 128 GB, black and white, a pack of 2 and a pack of 6) is a veto. A fact
missing on one side counts neither way. Two listings contradict each other on a dimension when each says something that
the other does not: {black} and {black, white} do not, {black, red} and {black, white} do.

Everything is a product of matrices over the rows of `Profiles`; cost is linear in the number of pairs.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from roar.near_duplicates.brands import heads
from roar.near_duplicates.profiles import Profiles
from roar.parameters import DuplicateEvidence

USUAL, UNLIKE = 3.0, 8.0
"""Multiples of the usual price gap: where unlikeness begins (1 in 20 listings of one item differs more), and how far on it
is complete."""

SMALLEST_GAP = 0.03
"""However alike prices are, 3% is a usual difference."""

MODEL_LISTINGS = 10
"""What more listings state is a standard ("ipx7"), not a model."""

SERIES = 5
"""What more titles state is a series, as a rule."""

LONGER = 0.5
"""Share of what the longer title says alone that counts against a pair."""

CONFIRMED = 0.1
"""Share of columns' model numbers that titles state, from which columns name models."""

DOUBT = 0.5
"""Weight of loose contradictions from which two products exclude one another."""

ENOUGH = 50
"""Pairs of listings from which a usual price gap is learned."""


@dataclass(frozen=True)
class Comparison:
    """Matrices over products (rows), ready for pairs; every method takes row arrays `a` and `b` of one length."""

    title: sp.csr_matrix
    words: sp.csr_matrix
    """Titles without their model numbers (those that accessories serve are words), each word with its information, 0 … 1."""
    full_text: sp.csr_matrix
    facts: sp.csr_matrix
    said: sp.csr_matrix
    """Facts of each product (rows) on each dimension."""
    dimension_of: sp.csr_matrix
    dimensions: pl.Series
    brand: sp.csr_matrix
    """Brands that a product's column names, or its title alone (columns: names, or the first name of one brand)."""
    mentioned: sp.csr_matrix
    """Brands that its title speaks of, or that begin its brand's name; the same columns."""
    brands: pl.DataFrame
    """`brand`, `shown`: the names."""
    strict: np.ndarray
    loose_weight: np.ndarray
    """What a difference weighs; 0 for strict dimensions, whose differences are vetoes."""
    information: np.ndarray
    coded: np.ndarray
    """Whether the title states a model number."""
    numbered: np.ndarray
    """Whether the product states one, in its title or a column."""
    codes: pl.DataFrame
    """`row`, `code`, `stem`, `own`, `titled`: see `Profiles`."""
    code: sp.csr_matrix
    titled_code: sp.csr_matrix
    own_code: sp.csr_matrix
    code_or_stem: sp.csr_matrix
    own_family: sp.csr_matrix
    served: sp.csr_matrix
    nouns: sp.csr_matrix
    price: np.ndarray
    usual_gap: float | None
    """Mean absolute log ratio of the prices of listings with one model number, or as learned; None where too few tell."""

    @classmethod
    def of(cls, profiles: Profiles) -> "Comparison":
        """Turn the tables of `profiles` into matrices."""
        n = profiles.size
        facts = _incidence(profiles.facts, "fact", n, profiles.dictionary["fact"])
        dimensions = profiles.dictionary.group_by("dimension").agg(pl.col("strict").any()).sort("dimension")
        dimension_of = _grouping(profiles.dictionary["dimension"], dimensions["dimension"])
        codes, titled = profiles.codes, profiles.codes.filter("titled")
        coding = titled.select("row", term=pl.col("code").hash(seed=0))
        plain = profiles.terms.filter("title").join(coding, on=["row", "term"], how="anti", maintain_order="left")
        nouns = pl.concat([profiles.served, profiles.nouns])["noun"].unique().sort()
        brand, mentioned, brands = _brands(profiles)
        return cls(
            title=_tfidf(profiles.terms.filter("title"), n),
            words=_informed(plain, n),
            full_text=_tfidf(profiles.terms, n),
            facts=facts,
            said=(facts @ dimension_of).tocsr(),
            dimension_of=dimension_of,
            dimensions=dimensions["dimension"],
            brand=brand,
            mentioned=mentioned,
            brands=brands,
            strict=dimensions["strict"].to_numpy(),
            loose_weight=(~dimensions["strict"]).cast(pl.Float64).to_numpy(),
            information=_information(facts),
            coded=np.bincount(titled["row"].to_numpy(), minlength=n) > 0,
            numbered=np.bincount(codes["row"].to_numpy(), minlength=n) > 0,
            codes=codes,
            **_model_numbers(codes, n),
            served=_incidence(profiles.served, "noun", n, nouns),
            nouns=_incidence(profiles.nouns, "noun", n, nouns),
            price=profiles.price,
            usual_gap=_usual_gap(codes.filter("own"), profiles.price),
        )

    def weighing(self, columns: pl.DataFrame, usual_gap: float | None) -> "Comparison":
        """The same with what differences in `columns` (`dimension`, `weight`) and in prices weigh; others keep their weight."""
        known = pl.DataFrame({"dimension": self.dimensions, "own": self.loose_weight})
        weight = known.join(columns, on="dimension", how="left", maintain_order="left")
        learned = weight.select(pl.when(pl.col("own") > 0).then(pl.coalesce("weight", "own")).otherwise(0.0))
        return replace(self, loose_weight=learned.to_series().to_numpy(), usual_gap=usual_gap)

    def signals(self, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> dict[str, np.ndarray]:
        """Every kind of evidence: counts and flags, but `text` and `price` in [0, 1], and information."""
        contradictions, vetoes, agreements = self.facts_compared(a, b)
        model, stem, siblings = self.models_compared(a, b)
        return {
            "text": self.text(a, b, config.description),
            "model": model,
            "stem": stem,
            "siblings": siblings,
            "others": self.coded[a] & self.coded[b] & ~model & ~stem,
            "agreements": agreements,
            "contradictions": contradictions,
            "vetoes": vetoes,
            "accessory": self.serves(a, b),
            "price": self.prices_compared(a, b, config.price_factor),
        }

    def text(self, a: np.ndarray, b: np.ndarray, description: float) -> np.ndarray:
        """Cosine of the titles, mixed with that of titles and descriptions by the share `description`."""
        title, full_text = (_dot(matrix, matrix, a, b) for matrix in (self.title, self.full_text))
        return (1 - description) * title + description * full_text

    def serves(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Whether only one is an accessory of its kind."""
        accessory = np.diff(self.served.indptr) > 0
        result = np.zeros(len(a), dtype=bool)
        either = np.flatnonzero(accessory[a] | accessory[b])
        x, y = a[either], b[either]
        result[either] = _missing(self.served[x], self.nouns[y]) + _missing(self.served[y], self.nouns[x]) > 0
        return result

    def unlike(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Information of what only one of two titles says: the lesser of the two sides, and a part of the greater, since a
        shorter title may leave out what is so.
        """
        shared = _dot(self.words, self.words.sign(), a, b)
        whole = _sum(self.words)
        one, other = whole[a] - shared, whole[b] - shared
        return np.maximum(np.minimum(one, other) + LONGER * np.maximum(one, other), 0.0)

    def listed_again(self, *, contradicted: bool) -> np.ndarray:
        """(products,) int: further titles that share a model number with a product's, among the few that state it.

        `contradicted`: also where two of its listings contradict each other, as those of a series do.
        """
        shared = self.codes.filter("titled").select("row", "code").filter(pl.len().over("code").is_between(2, SERIES))
        pairs = shared.join(shared, on="code", suffix="_b").filter(pl.col("row") < pl.col("row_b"))
        a, b = pairs["row"].to_numpy(), pairs["row_b"].to_numpy()
        contradictions, vetoes, _ = self.facts_compared(a, b)
        against = pl.Series((vetoes > 0) | (contradictions >= DOUBT), dtype=pl.Boolean)
        pairs = pairs.with_columns(against=against)
        sure = pairs.filter(~pl.col("against") if contradicted else ~pl.col("against").any().over("code"))
        ends = pl.concat([sure["row"], sure["row_b"]]).to_numpy()
        return np.bincount(ends, minlength=len(self.price))

    def without_series(self) -> "Comparison":
        """The same where a number that more than `SERIES` titles state names a series, and no model."""
        titles = pl.col("titled").sum().over("code")
        return replace(self, **_model_numbers(self.codes.filter(titles <= SERIES), len(self.price)))

    def facts_compared(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Dimensions contradicted loosely (weighed) and strictly (vetoes), and the information in shared facts."""
        against, common, _ = self._against(a, b)
        return against @ self.loose_weight, against @ self.strict, common @ self.information

    def dimensions_compared(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each dimension, the pairs that both state it, and those that contradict each other on it."""
        against, _, both = self._against(a, b)
        return np.asarray(both.sum(axis=0)).ravel(), np.asarray(against.sum(axis=0)).ravel()

    def values(self, dimension: str, rows: np.ndarray) -> np.ndarray:
        """The first fact (its column in `facts`) that each row states on a dimension; -1 where it states none."""
        of = np.flatnonzero(
            self.dimension_of[:, int(np.flatnonzero(self.dimensions == dimension)[0])].toarray().ravel()
        )
        first = _first(self.facts[rows][:, of].tocsr())
        first[first >= 0] = of[first[first >= 0]]
        return first

    def _against(self, a: np.ndarray, b: np.ndarray) -> tuple[sp.csr_matrix, sp.csr_matrix, sp.csr_matrix]:
        """(pairs, dimensions) contradicted; (pairs, facts) shared; (pairs, dimensions) stated by both."""
        against, common, both = self._said_apart(a, b)
        return self._without_one_brand(against, a, b), common, both

    def _said_apart(self, a: np.ndarray, b: np.ndarray) -> tuple[sp.csr_matrix, sp.csr_matrix, sp.csr_matrix]:
        common = self.facts[a].multiply(self.facts[b]).tocsr()
        fewer = self.said[a].minimum(self.said[b])  # both say something that the other does not: more than they share
        return (fewer - common @ self.dimension_of).sign().tocsr(), common, fewer.sign()

    def _without_one_brand(self, against: sp.csr_matrix, a: np.ndarray, b: np.ndarray) -> sp.csr_matrix:
        """`against` without brands that are one, or that the other's title speaks of."""
        at = np.flatnonzero(against.indices == self.dimensions.index_of("brand"))
        pair = np.searchsorted(against.indptr, at, side="right") - 1
        against.data[at[self.one_brand(a[pair], b[pair])]] = 0
        return against

    def one_brand(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Whether both name one brand, or the title of one speaks of the other's."""
        named, mentioned = self.brand, self.mentioned
        return _dot(named, named, a, b) + _dot(named, mentioned, a, b) + _dot(mentioned, named, a, b) > 0

    def naming(self, aliases: pl.DataFrame) -> "Comparison":
        """The same where further names (`brand`, `other`) are one brand."""
        if aliases.is_empty():
            return self
        grouped = _one_brand(self.brands["brand"], aliases)
        return replace(self, brand=self.brand @ grouped, mentioned=self.mentioned @ grouped)

    def brands_of(self, a: np.ndarray, b: np.ndarray) -> pl.DataFrame:
        """`one`, `other`: the first brands of the pairs of which both name one."""
        names = self.brands["brand"]
        one, other = (_first(self.brand[rows]) for rows in (a, b))
        both = (one >= 0) & (other >= 0)
        return pl.DataFrame({"one": names.gather(one[both]), "other": names.gather(other[both])})

    def models_compared(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whether a model number is shared; shared but for a suffix; of one family and different."""
        model, stem, family = np.zeros((3, len(a)), dtype=bool)
        both = np.flatnonzero(self.numbered[a] & self.numbered[b])
        x, y = a[both], b[both]
        model[both] = _dot(self.own_code, self.code, x, y) + _dot(self.code, self.own_code, x, y) > 0
        stem[both] = _dot(self.own_code, self.code_or_stem, x, y) + _dot(self.code_or_stem, self.own_code, x, y) > 0
        family[both] = _dot(self.own_family, self.own_family, x, y) > 0
        return model, stem & ~model, family & ~stem & ~model

    def titled_alike(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Whether a model number is shared that one of the titles states."""
        return _dot(self.titled_code, self.code, a, b) + _dot(self.code, self.titled_code, a, b) > 0

    def prices_compared(self, a: np.ndarray, b: np.ndarray, factor: float) -> np.ndarray:
        """How unlike the prices are, from 0 to 1; 0 where one is missing or not positive.

        Where the catalogue shows how far prices of one item differ as a rule, up to `USUAL` times that says nothing, and
        unlikeness then grows by the log odds of an exponential spread; otherwise it is 1 at `factor` times the price.
        """
        gap = self.price_gaps(a, b)
        gap = np.where(np.isfinite(gap), gap, 0.0)
        if self.usual_gap is None:
            return np.minimum(gap / np.log(factor), 1.0)
        return np.clip((gap / self.usual_gap - USUAL) / UNLIKE, 0.0, 1.0)

    def price_gaps(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Absolute log ratios of prices; not finite where one is missing or not positive."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.abs(np.log(self.price[a]) - np.log(self.price[b]))

    def contradict(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Whether each two products cannot be one item: they contradict each other, or are siblings of one family."""
        contradictions, vetoes, _ = self.facts_compared(a, b)
        return (contradictions >= DOUBT) | (vetoes > 0) | self.models_compared(a, b)[2]


PARTS = ("stem", "tail", "piece")
"""Parts of a model number that another listing may state alone."""


def _model_numbers(codes: pl.DataFrame, products: int) -> dict[str, sp.csr_matrix]:
    own = codes.filter("own")
    parts = [own.select("row", code=part).drop_nulls() for part in PARTS]
    forms = pl.concat([codes.select("row", "code"), *parts])
    known = forms["code"].unique().sort()
    tables = {"code": codes, "titled_code": codes.filter("titled"), "own_code": own, "code_or_stem": forms}
    matrices = {name: _incidence(table, "code", products, known) for name, table in tables.items()}
    return matrices | {"own_family": _incidence(_siblings(codes), "family", products)}


def _brands(profiles: Profiles) -> tuple[sp.csr_matrix, sp.csr_matrix, pl.DataFrame]:
    """Brands named, brands spoken of, and their names."""
    known = profiles.dictionary.filter(pl.col("dimension") == "brand").select("fact", brand="value", shown="shown")
    of = profiles.facts.join(known.select("fact"), on="fact", how="semi")
    begun = heads(known.select("brand", "shown")).join(known.select("brand", of="fact"), on="brand")
    begun = of.join(begun, left_on="fact", right_on="of").select("row", brand="other").join(known, on="brand")
    spoken = profiles.mentions.join(known.select("fact"), on="fact", how="semi")
    brand, mentioned = (
        _incidence(table, "fact", profiles.size, known["fact"])
        for table in (of, pl.concat([spoken, begun.select("row", "fact")]))
    )
    return brand, mentioned, known.select("brand", "shown")


def _one_brand(names: pl.Series, same: pl.DataFrame) -> sp.csr_matrix:
    """0/1 matrix (names, names): each name to the first of those that are one brand with it."""
    place = pl.DataFrame({"brand": names}).with_row_index("place")
    ends = same.join(place, on="brand").join(place, left_on="other", right_on="brand", suffix="_other")
    n = len(names)
    graph = sp.coo_matrix(
        (np.ones(len(ends)), (ends["place"].to_numpy(), ends["place_other"].to_numpy())), shape=(n, n)
    )
    component = connected_components(graph, directed=False)[1] if n else np.zeros(0, dtype=int)
    first = np.unique(component, return_index=True)[1][component] if n else component
    return sp.csr_matrix((np.ones(n, dtype=np.float32), (np.arange(n), first)), shape=(n, n))


def _first(matrix: sp.csr_matrix) -> np.ndarray:
    """The first column of each row; -1 where it has none."""
    matrix.sort_indices()
    counts = np.diff(matrix.indptr)
    first = np.full(matrix.shape[0], -1)
    first[counts > 0] = matrix.indices[matrix.indptr[:-1][counts > 0]]
    return first


def _siblings(codes: pl.DataFrame) -> pl.DataFrame:
    """Model numbers whose shape names a family: those of titles, and those of columns where titles state enough of them, or
    the shop's own numbers, all of one shape, would be siblings.
    """
    told = codes.filter("own").with_columns(confirmed=pl.col("spoken").any().over("code"))
    share = told.filter(~pl.col("spoken"))["confirmed"].mean() or 0.0
    named = pl.col("family").str.contains(r"^\p{L}") & (share >= CONFIRMED)  # type: ignore[operator]  # a number
    return told.filter(pl.col("confirmed") | named)


def _usual_gap(own_codes: pl.DataFrame, price: np.ndarray) -> float | None:
    """Learned from listings that state the same model number, each with the next."""
    logs = np.log(price, where=price > 0, out=np.full(len(price), np.nan))
    codes = own_codes.select("code", "row").unique().filter(pl.len().over("code") <= MODEL_LISTINGS).sort("code", "row")
    priced = codes.with_columns(log=logs[codes["row"].to_numpy()]).filter(pl.col("log").is_finite())
    gaps = priced.select(gap=pl.col("log").diff().over("code").abs()).drop_nulls()["gap"]
    return max(float(gaps.mean()), SMALLEST_GAP) if len(gaps) >= ENOUGH else None  # type: ignore[arg-type]  # not empty


def _incidence(table: pl.DataFrame, column: str, products: int, values: pl.Series | None = None) -> sp.csr_matrix:
    """0/1 matrix (products, values) of a table with `row`; `values` fixes the columns, where two matrices must align."""
    values = table[column].unique().sort() if values is None else values
    places = pl.DataFrame({column: values}).with_columns(place=pl.int_range(pl.len(), dtype=pl.Int32))
    cells = table.select("row", column).unique().join(places, on=column)
    ends = cells["row"].to_numpy(), cells["place"].to_numpy()
    return sp.csr_matrix((np.ones(len(cells), dtype=np.float32), ends), shape=(products, len(values)))


def _tfidf(terms: pl.DataFrame, products: int) -> sp.csr_matrix:
    """Rows of unit length; a term's weight is log(1 + products / products that have it)."""
    incidence = _incidence(terms, "term", products)
    frequency = np.bincount(incidence.indices, minlength=incidence.shape[1])
    weighted = incidence.multiply(np.log1p(products / np.maximum(frequency, 1)).astype(np.float32)).tocsr()
    norm = np.sqrt(_sum(weighted.multiply(weighted)))
    return (sp.diags(1 / np.maximum(norm, 1e-9)) @ weighted).tocsr().astype(np.float32)


def _informed(terms: pl.DataFrame, products: int) -> sp.csr_matrix:
    """A term's weight is its information: log(products / products that have it), as a share of log(products)."""
    incidence = _incidence(terms, "term", products)
    frequency = np.bincount(incidence.indices, minlength=incidence.shape[1])
    information = np.log(products / np.maximum(frequency, 1)) / np.log(max(products, 2))
    return incidence.multiply(information.astype(np.float32)).tocsr()


def _information(facts: sp.csr_matrix) -> np.ndarray:
    """How much each fact says, from 0 (all products have it) to nearly 1 (two have)."""
    products = max(facts.shape[0], 2)
    return np.log(products / np.maximum(np.bincount(facts.indices, minlength=facts.shape[1]), 1)) / np.log(products)


def _grouping(member: pl.Series, groups: pl.Series) -> sp.csr_matrix:
    """0/1 matrix (members, groups)."""
    column = member.replace_strict(groups, np.arange(len(groups)), return_dtype=pl.Int64).to_numpy()
    return sp.csr_matrix((np.ones(len(member)), (np.arange(len(member)), column)), shape=(len(member), len(groups)))


def _dot(left: sp.csr_matrix, right: sp.csr_matrix, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _sum(left[a].multiply(right[b]))


def _missing(claimed: sp.csr_matrix, mentioned: sp.csr_matrix) -> np.ndarray:
    return _sum(claimed) - _sum(claimed.multiply(mentioned))


def _sum(matrix: sp.spmatrix) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()
