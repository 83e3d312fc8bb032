"""What all parameter blocks share."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from roar.errors import did_you_mean

MACHINE_ONLY = "machine only"
"""Annotates a parameter that changes time and memory, and of what is computed nothing but its rounding."""


class Parameters(BaseModel):
    """Base of all blocks: immutable, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def decisive(self) -> dict[str, Any]:
        """All that decides a result, defaults included, ready for JSON."""
        fields = type(self).model_fields
        return self.model_dump(mode="json", exclude={name for name in fields if MACHINE_ONLY in fields[name].metadata})


def faults(model: type[BaseModel], value: Any, where: str) -> list[str]:
    """What a model does not take of a value, each in one line that begins with the place; empty where it takes all."""
    if not isinstance(value, Mapping):
        return [f"{where}: expected keys with values, not {'nothing' if value is None else repr(value)[:60]}"]
    try:
        model.model_validate(value)
    except ValidationError as error:
        return in_words(model, error, where)
    return []


def in_words(model: type[BaseModel], error: ValidationError, where: str) -> list[str]:
    """The faults of a value, unknown keys first, because what is missing may be there under another name."""
    found = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    places = [fault["loc"] for fault in found]
    inner = [f for f in found if not any(len(p) > len(f["loc"]) and p[: len(f["loc"])] == f["loc"] for p in places)]
    return [_said(model, fault, where) for fault in inner]


def _said(model: type[BaseModel], fault: ErrorDetails, where: str) -> str:
    path, given = [str(part) for part in fault["loc"]], fault.get("input")
    place = ".".join([where, *path])
    if fault["type"] == "extra_forbidden":
        return f"there is no {place}; {did_you_mean(path[-1], _keys(model, path[:-1]))}"
    if fault["type"] == "missing":
        return f"{place} is missing"
    if fault["type"] == "literal_error":
        return f"{place}: no {given!r}; {did_you_mean(str(given), _choices(fault['ctx']['expected']))}"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should", "should")
    message = message.replace("a valid dictionary", "keys with values").split(" or instance of")[0]
    message = message.replace("a valid tuple", "a list, [a, b]")
    shown = "" if isinstance(given, Mapping | list) or fault["type"] == "value_error" else f", not {str(given)[:60]!r}"
    quoted = " (quote it: YAML reads yes, no, on and off as true and false)" if isinstance(given, bool) else ""
    return f"{place}: {message}{shown}{quoted}"


def _choices(expected: str) -> list[str]:
    """The choices in pydantic's words: `'a', 'b' or 'c'`."""
    return [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(", ")]


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    """The keys that are known at a place inside a model."""
    models = {model}
    for name in path:
        inner = {found for m in models if name in m.model_fields for found in _models(m.model_fields[name].annotation)}
        models = inner or models
    return sorted({name for m in models for name in m.model_fields})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside a type: those of `A | None`, `tuple[A, ...]`, `dict[str, A]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
