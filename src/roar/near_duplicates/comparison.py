"""Two listings side by side: every kind of evidence about many pairs at once, as sparse algebra.

A contradiction between strict facts (64 GB and 128 GB, black and white, a pack of 2 and a pack of 6) is a veto. A fact
missing on one side counts neither way. Two listings contradict each other on a dimension when each says something that
the other does not: {black} and {black, white} do not, {black, red} and {black, white} do.

Everything is a product of matrices over the rows of `Profiles`; cost is linear in the number of pairs.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp

from roar.near_duplicates.profiles import Profiles
from roar.parameters import DuplicateEvidence

USUAL, UNLIKE = 3.0, 8.0
"""Multiples of the usual price gap: where unlikeness begins (1 in 20 listings of one item differs more), and how far on it
is complete."""

SMALLEST_GAP = 0.03
"""However alike prices are, 3% is a usual difference."""

MODEL_LISTINGS = 10
"""What more listings state is a standard ("ipx7"), not a model."""

ENOUGH = 50
"""Pairs of listings from which a usual price gap is learned."""


@dataclass(frozen=True)
class Comparison:
    """Matrices over products (rows), ready for pairs; every method takes row arrays `a` and `b` of one length."""

    title: sp.csr_matrix
    full_text: sp.csr_matrix
    facts: sp.csr_matrix
    dimension_of: sp.csr_matrix
    strict: np.ndarray
    information: np.ndarray
    code: sp.csr_matrix
    own_code: sp.csr_matrix
    code_or_stem: sp.csr_matrix
    own_family: sp.csr_matrix
    served: sp.csr_matrix
    nouns: sp.csr_matrix
    price: np.ndarray
    usual_gap: float | None
    """Mean absolute log ratio of the prices of listings with one model number; None where too few tell."""

    @classmethod
    def of(cls, profiles: Profiles) -> "Comparison":
        """Turn the tables of `profiles` into matrices."""
        n = profiles.size
        facts = _incidence(profiles.facts, "fact", n, profiles.dictionary["fact"])
        dimensions = profiles.dictionary.group_by("dimension").agg(pl.col("strict").any()).sort("dimension")
        codes = profiles.codes
        own = codes.filter("own")
        forms = pl.concat([codes.select("row", "code"), own.select("row", code="stem")])
        known = forms["code"].unique().sort()
        nouns = pl.concat([profiles.served, profiles.nouns])["noun"].unique().sort()
        return cls(
            title=_tfidf(profiles.terms.filter("title"), n),
            full_text=_tfidf(profiles.terms, n),
            facts=facts,
            dimension_of=_grouping(profiles.dictionary["dimension"], dimensions["dimension"]),
            strict=dimensions["strict"].to_numpy(),
            information=_information(facts),
            code=_incidence(codes, "code", n, known),
            own_code=_incidence(own, "code", n, known),
            code_or_stem=_incidence(forms, "code", n, known),
            own_family=_incidence(own, "family", n),
            served=_incidence(profiles.served, "noun", n, nouns),
            nouns=_incidence(profiles.nouns, "noun", n, nouns),
            price=profiles.price,
            usual_gap=_usual_gap(own, profiles.price),
        )

    def signals(self, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence) -> dict[str, np.ndarray]:
        """Every kind of evidence: counts and flags, but `text` and `price` in [0, 1], and information."""
        contradictions, vetoes, agreements = self.facts_compared(a, b)
        model, stem, siblings = self.models_compared(a, b)
        serves = _missing(self.served[a], self.nouns[b]) + _missing(self.served[b], self.nouns[a])
        return {
            "text": self.text(a, b, config.description),
            "model": model,
            "stem": stem,
            "siblings": siblings,
            "agreements": agreements,
            "contradictions": contradictions,
            "vetoes": vetoes,
            "accessory": serves > 0,
            "price": self.prices_compared(a, b, config.price_factor),
        }

    def text(self, a: np.ndarray, b: np.ndarray, description: float) -> np.ndarray:
        """Cosine of the titles, mixed with that of titles and descriptions by the share `description`."""
        return (1 - description) * _dot(self.title, self.title, a, b) + description * _dot(
            self.full_text, self.full_text, a, b
        )

    def facts_compared(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers of dimensions contradicted loosely and strictly (vetoes), and the information in shared facts."""
        facts_a, facts_b = self.facts[a], self.facts[b]
        common = facts_a.multiply(facts_b).tocsr()
        shared = common @ self.dimension_of
        said_a, said_b = facts_a @ self.dimension_of, facts_b @ self.dimension_of
        only_a = said_a.multiply(said_b.sign()) - shared
        only_b = said_b.multiply(said_a.sign()) - shared
        against = only_a.sign().multiply(only_b.sign()).tocsr()
        return against @ (~self.strict), against @ self.strict, common @ self.information

    def models_compared(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whether a model number is shared; shared but for a suffix; of one family and different."""
        model = _dot(self.own_code, self.code, a, b) + _dot(self.code, self.own_code, a, b) > 0
        stem = _dot(self.own_code, self.code_or_stem, a, b) + _dot(self.code_or_stem, self.own_code, a, b) > 0
        family = _dot(self.own_family, self.own_family, a, b) > 0
        return model, stem & ~model, family & ~stem & ~model

    def prices_compared(self, a: np.ndarray, b: np.ndarray, factor: float) -> np.ndarray:
        """How unlike the prices are, from 0 to 1; 0 where one is missing or not positive.

        Where the catalogue shows how far prices of one item differ as a rule, up to `USUAL` times that says nothing, and
        unlikeness then grows by the log odds of an exponential spread; otherwise it is 1 at `factor` times the price.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.abs(np.log(self.price[a]) - np.log(self.price[b]))
        gap = np.where(np.isfinite(gap), gap, 0.0)
        if self.usual_gap is None:
            return np.minimum(gap / np.log(factor), 1.0)
        return np.clip((gap / self.usual_gap - USUAL) / UNLIKE, 0.0, 1.0)

    def contradict(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Whether each two products cannot be one item: they contradict each other, or are siblings of one family."""
        contradictions, vetoes, _ = self.facts_compared(a, b)
        return (contradictions > 0) | (vetoes > 0) | self.models_compared(a, b)[2]


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
