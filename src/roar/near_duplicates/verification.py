"""Are two listings one item? Text brings them together, attributes decide.

The score of a pair is a sum of evidence, each weight a parameter and the same for every catalogue:

    score = text + model number + agreements - contradictions - unlike prices - accessory - competition

where text is the cosine of TF-IDF vectors (of the titles, and of titles with descriptions). A contradiction between
strict facts (64 GB and 128 GB, black and white, a pack of 2 and a pack of 6) is a veto: no score outweighs it. A fact
missing on one side counts neither way. Two listings contradict each other on a dimension when each says something that
the other does not: {black} and {black, white} do not, {black, red} and {black, white} do.

All of it is sparse algebra over the rows of `Profiles`; cost is linear in the number of pairs.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from scipy.special import expit
from tqdm import tqdm

from roar.near_duplicates.profiles import Profiles
from roar.parameters import DuplicateEvidence

CHUNK = 200_000
"""Pairs compared at a time."""


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
        )

    def signals(self, a: np.ndarray, b: np.ndarray, description: float) -> dict[str, np.ndarray]:
        """Every kind of evidence: counts and flags, but `text` in [0, 1], information and a log ratio of prices."""
        contradictions, vetoes, agreements = self.facts_compared(a, b)
        model, stem, siblings = self.models_compared(a, b)
        serves = _missing(self.served[a], self.nouns[b]) + _missing(self.served[b], self.nouns[a])
        return {
            "text": self.text(a, b, description),
            "model": model,
            "stem": stem,
            "siblings": siblings,
            "agreements": agreements,
            "contradictions": contradictions,
            "vetoes": vetoes,
            "accessory": serves > 0,
            "price": self.price_gap(a, b),
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

    def price_gap(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Absolute log ratio of the prices; 0 where one is missing or not positive."""
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.abs(np.log(self.price[a]) - np.log(self.price[b]))
        return np.where(np.isfinite(gap), gap, 0.0)


def score(
    comparison: Comparison, a: np.ndarray, b: np.ndarray, config: DuplicateEvidence
) -> tuple[np.ndarray, np.ndarray]:
    """Similarity in [0, 1] and veto of each pair; a pair at or above 0.5 is accepted, a vetoed one has 0.

    Competition comes last, since it looks at all given pairs: the score falls with the distance to the best
    unvetoed pair of either product, because the second best of a shop's range is, as a rule, its sibling. A shared model
    number stands above competition.
    """
    parts = [
        _weigh(comparison.signals(a[i : i + CHUNK], b[i : i + CHUNK], config.description), config)
        for i in tqdm(range(0, len(a), CHUNK), desc="verifying pairs", disable=len(a) <= CHUNK)
    ]
    empty = np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    raw, veto, model = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    best = np.full(len(comparison.price), -np.inf)
    for side in (a, b):
        np.maximum.at(best, side, np.where(veto, -np.inf, raw))
    lead = np.minimum(np.maximum(best[a], best[b]) - raw, 1.0)
    final = raw - config.competition * np.where(veto | model, 0.0, lead)
    return np.where(veto, 0.0, expit(config.steepness * (final - config.threshold))), veto


def _weigh(signals: dict[str, np.ndarray], config: DuplicateEvidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The score before competition, vetoes, shared model numbers."""
    raw = (
        signals["text"]
        + config.model_number * signals["model"]
        + config.model_stem * signals["stem"]
        - config.sibling_model * signals["siblings"]
        + config.agreement * np.minimum(signals["agreements"], config.enough_agreement)
        - config.contradiction * np.minimum(signals["contradictions"], 2)
        - config.accessory * signals["accessory"]
        - config.price * np.minimum(signals["price"] / np.log(config.price_factor), 1.0)
    )
    return raw, signals["vetoes"] > 0, signals["model"]


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
