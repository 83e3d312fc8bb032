"""All blocks of `conf/<environment>/parameters/`, and one check of them together.

Kedro checks the blocks that a run's pipelines read. A block that nothing reads, because its name is misspelt, would go
unnoticed: here every name is known, and a message gives the nearest one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from roar.errors import InputError, did_you_mean
from roar.parameters.ab_test import ABTest, ExperimentPlan, SimulatedExperiment
from roar.parameters.ablation import Ablation, AblationStudies
from roar.parameters.base import Parameters, faults
from roar.parameters.compare_runs import CompareRuns
from roar.parameters.constraints import Constraints
from roar.parameters.encoder import Encoder
from roar.parameters.engines import Engines
from roar.parameters.evaluation import Evaluation, MetricSettings
from roar.parameters.gate import Gate
from roar.parameters.ingestion import Ingestion
from roar.parameters.near_duplicates import NearDuplicates
from roar.parameters.release import Release
from roar.parameters.reporting import Reporting
from roar.parameters.serve import Serve
from roar.parameters.simulate import Simulation
from roar.parameters.teacher import Teacher
from roar.parameters.training import Stage1, Stage2
from roar.parameters.training_sets import TrainingSets

BLOCKS: dict[str, type[Parameters]] = {
    "simulate": Simulation,
    "ingestion": Ingestion,
    "near_duplicates": NearDuplicates,
    "training_sets": TrainingSets,
    "encoder": Encoder,
    "stage1": Stage1,
    "stage2": Stage2,
    "teacher": Teacher,
    "ablation": Ablation,
    "ablation_studies": AblationStudies,
    "evaluation": Evaluation,
    "constraints": Constraints,
    "metrics": MetricSettings,
    "release": Release,
    "serve": Serve,
    "engines": Engines,
    "reporting": Reporting,
    "compare_runs": CompareRuns,
    "gate": Gate,
    "ab_test": ABTest,
    "experiment_plan": ExperimentPlan,
    "simulated_experiment": SimulatedExperiment,
}
"""Name of the block -> its model."""

VALUES: dict[str, type] = {"seed": int, "environment": str}
"""Parameters outside blocks."""


def unread(blocks: Mapping[str, Any]) -> set[str]:
    """Datasets that a node is given and, by its parameters, does not use: what they hold decides nothing of what it makes.

    Args:
        blocks: the parameters that the node reads, as models, by name.
    """
    sets, stage2 = blocks.get("training_sets"), blocks.get("stage2")
    asked = "ablation_studies" in blocks  # a variant may ask
    if sets is not None:
        fill = sets.groups.fill
        asked |= sets.hard_negatives.teacher is not None or (fill is not None and fill.graded)
    if stage2 is not None:
        asked |= stage2.distillation.weight > 0
    return set() if asked or "teacher" not in blocks else {"teacher_scores"}


_SHOWN = 3
_LINE_ENDS = "\t\n\r"
_SEPARATORS = {"separator", "assign", "quote"}
"""Options that may well be a control character."""


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse what no block knows, and what a block does not take.

    Raises:
        InputError: one line for the first few faults, with the nearest known name of what is unknown.
    """
    found: list[str] = []
    for name, value in parameters.items():
        if name.startswith("_"):
            continue  # a place for YAML anchors
        if name in BLOCKS:
            found += faults(BLOCKS[name], value, name)
        elif name not in VALUES:
            found.append(f"there is no {name!r}; {did_you_mean(name, [*BLOCKS, *VALUES])}")
        elif not isinstance(value, VALUES[name]):
            found.append(f"{name}: expected {VALUES[name].__name__}, not {value!r}")
    found += [f"{where} {what}" for where, what in control_characters(parameters, allowed=_LINE_ENDS)]
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InputError(f"Parameters: {'; '.join(found[:_SHOWN])}{more}")


def control_characters(config: Any, *, allowed: str = "", above: str = "") -> Iterator[tuple[str, str]]:
    """Places of texts that hold a control character, and what to do: in double quotes YAML reads `\\b` as a backspace."""
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from control_characters(str(name), allowed=allowed, above=above)
            if name not in _SEPARATORS:
                yield from control_characters(value, allowed=allowed, above=f"{above}.{name}".lstrip("."))
    elif isinstance(config, list | tuple):
        for place, value in enumerate(config):
            yield from control_characters(value, allowed=allowed, above=f"{above}[{place}]")
    elif isinstance(config, str):
        found = [mark for mark in config if (ord(mark) < 32 or 127 <= ord(mark) < 160) and mark not in allowed]
        if found:
            name = {"\b": r"a backspace, written \b"}.get(found[0], f"the control character {found[0]!r}")
            yield above or "a name", f"({config!r}) holds {name} in double quotes; put the text in single quotes"
