"""OpenAPI: whatever it allows is answered, and never by a 5xx."""

import ast
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import roar.service

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_no_request_that_the_schema_allows_breaks_the_service(client):
    operations = [
        found.ok() for found in schemathesis.openapi.from_asgi("/openapi.json", client.app).get_all_operations()
    ]
    assert {operation.path for operation in operations} >= {"/search", "/compare", "/similar/{product_id}"}
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
        )
        def answered(case):
            case.call_and_validate(checks=CHECKS)

        answered()


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
