"""Runs of the index, of BM25 and of chance, against brute force."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.errors import InputError
from roar.files import seal
from roar.retrieval import ProductIndex, bm25_runs, random_runs
from roar.retrieval.index import unit_rows

IDS = pl.Series("product_id", [f"p{i}" for i in range(30)])
QUERIES = pl.DataFrame({"query_id": ["a", "b", "c"], "query": ["red shoe", "zzz", "tea 8"]})
JUDGED = pl.DataFrame({"query_id": ["a", "a", "c", "other"], "product_id": ["p3", "p29", "p0", "p1"]})


def vectors(rows: int, seed: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(rows, 16)).astype(np.float32))


def as_dict(run: pl.DataFrame) -> dict[tuple[str, str], float]:
    return {(query, product): score for query, product, score in run.iter_rows()}


def test_catalogue_run_holds_the_best_products_by_cosine():
    products, queries = vectors(30, 1), vectors(3, 2)
    run = ProductIndex.build(products, IDS).runs(queries, QUERIES, JUDGED, depth=5).catalogue
    cosine = queries @ products.T
    for row, query_id in enumerate("abc"):
        found = run.filter(pl.col("query_id") == query_id).sort("score", descending=True)
        best = np.argsort(-cosine[row])[:5]
        assert found["product_id"].to_list() == [f"p{i}" for i in best]
        np.testing.assert_allclose(found["score"], cosine[row][best], atol=1e-6)


def test_judged_run_scores_exactly_the_judged_products_of_the_queries():
    products, queries = vectors(30, 1), vectors(3, 2)
    run = as_dict(ProductIndex.build(products, IDS).runs(queries, QUERIES, JUDGED, depth=5).judged)
    assert run.keys() == {("a", "p3"), ("a", "p29"), ("c", "p0")}
    assert run["a", "p29"] == pytest.approx(float(queries[0] @ products[29]), abs=1e-6)


@pytest.mark.parametrize("factory", ["HNSW8,Flat", "IVF1,Flat", "IVF1,SQ8"])
def test_an_approximate_index_finds_what_the_exact_one_does_here(factory):
    products, queries = vectors(30, 1), vectors(3, 2)
    exact, graph = (
        ProductIndex.build(products, IDS, kind).runs(queries, QUERIES, JUDGED, 5) for kind in ("Flat", factory)
    )
    assert as_dict(exact.judged).keys() == as_dict(graph.judged).keys()
    assert set(as_dict(exact.catalogue)) == set(as_dict(graph.catalogue))


def test_depth_beyond_the_catalogue_returns_all_of_it():
    run = ProductIndex.build(vectors(30, 1), IDS).runs(vectors(3, 2), QUERIES, JUDGED, depth=500).catalogue
    assert run.height == 90 and run["product_id"].n_unique() == 30


def test_a_truncated_index_holds_normalised_leading_dimensions():
    products = vectors(30, 1)
    short = ProductIndex.build(products, IDS).truncated(4)
    np.testing.assert_allclose(short.vectors(range(30)), unit_rows(products[:, :4]), atol=1e-6)


def test_an_index_survives_the_disk_and_refuses_a_broken_one(tmp_path):
    index = ProductIndex.build(vectors(30, 1), IDS)
    index.write(tmp_path / "x")
    again = ProductIndex.read(tmp_path / "x")
    assert again.product_ids.equals(IDS) and np.array_equal(again.vectors([7]), index.vectors([7]))
    (tmp_path / "x" / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match=r"x: the product index is not as it was written .*no seal"):
        ProductIndex.read(tmp_path / "x")


@pytest.mark.parametrize("name", ["index.faiss", "product_ids.parquet", "index.json"])
def test_one_flipped_bit_of_an_index_is_found(tmp_path, name):
    ProductIndex.build(vectors(30, 1), IDS).write(tmp_path / "x")
    content = bytearray((tmp_path / "x" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "x" / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name} is missing, unreadable or changed"):
        ProductIndex.read(tmp_path / "x")


@pytest.mark.parametrize("ids", [IDS.reverse(), IDS.head(3), IDS.shuffle(seed=1)], ids=["order", "fewer", "shuffled"])
def test_an_index_knows_the_ids_that_it_was_made_from(tmp_path, ids):
    """Also where somebody put the parts of two indexes together and sealed them again."""
    ProductIndex.build(vectors(30, 1), IDS).write(tmp_path / "x")
    ids.to_frame("product_id").write_parquet(tmp_path / "x" / "product_ids.parquet")
    seal(tmp_path / "x")
    with pytest.raises(InputError, match="are not those of its"):
        ProductIndex.read(tmp_path / "x")


def test_an_index_refuses_queries_of_another_encoder(tmp_path):
    made_by = {"weights": "aa", "dimension": 8, "product_fields": ["title", "brand"]}
    index = ProductIndex.build(vectors(30, 1), IDS, encoder=made_by)
    index.truncated(4).write(tmp_path / "x")
    for known in (index, index.truncated(4), ProductIndex.read(tmp_path / "x")):
        known.require(made_by)
        with pytest.raises(InputError, match=r"differ in weights, product_fields. Make the index again"):
            known.require(made_by | {"weights": "bb", "product_fields": ["title"]})
    ProductIndex.build(vectors(30, 1), IDS).require(made_by)  # nobody said what made it


def test_an_unknown_index_kind_is_named():
    with pytest.raises(InputError, match="NoSuchIndex"):
        ProductIndex.build(vectors(30, 1), IDS, "NoSuchIndex")


def naive_bm25(query: list[str], documents: list[list[str]], k1: float, b: float) -> list[float]:
    """Lucene's BM25, from its formula."""
    average = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(documents)
    for word in query:
        df = sum(word in document for document in documents)
        idf = np.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
        for i, document in enumerate(documents):
            tf = document.count(word)
            scores[i] += idf * tf / (tf + k1 * (1 - b + b * len(document) / average))
    return scores


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_bm25_equals_its_formula(seed):
    rng = np.random.default_rng(seed)
    words = ["red", "shoe", "tea", "8", "blue", "x"]
    documents = [list(rng.choice(words, rng.integers(1, 8))) for _ in range(30)]
    runs = bm25_runs(QUERIES, IDS, pl.Series([" ".join(d) for d in documents]), JUDGED, 10, k1=1.2, b=0.75)
    expected = naive_bm25(["red", "shoe"], documents, 1.2, 0.75)
    judged = as_dict(runs.judged)
    assert judged["a", "p3"] == pytest.approx(expected[3], abs=1e-4)
    found = runs.catalogue.filter(pl.col("query_id") == "a")["score"].sort(descending=True).to_numpy()
    wanted = np.sort([s for s in expected if s > 0])[::-1][:10]
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_bm25_returns_nothing_for_words_that_no_product_has():
    runs = bm25_runs(QUERIES, IDS, pl.Series(["red shoe"] * 30), JUDGED, 10, k1=1.2, b=0.75)
    assert "b" not in runs.catalogue["query_id"] and runs.judged.height == 3
    assert runs.catalogue.filter(pl.col("query_id") == "a").height == 10, "ties at the edge are cut, not dropped"


