"""Four grades from one score, by three cut-offs, and how many products get their own.

Grades fall with the score, so that a classifier is three cut-offs. Those that give most products of a set their grade are found
exactly, in one pass over the sorted scores. With one grade a product the micro-averaged F1 is this share: every wrong answer
is one false positive and one false negative.
"""

import numpy as np
import numpy.typing as npt

from roar.schemas import GRADES

Floats = npt.NDArray[np.float64]
Grades = npt.NDArray[np.int64]

_LEVELS = len(GRADES)


def fit_cut_offs(score: Floats, grade: Grades) -> Floats:
    """The cut-offs under which most products get their grade.

    Args:
        score: (n,) finite, higher is better; n > 0.
        grade: (n,) 3 exact … 0 irrelevant.

    Returns:
        (3,) rising: a product has as many grades below its own as there are cut-offs at or below its score. Each lies half-way
        between two scores, or at an infinity where a grade is given to none. Of equally good ones, those with the best grades
        given to the fewest.

    Raises:
        ValueError: there is no product, or shapes disagree.

    Cost: O(n log n).
    """
    if not len(score) or score.shape != grade.shape:
        raise ValueError(f"score, grade: expected one shape (n,) with n > 0, got {score.shape} and {grade.shape}")
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    # Products of one score cannot be told apart: a cut-off stands before the first, after the last, or between two scores.
    places = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1], [True]]))
    seen = np.stack([np.concatenate([[0], np.cumsum(grade[order] == level)]) for level in range(_LEVELS)])[:, places]
    best, choice = np.zeros(len(places)), []
    for level in range(_LEVELS - 1, 0, -1):
        # Right answers where this grade ends here and the better ones end where they are best before.
        reached = best + seen[level] - seen[level - 1]
        best = np.maximum.accumulate(reached)
        choice.append(_first_of(reached, best))
    end, ends = int(np.argmax(best)), []
    for chosen in reversed(choice):
        end = int(chosen[end])
        ends.append(end)
    between = np.concatenate([[np.inf], (ordered[places[1:-1] - 1] + ordered[places[1:-1]]) / 2, [-np.inf]])
    return between[ends]


def _first_of(reached: Floats, best: Floats) -> npt.NDArray[np.int64]:
    """(n,) the first place up to each at which the running maximum was reached."""
    rises = np.concatenate([[True], reached[1:] > best[:-1]])
    return np.maximum.accumulate(np.where(rises, np.arange(len(reached)), 0))


def grades_of(score: Floats, cut_offs: Floats) -> Grades:
    """(n,) the grade that each score is given: the number of cut-offs at or below it."""
    return np.searchsorted(cut_offs, score, side="right")
