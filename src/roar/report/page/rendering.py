"""Sections in, one HTML page out: self-contained, without a network, the same bytes for the same sections.

The template, its style and its script lie beside this module; plotly.js is embedded once, from the plotly package.
"""

from collections.abc import Iterable
from importlib.metadata import version
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from roar.errors import InputError
from roar.parameters import Reporting
from roar.report.page.section import Block, Chart, Expandable, Heading, Section, text_table

PACKAGES = ("roar", "torch", "sentence-transformers", "transformers", "faiss-cpu", "bm25s", "polars", "scipy")
"""Packages whose versions the page states: those that can move a figure."""

SIMULATED = (
    "Simulated data. Products, queries and judgments on this page come from the simulated marketplace: the figures show "
    "how the method behaves on a known world, not what it would gain on a real shop's traffic."
)


def render(
    sections: Iterable[Section], config: Reporting | None = None, *, environment: str = "base", seed: int | None = None
) -> str:
    """Put sections together to one page.

    Args:
        sections: in any order; they are shown by their `order`.
        config: the title that the page states.
        environment: of the run; stated.
        seed: of the run; stated where it is known.

    Raises:
        InputError: two sections share an anchor.
    """
    config = config or Reporting()
    ordered = sorted(sections, key=lambda section: (section.order, section.anchor))
    _require_distinct_anchors(ordered)
    whole = (*ordered, about(environment, seed))
    template = Environment(
        loader=PackageLoader("roar.report.page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    ).get_template("page.html.j2")
    return template.render(
        config=config,
        environment=environment,
        seed="–" if seed is None else seed,
        sections=whole,
        contents={section.anchor: _headings(section.blocks) for section in whole},
        simulated=SIMULATED if any(section.simulated for section in whole) else "",
        style=_asset("page.css"),
        script=_asset("page.js"),
        plotly=get_plotlyjs() if any(_has_chart(section.blocks) for section in whole) else "",
    )


def about(environment: str, seed: int | None) -> Section:
    """What the page was made from: environment, seed, and the versions that can move a figure."""
    rows = [("Environment", environment), ("Seed", "–" if seed is None else str(seed))]
    rows += [(package, version(package)) for package in PACKAGES]
    return Section(
        title="About this page", anchor="about", order=99, blocks=(text_table(["What", "Value"], rows, "Made from"),)
    )


def _require_distinct_anchors(sections: list[Section]) -> None:
    anchors = [
        anchor for section in sections for anchor in (section.anchor, *(h.anchor for h in _headings(section.blocks)))
    ]
    if repeated := sorted({anchor for anchor in anchors if anchors.count(anchor) > 1}):
        raise InputError(f"Report sections share the anchor(s) {', '.join(repeated)}; give each its own.")


def _headings(blocks: Iterable[Block]) -> list[Heading]:
    return [block for block in blocks if isinstance(block, Heading)]


def _has_chart(blocks: Iterable[Block]) -> bool:
    return any(
        isinstance(block, Chart) or (isinstance(block, Expandable) and _has_chart(block.blocks)) for block in blocks
    )


def _asset(name: str) -> str:
    return (files("roar.report.page") / "templates" / name).read_text(encoding="utf-8")
