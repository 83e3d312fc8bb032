"""/search, /compare, /products/{id}, /similar/{id}."""

from collections import Counter
from typing import Annotated, Any, TypeVar, get_origin

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from roar.service.faults import ServiceError
from roar.service.models import (
    CompareAnswer,
    CompareQuery,
    ErrorAnswer,
    Paged,
    Product,
    SearchAnswer,
    SearchQuery,
    SimilarAnswer,
)
from roar.service.queries import understood

A = TypeVar("A", SearchAnswer, CompareAnswer)

_FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": said}
    for status, said in (
        (404, "There is no such system or product; the message lists what there is."),
        (422, "A parameter is missing, unknown or out of range; the answer names it."),
        (429, "Too many searches are waiting; `Retry-After` says when to come again."),
        (503, "No answer in time; `Retry-After` says when to come again."),
    )
}

_REPEATED = {name for name, field in Paged.model_fields.items() if get_origin(field.annotation) is list}


async def once(request: Request) -> None:
    """Refuse a parameter that is given twice and can have one value: either one would be a guess."""
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if times > 1 and name not in _REPEATED:
            raise ServiceError(422, "it is given more than once.", name)


router = APIRouter(tags=["search"], responses=_FAULTS, dependencies=[Depends(once)])

ProductId = Annotated[str, Path(min_length=1, max_length=500, description="As in the catalogue.")]


@router.get("/search", response_model=SearchAnswer)
async def search(request: Request, asked: Annotated[SearchQuery, Query()]) -> Response:
    """Products for a query, in rank order.

    The ranking is that of a fixed number of candidates: it does not change with `limit`, and pages neither skip nor repeat.
    """
    service = request.app.state.service
    query = _page(service, asked, asked.q)
    reply = Response(media_type="application/json")
    assigned = service.assign(request, reply, asked)

    def work(waited_s: float) -> SearchAnswer:
        answer = service.searcher.search(query, asked, request.state.request_id, waited_s, assigned)
        service.log_answered(request, reply, asked, answer, assigned)
        return _graded(service, answer) if asked.explain else answer

    return _sent(reply, request, service, await service.workers.run(request, work))


@router.get("/compare", response_model=CompareAnswer)
async def compare(request: Request, asked: Annotated[CompareQuery, Query()]) -> Response:
    """Answers of several systems side by side: what one alone found, and how ranks moved."""
    service = request.app.state.service
    query = _page(service, asked, asked.q)

    def work(waited_s: float) -> CompareAnswer:
        answer = service.searcher.compare(query, asked, request.state.request_id, waited_s)
        return _graded(service, answer) if asked.explain else answer

    answer = await service.workers.run(request, work)
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/similar/{product_id:path}", response_model=SimilarAnswer)
async def similar(request: Request, product_id: ProductId, asked: Annotated[Paged, Query()]) -> Response:
    """Products nearest to one, by the encoder; other listings of it are left out."""
    service = request.app.state.service
    _page(service, asked)
    searcher, own = service.searcher, request.state.request_id
    answer = await service.workers.run(request, lambda waited: searcher.similar(product_id, asked, own, waited))
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/products/{product_id:path}", response_model=Product)
async def product(request: Request, product_id: ProductId) -> Response:
    """All that the catalogue says of a product."""
    service = request.app.state.service
    searcher = service.searcher
    found = await service.workers.run(request, lambda waited: searcher.product(product_id))
    return Response(found.model_dump_json(), media_type="application/json")


def _graded(service: Any, answer: A) -> A:
    """The answer with the grades that reporting knows of its query."""
    grades = service.evidence.known(answer.query)
    for one in answer.answers.values() if isinstance(answer, CompareAnswer) else [answer]:
        for hit in one.hits if grades else ():
            hit.grade = grades.get(hit.product_id)
    return answer


def _page(service: Any, asked: Paged, query: str = "") -> str:
    """The query as it is understood, once page and filters are within their limits."""
    serve = service.settings.serve
    if asked.limit > serve.limit:
        raise ServiceError(422, f"{serve.limit} at most.", "limit")
    if asked.offset > 2 * serve.depth:
        raise ServiceError(422, f"{2 * serve.depth} at most: paging reaches no further.", "offset")
    if asked.price_min is not None and asked.price_max is not None and asked.price_min > asked.price_max:
        raise ServiceError(422, "it is below price_min.", "price_max")
    return understood(query, serve.query_characters) if isinstance(asked, SearchQuery | CompareQuery) else ""


def _sent(reply: Response, request: Request, service: Any, answer: SearchAnswer) -> Response:
    """The answer as the body of a reply that an experiment may have given headers."""
    for part, value in answer.took_ms.items():
        service.counted.part_seconds.labels(part).observe(value / 1000)
    request.scope["state"]["access"] = {"system": answer.system, "hits": len(answer.hits), "took_ms": answer.took_ms}
    reply.body = answer.model_dump_json().encode()
    reply.headers["content-length"] = str(len(reply.body))
    return reply
