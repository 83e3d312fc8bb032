"""OpenAPI as the service that answers has it: its systems, its fields and its limits, so that what the schema allows is answered."""

import copy
from typing import Any

from fastapi import FastAPI

from roar.service.queries import VISIBLE


def describe(app: FastAPI) -> None:
    """Let an application's schema say what its release and its settings allow; before it has started, what any would."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        said, service = copy.deepcopy(plain()), app.state.service
        allowed = {} if service is None else _allowed(service)
        for path in said["paths"].values():
            for parameter in (one for operation in path.values() for one in operation.get("parameters", ())):
                parameter["schema"] = _never_null(parameter["schema"]) | allowed.get(parameter["name"], {})
        if judgment := said["components"]["schemas"].get("JudgmentBody"):
            judgment["properties"]["query"] |= allowed.get("q", {})
        return said

    app.openapi = openapi  # type: ignore[method-assign]


def _allowed(service: Any) -> dict[str, dict[str, Any]]:
    """Further words of JSON Schema on parameters, by name."""
    serve, searcher = service.settings.serve, service.searcher
    any_of = "|".join(searcher.systems)
    return {
        "q": {"minLength": 1, "maxLength": serve.query_characters, "pattern": VISIBLE},
        "limit": {"maximum": serve.limit},
        "offset": {"maximum": 2 * serve.depth},
        "system": {"enum": list(searcher.systems)},
        "systems": {"pattern": f"^({any_of})(,({any_of})){{1,3}}$"},
        "group_by": {"enum": searcher.groups},
    }


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is not one that can be null: an address knows no null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    return {name: value for name, value in schema.items() if name != "anyOf"} | kinds[0]
