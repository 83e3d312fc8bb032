"""Ablation: what each part of the method is worth, and what could stand in its place, on equal terms.

studies   the declared variants as cells: variant x fold x seed, each known by a hash of its parameters
cells     train and score one cell with the engine that everything else uses; keep what it gave
running   every cell that is not there yet, side by side on the machine's cores
summary   seeds averaged per query, all queries pooled, paired tests, Holm's correction, equivalence
masks     which share of true near-duplicates each mask rule leaves out, where the truth is known
"""

from roar.ablation.cells import Shop
from roar.ablation.masks import mask_coverage
from roar.ablation.running import run_cells
from roar.ablation.studies import Cell, Recipe, cells
from roar.ablation.summary import summarise

__all__ = ["Cell", "Recipe", "Shop", "cells", "mask_coverage", "run_cells", "summarise"]
