"""The page in a browser: typing, paging, comparing, nothing found, an error, judging by key."""

import html
import json
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qsl

import polars as pl
import pytest
from sentence_transformers import SentenceTransformer
from starlette.testclient import TestClient

from chromium import EXECUTABLE, Page
from roar.ingestion import ingest
from roar.schemas import Judgments as JudgmentsTable
from roar.service.page.judging import Judgments, query_id_of
from roar.service.page.query import PageQuery, page_query
from roar.service.page.queue import task

from .tiny_service import MARKUP, app_of, catalogue, listening, write_tiny_release

browser = pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium here")


@pytest.fixture(scope="module")
def released(tmp_path_factory, tiny_bert_folder) -> Path:
    data = tmp_path_factory.mktemp("data")
    write_tiny_release(data, SentenceTransformer(str(tiny_bert_folder)))
    return data


@pytest.fixture(scope="module")
def address(released):
    with listening(app_of(released)) as found:
        yield found


@pytest.fixture(scope="module")
def chrome(address, tmp_path_factory):
    page = Page(address, tmp_path_factory.mktemp("profile"), 400, 800)
    yield page
    page.close()


@pytest.fixture
def client(released, tmp_path):
    shutil.copytree(released, tmp_path / "data", ignore=shutil.ignore_patterns("01_raw"))
    with TestClient(app_of(tmp_path / "data")) as found:
        yield found


def titles(chrome: Page, column: int) -> list[str]:
    return chrome.evaluate(f"[...document.querySelectorAll('#column-{column} .hit')].map(hit => hit.dataset.product)")


@browser
def test_a_query_is_typed_compared_and_paged(chrome, address):
    chrome.go(address)
    chrome.wait_for("document.activeElement.name === 'q'")
    chrome.press(*"red memory card", "Enter")
    chrome.wait_for("document.querySelectorAll('.hit').length > 10")
    assert "q=red+memory+card" in chrome.evaluate("location.search")
    assert chrome.evaluate("[...document.querySelectorAll('h2')].map(h => h.textContent)") == ["bm25", "stage2"]
    first = titles(chrome, 2)
    chrome.evaluate("document.querySelector('.pages [rel=next]').click()")
    chrome.wait_for("location.search.includes('offset=10') && document.readyState === 'complete'")
    assert not set(first) & set(titles(chrome, 2)) and len(titles(chrome, 2)) == 10
    chrome.evaluate("const s = document.querySelector('select[name=b]'); s.value = 'none'; s.dispatchEvent(new Event('change', {bubbles: true}))")  # fmt: skip
    chrome.wait_for("location.search.includes('b=none') && document.querySelectorAll('.answers').length === 1")
    chrome.press("j", "j", "k")
    assert chrome.evaluate("document.activeElement.id") == "hit-1-1"
    chrome.press("/")
    assert chrome.evaluate("document.activeElement.name") == "q"
    assert chrome.evaluate("document.documentElement.scrollWidth <= 400"), "it is wider than a phone"
    assert not chrome.complaints and all(url.startswith((address, "data:")) for url in chrome.requests)


@browser
def test_an_empty_result_and_an_error_are_said(chrome, address):
    chrome.go(f"{address}/?q=zzzz&b=none")
    assert "Nothing found" in chrome.evaluate("document.querySelector('.nothing').textContent")
    chrome.go(f"{address}/?q=tea&a=nobody")
    said = chrome.evaluate("document.querySelector('[role=alert]').textContent")
    assert "a:" in said and "no system 'nobody'" in said
    chrome.complaints.clear()  # the browser reports the 404 itself


