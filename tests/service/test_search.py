"""Answers: a ranking that depends on the query and its filters alone, folded, filtered, explained."""

import numpy as np
import polars as pl
import pytest

from roar.retrieval import Release, weighted_sum
from roar.retrieval.ranking import fused

SYSTEMS = ["stage2", "bm25", "hybrid", "words"]


def ids(answer: dict) -> list[str]:
    return [hit["product_id"] for hit in answer["hits"]]


def ask(client, q="red memory card", **parameters):
    answer = client.get("/search", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_answer_says_who_when_and_what(client):
    answer = ask(client, limit=3)
    assert answer["system"] == "stage2" and answer["query"] == "red memory card" and answer["hint"] is None
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3] and answer["index_version"].endswith("+0")
    assert {"queue", "encode", "retrieve", "show", "total"} == set(answer["took_ms"])
    hit = answer["hits"][0]
    assert hit["title"] and hit["vertical"] in ("electronics", "lifestyle", "home", "food") and hit["price"] >= 0
    assert hit["scores"] == {"dense": hit["score"]} and hit["ranks"] == {"dense": 1} and hit["facts"] is None


@pytest.mark.parametrize("group_by", ["cluster_id", "none", "brand"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_pages_neither_skip_nor_repeat_and_the_limit_changes_nothing(system, group_by, client):
    whole = ask(client, limit=50, system=system, group_by=group_by)
    assert len(whole["hits"]) == min(whole["estimated_total"], 50) and len(set(ids(whole))) == len(whole["hits"])
    paged = []
    for offset in range(0, len(whole["hits"]) + 7, 7):
        part = ask(client, limit=7, offset=offset, system=system, group_by=group_by)
        paged += [(hit["rank"], hit["product_id"], hit["score"]) for hit in part["hits"]]
    assert paged == [(hit["rank"], hit["product_id"], hit["score"]) for hit in whole["hits"]]


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_item_is_shown_once_with_its_other_listings_the_cheapest_first(system, client):
    answer = ask(client, "coffee maker red", limit=30, system=system)
    clusters = [hit["cluster_id"] for hit in answer["hits"]]
    assert len(set(clusters)) == len(clusters)
    many = next(hit for hit in answer["hits"] if hit["cluster_id"] == "c20")
    assert many["listings_total"] == 14 and len(many["listings"]) == 10
    prices = [one["price"] for one in many["listings"]]
    assert prices == sorted(prices) and many["product_id"] not in [one["product_id"] for one in many["listings"]]
    bounded = ask(client, "coffee maker red", limit=30, system=system, price_max=22.0)
    many = next(hit for hit in bounded["hits"] if hit["cluster_id"] == "c20")
    assert many["listings_total"] == 2 and all(one["price"] <= 22 for one in many["listings"])
    assert all(hit["listings"] == [] for hit in ask(client, limit=30, system=system, group_by="none")["hits"])


@pytest.mark.parametrize("system", SYSTEMS)
def test_filters_leave_all_that_they_allow(system, client):
    answer = ask(client, "green tea", limit=50, system=system, vertical="food", group_by="none")
    assert {hit["vertical"] for hit in answer["hits"]} == {"food"} and answer["estimated_total"] == 20
    several = ask(client, "green tea card", limit=50, system=system, vertical=["food", "electronics"], brand="Kest")
    assert {hit["brand"] for hit in several["hits"]} == {"Kest"}
    assert {hit["vertical"] for hit in several["hits"]} == {"food", "electronics"}


def test_the_hybrid_is_the_evaluations_and_tells_every_retrievers_score(client, released):
    answer = ask(client, "red coffee maker", system="hybrid", limit=50, group_by="none")
    release, one = Release.read(released), pl.lit("").alias("query_id")
    parts = [
        release.search("red coffee maker", 30, system=system).select(one, "product_id", "score")
        for system in ("bm25", "dense")
    ]
    expected = dict(weighted_sum(*parts, 0.5).select("product_id", "score").iter_rows())
    found = {hit["product_id"]: hit["score"] for hit in answer["hits"]}
    assert found == pytest.approx(expected, abs=1e-6)
    dense = dict(release.search("red coffee maker", 95).select("product_id", "score").iter_rows())
    lexical = dict(release.search("red coffee maker", 95, system="bm25").select("product_id", "score").iter_rows())
    for hit in answer["hits"]:
        assert hit["scores"]["dense"] == pytest.approx(dense[hit["product_id"]], abs=1e-5)
        assert hit["scores"]["bm25"] == pytest.approx(lexical.get(hit["product_id"], 0.0), abs=1e-5)
        assert (hit["ranks"]["dense"] is None) or hit["ranks"]["dense"] <= 30
    assert any(hit["ranks"]["dense"] is None or hit["ranks"]["bm25"] is None for hit in answer["hits"])


def test_fusing_equals_the_sum_of_scaled_runs_on_any_hits():
    rng = np.random.default_rng(0)
    for trial in range(20):
        sizes = rng.integers(0, 6, 2) if trial else (0, 0)
        runs = [(rng.choice(9, size, replace=False), np.sort(rng.normal(size=size))[::-1]) for size in sizes]
        scores_of = {name: lambda rows: np.zeros(len(rows)) for name in ("bm25", "dense")}
        ranking = fused(*((rows, scores.astype(np.float32)) for rows, scores in runs), 0.3, scores_of)
        tables = [
            pl.DataFrame(
                {"query_id": [""] * len(rows), "product_id": [str(row) for row in rows], "score": scores},
                schema={"query_id": pl.String, "product_id": pl.String, "score": pl.Float64},
            )
            for rows, scores in runs
        ]
        expected = {int(one): score for _, one, score in weighted_sum(*tables, 0.3).iter_rows()}
        assert dict(zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True)) == pytest.approx(
            expected, abs=1e-6
        )
        assert (np.diff(ranking.scores) <= 0).all()


def test_a_threshold_leaves_nothing_rather_than_rubbish_and_says_so(client):
    best = ask(client)["hits"][0]["score"]
    assert all(hit["score"] >= best - 0.01 for hit in ask(client, score_threshold=best - 0.01)["hits"])
    for system in ("stage2", "hybrid"):
        answer = ask(client, system=system, score_threshold=1.5)
        assert answer["hits"] == [] and "score_threshold 1.5" in answer["hint"] and answer["estimated_total"] == 0
    kept = ask(client, system="hybrid", score_threshold=best - 0.1, limit=50)
    assert kept["hits"] and all(hit["scores"]["dense"] >= best - 0.1 for hit in kept["hits"])


def test_an_explained_hit_tells_attributes_that_agree_and_contradict(client):
    answer = ask(client, "red memory card 64 gb", system="bm25", explain=True, limit=10)
    told = {hit["product_id"]: hit["facts"] for hit in answer["hits"]}
    colours = {
        product: {fact["agrees"] for fact in facts if fact["dimension"] == "colour"} for product, facts in told.items()
    }
    assert colours.pop(next(one for one in told if one.startswith("p00"))) == {True}
    assert {False} in colours.values()
    assert any(fact["dimension"] == "storage" and fact["agrees"] for facts in told.values() for fact in facts)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"vertical": "fod"}, "did you mean food?"),
        ({"brand": "Nobody"}, "no product has brand 'Nobody'"),
        ({"q": "zzz", "system": "bm25"}, "any of these words"),
        ({"price_min": 5000}, "all filters"),
        ({"offset": 60}, "beyond the last of"),
    ],
)
def test_an_empty_page_says_what_to_change(parameters, said, client):
    answer = ask(client, **parameters)
    assert answer["hits"] == [] and said in answer["hint"]


