"""What the simulated shop sells and how people speak of it: the YAML of `assortment/`, read into typed records.

One file per vertical lists its product types with their attributes and values; `brands.yml`, `wording.yml` (units,
synonyms, transliterations) and `ambiguous.yml` (words that span verticals) hold what types share.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

VERTICALS = ("general merchandise", "electronics", "food", "home", "large appliances", "lifestyle", "mobiles")
"""The verticals of the paper, in its order."""

AMBIGUOUS = "ambiguous"
"""The vertical of a query whose words mean products of several verticals."""


@dataclass(frozen=True)
class ProductType:
    """A kind of product, its words and its attributes."""

    name: str
    vertical: str
    models: bool  # listings carry a model number
    nouns: tuple[str, ...]  # as sellers write it, the common one first
    asked: tuple[str, ...]  # what shoppers also call it
    colloquial: tuple[str, ...]  # how one speaks of it without naming it
    uses: tuple[str, ...]
    price: tuple[float, float]
    family: str  # close types share one
    complements: tuple[str, ...]
    fits: str | None  # the type whose brands an accessory is made for
    attributes: dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Taxonomy:
    """All types, brands (with their verticals), wording rules, and words that span verticals."""

    types: tuple[ProductType, ...]
    brands: dict[str, tuple[str, ...]]
    ambiguous: dict[str, tuple[str, ...]]
    wording: dict[str, Any]


def _read(name: str) -> Any:
    return yaml.safe_load(files(__package__).joinpath("assortment", name).read_text(encoding="utf-8"))


def _product_type(name: str, shop: dict[str, Any], entry: dict[str, Any], sets: dict[str, list[Any]]) -> ProductType:
    """One entry of a vertical's file; a named list of values is looked up in `sets`."""
    attributes = {key: tuple(sets[values] if isinstance(values, str) else values)
                  for key, values in entry["attributes"].items()}  # fmt: skip
    words = {key: tuple(entry[key]) for key in ("nouns", "asked", "colloquial", "uses", "price", "complements")}
    return ProductType(
        name=name, vertical=shop["vertical"], models=shop["models"], family=entry["family"], fits=entry.get("fits"),
        attributes=attributes, **words,
    )  # fmt: skip


@cache
def load_taxonomy() -> Taxonomy:
    """Read the assortment that ships with the package."""
    wording = _read("wording.yml")
    shops = [_read(vertical.replace(" ", "_") + ".yml") for vertical in VERTICALS]
    return Taxonomy(
        types=tuple(
            _product_type(name, shop, entry, wording["sets"]) for shop in shops for name, entry in shop["types"].items()
        ),
        brands={name: tuple(verticals) for name, verticals in _read("brands.yml").items()},
        ambiguous={word: tuple(types) for word, types in _read("ambiguous.yml").items()},
        wording=wording,
    )
