"""A release's vectors in Milvus answer as its folder does: hits, filters, groups, changes, versions."""

import numpy as np
import polars as pl
import pytest
from tests.engines.conftest import needs
from tests.retrieval.catalogue_of_copies import products, vectors

from roar.engines.milvus_filters import expression
from roar.errors import InputError
from roar.parameters import Engines, MilvusServer
from roar.retrieval import Release, SearchIndex

TYPES = {"brand": "VARCHAR", "price": "DOUBLE", "new": "BOOL"}
WHERE = [
    None,
    {},
    {"brand": "ada"},
    {"brand": ["bob", "ada"], "price": (None, 50)},
    {"price": (10.0, 400.0)},
    {"price": (None, None)},
    {"brand": []},
    {"brand": 'no "such\\ brand'},
]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (None, ""),
        ({"brand": 'a"b'}, '(brand == "a\\"b")'),
        ({"brand": {"x"}, "price": (1, None)}, '(brand in ["x"]) and (price >= 1)'),
        ({"new": True}, "(new == true)"),
        ({"price": (None, None)}, "(price is not null)"),
        ({"brand": []}, '(product_id == "")'),
        ({"brand": None}, '(product_id == "")'),
    ],
)
def test_conditions_in_words_of_milvus(where, said):
    assert expression(where, TYPES) == said


@pytest.mark.parametrize(
    "where", [{"colour": "red"}, {"price": "cheap"}, {"brand": 3}, {"new": 1}, pl.col("price") > 1]
)
def test_a_condition_that_cannot_be_asked_is_one_line(where):
    with pytest.raises(InputError, match=r"^where[^\n]+$"):
        expression(where, TYPES)


def test_a_server_has_to_be_named():
    from roar.engines.milvus import connect

    with pytest.raises(InputError, match=r"engines\.milvus\.uri"):
        connect(MilvusServer())


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> MilvusServer:
    needs("pymilvus", "milvus_lite")
    return MilvusServer(uri=str(tmp_path_factory.mktemp("milvus") / "vectors.db"), index="FLAT")


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    table = products(600, of_a_cluster=3)
    return SearchIndex.build(table, vectors(600), filters=("brand", "price"))


@pytest.fixture(scope="module")
def published(index, server):
    from roar.engines.milvus import MilvusIndex

    return MilvusIndex.publish(index, server)


@pytest.mark.engines
@pytest.mark.parametrize("group_by", [None, "cluster_id", "brand"])
@pytest.mark.parametrize("where", WHERE, ids=str)
def test_hits_are_those_of_an_exact_scan_of_the_release(where, group_by, index, published):
    """Filters and groups included: each of ten queries finds the same products in the same order, by the same cosines."""
    queries = vectors(10, 7)
    expected = index.search(queries, 12, where=where, group_by=group_by)
    found = published.search(queries, 12, where=where, group_by=group_by)
    assert found.select("row", "product_id", "cluster_id").equals(expected.select("row", "product_id", "cluster_id"))
    np.testing.assert_allclose(found["score"], expected["score"], atol=1e-6)


@pytest.mark.engines
def test_equal_vectors_come_in_the_order_of_the_catalogue(server):
    """More of them than are fetched at first."""
    from roar.engines.milvus import MilvusIndex

    table, same = products(300, of_a_cluster=1), np.repeat(vectors(1), 300, axis=0)
    index = SearchIndex.build(table, same, filters=("brand",))
    index.manifest = index.manifest.model_copy(update={"version": "20260102T000000Z"})
    found = MilvusIndex.publish(index, server.model_copy(update={"collection": "copies"})).search(same[0], 5)
    assert found["product_id"].to_list() == table["product_id"][:5].to_list()


