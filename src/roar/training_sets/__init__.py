"""What the two stages learn from, and what they are judged on.

    variants         which query texts are the same question
    slices           queries by vertical, frequency stratum and wording
    splits           train, validation and test, variants on one side
    held_out         what a fold must not learn from: texts always, products by choice
    pairs            stage 1's pairs, out of these sources:
        behaviour        clicks, carts and orders, debiased with `propensities` of the positions
        reformulations   the product that another wording found
        co_clicks        substitutes clicked for the same queries
        augmentation     queries written differently: `edits` by the tables of `spellings`, and mined `synonyms`
    groups           stage 2's graded groups, by choice with `filling` out of hard negatives
    hard_negatives   what an encoder wrongly finds close (imported by itself: it needs FAISS)
    leakage          what of the test side was seen in training
    counts           what each step leaves, and what limits left out

Every new source is off until a parameter turns it on.
"""

from roar.training_sets.behaviour import engaged
from roar.training_sets.co_clicks import substitutes
from roar.training_sets.counts import Counts, limited
from roar.training_sets.groups import graded_groups
from roar.training_sets.held_out import held_out_products
from roar.training_sets.leakage import leakage
from roar.training_sets.pairs import stage1_pairs
from roar.training_sets.propensities import propensities
from roar.training_sets.slices import query_slices, query_strata
from roar.training_sets.splits import split_queries
from roar.training_sets.synonyms import mine_synonyms
from roar.training_sets.variants import query_variants

__all__ = [
    "Counts",
    "engaged",
    "graded_groups",
    "held_out_products",
    "leakage",
    "limited",
    "mine_synonyms",
    "propensities",
    "query_slices",
    "query_strata",
    "query_variants",
    "split_queries",
    "stage1_pairs",
    "substitutes",
]
