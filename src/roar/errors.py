"""The exceptions that a person, not a programmer, is meant to read, and how a message names what is unknown."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Something in the data, the parameters or the machine is not as expected, and the reader can mend it.

    The message names the table, column, row or parameter, says what was expected, and what to do. The command line
    prints it as a single line, without a traceback.
    """


class GateError(Exception):
    """A run broke a rule that was declared for it; the message gives every broken rule with its figures."""


def did_you_mean(name: str, known: Iterable[str], *, listed: int = 30) -> str:
    """What there is, to stand behind a message about an unknown name: `did you mean x? There are: a, b, x`.

    Args:
        name: What was written.
        known: What could have been written; empty gives `there are none`.
        listed: Names that are listed at most; of more, the number left out is said.
    """
    names = sorted(set(known))
    if not names:
        return "there are none"
    near = nearest(name, names)
    there_are = ", ".join(names[:listed]) + (f" and {len(names) - listed} more" if len(names) > listed else "")
    return f"did you mean {near}? There are: {there_are}" if near else f"there are: {there_are}"


def nearest(name: str, known: Iterable[str], *, alike: float = 0.6) -> str | None:
    """The known name that is most like `name`, case ignored; None where none is `alike`, 1 being the same."""
    folded = {spelling.casefold(): spelling for spelling in sorted(set(known))}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=alike)
    return folded[near[0]] if near else None
