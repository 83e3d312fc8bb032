"""Named rules of which in-batch products are no negatives of a query, so that a study can list them.

none            every other product is a negative
margin          left out where cos(q, d) > cos(q, d+) + margin, the published rule (arXiv 2606.01504)
gist            left out where cos(q, d) > cos(q, d+) - margin: the threshold of GISTEmbed (arXiv 2402.16829), scored by
                the model itself instead of a guide
cluster         left out where it is a near-duplicate of the positive
known_relevant  left out where it is known to answer the query
"""

from collections.abc import Sequence

from torch import Tensor

from roar.losses.false_negatives import false_negative_mask

MASK_RULES = ("none", "margin", "gist", "cluster", "known_relevant")
"""The rules by name; several together leave out what any of them does."""


def mask_rule(
    name_or_names: str | Sequence[str],
    scores: Tensor,
    positive: Tensor,
    *,
    same_cluster: Tensor | None = None,
    known_relevant: Tensor | None = None,
    margin: float = 0.1,
) -> Tensor:
    """The false-negative mask of one rule or of several together; what the rules do not name is not read.

    Args:
        name_or_names: one of `MASK_RULES`, or several.
        scores: (Q, P) cosines.
        positive: (Q,) int64, the column of each row's positive.
        same_cluster: (Q, P) bool, near-duplicates of the row's positive; "cluster" needs it.
        known_relevant: (Q, P) bool, products known to answer the row's query; "known_relevant" needs it.
        margin: distance, at least 0, from the positive's cosine: above it for "margin", below it for "gist".

    Returns:
        (Q, P) bool, True = left out; never True for the positive itself.

    Raises:
        ValueError: an unknown rule, a rule without its table, a negative margin, or as `false_negative_mask`.

    Examples:
        GIST leaves out what comes near the positive from below, too.

        >>> import torch
        >>> scores, positive = torch.tensor([[0.5, 0.7, 0.45]]), torch.tensor([0])
        >>> {rule: mask_rule(rule, scores, positive).tolist() for rule in ("margin", "gist")}
        {'margin': [[False, True, False]], 'gist': [[False, True, True]]}

    References:
        arXiv 2606.01504 (margin); Solatorio (2024), GISTEmbed, arXiv 2402.16829 (gist).
    """
    names = {name_or_names} if isinstance(name_or_names, str) else set(name_or_names)
    if not names or names.difference(MASK_RULES):
        unknown = ", ".join(sorted(names.difference(MASK_RULES))) or "nothing"
        raise ValueError(f"mask rule: expected some of {', '.join(MASK_RULES)}, got {unknown}")
    if not margin >= 0:
        raise ValueError(f"margin: expected at least 0, got {margin}; the rule 'gist' subtracts it")
    for rule, name, table in (
        ("cluster", "same_cluster", same_cluster),
        ("known_relevant", "known_relevant", known_relevant),
    ):
        if rule in names and table is None:
            raise ValueError(f"{name}: the mask rule {rule!r} needs it, a bool tensor of shape {tuple(scores.shape)}")
    # Where both are named, gist leaves out all that margin does.
    distance = -margin if "gist" in names else margin if "margin" in names else None
    return false_negative_mask(
        scores,
        positive,
        margin=distance,
        same_cluster=same_cluster if "cluster" in names else None,
        known_relevant=known_relevant if "known_relevant" in names else None,
    )
