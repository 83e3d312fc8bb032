"""Systems of the service under what a query asks for: what contradicts sinks, or goes; what says why is said."""

from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer
from starlette.testclient import TestClient

from .tiny_service import app_of, write_tiny_release

SYSTEMS = {
    "plain": {},
    "careful": {"penalty": 5.0, "bonus": 1.0},
    "careful_words": {"kind": "bm25", "penalty": 50.0},
    "strict": {"strict": True},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory, tiny_bert_folder):
    data: Path = tmp_path_factory.mktemp("data")
    write_tiny_release(data, SentenceTransformer(str(tiny_bert_folder)))
    with TestClient(app_of(data, systems=SYSTEMS, log="none")) as found:
        yield found


def search(client, query: str, system: str) -> dict:
    answer = client.get(
        "/search", params={"q": query, "system": system, "limit": 50, "explain": True, "group_by": "none"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def agreed(hit: dict) -> bool | None:
    """Whether all that a hit says agrees; None where it says nothing."""
    return all(fact["agrees"] for fact in hit["facts"]) if hit["facts"] else None


def test_what_contradicts_the_query_stands_below_all_else_and_nothing_vanishes(client) -> None:
    plain, careful = (search(client, "black running shoe", system) for system in ("plain", "careful"))
    assert {hit["product_id"] for hit in plain["hits"]} == {hit["product_id"] for hit in careful["hits"]}
    verdicts = [agreed(hit) for hit in careful["hits"]]
    assert verdicts == sorted(verdicts, key=lambda verdict: (verdict is not True, verdict is False))
    assert {True, False} <= set(verdicts)
    worth = {True: 1.0, False: -5.0}
    assert all(fact["effect"] == worth[fact["agrees"]] for hit in careful["hits"] for fact in hit["facts"])
    assert not any(fact["effect"] for hit in plain["hits"] for fact in hit["facts"])
    scores = {hit["product_id"]: hit["score"] for hit in plain["hits"]}
    for hit in careful["hits"]:
        moved = sum(fact["effect"] for fact in hit["facts"])
        assert hit["score"] == pytest.approx(scores[hit["product_id"]] + moved, abs=1e-5)
    assert careful["took_ms"]["constrain"] > 0 and "constrain" not in plain["took_ms"]


def test_a_release_brings_the_weights_that_validation_chose(client) -> None:
    tuned, careful = (search(client, "black running shoe", system) for system in ("stage2_constrained", "careful"))
    assert [hit["product_id"] for hit in tuned["hits"]] == [hit["product_id"] for hit in careful["hits"]]
    assert search(client, "black running shoe", "hybrid_constrained")["hits"]


def test_strict_leaves_out_what_contradicts(client) -> None:
    answer = search(client, "black running shoe", "strict")
    assert answer["hits"] and False not in [agreed(hit) for hit in answer["hits"]]


def test_what_a_query_excludes_in_words_sinks_and_is_explained(client) -> None:
    answer = search(client, "red coffee without maker", "careful_words")
    (made,) = [hit for hit in answer["hits"] if hit["title"] == "red coffee maker"]
    assert {
        "dimension": "without",
        "asked": "without maker",
        "stated": "maker",
        "agrees": False,
        "effect": -50.0,
    } in made["facts"]
    assert "maker" not in answer["hits"][0]["title"]


def test_a_query_that_asks_for_nothing_is_answered_as_without_constraints(client) -> None:
    plain, careful = (search(client, "coffee maker", system) for system in ("plain", "careful"))
    assert [hit["product_id"] for hit in plain["hits"]] == [hit["product_id"] for hit in careful["hits"]]
    assert "constrain" not in careful["took_ms"]