@browser
def test_results_are_judged_by_keys_and_the_queue_is_worked_through(chrome, address, released):
    made = Judgments(released / "01_raw/judged")
    chrome.go(f"{address}/?judge=Ann")
    assert chrome.evaluate("document.querySelector('h1').textContent") == "red memory card"
    chrome.press("c", *"dull", "Enter", "2")
    chrome.wait_for("document.querySelector('#said').textContent === 'substitute, kept'")
    chrome.wait_for("document.activeElement.id === 'hit-1-2'")
    chrome.press("s")
    assert chrome.evaluate("document.activeElement.rel") == "next"
    chrome.press("k")
    chrome.press("4")
    chrome.wait_for("document.querySelector('#said').textContent === 'irrelevant, kept'")
    chrome.go(f"{address}/?judge=Ann")  # the first that is open
    assert chrome.evaluate("document.querySelector('h1').textContent") == "tea"
    assert "2 of 3 pairs" in chrome.evaluate("document.body.textContent")
    chrome.go(f"{address}/?judge=Ann&q=red+memory+card")
    pressed = "document.querySelectorAll('.hit[data-product=p03] [aria-pressed=true]')"
    assert chrome.evaluate(f"[...{pressed}].every(b => b.dataset.grade === 'irrelevant') && {pressed}.length > 0")
    rows = made.table().select("query_id", "product_id", "grade", "rater", "comment").rows()
    assert rows == [("q1", "p02", "substitute", "Ann", "dull"), ("q1", "p03", "irrelevant", "Ann", None)]
    assert not chrome.complaints


def test_what_one_alone_found_moves_grades_and_contradictions_are_marked(client):
    found = client.get("/", params={"q": "red memory card 128 gb", "limit": 40})
    text = html.unescape(re.sub(r"<[^>]+>|\s+", " ", found.text))
    assert "only here" in text and ("▲" in text or "▼" in text)
    assert re.search(r"storage: 64 ?gb, asked 128 ?gb", text, re.I)
    known = client.get("/", params={"q": "RED memory card"}).text
    assert re.search(r'mark exact">exact', known) and "Stratum <b>HEAD</b>" in known and "Vertical <b>home</b>" in known
    assert "2 more listings" in known and known.count("red memory card 64 gb") >= 4, "copies are folded"
    blind = client.get("/", params={"q": "red memory card", "judge": "Ann"}).text
    assert "mark exact" not in blind and "Judged <b>2</b>" in blind
    start = client.get("/").text
    assert "q=green+tea" in start and "-0.50" in start and "+0.50" in start and "Judged queries" not in start


def test_where_nothing_has_changed_judged_queries_are_the_examples(client, tmp_path):
    table = tmp_path / "data/08_reporting/search_page/examples.parquet"
    pl.read_parquet(table).clear().write_parquet(table)
    start = client.get("/").text
    assert "Judged queries" in start and "q=Red+memory+card" in start


def test_known_grades_come_with_an_explained_answer_and_with_no_other(client):
    asked = {"q": "RED memory card", "system": "bm25"}
    explained = client.get("/search", params=asked | {"explain": True}).json()["hits"]
    grades = {hit["product_id"]: hit["grade"] for hit in explained if hit["grade"]}
    assert grades == {"p00": "exact", "p01": "substitute"}
    assert not any(hit["grade"] for hit in client.get("/search", params=asked).json()["hits"])
    unjudged = client.get("/search", params={"q": "green tea", "explain": True}).json()["hits"]
    assert unjudged and not any(hit["grade"] for hit in unjudged)
    both = client.get("/compare", params={"q": "red memory card", "systems": "bm25,hybrid", "explain": True}).json()
    for answer in both["answers"].values():
        assert next(hit for hit in answer["hits"] if hit["product_id"] == "p00")["grade"] == "exact"


def test_titles_are_text_and_pages_run_nothing_else(client):
    found = client.get("/", params={"q": "script <script>alert(2)</script>", "judge": 'A"><b>'})
    assert "<script>alert" not in found.text and html.escape(MARKUP) in found.text
    assert "<b>'" not in found.text and "script-src 'self'" in found.headers["content-security-policy"]
    assert "unsafe" not in found.headers["content-security-policy"] and "style=" not in found.text


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"q": "tea", "a": "nobody"}, 404),
        ({"q": "tea", "limit": "0"}, 422),
        ({"q": "tea", "limit": "1000000000"}, 422),
        ({"q": "tea", "offset": "-1"}, 422),
        ({"q": "tea", "offset": "x"}, 422),
        ({"q": "tea", "offset": "99999999"}, 200),
        ({"q": "x" * 600}, 422),
        ({"q": "\u200b\x00"}, 422),
        ({"q": "tea", "judge": "x" * 50}, 422),
        ({"q": "\ud800 tea".encode("utf-8", "surrogatepass")}, 200),
        ({"judge": "Bo", "place": "99"}, 200),
        ({"other": "x"}, 200),
    ],
)
def test_odd_addresses_are_answered_with_a_page(client, params, status):
    found = client.get("/", params=params)
    assert found.status_code == status and "</html>" in found.text
    assert (status == 200) != ('role="alert"' in found.text)


