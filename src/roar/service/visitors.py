"""Who searches, as far as a log needs to know: a unit (a visitor, for long) and a session (a visit).

A shop that knows its visitors says so in `X-Unit-Id` and `X-Session-Id`; others get a cookie of a random number. An id that is
no plain name is taken by its hash, so that whatever is sent stays the same visitor, and nothing odd gets into a log.
"""

import hashlib
import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

UNIT, SESSION = "unit", "session"
_SECONDS = {UNIT: 365 * 86_400, SESSION: 1_800}
"""How long a browser keeps each cookie; a visit goes on with every search."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}")


def unit_of(request: Request, response: Response) -> str:
    """The visitor; a cookie is set where one is needed."""
    return _id(request, response, UNIT)


def session_of(request: Request, response: Response) -> str:
    """The visit; likewise."""
    return _id(request, response, SESSION)


def _id(request: Request, response: Response, kind: str) -> str:
    known = request.scope.setdefault("state", {})
    if kind in known:
        return known[kind]
    given = request.headers.get(f"x-{kind}-id", "").strip()
    if not given:
        given = request.cookies.get(f"roar_{kind}", "") or secrets.token_hex(12)
        safe = request.url.scheme == "https"
        response.set_cookie(
            f"roar_{kind}", _plain(given), max_age=_SECONDS[kind], httponly=True, samesite="lax", secure=safe
        )
    known[kind] = _plain(given)
    return known[kind]


def _plain(given: str) -> str:
    if _PLAIN.fullmatch(given):
        return given
    return hashlib.sha256(given.encode(errors="replace")).hexdigest()[:32]
