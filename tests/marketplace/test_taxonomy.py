"""The assortment is data that people edit: these tests read it the way a careful reviewer would."""

from collections import Counter, defaultdict

from roar.marketplace.taxonomy import VERTICALS, load_taxonomy

TAXONOMY = load_taxonomy()
TYPES = {kind.name: kind for kind in TAXONOMY.types}


def test_every_vertical_has_its_share_of_at_least_80_types():
    counts = Counter(kind.vertical for kind in TAXONOMY.types)
    assert len(TAXONOMY.types) >= 80
    assert set(counts) == set(VERTICALS)
    assert min(counts.values()) >= 10


def test_names_of_types_are_distinct_across_verticals():
    assert len(TYPES) == len(TAXONOMY.types)


def test_every_type_is_complete():
    """3 to 8 attributes (with the brand that it fits) of distinct values, and references that lead somewhere."""
    for kind in TAXONOMY.types:
        assert 3 <= len(kind.attributes) + (kind.fits is not None) <= 8, kind.name
        assert all(len(values) == len(set(values)) >= 2 for values in kind.attributes.values()), kind.name
        assert set(kind.complements) | ({kind.fits} - {None}) <= set(TYPES), kind.name
        assert min(len(kind.nouns), len(kind.asked), len(kind.colloquial), len(kind.uses)) >= 2, kind.name
        assert 0 < kind.price[0] < kind.price[1], kind.name


def test_no_words_mean_two_types_unless_they_are_listed_as_ambiguous():
    """Otherwise a rightful answer would be graded irrelevant."""
    meaning = defaultdict(set)
    for kind in TAXONOMY.types:
        for words in kind.nouns + kind.asked + kind.colloquial:
            meaning[words.lower()].add(kind.name)
    assert {words: types for words, types in meaning.items() if len(types) > 1} == {}
    assert not set(meaning) & set(TAXONOMY.ambiguous)


def test_ambiguous_words_span_verticals():
    assert len(TAXONOMY.ambiguous) >= 20
    for word, types in TAXONOMY.ambiguous.items():
        assert len({TYPES[name].vertical for name in types}) > 1, word


def test_some_brands_span_verticals_and_every_vertical_has_enough():
    counts = Counter(vertical for verticals in TAXONOMY.brands.values() for vertical in verticals)
    assert set(counts) == set(VERTICALS)
    assert min(counts.values()) >= 6
    assert sum(len(verticals) > 1 for verticals in TAXONOMY.brands.values()) >= 10


def test_every_attribute_with_a_unit_has_numbers_and_a_known_unit():
    rules, units = TAXONOMY.wording["attributes"], TAXONOMY.wording["units"]
    for kind in TAXONOMY.types:
        for name, values in kind.attributes.items():
            if "unit" in rules.get(name, {}):
                assert rules[name]["unit"] in units
                assert all(isinstance(value, int | float) for value in values), (kind.name, name)
