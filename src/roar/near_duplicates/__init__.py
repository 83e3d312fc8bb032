"""Near-duplicates: which products of a catalogue are listings of one item.

    text            one spelling for what shops write in many
    wording         words, generations (hero 4) and accessories out of what a title says beside its quantities
    expressions     how titles say what attribute tables state, learned from the catalogue
    model_numbers   model numbers, in the many ways in which they are written
    profiles        all products' terms, facts and model numbers as tables
    brands          names of one brand, and brands that titles speak of
    candidates      pairs worth a closer look, without comparing all pairs
    comparison      every kind of evidence about pairs, as sparse algebra
    verification    a score for each pair: text brings together, attributes decide, contradictions veto
    learning        what evidence is worth in this catalogue, learned from its model numbers
    prior           how many products have a second listing, and what that makes of every pair
    rivalry         what pairs that exclude one another take from each other, and what look-alikes tell
    evidence        the reasons, in words
    clusters        pairs to clusters, without chaining
    grades          judgments as a check: listings of one item deserve one grade
    labels          pairs that people have labelled, and what they say of the weights
    supervision     weights fitted to labelled pairs, by choice
    lexicon         accessory words, generations, function words, as data

Quantities, colours, sizes, … are read by `roar.attributes`. One default configuration serves every catalogue, and no labels are needed.
"""

from roar.near_duplicates.deduplication import Deduplicated, candidate_pairs, cluster, deduplicate, find_pairs, verify
from roar.near_duplicates.grades import grade_agreement, judged_pairs, warn_where_grades_differ
from roar.near_duplicates.labels import Labelling, read_labels, weigh_labels, with_fitted

__all__ = [
    "Deduplicated",
    "Labelling",
    "candidate_pairs",
    "cluster",
    "deduplicate",
    "find_pairs",
    "grade_agreement",
    "judged_pairs",
    "read_labels",
    "verify",
    "warn_where_grades_differ",
    "weigh_labels",
    "with_fitted",
]
