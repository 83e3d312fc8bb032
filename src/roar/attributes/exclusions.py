"""What a text says it does without: "belt without buckle", "no sugar", "zuckerfrei", "sans gluten", "lid not included".

What is left out may be any words, not only those that `words` knows. A cue stands before them or behind them, or is the end of
the word ("stemless"). After a cue they go on to the end of the clause, to a word such as "with" or "for", to a number or to a fact
of another kind (a colour, a size), three words at most. "No" and "not" that begin a clause belong to a name ("no dig fence",
"non slip tape"), as "sugar-free" before a noun does: they take one word, and the name is searched for as it is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from roar.attributes import words
from roar.attributes.colours import COLOURS
from roar.attributes.folding import fold
from roar.attributes.roles import phrases


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Words that are left out, with the place of the whole expression in the text.

    Attributes:
        shown: the words as they were written.
        stems: their stems, without order.
        start: of the expression with its cue, in characters.
        end: likewise.
        named: whether it belongs to a name: "sugar-free cookies", "no dig fence".
    """

    shown: str
    stems: frozenset[str]
    start: int
    end: int
    named: bool


Place = tuple[int, int]
_Span = tuple[int, int, list[Place], bool]
"""Start and end of an expression, the places of the words that it leaves out, and whether it belongs to a name."""

LONGEST = 3
"""Words left out at most."""


def _folded(spellings: frozenset[str]) -> frozenset[str]:
    return frozenset(fold(spelling)[0] for spelling in spellings)


_LETTERS = r"[^\W\d_]"
_TOKEN = re.compile(rf"{_LETTERS}+(?:'{_LETTERS}+)*|\S")
_CUE = re.compile(rf"(?<![\w/'])(?:{phrases(words.EXCLUDING | words.EXCLUDING_PHRASES)})(?![\w'])[ -]")
_FREE = re.compile(
    rf"(?<![\w-])({_LETTERS}{{3,}}?)(?:[ -]free|-?frei(?:e[rsnm]?)?)(?![\w-])(?! (?:{phrases(words.FREE_THINGS)})(?!\w))"
)
_BEHIND = re.compile(rf"[ (,-]+(?:{phrases(words.NOT_INCLUDED)})(?=\W*(?:$|[,;.)|]))")
_LESS = re.compile(rf"({_LETTERS}{{3,}})(?:less|los|lose[rsn]?)")
_WORD = re.compile(rf"{_LETTERS}+")
_NO = _folded(words.NO)
_WEAK = _folded(words.WEAK_EXCLUDING)
_CUES = _folded(words.EXCLUDING)
_SKIPPED, _STOPS, _AND = _folded(words.DETERMINERS), _folded(words.PHRASE_STOPS), _folded(words.CONJUNCTIONS)
_FACTS = _folded(frozenset([*COLOURS, *words.AUDIENCES, *words.SIZES]))
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]")
_LEFT_OVER = ' ,;:.-(|/"”“'
_HINT = re.compile(rf"{phrases(words.EXCLUDING | words.EXCLUDING_PHRASES | words.NOT_INCLUDED)}|fre[ei]")


def exclusions(text: str) -> list[Exclusion]:
    """All exclusions of a text, in order of place; of overlapping ones the first.

    Cost: linear in the text.
    """
    folded, places = fold(text)
    if not _HINT.search(folded):
        return []

    def original(first: int, last: int) -> Place:
        return (first, last) if places is None else (places[first], places[last - 1] + 1)

    found: list[Exclusion] = []
    until = 0
    for start, end, left_out, named in sorted(_spans(folded)):
        if start < until:
            continue
        until = end
        stems = frozenset(stem(folded[a:b]) for a, b in left_out)
        a, b = original(left_out[0][0], left_out[-1][1])
        found.append(Exclusion(text[a:b], stems, *original(start, end), named))
    return found


