"""One query, written differently: slips of the hand and the ear, spaces, units, numbers, order, alphabets.

Every edit is a function (words, shop's vocabulary, random numbers) to the new words, or None where it has nothing to do.
Words that carry an attribute's value (numbers and their neighbours, units, colours, sizes, audiences, negations) are
bound: only `unit` and `number` touch them, and those write the same amount in other words. A slip never makes another
word of the shop: "case" must not become "cage".
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np

from roar.attributes import words as facts
from roar.attributes.colours import COLOURS
from roar.attributes.units import GLUED_ONLY, UNITS
from roar.near_duplicates import lexicon
from roar.text import writes_no_blanks
from roar.training_sets import spellings

T = TypeVar("T")
Words = list[str]
Edit = Callable[[Words, Collection[str], np.random.Generator], Words | None]

BOUND = (
    COLOURS.keys() | facts.SIZES.keys() | facts.AUDIENCES.keys() | facts.SIZE_WORDS | facts.PACK_OF
    | facts.PACK_WORDS.keys() | lexicon.ROMAN.keys() | UNITS.keys() | spellings.NEGATIONS
)  # fmt: skip
"""Words that carry an attribute's value wherever they stand."""

_BINDS_NEXT = COLOURS.keys() | facts.SIZE_WORDS | facts.PACK_OF | facts.PACK_WORDS.keys() | spellings.NEGATIONS
_TRIES = 8
_NUMBER = r"\d+(?:\.\d+)?"


def free(words: Words) -> list[int]:
    """Places of words that carry no attribute value, beside no number, no negation and no text of a script without blanks."""
    hard = [
        bool(re.search(r"\d", word)) or word.lower() in spellings.NEGATIONS or writes_no_blanks(word) for word in words
    ]
    near = [any(hard[max(i - 1, 0) : i + 2]) for i in range(len(words))]
    return [i for i, word in enumerate(words) if not near[i] and word.lower() not in BOUND]


def _choose(options: Sequence[T], random: np.random.Generator) -> T:
    return options[int(random.integers(len(options)))]


def _slip(
    words: Words,
    vocabulary: Collection[str],
    random: np.random.Generator,
    change: Callable[[str], str | None],
    shortest: int,
) -> Words | None:
    """Change one free word by `change` into what is no word of the shop, within a few tries."""
    places = [i for i in free(words) if len(words[i]) >= shortest and words[i].isalpha()]
    for _ in range(_TRIES if places else 0):
        i = _choose(places, random)
        changed = change(words[i])
        if changed and changed != words[i] and changed.lower() not in vocabulary and changed.lower() not in BOUND:
            return [*words[:i], changed, *words[i + 1 :]]
    return None


