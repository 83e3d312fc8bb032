"""Pairs with the query written differently, because shoppers do: short, hurried, misspelt, in their own words.

Each query of the other sources is edited in a way drawn for it (`edits`, and synonyms mined by `synonyms`); its products
stay. An edit counts only if near-duplicate detection reads the same facts from both texts, so that 64 GB cannot become
128 GB whatever the rules do; and only if it is no variant of a held-out query. How a pair was made is its provenance.

Cost: some 50 microseconds a query, and one reading of the new texts.
"""

from collections.abc import Collection, Mapping

import numpy as np
import polars as pl

from roar.attributes.tables import dimensions, scan_all
from roar.near_duplicates import wording
from roar.near_duplicates.text import tokens
from roar.parameters import AugmentationSource
from roar.training_sets.edits import EDITS, Edit, Words
from roar.training_sets.variants import query_variants


def augmented(
    pairs: pl.DataFrame,
    forbidden: pl.Series,
    vocabulary: Collection[str],
    synonyms: Mapping[str, str],
    config: AugmentationSource | None = None,
    *,
    seed: int,
) -> pl.DataFrame:
    """Write the queries of `pairs` differently.

    Args:
        pairs: query, variant_group, product_id, weight.
        forbidden: held-out queries and their variants.
        vocabulary: the shop's words in lower case; no slip may make one of them.
        synonyms: word to word, in lower case.
        config: copies of a query, and the weights of the kinds of edit.
        seed: of the draws; a query's edits depend on the seed and the query alone.

    Returns:
        query, variant_group (that of the query it was made from), product_id, weight, provenance ("keyboard", ...).
    """
    config = config or AugmentationSource()
    texts = pairs.select("query").unique().sort("query")
    edits = pl.DataFrame(
        [
            (text, kind, edited)
            for text, key in zip(texts["query"], texts["query"].hash(seed), strict=True)
            for kind, edited in _edit(text, vocabulary, synonyms, config, np.random.default_rng([seed, key]))
        ],
        schema={"query": pl.String, "provenance": pl.String, "edited": pl.String},
        orient="row",
    ).unique(["query", "edited"], keep="first", maintain_order=True)
    edits = edits.filter(same_facts(edits["query"], edits["edited"]))
    edits = edits.filter(~variants_of(edits["edited"], forbidden))
    return pairs.join(edits, on="query").select(
        pl.col("edited").alias("query"), "variant_group", "product_id", "weight", "provenance"
    )


def _edit(
    text: str,
    vocabulary: Collection[str],
    synonyms: Mapping[str, str],
    config: AugmentationSource,
    random: np.random.Generator,
) -> list[tuple[str, str]]:
    """Up to `copies` edits (kind, new text): kinds in an order drawn by weight, the first that have something to do."""
    known: dict[str, Edit] = EDITS | {"synonym": _by_synonym(synonyms)}
    weights = {kind: weight for kind, weight in config.kinds.model_dump().items() if weight > 0}
    # The smallest exponential variates come first: a weighted order without replacement (Efraimidis and Spirakis 2006).
    turn = random.exponential(size=len(weights)) / np.array(list(weights.values()))
    found: list[tuple[str, str]] = []
    for kind in np.array(list(weights))[np.argsort(turn)].tolist():
        words = known[kind](text.split(), vocabulary, random)
        if words and (edited := " ".join(words)) != text:
            found.append((kind, edited))
        if len(found) == config.copies:
            break
    return found


def _by_synonym(synonyms: Mapping[str, str]) -> Edit:
    def synonym(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
        """One word replaced by its synonym."""
        places = [i for i, word in enumerate(words) if word.lower() in synonyms]
        if not places:
            return None
        i = places[int(random.integers(len(places)))]
        return [*words[:i], synonyms[words[i].lower()], *words[i + 1 :]]

    return synonym


def same_facts(texts: pl.Series, others: pl.Series) -> pl.Series:
    """Whether each two texts say the same about attributes: every quantity, pack, colour, audience, size and series."""
    one, other = _facts(texts), _facts(others)
    differ = pl.concat([one.join(other, on=one.columns, how="anti"), other.join(one, on=one.columns, how="anti")])
    return ~pl.Series(range(len(texts)), dtype=pl.UInt32).is_in(differ["row"].implode())


def _facts(texts: pl.Series) -> pl.DataFrame:
    facts, rest = scan_all(texts.alias("text"), kind="query")
    series = wording.series(wording.analyse(tokens(rest.to_frame(), "text")))
    both = pl.concat([table.select("row", "dimension", "value") for table in (dimensions(facts), series)])
    return both.unique()


def variants_of(texts: pl.Series, forbidden: pl.Series) -> pl.Series:
    """Whether each text is a variant of a forbidden one."""
    groups = query_variants(pl.concat([texts, forbidden]))
    held_out = groups.join(forbidden.alias("query").to_frame(), on="query", how="semi")["variant_group"]
    touched = groups.filter(pl.col("variant_group").is_in(held_out.implode()))["query"]
    return texts.is_in(touched.implode())


def words_of(*texts: pl.Series) -> frozenset[str]:
    """The distinct words of some texts, in lower case."""
    every = pl.concat([series.rename("text") for series in texts]).unique().str.to_lowercase()
    return frozenset(every.str.extract_all(r"\p{L}+").explode().drop_nulls().unique())
