"""Examples in docstrings give what they show, what is easily shown has one, and every loss and metric names its source."""

import doctest
import importlib
import inspect
import logging
from collections.abc import Callable, Mapping

import pytest
from fences import ROOT

from roar import losses
from roar.metrics import conflict_shares, pooled_auc, published, ranking
from roar.parameters import evaluation

SHOWN = ("losses", "metrics", "attributes", "retrieval")
"""Packages whose public functions all have an example."""

NOT_EASILY = {"write_release": "needs an encoder and an index"}


def _modules() -> list[str]:
    """Names of the modules with an example in them; packages are not imported to be found."""
    files = (path.relative_to(ROOT / "src") for path in (ROOT / "src/roar").rglob("*.py"))
    shown = (file for file in files if ">>> " in (ROOT / "src" / file).read_text(encoding="utf-8"))
    return sorted(".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in shown)


def _functions(package: str) -> Mapping[str, Callable[..., object]]:
    module = importlib.import_module(f"roar.{package}")
    return {name: getattr(module, name) for name in module.__all__ if inspect.isfunction(getattr(module, name))}


@pytest.mark.parametrize("name", _modules())
def test_examples_give_what_they_show(name: str) -> None:
    logging.disable()  # a log on the console is no part of what an example gives
    try:
        result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    finally:
        logging.disable(logging.NOTSET)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("package", SHOWN)
def test_every_public_function_has_an_example(package: str) -> None:
    without = {name for name, function in _functions(package).items() if ">>> " not in (inspect.getdoc(function) or "")}
    assert without <= set(NOT_EASILY), f"roar.{package}: {', '.join(sorted(without))}"


def test_every_loss_names_its_source() -> None:
    """And every name that parameters know is of one that is public."""
    public = _functions("losses").values()
    named = [*losses.ALIGNMENT_LOSSES.values(), *losses.DISTILLATION_LOSSES.values()]
    assert len(named) > 10 and all(inspect.getclosurevars(loss).nonlocals.get("loss", loss) in public for loss in named)
    assert not [loss.__name__ for loss in public if not _source(loss)]


def _source(function: Callable[..., object]) -> bool:
    return "References:" in (inspect.getdoc(function) or "")


def test_every_metric_that_parameters_know_names_its_source() -> None:
    """A measure, or the function that made it for given grades."""
    elsewhere = {"auc": pooled_auc, "attribute_conflict": conflict_shares}
    makers = {
        name: getattr(ranking, measure.__qualname__.split(".")[0]) for name, measure in ranking._MEASURES.items()
    } | elsewhere
    names = {name.split("@")[0].removeprefix("condensed_") for name in evaluation._MEASURES}
    assert len(names) > 8 and names <= set(makers), names - set(makers)
    assert not [name for name, maker in makers.items() if not _source(maker)]


def test_published_conventions_name_their_source() -> None:
    assert "References:" in (published.__doc__ or "")