def test_random_order_is_seeded_and_covers_the_judged():
    one, again, other = (random_runs(QUERIES, IDS, JUDGED, 5, seed=seed) for seed in (1, 1, 2))
    assert one.judged.equals(again.judged) and not one.judged.equals(other.judged)
    assert one.judged.height == 3 and one.catalogue.group_by("query_id").len()["len"].to_list() == [5, 5, 5]
    assert not one.catalogue.is_duplicated().any()


@pytest.mark.parametrize("factory", ["IVF4,Flat", "IVF4,SQ8", "L2norm,IVF4,Flat"])
def test_cells_of_an_inverted_file_give_back_their_vectors(factory, tmp_path):
    """Judged pairs and truncation read stored vectors, from a fresh index and from one on disk."""
    products = vectors(200, 1)
    ids = pl.Series("product_id", [f"p{i}" for i in range(200)])
    index = ProductIndex.build(products, ids, factory)
    index.write(tmp_path)
    for one in (index, ProductIndex.read(tmp_path)):
        np.testing.assert_allclose(one.vectors([3, 199]), products[[3, 199]], atol=0.01)
    assert index.runs(vectors(3, 2), QUERIES, JUDGED, 5).judged.height == 3
    assert index.truncated(8).vectors([0]).shape == (1, 8)


def test_an_index_of_no_product_finds_nothing():
    none = pl.Series("product_id", [], dtype=pl.String)
    runs = ProductIndex.build(vectors(0, 1), none).runs(vectors(3, 2), QUERIES, JUDGED, depth=5)
    assert runs.judged.is_empty() and runs.catalogue.is_empty()
    with pytest.raises(
        InputError, match=r"evaluation\.index 'IVF4,Flat': FAISS cannot build it over 0 products .*Flat works"
    ):
        ProductIndex.build(vectors(0, 1), none, "IVF4,Flat")


@pytest.mark.parametrize("texts", [[], ["", ""], [None, "!?"]])
def test_bm25_over_texts_without_a_word_finds_nothing(texts):
    ids = pl.Series("product_id", [f"p{i}" for i in range(len(texts))], dtype=pl.String)
    runs = bm25_runs(QUERIES, ids, pl.Series(texts, dtype=pl.String), JUDGED, 5, k1=1.2, b=0.75)
    assert runs.catalogue.is_empty()


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("手机壳", "iphone手机壳红色"), ("鞋", "男士运动鞋"), ("スマホ", "スマホケース 黒"), ("เคส", "เคสไอโฟนสีดำ"),
        ("가방", "가방 검정"), ("किताब", "हिन्दी किताब"), ("STRASSE", "straße"), ("iphone 12", "iphone ١٢"), ("ＳＯＮＹ", "sony tv"),
    ],
)  # fmt: skip
def test_bm25_finds_words_of_every_script(query, title):
    queries = pl.DataFrame({"query_id": ["a"], "query": [query]})
    ids, texts = pl.Series("product_id", ["other", "p"]), pl.Series(["red tea 帽子 タオル ผ้า 모자 कप", title])
    found = bm25_runs(queries, ids, texts, JUDGED, 2, k1=1.2, b=0.75).catalogue
    assert found["product_id"].to_list() == ["p"]
