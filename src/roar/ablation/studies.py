"""From the declared studies to cells: one training of one variant, on one fold, with one seed.

A cell is known by a hash of all that decides its result, so that two variants that say the same share it, a changed
parameter makes a new one, and nothing is ever trained twice.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from roar.errors import InputError
from roar.parameters import (
    Ablation,
    AblationStudies,
    Encoder,
    Groups,
    Parameters,
    Stage1,
    Stage2,
    Study,
    TrainingSets,
    Variant,
)

P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class Recipe:
    """All parameters of a variant, in full."""

    stages: int
    encoder: Encoder
    stage1: Stage1
    stage2: Stage2
    training_sets: TrainingSets
    interpolate: float | None

    def upto(self, stage: int) -> dict[str, Any]:
        """What decides the weights after a stage: a change of stage 2, or of its groups, leaves stage 1 as it is."""
        read = self.training_sets
        if stage < 2:
            read = read.model_copy(update={"groups": Groups(), "catalogue_groups": None})
        said: dict[str, Any] = {"stages": stage, "encoder": self.encoder, "training_sets": read}
        if stage >= 1:
            said["stage1"] = self.stage1
        if stage >= 2:
            said |= {"stage2": self.stage2, "interpolate": self.interpolate}
        return {name: v.model_dump(mode="json") if isinstance(v, Parameters) else v for name, v in said.items()}


@dataclass(frozen=True)
class Cell:
    """One training."""

    study: str
    variant: str
    recipe: Recipe
    fold: str
    seed: int
    data: str  # a fingerprint of what all cells read
    metrics: tuple[str, ...]
    catalogue: int | None = None  # products that recall is measured in

    def key(self, stage: int | None = None) -> str:
        """The name of the cell's result, or of its weights after an earlier stage."""
        measured = [*self.metrics, *filter(None, [self.catalogue])] if stage is None else []  # not of weights
        stage = self.recipe.stages if stage is None else stage
        decides = [self.recipe.upto(stage), self.fold, self.seed if stage else 0, self.data, measured]
        return hashlib.blake2b(json.dumps(decides, sort_keys=True).encode(), digest_size=10).hexdigest()


def cells(
    config: Ablation,
    declared: AblationStudies,
    encoder: Encoder,
    stage1: Stage1,
    stage2: Stage2,
    training_sets: TrainingSets,
    folds: list[str],
    data: str,
) -> Iterator[Cell]:
    """Every cell of the studies to run; those that share stage-1 weights follow each other.

    Args:
        config: which studies, seeds and folds.
        declared: the studies.
        encoder: of all variants.
        stage1: the environment's parameters, which a variant changes.
        stage2: likewise.
        training_sets: likewise.
        folds: names of the folds.
        data: a fingerprint of the tables.

    Raises:
        InputError: a study is not declared, a primary comparison's metric is not measured, or a variant sets a parameter that
            does not exist, or to what it cannot be.
    """
    if unknown := set(config.run) - set(declared.studies):
        known = ", ".join(declared.studies)
        raise InputError(f"ablation.run: {', '.join(sorted(unknown))} are none of the studies declared: {known}.")
    for named in declared.primary:
        measured = (*config.metrics, *declared.studies[named.study].metrics)
        if named.metric not in (*measured, "auc"):
            raise InputError(
                f"ablation_studies.primary: the metric {named.metric!r} is not among those of ablation.metrics and of the study "
                f"{named.study} ({', '.join(measured)}) and auc."
            )
    for study_name in config.run:
        study = declared.studies[study_name]
        metrics = tuple(dict.fromkeys((*config.metrics, *study.metrics)))
        recipes = {
            name: _recipe(study_name, name, study, variant, encoder, stage1, stage2, training_sets)
            for name, variant in study.variants.items()
        }
        for fold in folds[: config.folds]:
            for seed in config.seeds:
                for name, recipe in recipes.items():
                    yield Cell(study_name, name, recipe, fold, seed, data, metrics, config.catalogue)


def _recipe(
    study_name: str,
    name: str,
    study: Study,
    variant: Variant,
    encoder: Encoder,
    stage1: Stage1,
    stage2: Stage2,
    training_sets: TrainingSets,
) -> Recipe:
    where = f"ablation.studies.{study_name}.variants.{name}"
    return Recipe(
        stages=variant.stages,
        encoder=_changed(encoder, [variant.encoder], f"{where}.encoder"),
        stage1=_changed(stage1, [study.stage1, variant.stage1], f"{where}.stage1"),
        stage2=_changed(stage2, [study.stage2, variant.stage2], f"{where}.stage2"),
        training_sets=_changed(training_sets, [variant.training_sets], f"{where}.training_sets"),
        interpolate=variant.interpolate,
    )


def _changed(block: P, changes: list[dict[str, Any]], where: str) -> P:
    """The block with some of its values replaced, however deep they lie."""
    values = block.model_dump()
    for change in changes:
        values = _merged(values, change)
    try:
        return type(block).model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{where}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _merged(values: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