def test_an_address_reproduces_what_is_seen():
    asked = PageQuery("a&b=c ü", "bm25", "none", 20, 5, "Ann", 3)
    assert page_query(dict(parse_qsl(asked.address.removeprefix("/?"))), "x", "y") == asked
    assert PageQuery().address == "/"


GRADE = {"query": "tea", "product_id": "p30", "grade": "exact", "rater": "Ann"}


def test_two_raters_of_one_pair_are_both_kept_and_ingestion_takes_them(client, tmp_path, queries, judgments):
    for change in ({}, {"grade": "substitute"}, {"rater": "Bo"}, {"query": "Red  memory card", "product_id": "p00"}):
        assert client.post("/judgments", json=GRADE | change).status_code == 201
    made = Judgments(tmp_path / "data/01_raw/judged").table()
    assert made.select("query_id", "product_id", "grade", "rater").rows() == [
        (query_id_of("tea"), "p30", "substitute", "Ann"),
        (query_id_of("tea"), "p30", "exact", "Bo"),
        ("q1", "p00", "exact", "Ann"),
    ]
    JudgmentsTable.validate(made.unique(["query_id", "product_id"]))
    asked = pl.concat([queries.select("query_id", "query"), made.select("query_id", "query").unique()])
    both = pl.concat([judgments, made], how="diagonal_relaxed")
    raw = {"raw_products": catalogue(), "raw_queries": asked.unique("query_id"), "raw_judgments": both}
    found = ingest(raw).judgments
    pair = found.filter(query_id=query_id_of("tea"))
    assert pair.select("product_id", "grade").rows() == [("p30", "substitute")], "a tie takes the lower grade"
    assert pair["weight"][0] == 0.5


@pytest.mark.parametrize(
    ("change", "status", "parameter"),
    [
        ({"product_id": "nothing"}, 404, "product_id"),
        ({"grade": "good"}, 422, "grade"),
        ({"rater": " "}, 422, "rater"),
        ({"rater": "a\nb"}, 422, "rater"),
        ({"query": " "}, 422, "query"),
        ({"comment": "x" * 501}, 422, "comment"),
    ],
)
def test_a_grade_that_cannot_be_is_refused_by_name(client, change, status, parameter):
    found = client.post("/judgments", json=GRADE | change)
    assert (found.status_code, found.json()["error"]["parameter"]) == (status, parameter)


def test_a_full_disk_says_so_and_what_was_there_stays(client, tmp_path, monkeypatch):
    assert client.post("/judgments", json=GRADE).status_code == 201
    with monkeypatch.context() as full:
        full.setattr(pl.DataFrame, "write_parquet", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        assert client.post("/judgments", json=GRADE | {"rater": "Bo"}).status_code == 503
    assert Judgments(tmp_path / "data/01_raw/judged").table()["rater"].to_list() == ["Ann"]


def test_a_form_of_another_site_cannot_judge(client):
    sent = json.dumps(GRADE)
    assert client.post("/judgments", content=sent, headers={"content-type": "text/plain"}).status_code == 422


def test_without_evidence_the_page_answers_all_the_same(client, tmp_path):
    shutil.rmtree(tmp_path / "data/08_reporting")
    assert client.get("/").status_code == 200
    assert "No annotation queue" in client.get("/", params={"judge": "Ann"}).text
    assert client.get("/", params={"q": "green tea"}).text.count('class="hit') >= 10


def test_the_queue_gives_the_first_query_that_is_open():
    queue = [{"query_id": q, "query": q, "product_id": p} for q, p in (("a", "1"), ("a", "2"), ("b", "1"))]
    done = [{"query_id": "a", "product_id": "1"}]
    first = task(queue, done, 0)
    assert (first.place, first.product_ids, first.done, first.pairs) == (1, ["1", "2"], 1, 3)
    assert task(queue, [*done, {"query_id": "a", "product_id": "2"}], 0).query == "b"
    assert task(queue, queue, 0) is None and task([], [], 0) is None and task(queue, [], 3) is None
    assert task(queue, queue, 1).query == "a"
