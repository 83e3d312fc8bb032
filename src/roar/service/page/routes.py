"""`/`, its style and script, and `POST /judgments`."""

from functools import partial
from importlib.resources import files
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Body, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from roar.errors import InputError
from roar.service.evidence import Evidence
from roar.service.faults import ServiceError
from roar.service.models import ErrorAnswer, Hit, SearchAnswer, SearchQuery
from roar.service.page.judging import Judgments
from roar.service.page.query import NONE, PageQuery, page_query
from roar.service.page.queue import Task, task
from roar.service.page.view import KEYS, Column, Row, columns
from roar.service.queries import VISIBLE, understood
from roar.service.searcher import Searcher
from roar.service.settings import Settings
from roar.service.showing import as_product, documents

JUDGED = "01_raw/judged"
"""Where an environment's data keep what is judged on the page."""

_STATIC = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
_PRINTED = r"[^\x00-\x1f\x7f]*"
_NAME, _SEEN = f"^{_PRINTED}$", f"^{_PRINTED}{VISIBLE}{_PRINTED}$"
"""A text, and one that somebody sees, as OpenAPI has it: blanks alone are refused in words of our own."""

_FAULTS: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorAnswer, "description": "There is no such product, or no folder for judgments."},
    422: {"model": ErrorAnswer, "description": "A field is missing, unknown or out of range; the answer names it."},
    503: {"model": ErrorAnswer, "description": "It cannot be written now; give the grade again."},
}

