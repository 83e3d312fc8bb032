"""Fenced blocks and commands of the documentation's pages."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?P<title>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_INLINE = re.compile(r"`((?:kedro|roar|make|python|curl|torchrun|pip) [^`]+)`")


class Block(NamedTuple):
    """One fenced block."""

    page: str  # README.md, docs/serving.md
    line: int
    language: str
    title: str  # what stands after the language: in CONTRIBUTING.md where the block goes
    text: str

    @property
    def place(self) -> str:
        """For the name of a test."""
        return f"{self.page}:{self.line}"


def _read(page: Path) -> list[Block]:
    text, name = page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix()
    return [
        Block(
            name,
            text[: found.start()].count("\n") + 1,
            found["language"],
            found["title"].strip(),
            textwrap.dedent(found["text"]),
        )
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in _read(page)]


def commands() -> list[tuple[str, str]]:
    """Place and text of every command: lines of shell blocks, and what pages quote in a sentence."""
    shown = [
        (f"{block.place} {line.strip()[:60]}", line.strip())
        for block in BLOCKS
        if block.language in ("sh", "bash")
        for line in block.text.replace("\\\n", " ").splitlines()
        if line.split("#")[0].strip()
    ]
    quoted = [
        (f"{page.relative_to(ROOT).as_posix()} {found[:60]}", found)
        for page in PAGES
        for found in _INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    ]
    return shown + [each for each in quoted if not re.search(r"…|<\w+>", each[1])]