def test_systems_side_by_side_tell_what_one_alone_found_and_how_ranks_moved(client):
    answer = client.get("/compare", params={"q": "red memory card", "systems": "stage2,bm25", "limit": 8}).json()
    pages = {name: ids(one) for name, one in answer["answers"].items()}
    assert pages == {name: ids(ask(client, limit=8, system=name)) for name in ("stage2", "bm25")}
    assert set(answer["only"]["bm25"]) == set(pages["bm25"]) - set(pages["stage2"])
    for one in answer["both"]:
        assert one["ranks"] == {name: pages[name].index(one["product_id"]) + 1 for name in pages}
    assert {one["product_id"] for one in answer["both"]} == set(pages["bm25"]) & set(pages["stage2"])


def test_a_product_is_all_that_the_catalogue_says(client):
    product = client.get("/products/p200").json()
    assert product["title"] == "red coffee maker" and product["cluster_id"] == "c20"
    assert product["fields"] == {"attributes": '{"colour": "red"}', "description": "long"}


def test_similar_products_are_other_items(client, released):
    answer = client.get("/similar/p200", params={"limit": 30}).json()
    assert len(answer["hits"]) == 30 or answer["estimated_total"] == len(answer["hits"])
    assert "c20" not in {hit["cluster_id"] for hit in answer["hits"]} and answer["hits"][0]["score"] > 0
    filtered = client.get("/similar/p200", params={"vertical": "food"}).json()
    assert {hit["vertical"] for hit in filtered["hits"]} == {"food"}


def test_white_space_case_of_unicode_and_invisible_marks_do_not_change_an_answer(client):
    plain = ask(client, "café crème")
    for written in ("  cafe\u0301   cre\u0300me ", "café\u200b crème", "café\tcrème\x00"):
        other = ask(client, written)
        assert other["query"] == "café crème" and ids(other) == ids(plain)


def test_the_encoder_goes_by_either_of_its_names(client):
    named = [ask(client, "red shoe", system=name) for name in ("stage2", "dense")]
    assert [one["system"] for one in named] == ["stage2"] * 2 and named[0]["hits"] == named[1]["hits"]