def sought(text: str) -> str:
    """The text without what it excludes: what to search for. Names stay, and so does a text that is nothing but an exclusion.

    >>> sought("brown belt without buckle")
    'brown belt'
    """
    plain, place = "", 0
    for exclusion in exclusions(text):
        if not exclusion.named:
            plain += text[place : exclusion.start] + " "
            place = exclusion.end
    plain = " ".join(_EMPTY.sub(" ", plain + text[place:]).split()).rstrip(_LEFT_OVER)
    return plain if place and re.search(r"\w", plain) else text


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A folded word without its plural, as English, German, French and Spanish form it (after Harman's s-stemmer, 1991)."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith(("s", "x")) and not word.endswith("ss"):
        word = word[:-1]
    if len(word) > 5 and word.endswith("en"):
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@dataclass(frozen=True, slots=True)
class Said:
    """What a product says in words: stems of what it has, and of each thing that it has not, with the words as written."""

    has: Mapping[str, str]
    lacks: tuple[tuple[frozenset[str], str], ...]

    def having(self, stems: frozenset[str]) -> str | None:
        """The words that say that the product has it, all of them; German puts them at the end of longer ones."""
        found = [self.has.get(one) or self._compound(one) for one in sorted(stems)]
        return " ".join(word for word in found if word) if all(found) else None

    def lacking(self, stems: frozenset[str]) -> str | None:
        """The words that say that the product is without it."""
        return next((shown for lacked, shown in self.lacks if stems <= lacked), None)

    def _compound(self, one: str) -> str | None:
        return (
            next((word for own, word in self.has.items() if own.endswith(one)), None) if len(one) >= COMPOUND else None
        )


COMPOUND = 6
"""Letters of a word that is looked for at the end of longer ones ("Dornschnalle"): shorter ones end others by chance."""


def said(texts: Iterable[str], members: Iterable[tuple[str, str]] = ()) -> Said:
    """Read what a product has and has not.

    Args:
        texts: its title, brand, …
        members: names and values of its attributes; under "no" a product has not what the name says.
    """
    read, has = list(texts), dict[str, str]()
    lacks: list[tuple[frozenset[str], str]] = []
    for name, value in members:
        if fold(value)[0].strip(" .") in _NO:
            stems = frozenset(stem(word) for word in _WORD.findall(fold(name)[0]))
            lacks.append((stems, f"{name}: {value}"))
        else:
            read += [name, value]
    for text in read:
        folded, _ = fold(text)
        place = 0
        for start, end, places, _named in sorted(_spans(folded)) if _HINT.search(folded) else ():
            if start >= place:
                has |= {stem(word): word for word in _WORD.findall(folded[place:start])}
                lacks.append((frozenset(stem(folded[a:b]) for a, b in places), folded[start:end]))
                place = end
        has |= {stem(word): word for word in _WORD.findall(folded[place:])}
    endings = ((word, _LESS.fullmatch(word)) for word in has.values())
    lacks += [(frozenset([stem(match[1])]), word) for word, match in endings if match]
    return Said(has, tuple(lacks))


def _spans(folded: str) -> Iterator[_Span]:
    for match in _CUE.finditer(folded):
        cue = match[0][:-1]
        named = cue in _WEAK and (cue.startswith("non") or not _clause_before(folded, match.start()))
        start = match.start()
        for lot in _following(folded, match.end(), 1 if named else LONGEST):
            yield start, lot[-1][1], lot, named and _goes_on(folded, lot[-1][1])
            start = lot[-1][1]
    for match in _FREE.finditer(folded):
        if match[1] not in words.FREE_BUT and match[1] not in _FACTS | _STOPS:
            yield match.start(), match.end(), [match.span(1)], _goes_on(folded, match.end())
    for match in _BEHIND.finditer(folded):
        if lot := _preceding(folded, match.start()):
            yield lot[0][0], match.end(), lot, False


def _following(folded: str, start: int, most: int) -> Iterator[list[Place]]:
    """Places of the words after a cue; "and" and "or" begin a further lot."""
    lot: list[Place] = []
    for match in _TOKEN.finditer(folded, start):
        word = match[0]
        if not lot and word in _SKIPPED:
            continue
        if lot and word in _AND:
            yield lot
            lot = []
            continue
        known = word in _FACTS and lot
        if not word[0].isalpha() or word in _STOPS or word in _CUES or known or len(lot) == most:
            break
        if not lot and word in words.NOT_EXCLUDED:
            break
        lot = [*lot, match.span()]
    if lot:
        yield lot


def _preceding(folded: str, end: int) -> list[Place]:
    """Places of the words before "not included", up to the beginning of their clause."""
    lot: list[Place] = []
    for match in reversed(list(_TOKEN.finditer(folded, max(0, end - 60), end))):
        word = match[0]
        if not word[0].isalpha() or word in _STOPS or word in _AND or len(lot) == LONGEST:
            break
        lot = [match.span(), *lot]
    return lot


def _clause_before(folded: str, start: int) -> bool:
    """Whether words of the same clause stand before."""
    return bool(re.search(r"[\w\"')]\W?$", folded[:start].rstrip(" ")))


def _goes_on(folded: str, end: int) -> bool:
    """Whether the phrase goes on after an expression, so that this is part of a name."""
    after = _TOKEN.match(folded, end + 1) if folded[end : end + 1] == " " else None
    return bool(after and after[0][0].isalpha() and after[0] not in _STOPS | _AND | _CUES)
