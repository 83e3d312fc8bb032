"""Searches, events and experiments over HTTP, as logs have them."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from sentence_transformers import SentenceTransformer
from starlette.testclient import TestClient

from roar.ab_testing import assign, votes_of
from roar.errors import InputError
from roar.service.trial import interleave

from .test_schema import call_all
from .tiny_service import app_of, write_tiny_release

TEST = {"name": "t", "variants": {"control": "bm25", "treatment": "stage2"}, "salt": "s"}
QUERY = {"q": "red memory card", "limit": 4}


@pytest.fixture(scope="module")
def released(tmp_path_factory, tiny_bert_folder) -> Path:
    data = tmp_path_factory.mktemp("data")
    write_tiny_release(data, SentenceTransformer(str(tiny_bert_folder)))
    return data


@pytest.fixture
def data(released, tmp_path) -> Path:
    """The release with no logs yet."""
    shutil.copytree(released, tmp_path / "data")
    return tmp_path / "data"


def tables(data: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    return tuple(
        pl.read_parquet(data / "01_raw/served" / name / "*.parquet") for name in ("search_log", "experiment_log")
    )


def test_answered_searches_and_events_are_logged(data):
    with TestClient(app_of(data)) as client:
        answer = client.get("/search", params=QUERY | {"system": "bm25"}).json()
        shown = [hit["product_id"] for hit in answer["hits"]]
        event = {"request_id": answer["request_id"], "product_id": shown[1], "kind": "order", "revenue": 12.5}
        first, again = (client.post("/events", json=event) for _ in range(2))
        assert (first.status_code, first.json(), again.json()) == (202, {"recorded": True}, {"recorded": False})
        client.get("/search", params=QUERY | {"offset": 4}, headers={"X-Session-Id": "visit-7"})
        client.get("/search", params={"q": " "})
        client.get("/compare", params={"q": "red shoe"})
        client.get("/", params={"q": "red shoe"})
    log, searches = tables(data)
    assert log.filter(ranker="bm25").select("query", "product_id", "position", "ordered").rows() == [
        ("red memory card", product, place, place == 2) for place, product in enumerate(shown, 1)
    ]
    further = log.filter(session_id="visit-7")
    assert further["position"].to_list() == [5, 6, 7, 8] and set(further["ranker"]) == {"stage2"}
    assert log.height == 8 and searches.is_empty(), "only answered searches are logged, and none is an experiment's"


@pytest.mark.parametrize(
    ("change", "status", "parameter"),
    [
        ({"request_id": "nobody"}, 404, "request_id"),
        ({"product_id": "p39"}, 404, "product_id"),
        ({"kind": "view"}, 422, "kind"),
        ({"revenue": -1}, 422, "revenue"),
        ({"kind": "click", "revenue": 3}, 422, "revenue"),
        ({"other": 1}, 422, "other"),
        ({"revenue": "much"}, 422, "revenue"),
        ({"revenue": 1e300}, 422, "revenue"),
        ({"request_id": ["x"]}, 422, "request_id"),
        ({"request_id": "x" * 65}, 422, "request_id"),
        ({"product_id": None}, 422, "product_id"),
    ],
)
def test_an_event_that_cannot_be_is_refused_by_name(data, change, status, parameter):
    with TestClient(app_of(data)) as client:
        answer = client.get("/search", params=QUERY).json()
        event = {"request_id": answer["request_id"], "product_id": answer["hits"][0]["product_id"], "kind": "order"}
        found = client.post("/events", json=event | change)
    assert (found.status_code, found.json()["error"]["parameter"]) == (status, parameter)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"", "application/json", 422),
        (b"[" * 30_000, "application/json", 422),
        (b'{"a":' * 8_000, "application/json", 422),
        (b"\xff\xfe\x00", "application/json", 422),
        (b'{"revenue": NaN}', "application/json", 422),
        (b"request_id=a", "application/x-www-form-urlencoded", 422),
        (b"{}", "text/plain", 422),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_a_body_that_is_no_event_is_refused_in_the_one_form(data, body, kind, status):
    with TestClient(app_of(data), raise_server_exceptions=False) as client:
        for path in ("/events", "/judgments"):
            found = client.post(path, content=body, headers={"Content-Type": kind})
            assert found.status_code == status and set(found.json()["error"]) == {"parameter", "message"}, found.text


@pytest.mark.parametrize(
    "cookie", ["roar_session=", "roar_session=\x01; roar_unit=\xff", "=;;=,", "x" * 9_000, 'roar_session="a;b']
)
def test_rubbish_in_cookies_and_ids_is_a_visitor_like_any_other(data, cookie):
    with TestClient(app_of(data, experiment=TEST), raise_server_exceptions=False) as client:
        headers = {"Cookie": cookie.encode("latin-1"), "X-Unit-Id": "u" * 5_000}
        assert client.get("/search", params=QUERY, headers=headers).status_code == 200
    _, searches = tables(data)
    assert searches["unit_id"].str.len_chars().to_list() == [32] and searches["session_id"].str.len_chars().item() > 0


def test_nothing_is_kept_where_there_is_to_be_no_log(data):
    with TestClient(app_of(data, log="none")) as client:
        found = client.get("/search", params=QUERY)
        assert found.status_code == 200 and not found.cookies
        assert client.post("/events", json={"request_id": "a", "product_id": "b", "kind": "click"}).status_code == 404
    assert not (data / "01_raw").exists()


def test_searches_that_a_variant_was_assigned_and_did_not_answer_are_counted(data):
    with TestClient(app_of(data, experiment=TEST), raise_server_exceptions=False) as client:
        headers = {"X-Unit-Id": "u1"}
        variant = assign("u1", {"control": 0.5, "treatment": 0.5}, "s")
        client.get("/search", params=QUERY, headers=headers)
        client.get("/search", params=QUERY | {"group_by": "colour"}, headers=headers)
        told = client.get("/metrics").text
    for state, count in (("assigned", 2), ("answered", 1)):
        assert f'roar_experiment_searches_total{{state="{state}",variant="{variant}"}} {count}.0' in told


def test_visitors_are_split_by_the_hash_and_stay_where_they_are(data):
    with TestClient(app_of(data, experiment=TEST)) as client:
        for unit in range(30):
            for _ in range(2):
                found = client.get("/search", params=QUERY, headers={"X-Unit-Id": f"u{unit}"}).json()
                assert found["system"] == TEST["variants"][assign(f"u{unit}", {"control": 0.5, "treatment": 0.5}, "s")]
        client.get(
            "/search", params=QUERY | {"system": "hybrid"}, headers={"X-Unit-Id": "u1"}
        )  # names one: no part of it
        fresh = client.get("/search", params=QUERY)
        assert {"roar_unit", "roar_session"} <= fresh.cookies.keys()
        again = client.get("/search", params=QUERY)
        assert again.json()["system"] == fresh.json()["system"]
    log, searches = tables(data)
    assert searches.height == 62 and searches["unit_id"].n_unique() == 31
    assert log.filter(ranker="hybrid")["unit_id"].is_null().all()
    assert searches.group_by("unit_id").agg(pl.col("variant").n_unique())["variant"].max() == 1


def test_odd_ids_are_taken_by_their_hash(data):
    with TestClient(app_of(data, experiment=TEST)) as client:
        for _ in range(2):
            client.get("/search", params=QUERY, headers={"X-Unit-Id": "a b;" * 100, "X-Session-Id": "\x7f<script>"})
    log, searches = tables(data)
    assert searches["unit_id"].n_unique() == searches["session_id"].n_unique() == 1
    assert log["session_id"].str.contains(r"^[0-9a-f]{32}$").all()


def test_interleaved_lists_credit_each_product_to_the_team_that_picked_it(data):
    systems = TEST["variants"]
    with TestClient(app_of(data, experiment=TEST | {"mode": "interleaving"})) as client:
        alone = {
            team: [hit["product_id"] for hit in client.get("/search", params=QUERY | {"system": system, "limit": 30}).json()["hits"]]
            for team, system in systems.items()
        }  # fmt: skip
        for unit in range(12):
            headers = {"X-Unit-Id": f"u{unit}", "X-Session-Id": f"s{unit}"}
            first, second = (
                client.get("/search", params=QUERY | {"offset": offset}, headers=headers).json() for offset in (0, 4)
            )
            shown = [hit["product_id"] for hit in (*first["hits"], *second["hits"])]
            assert len(set(shown)) == 8, "pages neither skip nor repeat"
            own = [hit["product_id"] for hit in first["hits"] if hit["team"] == "treatment"]
            assert abs(len(own) - 2) <= 1
            wanted = {"request_id": first["request_id"], "product_id": own[0], "kind": "click"}
            assert client.post("/events", json=wanted).status_code == 202
    log, searches = tables(data)
    teams = log.filter(pl.col("team").is_not_null())
    assert searches.is_empty() and set(teams["team"]) == {"control", "treatment"}
    assert (teams["ranker"] == teams["team"].replace(systems)).all()
    for unit in teams["unit_id"].unique():
        for team, order in alone.items():
            picks = teams.filter(unit_id=unit, team=team).sort("position")["product_id"].to_list()
            places = [order.index(product) for product in picks if product in order]
            assert places == sorted(places), "each team's picks are in its own order"
    votes = votes_of(log, "control", "treatment")
    assert votes["won"].to_list() == [1] * 12 and votes["lost"].sum() == 0


def test_an_experiment_with_an_unknown_system_does_not_start(data):
    with pytest.raises(InputError, match=r"serve.experiment: no system 'bm52'; did you mean bm25"):
        app_of(data, experiment=TEST | {"variants": {"control": "bm52", "treatment": "stage2"}})


def test_one_side_without_results_leaves_the_others_list():
    import numpy as np

    from roar.retrieval.ranking import by_one

    one, none = by_one("dense", (np.array([4, 2, 9]), np.array([0.9, 0.8, 0.1]))), by_one("bm25", (np.array([], dtype=int), np.array([])))  # fmt: skip
    ranking, teams = interleave([one, none], ("a", "b"), 0)
    assert ranking.rows.tolist() == [4, 2, 9] and teams == ["a"] * 3
    assert interleave([none, none], ("a", "b"), 0)[1] == []


def test_events_and_grades_that_the_schema_allows_are_taken_and_others_refused(data):
    with TestClient(app_of(data)) as client:
        assert call_all(client.app, 20, path=["/events", "/judgments"]) == 2
