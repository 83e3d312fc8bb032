"""What surrounds every request, whoever answers it: an id, limits of size, headers, a line in the access log.

One middleware on ASGI's own terms: the framework's base class would hide a client's going from those who wait.
"""

import json
import logging
import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from roar.service.faults import ServiceError, problem

access = logging.getLogger("roar.service.access")

LONGEST_URL = 16_384
"""Bytes of a path with its parameters."""
LONGEST_BODY = 65_536
"""Bytes of a body."""

SEARCHES = ("/search", "/compare", "/similar/")
"""Where the paths begin whose requests wait for a thread."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Edges:
    """See the module."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, sent = time.perf_counter(), 500, 0
        request_id = scope.setdefault("state", {})["request_id"] = _request_id(Headers(scope=scope))

        async def sending(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message, request_id)
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            if refusal := _too_long(scope) or _too_many(scope):
                await refusal(scope, receive, sending)
            else:
                await self.app(scope, _limited(receive), sending)
        finally:
            if access.isEnabledFor(logging.INFO):
                access.info(_line(scope, request_id, status, sent, time.perf_counter() - started))


def _request_id(headers: Headers) -> str:
    """The caller's, where it is one; so a proxy's id goes through."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(12)


def _dress(message: Message, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["x-request-id"] = request_id
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)


def _too_long(scope: Scope) -> Any:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_URL:
        return problem(414, f"the address is longer than {LONGEST_URL:,} bytes.")
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or int(declared) > LONGEST_BODY:
        return problem(413, f"the body is longer than {LONGEST_BODY:,} bytes.")
    return None


def _too_many(scope: Scope) -> Any:
    """A search that there is no room for is refused before anything is read of it: a rush costs the least where it matters."""
    service = scope["app"].state.service
    if service is None or not scope["path"].startswith(SEARCHES):
        return None
    try:
        return service.workers.admit()
    except ServiceError as full:
        return problem(full.status, full.message, full.parameter, full.headers)


def _limited(receive: Receive) -> Receive:
    """A body without a declared length ends where it grows too long, and the connection with it."""
    received = 0

    async def receiving() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return {"type": "http.disconnect"} if received > LONGEST_BODY else message

    return receiving


def _line(scope: Scope, request_id: str, status: int, sent: int, seconds: float) -> str:
    """One request as JSON: the route, never the query."""
    route = scope.get("route")
    said = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "request_id": request_id,
        "method": scope["method"],
        "route": getattr(route, "path", None),
        "status": status,
        "bytes": sent,
        "ms": round(1000 * seconds, 2),
    }
    return json.dumps(said | scope["state"].get("access", {}))