@pytest.mark.engines
def test_what_is_put_in_is_found_and_what_is_taken_out_is_not(index, server):
    from roar.engines.milvus import MilvusIndex

    own = MilvusIndex.publish(index, server.model_copy(update={"collection": "changed"}))
    new = pl.DataFrame({"product_id": ["p3", "new"], "brand": ["ada", "zed"], "price": [5.0, None]})
    given = vectors(2, 11)
    assert own.upsert(new, given) == 1 and len(own) == 601
    assert own.search(given, 1)["product_id"].to_list() == ["p3", "new"]
    assert own.search(given[1], 3, where={"brand": "zed"})["product_id"].to_list() == ["new"]
    assert own.remove(["p3", "unknown", "new"]) == 2 and len(own) == 599
    assert "p3" not in own.search(given, 500)["product_id"].to_list()
    with pytest.raises(InputError, match="norm"):
        own.upsert(new, 2 * given)


@pytest.mark.engines
def test_the_alias_names_the_newest_whole_version_and_older_ones_go(index, server):
    from roar.engines.milvus import WHOLE, MilvusIndex, connect

    server = server.model_copy(update={"collection": "shop"})
    for day in ("01", "02", "03"):
        index.manifest = index.manifest.model_copy(update={"version": f"202601{day}T000000.000000Z", "keep": 2})
        MilvusIndex.publish(index, server)
    assert MilvusIndex.read(server).manifest == index.manifest
    assert MilvusIndex.read(server, "20260102T000000.000000Z").manifest.version == "20260102T000000.000000Z"
    with pytest.raises(InputError, match="no whole collection shop_20260101"):
        MilvusIndex.read(server, "20260101T000000.000000Z")
    connect(server).drop_alias("shop_20260102T000000_000000Z")  # as a writer leaves it that is killed before its end
    assert connect(server).has_collection(f"shop_20260102T000000_000000Z{WHOLE}")
    with pytest.raises(InputError, match="no whole collection"):
        MilvusIndex.read(server, "20260102T000000.000000Z")
    index.manifest = index.manifest.model_copy(update={"version": "20260104T000000.000000Z"})
    MilvusIndex.publish(index, server)  # clears that up, and keeps the two that are whole
    own = [name for name in connect(server).list_collections() if name.startswith("shop_")]
    assert sorted(own) == [f"shop_2026010{day}T000000_000000Z{WHOLE}" for day in (3, 4)]


@pytest.mark.engines
def test_a_server_that_does_not_answer_is_one_line(tmp_path):
    needs("pymilvus")
    from roar.engines.milvus import connect

    with pytest.raises(InputError, match=r"^engines\.milvus, [^\n]+$"):
        connect(MilvusServer(uri=str(tmp_path / "no/such/folder/vectors.db")))


@pytest.mark.engines
def test_the_service_answers_from_a_collection_as_from_the_folder(tiny_bert_folder, tmp_path, server):
    from sentence_transformers import SentenceTransformer
    from starlette.testclient import TestClient
    from tests.service.conftest import SERVE, release

    from roar.pipelines.release.nodes import publish_vectors
    from roar.service import Settings, create_app
    from roar.service.releases import Releases

    encoder = SentenceTransformer(str(tiny_bert_folder), local_files_only=True, device="cpu")
    folder = release(tmp_path / "release", encoder)
    engines = Engines(vectors="milvus", milvus=server.model_copy(update={"collection": "served"}))
    with pytest.raises(InputError, match="no whole collection"):
        Releases(Settings(release=folder, serve=SERVE, engines=engines))
    assert publish_vectors(Release.read(folder), engines)["products"] == len(SearchIndex.read(folder))
    asked = ["/search?q=red+shoe", "/search?q=tea&brand=Kest&group_by=none&limit=20", "/search?q=tea&system=hybrid"]
    asked += ["/search?q=coffee&price_min=5&price_max=21.5&vertical=home", "/similar/p100"]
    answers = []
    for settings in (Settings(release=folder, serve=SERVE), Settings(release=folder, serve=SERVE, engines=engines)):
        with TestClient(create_app(settings)) as client:
            answers.append([client.get(url).json()["hits"] for url in asked])
    assert all(answers[0])
    for local, remote in zip(*answers, strict=True):
        assert [hit["product_id"] for hit in local] == [hit["product_id"] for hit in remote]
        np.testing.assert_allclose([h["score"] for h in local], [h["score"] for h in remote], atol=1e-5)