templates = Environment(
    loader=PackageLoader("roar.service.page"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)


class JudgmentBody(BaseModel):
    """A grade that somebody gives a product for a query."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str = Field(min_length=1, max_length=10_000)
    product_id: str = Field(min_length=1, max_length=500)
    grade: Literal["exact", "substitute", "complement", "irrelevant"]
    rater: str = Field(min_length=1, max_length=40, pattern=_NAME, json_schema_extra={"pattern": _SEEN})
    comment: str = Field("", max_length=500, pattern=_NAME)


class JudgmentAnswer(BaseModel):
    """The grade is on disk."""

    query_id: str
    grade: str


def page(settings: Settings) -> APIRouter:
    """Routes of the page over an environment's data; without data nothing is known of queries, and nobody can judge."""
    router = APIRouter()
    evidence = Evidence.of(settings)
    judgments = Judgments(settings.data / JUDGED) if settings.data is not None else None

    @router.get("/", include_in_schema=False)
    async def show(request: Request) -> Response:
        service = request.app.state.service
        status, asked, shown = 200, PageQuery(), {}
        try:
            asked = page_query(request.query_params, *_two(service.searcher))
            shown = await service.workers.run(request, partial(_shown, service, asked, evidence, judgments))
        except ServiceError as error:
            status, shown = error.status, {"error": error}
        said = {"asked": asked, "systems": list(service.searcher.systems), "keys": KEYS, "alone": NONE}
        said |= {"can_judge": judgments is not None, **_EMPTY, **shown}
        html = templates.get_template("page.html.j2").render(said)
        return Response(html.encode(errors="replace"), status, media_type="text/html; charset=utf-8")

    @router.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in _STATIC:
            raise ServiceError(404, "no such file.")
        content = files("roar.service.page").joinpath("templates", name).read_bytes()
        return Response(content, headers={"content-type": _STATIC[name], "cache-control": "max-age=300"})

    @router.post("/judgments", tags=["judging"], status_code=201, responses=_FAULTS)
    async def judge(request: Request, body: Annotated[JudgmentBody, Body()]) -> JudgmentAnswer:
        """Keep a grade in `judgments_made.parquet`; the same rater's later grade of a pair replaces it."""
        if judgments is None:
            raise ServiceError(404, "this service has no folder for judgments.")
        service = request.app.state.service
        query = understood(body.query, service.settings.serve.query_characters, "query")
        rater = " ".join(body.rater.split())
        if not rater:
            raise ServiceError(422, "it is empty.", "rater")

        def keep() -> str:
            service.searcher.product(body.product_id)
            query_id = evidence.about(query).get("query_id")
            return judgments.add(query_id, query, body.product_id, body.grade, rater, body.comment.strip())

        try:
            return JudgmentAnswer(query_id=await run_in_threadpool(keep), grade=body.grade)
        except InputError as error:
            raise ServiceError(
                503, "it could not be written; give the grade again.", None, {"Retry-After": "1"}
            ) from error

    return router


_EMPTY: dict[str, Any] = {
    "error": None,
    "about": {},
    "judged": 0,
    "columns": [],
    "examples": [],
    "known": [],
    "task": None,
    "queue_done": False,
    "last": 0,
    "version": "",
}


def _two(searcher: Searcher) -> tuple[str, str]:
    """The systems that are compared where nobody says which: words against the default one, where both are there."""
    default = searcher.serve.default
    others = [name for name in ("bm25", *searcher.systems) if name in searcher.systems and name != default]
    return others[0] if others else default, default


def _shown(
    service: Any, asked: PageQuery, evidence: Evidence, judgments: Judgments | None, waited_s: float
) -> dict[str, Any]:
    """Whatever the address asks for: a query's answers, a task of the queue, or examples."""
    searcher = service.searcher
    shown: dict[str, Any] = {"version": searcher.version}
    if asked.judge and judgments is not None and not asked.q.strip():
        made = judgments.of(asked.judge)
        work = task(evidence.queue(), made, asked.place)
        return shown | (_task(searcher, work, evidence, made) if work else {"queue_done": bool(evidence.queue())})
    if not asked.q.strip():
        examples = evidence.examples()
        return shown | {"examples": examples, "known": [] if examples else evidence.judged()}
    query = understood(asked.q, service.settings.serve.query_characters)
    about = evidence.about(query)
    own = judgments.of(asked.judge, query) if asked.judge and judgments is not None else []
    pages, ranks = _answers(searcher, query, asked, waited_s)
    grades = evidence.grades(about.get("query_id"))
    told = {} if asked.judge else grades  # a judge makes up his own mind
    found = columns(pages, ranks, told, {row["product_id"]: row for row in own})
    last = max(column.total for column in found)
    return shown | {"about": about, "judged": len(grades), "columns": found, "last": last}


def _answers(
    searcher: Searcher, query: str, asked: PageQuery, waited_s: float
) -> tuple[dict[str, SearchAnswer], dict[str, dict[str, int]]]:
    """The page of each system, and where it has every product that it found."""
    deepest = searcher.serve.limit
    if not 1 <= asked.limit <= deepest:
        raise ServiceError(422, f"expected 1 to {deepest}.", "limit")
    for name, parameter in ((asked.a, "a"), (asked.b, "b")):
        if name != NONE:
            searcher.system(name, parameter)
    names = dict.fromkeys(name for name in (asked.a, asked.b) if name != NONE)
    pages, ranks = {}, {}
    for name in names:
        one = SearchQuery(q=query, system=name, limit=asked.limit, offset=asked.offset, explain=True)
        pages[name] = searcher.search(query, one, "page", waited_s)
        if len(names) > 1:
            deep = searcher.search(
                query, one.model_copy(update={"limit": 10**6, "offset": 0, "explain": False}), "page"
            )
            ranks[name] = {hit.product_id: hit.rank for hit in deep.hits}
    return pages, ranks


def _task(searcher: Searcher, work: Task, evidence: Evidence, made: list[dict[str, Any]]) -> dict[str, Any]:
    """The queue's products for a query, those that are still in the catalogue."""
    index = searcher.loaded[""].release.index
    own = {row["product_id"]: row for row in made if row["query_id"] == work.query_id}
    there = {row["product_id"]: row for row in documents(index, pl.Series(work.product_ids)).to_dicts()}
    ids = [one for one in work.product_ids if one in there]
    rows = []
    for rank, one in enumerate(ids, 1):
        hit = Hit.model_construct(**as_product(there[one]).model_dump(), rank=rank, score=0.0)
        mine = own.get(one, {})
        rows.append(Row(hit, own=mine.get("grade"), comment=mine.get("comment") or ""))
    return {"task": work, "about": evidence.about(work.query), "columns": [Column("to judge", rows, len(rows))]}
