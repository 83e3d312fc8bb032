"""Near-duplicates: which products of a catalogue are listings of one item.

    text            one spelling for what shops write in many
    attributes      facts (64 GB, black, pack of 6, hero 4) and model numbers out of titles, brands and JSON attributes
    profiles        all products' terms, facts and model numbers as tables
    candidates      pairs worth a closer look, without comparing all pairs
    comparison      every kind of evidence about pairs, as sparse algebra
    verification    a score for each pair: text brings together, attributes decide, contradictions veto
    rivalry         what pairs that exclude one another take from each other
    evidence        the reasons, in words
    clusters        pairs to clusters, without chaining
    lexicon         units, colours, audiences, accessory words, as data

One default configuration serves every catalogue, and no labels are needed.
"""

from roar.near_duplicates.deduplication import candidate_pairs, cluster, find_pairs, verify

__all__ = ["candidate_pairs", "cluster", "find_pairs", "verify"]
