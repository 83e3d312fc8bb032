"""Every 4xx and 5xx in one form, `{error: {parameter, message}}`: no traceback, no path, no version."""

import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roar.errors import did_you_mean

logger = logging.getLogger(__name__)

_LONGEST = 300
"""Characters of a message: what came in is not sent back at length."""

_NO_JSON = "the body is no JSON that can be read."


class ServiceError(Exception):
    """A request that is not answered as it was asked; the caller reads the message."""

    def __init__(
        self, status: int, message: str, parameter: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.parameter, self.headers = status, message, parameter, headers


def problem(
    status: int, message: str, parameter: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """A refusal in the one form."""
    message = message.encode("utf-8", "replace").decode()[:_LONGEST]
    return JSONResponse({"error": {"parameter": parameter, "message": message}}, status_code=status, headers=headers)


def handle_faults(app: FastAPI) -> None:
    """Let an application answer faults in the one form."""
    app.add_exception_handler(ServiceError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return problem(error.status, error.message, error.parameter, error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("query", "path", "body", "header", "cookie")]
    parameter = place[0] if place else None
    if first["type"] == "extra_forbidden":
        return problem(422, f"there is no such parameter; {did_you_mean(place[-1], _known(request))}", parameter)
    if first["type"] == "json_invalid":
        return problem(422, _NO_JSON)
    if first["type"] == "missing":
        return problem(422, "it is missing.", parameter or "body")
    message = str(first["msg"]).removeprefix("Value error, ")
    return problem(422, f"{message[:1].lower()}{message[1:]}.", parameter)


def _known(request: Request) -> list[str]:
    """Names of the parameters that a route takes."""
    dependant: Any = getattr(request.scope.get("route"), "dependant", None)
    models = [field.field_info.annotation for field in getattr(dependant, "query_params", [])]
    return sorted({name for model in models for name in getattr(model, "model_fields", {})})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # the framework's own word for a body too deep, or of bytes that are no text
        return problem(422, _NO_JSON)
    return problem(error.status_code, str(error.detail), None, dict(error.headers or {}))


async def _unforeseen(request: Request, error: Exception) -> Response:
    logger.exception("A request failed.", exc_info=error)
    return problem(500, "the service failed at this request; its log says why.")
