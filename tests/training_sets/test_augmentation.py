"""Augmentation: the same question in other letters; an attribute's value never changes."""

import re
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.parameters import AugmentationSource, EditKinds
from roar.training_sets.augmentation import augmented, same_facts, words_of
from roar.training_sets.edits import EDITS
from roar.training_sets.variants import query_variants

KINDS = EditKinds.model_fields.keys()
BASE_UNITS = {
    **{"ml": 1, "cl": 10, "l": 1000, "litre": 1000, "liter": 1000, "g": 1, "gram": 1, "kg": 1000, "kilo": 1000},
    **{"mb": 1, "gb": 1000, "gig": 1000, "tb": 1_000_000, "mm": 1, "cm": 10, "mah": 1, "ah": 1000, "w": 1, "kw": 1000},
}


def only(*kinds: str, copies: int = 3) -> AugmentationSource:
    return AugmentationSource(kinds=EditKinds(**{k: float(k in kinds) for k in KINDS}), copies=copies)


def write(
    queries: list[str],
    config: AugmentationSource | None = None,
    *,
    forbidden=(),
    vocabulary=frozenset(),
    synonyms=None,
    seed=1,
):
    pairs = pl.DataFrame({"query": queries}).with_columns(variant_group="query", product_id=pl.lit("p"), weight=1.0)
    table = augmented(pairs, pl.Series(forbidden, dtype=pl.String), vocabulary, synonyms or {}, config, seed=seed)
    return list(table.select("variant_group", "query", "provenance").iter_rows())


WORDS = """coffee machine wireless headphones phone cable case for without sugar black navy shirt men size large pack shoe
café running dryer grinder pillow with and noise cancelling charger протеин holder red hero series"""
NUMBERS = "0.5 1.5 2 6 16 64 128 256 500 1000 1500"
UNITS = "ml cl l g kg gb tb mm cm inch w mah v"
words = st.sampled_from(WORDS.split())
quantity = st.tuples(*(st.sampled_from(options) for options in (NUMBERS.split(), ["", " "], UNITS.split()))).map(
    "".join
)
values = st.one_of(
    quantity,
    st.integers(1, 48).map("pack of {}".format),
    st.integers(1, 48).map("{} pack".format),
    st.integers(30, 50).map("size {}".format),
    st.integers(2, 16).map("iphone {}".format),
    st.sampled_from(["dv7-1211ea", "kdl26m4000", "x6", "twin pack", "2,5 kg", "10000mah", "hero 4", "80d"]),
)
asked = st.lists(st.one_of(words, values), min_size=1, max_size=6).map(" ".join)


