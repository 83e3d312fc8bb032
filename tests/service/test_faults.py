"""What is refused, and how: the parameter's name, a clear line, and nothing of the inside."""

import json
import logging

import pytest
from starlette.testclient import TestClient
from tests.service.conftest import release

from roar.errors import InputError
from roar.files import SEAL, seal
from roar.parameters.serve import Serve, ServedSystem
from roar.retrieval import Release
from roar.service import Settings, create_app


def refusal(answer, status: int) -> tuple[str | None, str]:
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert set(problem) == {"error"} and set(problem["error"]) == {"parameter", "message"}
    for inside in ("Traceback", "site-packages", "/src/", ".py", "pydantic", "polars"):
        assert inside not in answer.text
    return problem["error"]["parameter"], problem["error"]["message"]


@pytest.mark.parametrize(
    ("parameters", "status", "parameter", "said"),
    [
        ({}, 422, "q", "missing"),
        ({"q": ""}, 422, "q", "empty"),
        ({"q": " \t\u200b\ufeff "}, 422, "q", "empty"),
        ({"q": "\x00\x01\x1f"}, 422, "q", "empty"),
        ({"q": "x" * 501}, 422, "q", "501 characters"),
        ({"q": "x", "limit": 0}, 422, "limit", "greater than or equal to 1"),
        ({"q": "x", "limit": -1}, 422, "limit", "greater than or equal to 1"),
        ({"q": "x", "limit": 10**9}, 422, "limit", "50 at most"),
        ({"q": "x", "limit": "ten"}, 422, "limit", "integer"),
        ({"q": "x", "limit": "1" * 5000}, 422, "limit", ""),
        ({"q": "x", "offset": -1}, 422, "offset", ""),
        ({"q": "x", "offset": 10**9}, 422, "offset", "60 at most"),
        ({"q": "x", "system": "stage3"}, 404, "system", "did you mean stage2? There are: bm25, hybrid, stage2, words"),
        ({"q": "x", "system": "../../etc/passwd"}, 404, "system", "there are"),
        ({"q": "x", "limt": 3}, 422, "limt", "did you mean limit?"),
        ({"q": "x", "group_by": "colour"}, 422, "group_by", "no such field"),
        ({"q": "x", "price_min": "nan"}, 422, "price_min", "finite"),
        ({"q": "x", "price_min": 5, "price_max": 4}, 422, "price_max", "below price_min"),
        ({"q": "x", "score_threshold": "inf"}, 422, "score_threshold", "finite"),
        ({"q": "x", "explain": "perhaps"}, 422, "explain", "boolean"),
        ({"q": "x", "vertical": ["a"] * 60}, 422, "vertical", "50"),
        ({"q": ["x", "y"]}, 422, "q", "more than once"),
        ({"q": "x", "limit": [5, 5]}, 422, "limit", "more than once"),
        ({"q": "x", "limit": 2.5}, 422, "limit", "integer"),
        ({"q": "x", "limit": "0x10"}, 422, "limit", "integer"),
        ({"q": "x", "limit": ""}, 422, "limit", "integer"),
        ({"q": "x", "offset": 61}, 422, "offset", "60 at most"),
        ({"q": "x", "price_max": "-inf"}, 422, "price_max", "finite"),
        ({"q": "x", "price_min": "1,5"}, 422, "price_min", "number"),
        ({"q": "\u200d\u200c"}, 422, "q", "invisible"),
        ({"q": "x", "q\x00": "y"}, 422, "q\x00", "no such parameter"),
    ],
)
def test_a_bad_parameter_is_named(parameters, status, parameter, said, client):
    named, message = refusal(client.get("/search", params=parameters), status)
    assert named == parameter and said in message and len(message) <= 300


@pytest.mark.parametrize(
    "query", ["%ED%A0%80", "%FF%FE", "%00", "%C0%AF", "%F0%9F%98", "a%ED%A0%80b", "%E2%80%AE%00x", "'%22<script>"]
)
def test_bytes_that_are_no_text_are_read_around_or_refused_but_break_nothing(query, client):
    answer = client.get(f"/search?q={query}")
    assert answer.status_code in (200, 422) and "\ufffd" not in answer.json().get("query", "")
    assert client.get(f"/search?q=x&system={query}").status_code == 404
    assert client.get(f"/search?q=x&vertical={query}").status_code == 200
    assert client.get(f"/products/{query}").status_code in (404, 422)


def test_a_long_address_and_a_long_body_are_refused(client):
    refusal(client.get("/search?q=" + "x" * 20_000), 414)
    refusal(client.request("GET", "/search?q=x", content=b"x" * 100_000), 413)

    def endless():
        yield from (b"x" * 10_000 for _ in range(100))

    assert client.request("GET", "/search?q=x", content=endless()).status_code in (200, 413)


@pytest.mark.parametrize("path", ["/nothing", "/products/nothing", "/similar/nothing", "/products/../../etc/passwd"])
def test_what_is_not_there_is_a_404_in_the_same_form(path, client):
    refusal(client.get(path), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "BREW"])
