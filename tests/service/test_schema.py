"""OpenAPI: whatever it allows is answered, and never by a 5xx."""

import ast
import contextlib
import re
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

import roar.service
from roar.service import Settings, create_app
from roar.service.faults import ServiceError
from roar.service.queries import VISIBLE, understood

from .conftest import SERVE

load_all_checks()
OTHERS = {
    "max_response_time",
    "ensure_resource_availability",
    "use_after_free",
    "ignored_auth",
    "object_level_authorization",
}


def schema_checks():
    """All of them but those of accounts, of resources that are made and deleted, and of the clock."""
    return [check for check in CHECKS.get_all() if check.__name__ not in OTHERS]


def beyond_a_schema(case) -> bool:
    """Whether one value contradicts another, which no schema can say, or a list of one is sent, which an address cannot tell."""
    body = case.body if isinstance(case.body, dict) else {}
    if body.get("kind") in ("click", "cart") and body.get("revenue"):
        return True
    query = dict(case.query or {})
    low, high, systems = (query.get(name) for name in ("price_min", "price_max", "systems"))
    crossed = all(isinstance(one, (int, float)) for one in (low, high)) and low > high
    named = str(systems or "").split(",")
    lists = [value for name, value in query.items() if name not in ("vertical", "brand")]
    return crossed or len(named) != len(set(named)) or any(isinstance(one, list) and len(one) == 1 for one in lists)


def call_all(app, examples: int, **which) -> int:
    """Try requests that the schema allows, and requests that it does not; the operations that were tried."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in (schema.include(**which) if which else schema).get_all_operations()]
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=examples,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                derandomize=True,
                database=None,
            )
            def answered(case):
                if not beyond_a_schema(case):
                    case.call_and_validate(checks=schema_checks())

            with contextlib.suppress(Unsatisfiable):  # where there are no parameters nothing violates the schema
                answered()
    return len(operations)


def test_what_the_schema_allows_is_answered_and_what_it_does_not_is_refused(released):
    """An app of its own: who calls it starts and stops it."""
    assert call_all(create_app(Settings(release=released, serve=SERVE)), 15) >= 6


def test_the_schema_says_what_there_is(client):
    paths = client.get("/openapi.json").json()["paths"]
    said = {one["name"]: one["schema"] for one in paths["/search"]["get"]["parameters"]}
    assert said["system"]["enum"] == ["stage2", "bm25", "hybrid", "words"] and said["limit"]["maximum"] == 50
    assert said["q"]["maxLength"] == 500 and "price" in said["group_by"]["enum"]
    assert not any("anyOf" in one for one in said.values())


def test_a_query_is_empty_where_the_schema_says_so():
    """At the edges of every range of the pattern, and among characters that people type."""
    edges = [
        ord(one) for one in re.sub(r"\\[xu]([0-9a-f]+)", lambda m: chr(int(m[1], 16)), VISIBLE[2:-1]) if one != "-"
    ]
    marks = {chr(code + step) for code in edges for step in (-1, 0, 1) if code + step >= 0} | set("aß中א👟7_-\u0301")
    for mark in marks - {chr(code) for code in range(0xD800, 0xE000)}:
        try:
            assert understood(mark, 500) and re.search(VISIBLE, mark), ascii(mark)
        except ServiceError:
            assert not re.search(VISIBLE, mark), ascii(mark)


def test_operations_have_words_and_examples(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/search", "/compare", "/similar/{product_id}", "/products/{product_id}"):
        assert paths[path]["get"]["description"] and "429" in paths[path]["get"]["responses"]
    for path in ("/search", "/compare"):
        parameters = {one["name"]: one for one in paths[path]["get"]["parameters"]}
        assert parameters["q"]["schema"]["examples"] and all(one["schema"] for one in parameters.values())
        assert all(one.get("description") or one["schema"].get("description") for one in parameters.values())


def test_the_service_imports_neither_kedro_nor_training():
    banned = ("kedro", "roar.training", "roar.pipelines", "roar.datasets", "roar.hooks", "roar.losses", "torch")
    found = []
    for path in Path(roar.service.__file__).parent.rglob("*.py"):
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else []
            names += [statement.module or ""] if isinstance(statement, ast.ImportFrom) else []
            found += [name for name in names if name == banned or name.startswith(banned)]
    assert not found