def keyboard(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """Two keys swapped, one left out, one twice, or the neighbouring key; never at either end of a word."""

    def change(word: str) -> str:
        i = int(random.integers(1, len(word) - 1))
        row = next((row for row in spellings.KEYBOARD_ROWS if word[i].lower() in row), word[i])
        at = row.find(word[i].lower())
        beside = row[at - 1] if at else row[min(1, len(row) - 1)]
        slips = (
            word[i + 1] + word[i] + word[i + 2 :],
            word[i + 1 :],
            word[i] * 2 + word[i + 1 :],
            beside + word[i + 1 :],
        )
        return word[:i] + _choose(slips, random)

    return _slip(words, vocabulary, random, change, shortest=4)


def _by_table(word: str, table: Mapping[str, tuple[str, ...]], random: np.random.Generator) -> str | None:
    """One place of the word rewritten by one rule of the table."""
    places = [(m.start(), left) for left in table for m in re.finditer(left, word.lower())]
    if not places:
        return None
    start, left = _choose(places, random)
    return word[:start] + _choose(table[left], random) + word[start + len(left) :]


def phonetic(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """A word spelled as it sounds."""
    return _slip(words, vocabulary, random, lambda word: _by_table(word, spellings.PHONETIC, random), shortest=4)


def transliteration(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """Other alphabets in Latin letters; Latin ones as if they came back from another alphabet."""
    typed = ["".join(spellings.ALPHABETS.get(letter, letter) for letter in word.lower()) for word in words]
    if typed != [word.lower() for word in words]:
        return typed
    return _slip(words, vocabulary, random, lambda word: _by_table(word, spellings.TRANSLITERATION, random), shortest=4)


def dropped(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """Without one word: one that says little from three words on, any free one from four on."""
    places = free(words)
    idle = [i for i in places if words[i].lower() in lexicon.FUNCTION_WORDS | facts.FOR_WORDS]
    places = idle if idle and len(words) >= 3 else places if len(words) >= 4 else []
    if not places:
        return None
    i = _choose(places, random)
    return [*words[:i], *words[i + 1 :]]


def joined(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """Two words without their space."""
    places = free(words)
    loose = set(places)
    pairs = [i for i in places if i + 1 in loose and (words[i] + words[i + 1]).isalpha()]
    if not pairs:
        return None
    i = _choose(pairs, random)
    return [*words[:i], words[i] + words[i + 1], *words[i + 2 :]]


def split(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """A space inside a word."""
    places = [i for i in free(words) if len(words[i]) >= 6 and words[i].isalpha()]
    if not places:
        return None
    i = _choose(places, random)
    at = int(random.integers(3, len(words[i]) - 2))
    pieces = [words[i][:at], words[i][at:]]
    return None if BOUND & {piece.lower() for piece in pieces} else [*words[:i], *pieces, *words[i + 1 :]]


def order(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """Two neighbouring phrases swapped; a number keeps its neighbours, and a colour or a negation its next word."""
    phrases = _phrases(words)
    if len(phrases) < 2:
        return None
    i = int(random.integers(len(phrases) - 1))
    phrases[i], phrases[i + 1] = phrases[i + 1], phrases[i]
    return [word for phrase in phrases for word in phrase]


def _phrases(words: Words) -> list[Words]:
    """The words in runs that belong together."""
    loose = set(free(words))
    phrases: list[Words] = []
    for i, word in enumerate(words):
        before = words[i - 1].lower() if i else ""
        together = (i not in loose and i - 1 not in loose) or before in _BINDS_NEXT
        linked = {word.lower(), before} & (lexicon.FUNCTION_WORDS | facts.FOR_WORDS)
        if phrases and (together or linked):
            phrases[-1].append(word)
        else:
            phrases.append([word])
    return phrases


def unit(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """One quantity in another unit or spelling: 1.5 l as 1500 ml, 1.5l or 1.5 litre."""
    text = " ".join(words)
    found = [m for m in re.finditer(rf"(?<![\w.,/-])({_NUMBER}) ?([a-zA-Z]+)(?![\w.-])", text) if _unit_table(m[2])]
    if not found:
        return None
    match = _choose(found, random)
    table, number, spelling = _unit_table(match[2]), float(match[1]), match[2].lower()
    amounts = [(other, number * table[spelling] / size) for other, size in table.items()]
    written = [f"{amount:.10g}{space}{other}" for other, amount in amounts if _readable(amount) or amount == number
               for space in ("", " ") if not (space and other in GLUED_ONLY)]  # fmt: skip
    others = [form for form in written if form != match[0].lower()]
    return (text[: match.start()] + _choose(others, random) + text[match.end() :]).split(" ") if others else None


def _unit_table(spelling: str) -> Mapping[str, float]:
    return next((table for table in spellings.UNITS if spelling.lower() in table), {})


def _readable(amount: float) -> bool:
    """Whether shoppers would write it: 0.25 and 1500, but neither 0.128 nor 32000."""
    return amount >= 0.1 and len(f"{amount:.10g}") <= 4


def number(words: Words, vocabulary: Collection[str], random: np.random.Generator) -> Words | None:
    """A number in another form: decimal comma, thousands mark, ways to say a pack, a generation in Roman numerals."""
    text = " ".join(words)
    forms = [form for rewrite in (_decimal, _thousands, _pack, _generation) for form in rewrite(text) if form != text]
    return _choose(forms, random).split(" ") if forms else None


def _decimal(text: str) -> list[str]:
    return [re.sub(r"(?<![\w.,-])(\d+)\.(\d{1,2})(?![\d.,-])", r"\1,\2", text)]


def _thousands(text: str) -> list[str]:
    return [re.sub(r"(?<![\w.,-])(\d{1,3})(\d{3})(?=\s?[a-zA-Z])(?![\d.,-])", r"\1,\2", text)]


def _pack(text: str) -> list[str]:
    counted = r"(?:pack|set) of (\d{1,3})\b(?! ?\w)|(?<![\w.,-])(\d{1,3}) ?(?:packs?|pcs|pk)\b"
    found = re.search(counted, text, flags=re.IGNORECASE)
    if not found:
        return []
    start, end, many = found.start(), found.end(), found[1] or found[2]
    return [text[:start] + form.format(many) + text[end:] for form in spellings.PACKS]


def _generation(text: str) -> list[str]:
    roman = {arabic: numeral for numeral, arabic in lexicon.ROMAN.items()}
    return [re.sub(r"(?<=[a-z] )(\d{1,2})$", lambda m: roman.get(m[1], m[1]), text)]


EDITS: dict[str, Edit] = {
    edit.__name__: edit for edit in (keyboard, phonetic, dropped, joined, split, unit, number, order, transliteration)
}
"""By the names that `training_sets.stage1_sources.augmentation.kinds` weighs; synonyms are mined, not written here."""
