"""What the two stages learn from, and what they are judged on: slices, splits, stage-1 pairs, graded groups.

Read in this order: `variants` says which queries are the same question; `slices` cuts queries by vertical, frequency and
wording; `splits` keeps variants on one side; `pairs` and `groups` build the two training sets from the train side only.
"""

from roar.training_sets.groups import graded_groups
from roar.training_sets.pairs import stage1_pairs
from roar.training_sets.slices import query_slices, query_strata
from roar.training_sets.splits import split_queries
from roar.training_sets.variants import query_variants

__all__ = ["graded_groups", "query_slices", "query_strata", "query_variants", "split_queries", "stage1_pairs"]