def quantities(text: str) -> Counter[float]:
    """Amounts in base units by a reading of our own, and bare numbers."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.lower()).replace(",", ".")
    found = re.findall(r"(\d+(?:\.\d+)?)(?:\s?(" + "|".join(sorted(BASE_UNITS, key=len, reverse=True)) + r")\b)?", text)
    return Counter(round(float(number) * BASE_UNITS.get(unit, 1), 6) for number, unit in found)


@settings(max_examples=15, deadline=None)
@given(st.lists(asked, min_size=1, max_size=12, unique=True), st.integers(0, 2**32 - 1))
def test_no_edit_changes_a_value(queries, seed):
    """Near-duplicate detection reads the same facts, and a reading of our own the same amounts."""
    kinds = [kind for kind in KINDS if kind not in ("number", "synonym")]
    edits = write(queries, only(*kinds), seed=seed)
    originals, edited = (pl.Series([edit[i] for edit in edits], dtype=pl.String) for i in (0, 1))
    assert same_facts(originals, edited).all()
    assert all(quantities(a) == quantities(b) for a, b, _ in edits)


@settings(max_examples=40, deadline=None)
@given(asked, st.integers(0, 2**32 - 1), st.sampled_from(sorted(EDITS)))
def test_the_edits_themselves_leave_numbers_colours_and_negations_alone(query, seed, kind):
    """Before any check by facts: what letters and words are changed never carries a value."""
    edited = EDITS[kind](query.split(), frozenset(), np.random.default_rng(seed))
    if edited is None or kind in ("unit", "number"):
        return
    kept = r"\S*\d\S*|\b(?:black|navy|red|without|size|men|large|pack)\b"
    assert Counter(re.findall(kept, query)) == Counter(re.findall(kept, " ".join(edited)))


@pytest.mark.parametrize(
    ("kind", "query", "possible"),
    [
        ("unit", "1.5 l kettle", {"1500ml kettle", "1500 ml kettle", "1.5l kettle", "1.5 litre kettle", "150cl kettle"}),
        ("unit", "64 gb card", {"64gb card", "64gig card", "64 gig card"}),
        ("number", "tea pack of 6", {"tea 6 pack", "tea 6pk", "tea 6 pcs", "tea set of 6"}),
        ("number", "0.5 tb disk", {"0,5 tb disk"}),
        ("joined", "coffee grinder", {"coffeegrinder"}),
        ("order", "grinder coffee", {"coffee grinder"}),
        ("dropped", "cover for tablets", {"cover tablets"}),
        ("phonetic", "phone", {"fone"}),
        ("transliteration", "müsli", {"muesli"}),
        ("transliteration", "чай", {"chay"}),
    ],
)  # fmt: skip
def test_each_kind_writes_as_people_do(kind, query, possible):
    written = (EDITS[kind](query.split(), frozenset(), np.random.default_rng(seed)) for seed in range(30))
    found = {" ".join(words) for words in written if words}
    assert found and found & possible and (kind in ("unit", "number") or found <= possible)


def test_synonyms_replace_their_word():
    assert write(["Blow dryer"], only("synonym"), synonyms={"blow": "hair"}) == [
        ("Blow dryer", "hair dryer", "synonym")
    ]


@pytest.mark.parametrize("kind", sorted(EDITS))
def test_what_has_nothing_to_edit_stays_as_it_is(kind):
    """Digits alone, nothing, and an emoji: no edit, and no error."""
    for text in ("64 128", "", "🎁"):
        assert EDITS[kind](text.split(), frozenset(), np.random.default_rng(1)) in (None, text.split())


def test_a_slip_never_makes_another_word_of_the_shop():
    """With every one-letter slip of "cage" in the shop, there is nothing left to write."""

    def slips(vocabulary: set[str]) -> set[str]:
        written = (EDITS["keyboard"](["cage"], vocabulary, np.random.default_rng(seed)) for seed in range(200))
        return {" ".join(words) for words in written if words}

    assert len(slips(set())) > 4 and not slips(slips(set()))


def test_the_same_seed_writes_the_same_whatever_else_is_there():
    """A query's edits depend on the seed and the query alone."""
    queries = [f"wireless headphones number {i}" for i in range(20)]
    alone = write(queries[3:4])
    assert alone and set(alone) <= set(write(queries)) and write(queries) == write(queries) != write(queries, seed=2)


def test_nothing_written_is_a_variant_of_a_forbidden_text():
    every = AugmentationSource(copies=len(KINDS))
    forbidden = ["grinder COFFEE"]
    edits = {edited for _, edited, _ in write(["coffee grinder"], every)}
    kept = [edited for _, edited, _ in write(["coffee grinder", "tea kettle"], every, forbidden=forbidden)]
    groups = query_variants(pl.Series([*edits, *forbidden]))
    held_out = groups.filter(pl.col("query") == forbidden[0])["variant_group"].item()
    clean = set(groups.filter(pl.col("variant_group") != held_out)["query"])
    assert len(edits) > 3 and kept and not edits & set(kept) - clean


def test_words_of_texts():
    assert words_of(pl.Series(["Red shoe 64gb"]), pl.Series(["red tea", None])) == {"red", "shoe", "gb", "tea"}