def test_another_method_is_refused_in_the_same_form(method, client):
    answer = client.request(method, "/search?q=x", content=b"{not json")
    assert answer.headers["allow"] == "GET"
    if method == "HEAD":
        assert answer.status_code == 405
    else:
        refusal(answer, 405)


@pytest.mark.parametrize("systems", ["stage2", "stage2,stage2", "stage2,bm25,hybrid,words,base", "", ",,"])
def test_comparing_takes_two_to_four_systems(systems, client):
    parameter, _ = refusal(client.get("/compare", params={"q": "x", "systems": systems}), 422)
    assert parameter == "systems"


def test_comparing_with_an_unknown_system_lists_what_there_is(client):
    parameter, message = refusal(client.get("/compare", params={"q": "x", "systems": "stage2,base"}), 404)
    assert parameter == "systems" and "stage2" in message


def test_what_nobody_foresaw_is_a_500_without_its_inside_and_a_traceback_in_the_log(client, monkeypatch, caplog):
    monkeypatch.setattr(Release, "rank", lambda *_, **__: 1 / 0)
    _, message = refusal(client.get("/search?q=x"), 500)
    assert "division" not in message and "ZeroDivisionError" in caplog.text


def test_every_answer_has_an_id_and_the_headers_of_a_careful_server(client):
    answer = client.get("/search?q=x", headers={"X-Request-Id": "proxy-id-0042"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "proxy-id-0042"
    assert client.get("/search?q=x", headers={"X-Request-Id": "a b\x7f"}).headers["x-request-id"] != "a b\x7f"
    for path in ("/search?q=x", "/nothing", "/healthz", "/search"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"] and len(headers["x-request-id"]) >= 8
        assert headers["x-content-type-options"] == "nosniff" and "server" not in headers


def test_the_access_log_is_a_json_object_a_request_without_the_query(client, caplog):
    with caplog.at_level(logging.INFO, logger="roar.service.access"):
        client.get("/search", params={"q": "my secret gift"})
        client.get("/products/p200")
    lines = [json.loads(record.message) for record in caplog.records if record.name == "roar.service.access"]
    assert [line["route"] for line in lines] == ["/search", "/products/{product_id:path}"]
    assert lines[0]["status"] == 200 and lines[0]["system"] == "stage2" and lines[0]["ms"] > 0
    assert not any("secret" in record.getMessage() for record in caplog.records if record.name.startswith("roar"))


def test_health_readiness_and_metrics(client):
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json()["index_version"]
    for _ in range(2):
        client.get("/search", params={"q": "twice"})
    text = client.get("/metrics").text
    for name in ("http_requests_total", "roar_search_part_seconds_bucket", "roar_query_vectors_cached_total"):
        assert name in text
    assert "twice" not in text and 'handler="/search"' in text


def test_a_system_of_another_release_answers_by_it(released, tmp_path, encoder):
    other = release(tmp_path / "other", encoder)
    Release.read(other).index.remove(["p000"])
    serve = Serve(systems={"base": ServedSystem(release=str(other))}, default="base")
    with TestClient(create_app(Settings(release=released, serve=serve))) as client:
        answer = client.get("/search", params={"q": "red memory card 64 gb", "limit": 50, "group_by": "none"}).json()
        assert answer["system"] == "base" and "p000" not in {hit["product_id"] for hit in answer["hits"]}
        assert client.get("/compare", params={"q": "red", "systems": "stage2,base"}).status_code == 200


def _missing(folder):
    (folder / "current").unlink()


def _half_written(folder):
    index = next(folder.glob("*/base/vectors.faiss"))
    index.write_bytes(index.read_bytes()[:-40])


def _another_format(folder):
    base = next(folder.glob("*/base"))
    written = json.loads((base / "manifest.json").read_text())
    (base / "manifest.json").write_text(json.dumps(written | {"format": 99}))
    (base / SEAL).unlink()
    seal(base)


def _another_model(folder):
    base = next(folder.glob("*/base"))
    with (base / "encoder" / "modules.json").open("a") as file:
        file.write(" ")
    (base / "encoder" / SEAL).unlink()
    seal(base / "encoder")
    (base / SEAL).unlink()
    seal(base)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_missing, "no release here"),
        (_half_written, "vectors.faiss"),
        (_another_format, "format 99"),
        (_another_model, "encoder"),
    ],
)
def test_a_release_that_cannot_be_served_is_refused_at_the_start(harm, said, tmp_path, encoder):
    folder = release(tmp_path / "release", encoder)
    harm(folder)
    with pytest.raises(InputError, match=said), TestClient(create_app(Settings(release=folder))):
        pass


def test_an_unknown_default_system_is_refused_at_the_start(released):
    serve = Serve(default="base")
    with (
        pytest.raises(InputError, match=r"serve\.default"),
        TestClient(create_app(Settings(release=released, serve=serve))),
    ):
        pass
