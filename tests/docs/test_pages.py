"""Pages hold together: links and their anchors, names of the reference, the site's contents, and README's first screen."""

import importlib
import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from fences import FENCE, PAGES, ROOT

LINK = re.compile(r"(?<!`)\[[^\]\n]*\]\((?!https?:|mailto:)([^)\s]+)\)")
SITE = yaml.safe_load(re.sub(r"!\S+", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))


@cache
def anchors(page: Path) -> set[str]:
    """Ids of a page's headings, as Python-Markdown gives them: what they say in words and hyphens."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    words = (
        re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    )
    return {re.sub(r"[-\s]+", "-", each) for each in words} | set(re.findall(r'<\w+ (?:id|name)="([^"]+)"', text))


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert not broken(page, link), f"{link}: {broken(page, link)}"


def broken(page: Path, link: str) -> str | None:
    """What is wrong with a link of a page."""
    path, _, fragment = link.partition("#")
    target = page.parent / path if path else page
    if not target.exists():
        return "there is no such file"
    if fragment and target.suffix == ".md" and fragment not in anchors(target):
        return f"{target.name} has no such heading"
    return None


@pytest.mark.parametrize("link", ["docs/nowhere.md", "docs/evaluation.md#nothing-there", "#no-heading"])
def test_a_broken_link_is_found(link: str) -> None:
    assert broken(ROOT / "README.md", link)
    assert not broken(ROOT / "README.md", "docs/evaluation.md#constraints") and not broken(ROOT / "README.md", "#start")


def test_every_page_is_in_the_site_and_every_name_it_refers_to_is_public() -> None:
    """What `make docs` would find, without building it."""
    listed = re.findall(r"[\w/]+\.md", yaml.safe_dump(SITE["nav"]))
    pages = {page.relative_to(ROOT / "docs").as_posix(): page for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed) == sorted(pages)
    for page in pages.values():
        text = page.read_text(encoding="utf-8")
        for reference in re.findall(r"\]\[(roar\.[\w.]+)\]|^::: (roar[\w.]*)$", text, re.MULTILINE):
            home, _, attribute = "".join(reference).rpartition(".")
            module = importlib.import_module(home)
            assert hasattr(module, attribute) or importlib.import_module(f"{home}.{attribute}"), reference


def test_the_site_opens_on_the_method_with_links_to_the_code() -> None:
    first = (ROOT / "docs" / next(iter(SITE["nav"][0].values()))).read_text(encoding="utf-8")
    assert first.startswith("# The method")
    assert len(re.findall(r"\]\[roar\.", first)) >= 8, "each step leads to what does it"


def test_readmes_first_screen_says_what_it_does_for_whom_and_shows_it() -> None:
    """One command, one picture and one table, before the first heading."""
    first = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert len(first.splitlines()) <= 35
    for shown in ("\nFor teams that ", "\nmake run ", "\n![", "|---|", "](#results)"):
        assert first.count(shown) == 1, shown
