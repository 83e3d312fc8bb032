"""The page: one file, no network, the same bytes, honest about simulated data; and, in Chromium, working."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from fabricated_evaluation import Fabricated

from chromium import EXECUTABLE, Page
from roar.errors import InputError
from roar.report import Section, render, table


def section(title: str, anchor: str, text: str = "x") -> Section:
    return Section(title=title, anchor=anchor, order=1, blocks=(table(pl.DataFrame({"a": [text]}), title),))


@pytest.fixture(scope="module")
def page(fabricated: Fabricated) -> str:
    return render(fabricated.sections)


def test_same_sections_same_bytes_in_any_order(fabricated: Fabricated, page: str) -> None:
    assert render(reversed(fabricated.sections)) == page


def test_the_page_is_self_contained_and_small(page: str) -> None:
    """No address is loaded: neither by an attribute nor, as the policy in its head forbids it, by a script."""
    assert len(page.encode()) < 15e6
    own = page.partition("</header>")[0] + page.partition("<main>")[2].partition("</main>")[0]
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", own)
    assert "default-src 'none'" in page


def test_sections_that_are_there_are_linked(page: str) -> None:
    for anchor in (
        "evaluation",
        "evaluation-vertical",
        "systems",
        "queries",
        "queries-losses",
        "data",
        "stage1",
        "stage2",
        "about",
    ):
        assert f'href="#{anchor}"' in page
        assert page.count(f'id="{anchor}"') == 1
    assert 'id="ab-test"' not in page


@pytest.mark.parametrize("simulated", [True, False])
def test_what_is_simulated_is_a_fact_of_the_data_in_any_environment(simulated: bool) -> None:
    one = section("One", "one").model_copy(update={"simulated": simulated})
    for environment in ("base", "test", "esci"):
        text = render([one, section("Two", "two")], environment=environment, seed=7)
        assert ("Simulated data." in text) is simulated
        assert f"<b>{environment}</b> · seed 7" in text


def test_a_page_without_charts_does_without_plotly() -> None:
    assert len(render([section("One", "one")])) < 30_000


def test_text_from_the_data_is_escaped() -> None:
    text = render([section("One", "one", "<script>alert(1)</script>")])
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_two_sections_under_one_anchor_are_an_error() -> None:
    with pytest.raises(InputError, match="share the anchor"):
        render([section("One", "one"), section("Two", "one")])


Open = Callable[[int], Page]


@pytest.fixture
def open_page(page: str, tmp_path: Path) -> Iterator[Open]:
    if EXECUTABLE is None:
        pytest.skip("Chromium is not installed: the page is not tried in a browser")
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    opened: list[Page] = []

    def start(width: int) -> Page:
        opened.append(Page(tmp_path / "report.html", tmp_path / f"profile{width}", width))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_in_chromium_the_page_draws_without_complaint_and_fits(open_page: Open, width: int) -> None:
    """No console message, no request beyond the file, every open chart drawn, no sideways scrolling of the page."""
    browser = open_page(width)
    browser.evaluate("charts.filter((holder) => holder.offsetParent).forEach(draw)")
    browser.wait_for("charts.filter((h) => h.offsetParent).every((h) => h.querySelector('.main-svg'))")
    assert browser.evaluate("charts.filter((h) => h.offsetParent).length") >= 8
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.complaints == []
    assert {url.split(":")[0] for url in browser.requests} <= {"file", "data"}


def test_in_chromium_tables_sort_and_filter(open_page: Open) -> None:
    """A click on a numeric header sorts falling, a second one rising; the box leaves only rows with all its words."""
    browser = open_page(1280)
    first = "document.querySelector('#evaluation table')"
    browser.evaluate(f"window.shown = () => [...{first}.tBodies[0].rows].map((r) => Number(r.cells[3].dataset.value))")
    for falling in (True, False):
        browser.evaluate(f"{first}.tHead.rows[0].cells[3].querySelector('button').click()")
        values = browser.evaluate("shown()")
        assert values == sorted(values, reverse=falling)
        assert len(set(values)) > 3
    figure = "document.querySelector('#queries figure')"
    rows = f"[...{figure}.querySelectorAll('tbody tr')]"
    shown = f"{rows}.filter((r) => !r.hidden).map((r) => [...r.cells].map((c) => c.firstChild.textContent))"
    box = f"{figure}.querySelector('.filter')"
    browser.evaluate(f"{box}.value = 'gb 64'; {box}.dispatchEvent(new Event('input'))")
    visible = browser.evaluate(shown)
    assert 0 < len(visible) < browser.evaluate(f"{rows}.length")
    assert all("64 gb" in cells[0] for cells in visible)
    list_ = f"{figure}.querySelector('.choice[data-column=\"6\"]')"
    browser.evaluate(f"{list_}.value = 'lost'; {list_}.dispatchEvent(new Event('input'))")
    both = browser.evaluate(shown)
    assert 0 < len(both) < len(visible)
    assert all("64 gb" in cells[0] and cells[6] == "lost" for cells in both)
    assert browser.evaluate(f"{figure}.querySelector('.matches').textContent").startswith(f"{len(both)} of ")
    assert browser.complaints == []


def test_in_chromium_a_choice_takes_one_of_several_reasons(open_page: Open) -> None:
    """A query lost for an attribute and a slip is found under either."""
    browser = open_page(1280)
    list_ = "document.querySelector('#queries figure .choice[data-column=\"7\"]')"
    assert {"attribute", "typo"} <= set(browser.evaluate(f"[...{list_}.options].map((o) => o.value)"))
    browser.evaluate(f"{list_}.value = 'typo'; {list_}.dispatchEvent(new Event('input'))")
    whys = (
        "[...document.querySelectorAll('#queries figure tbody tr')].filter((r) => !r.hidden && r.closest('figure') === "
    )
    shown = browser.evaluate(whys + "document.querySelector('#queries figure')).map((r) => r.cells[7].textContent)")
    assert shown
    assert all("typo" in why.split(", ") for why in shown)


def test_in_chromium_the_page_prints(open_page: Open) -> None:
    """Charts are drawn for paper, long tables cut, filters gone."""
    browser = open_page(1280)
    browser.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    browser.wait_for("charts.filter((h) => h.offsetParent).every((h) => h.querySelector('.main-svg'))")
    browser.command("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("getComputedStyle(document.querySelector('.filters')).display") == "none"
    rows = "[...document.querySelectorAll('#queries figure tbody')][0].rows"
    assert browser.evaluate(f"[...{rows}].filter((r) => r.offsetParent).length") == 30
    assert len(base64.b64decode(browser.command("Page.printToPDF", printBackground=True)["data"])) > 50_000
    assert browser.complaints == []
