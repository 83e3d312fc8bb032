"""A release: text in, products out; what is put in later is encoded alike; a rebuild carries everything along."""

import json

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from roar.commands import parse_where, released
from roar.encoder import encode, product_texts, short_queries
from roar.encoder.shards import encode_in_shards
from roar.errors import InputError
from roar.files import SEAL, seal
from roar.parameters import Encoder
from roar.retrieval import Effort, Manifest, Release, SearchIndex, versions, write_release
from roar.retrieval.export import export, settings

ENCODER = Encoder(precision="float32", product_fields=("title", "brand", "attributes"), max_tokens=24)
FIELDS = {"shown": ("title", "brand", "price"), "filters": ("vertical", "brand", "price")}


@pytest.fixture
def root(tmp_path, tiny_encoder, catalogue):
    """The forty products, released."""
    tiny_encoder.prompts = {"query": "find: ", "product": ""}
    texts = product_texts(catalogue, ENCODER.product_fields, ENCODER.max_tokens).to_list()
    vectors = encode(tiny_encoder, texts, config=ENCODER.model_copy(update={"dimension": 16}))
    template = ENCODER.model_dump(include={"product_fields", "max_tokens"}, mode="json")
    index = SearchIndex.build(
        catalogue, vectors, "HNSW8,Flat", Effort(64), queries=vectors[:6], template=template, rebuild=0.9, **FIELDS
    )
    write_release(tmp_path / "release", index, tiny_encoder, {"k1": 1.2, "b": 0.75, "weight": 0.5})
    return tmp_path / "release"


def test_a_query_is_answered_by_the_encoder_by_words_and_by_both(root, tiny_encoder, catalogue):
    release = Release.read(root)
    dense = release.search("red memory card", 8)
    assert dense.columns == ["rank", "product_id", "score", "cluster_id", "title", "brand", "price", "vertical"]
    asked = encode(tiny_encoder, ["red memory card"], kind="query", config=ENCODER.model_copy(update={"dimension": 16}))
    assert dense["product_id"].to_list() == SearchIndex.read(root).search(asked, 8)["product_id"].to_list()
    lexical = release.search("red memory card", 8, system="bm25")
    assert (
        lexical["product_id"][0] == "p00"
        and "red" in lexical["title"][0]
        and lexical["rank"].to_list() == [*range(1, 9)]
    )
    assert release.search("zzz", 8, system="bm25").is_empty()
    both = set(release.search("red memory card", 8, system="hybrid")["product_id"])
    assert both & set(dense["product_id"]) and "p00" in both


@pytest.mark.parametrize("system", ["dense", "bm25", "hybrid"])
def test_filters_groups_and_removals_hold_for_every_system(system, root):
    release = Release.read(root)
    food = release.search("green tea", 30, system=system, where={"vertical": "food", "price": (None, 35.0)})
    assert set(food["vertical"]) == {"food"} and food["price"].max() <= 35
    assert release.search("green tea", 30, system=system, group_by="vertical")["vertical"].is_unique().all()
    best = food["product_id"][0]
    release.index.remove([best])
    assert best not in release.search("green tea", 40, system=system)["product_id"]


def test_products_put_in_later_are_encoded_as_the_others_were(root, tiny_encoder):
    index = SearchIndex.read(root)
    new = pl.DataFrame({"product_id": ["new"], "title": ["thermos flask"], "attributes": ['{"litres": "0.5"}']})
    index.upsert(new)
    vector = encode(tiny_encoder, ["thermos flask 0.5"], config=ENCODER.model_copy(update={"dimension": 16}))
    hit = index.search(vector, 1).row(0, named=True)
    assert hit["product_id"] == "new" and hit["score"] == pytest.approx(1, abs=1e-3)
    with pytest.raises(InputError, match=r"product 'bad'.*nothing to encode"):
        index.upsert(pl.DataFrame({"product_id": ["bad"], "title": [" "]}))


def test_a_rebuild_carries_the_encoder_and_puts_new_products_into_bm25(root):
    index = SearchIndex.read(root)
    index.upsert(pl.DataFrame({"product_id": ["new"], "title": ["thermos flask"]}))
    assert Release.read(root).search("thermos", system="bm25").is_empty()
    served = Release.read(root)
    assert not served.search("red shoe", system="bm25").is_empty()
    served.index.compact()
    assert served.search("thermos", system="bm25")["product_id"].to_list() == ["new"], "a rebuild replaces BM25 as well"
    again = Release.read(root)
    assert again.search("thermos", system="bm25")["product_id"].to_list() == ["new"]
    assert again.index.manifest.encoder == index.manifest.encoder and len(again.search("red shoe")) == 8
    assert "recall@100" in again.index.manifest.measured


QUERIES = ["red shoe", "sth to keep  coffee hot", "green tea 500 g, café", "  16gb memry card "] * 4


def test_one_query_is_encoded_by_onnx_runtime_to_the_same_vector_and_without_torch(tmp_path, tiny_encoder, monkeypatch):
    tiny_encoder.prompts = {"query": "find: ", "product": ""}
    tiny_encoder.max_seq_length = 12
    monkeypatch.setattr(short_queries, "_timed", lambda *args, real=short_queries._timed: (real(*args)[0], 1.0))
    figures = short_queries.write_short_queries(tiny_encoder, tmp_path / "slower", QUERIES)
    assert figures["query_onnx_cosine"] > 0.9999 and not (tmp_path / "slower").exists(), "no faster, so not kept"
    monkeypatch.undo()
    faster = {short_queries.ShortQueries.encode: 1.0}
    monkeypatch.setattr(
        short_queries,
        "_timed",
        lambda f, q, real=short_queries._timed: (real(f, q)[0], faster.get(getattr(f, "__func__", None), 2.0)),
    )
    short_queries.write_short_queries(tiny_encoder, tmp_path / "queries", QUERIES)
    kept = short_queries.ShortQueries(tmp_path / "queries")
    long = "a very long query " * 20
    theirs = encode(tiny_encoder, [long, QUERIES[1]], kind="query", config=ENCODER.model_copy(update={"dimension": 16}))
    ours = np.stack([kept.encode(query, 16) for query in (long, QUERIES[1])])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_an_encoder_that_has_no_graph_stays_in_torch(tmp_path, tiny_encoder, monkeypatch, caplog):
    monkeypatch.setattr("torch.onnx.export", lambda *_, **__: 1 / 0)
    assert short_queries.write_short_queries(tiny_encoder, tmp_path / "queries", QUERIES) == {}
    assert not (tmp_path / "queries").exists()


def test_a_release_answers_the_same_whichever_encodes_its_queries(tmp_path, tiny_encoder, catalogue, root, monkeypatch):
    monkeypatch.setattr(
        short_queries, "_compared", lambda *_: {"query_onnx_cosine": 1.0, "query_onnx_ms": 1.0, "query_torch_ms": 2.0}
    )
    index = SearchIndex.read(root)
    texts = product_texts(catalogue, ENCODER.product_fields, ENCODER.max_tokens).to_list()
    vectors = encode(tiny_encoder, texts, config=ENCODER.model_copy(update={"dimension": 16}))
    again = SearchIndex.build(catalogue, vectors, "HNSW8,Flat", Effort(64), template=index.manifest.template, **FIELDS)
    write_release(tmp_path / "fast", again, tiny_encoder, {"k1": 1.2, "b": 0.75, "weight": 0.5}, QUERIES)
    fast, slow = Release.read(tmp_path / "fast"), Release.read(root)
    assert fast.index.manifest.measured["query_onnx_ms"] == 1.0
    for query in QUERIES[:4]:
        np.testing.assert_allclose(fast.encode(query), slow.encode(query), atol=1e-5)
        assert fast.search(query)["product_id"].equals(slow.search(query)["product_id"])
    assert "encoder" not in vars(fast), "torch's encoder was not loaded"


def test_another_encoder_under_the_index_is_refused(root):
    base = versions.current_version(root) / "base"
    weights = base / "encoder" / "config_sentence_transformers.json"
    weights.write_text(weights.read_text() + " ")
    seal(base / "encoder")
    seal(base)
    with pytest.raises(InputError, match="made with encoder"):
        Release.read(root)
    (base / "encoder" / SEAL).unlink()
    seal(base)
    with pytest.raises(InputError, match="without an encoder"):
        Release.read(root)


@pytest.mark.parametrize(
    ("query", "options"), [("  ", {}), ("tea", {"system": "magic"}), ("tea", {"group_by": "colour", "system": "bm25"})]
)
def test_questions_that_cannot_be_answered_are_one_line(query, options, root):
    with pytest.raises(InputError):
        Release.read(root).search(query, **options)


def roar(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(released, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_command_line_asks_changes_and_exports(root, tmp_path):
    on = ("--release", root)
    status, said = roar("search", "green tea", "-k", 3, "--where", "vertical=food", "--json", *on)
    hits = [json.loads(line) for line in said.splitlines()]
    assert status == 0 and [hit["rank"] for hit in hits] == [1, 2, 3] and {hit["vertical"] for hit in hits} == {"food"}
    either = [roar("search", "green tea", "--system", name, *on) for name in ("stage2", "dense")]
    assert either[0] == either[1] and either[0][0] == 0, "the encoder goes by the service's name and its own"
    products = tmp_path / "new.csv"
    products.write_text("product_id,title,price\nnew,thermos flask,3.5\np00,blue thermos,\n")
    assert "2 products put in, 1 of them new" in roar("index", "upsert", products, *on)[1]
    assert "thermos" in roar("search", "thermos flask", "-k", 1, "--where", "price=3..4", *on)[1]
    ids = tmp_path / "gone.txt"
    ids.write_text("new\nnobody\n\n")
    assert "1 products taken out, 1 ids unknown" in roar("index", "remove", ids, *on)[1]
    said = roar("index", "status", *on)[1]
    assert "40 (40 when it was built" in said and "upsert  2" in said and "recall@100 now" in said
    assert "40 products" in roar("index", "compact", *on)[1]
    for to in ("parquet", "npy"):
        assert "40 products" in roar("index", "export", tmp_path / to, "--to", to, *on)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search", "tea", "--release", "/nowhere"), "no release here"),
        (("search", "tea", "--where", "price", "--release", "ROOT"), "expected name=value"),
        (("search", "tea", "--where", "size=5", "--release", "ROOT"), "no such field"),
        (("index", "upsert", "/nowhere.csv", "--release", "ROOT"), "not readable"),
        (("index", "upsert", "/nowhere.xlsx", "--release", "ROOT"), "expected one of .parquet"),
        (("index", "remove", "/nowhere.txt", "--release", "ROOT"), "not readable"),
    ],
)
def test_what_a_person_can_mend_is_one_line_on_the_command_line(arguments, message, root):
    status, said = roar(*(root if argument == "ROOT" else argument for argument in arguments))
    assert status == 1 and message in said and len(said.strip().splitlines()) == 1


def test_conditions_as_they_are_typed():
    assert parse_where(("brand=A", "brand=B", "price=1.5..", "cost=..9")) == {
        "brand": ["A", "B"],
        "price": (1.5, None),
        "cost": (None, 9.0),
    }
    assert parse_where(()) is None


def test_an_export_holds_what_can_be_found_in_both_layouts(root, tmp_path):
    index = SearchIndex.read(root)
    index.remove(["p00"])
    index.upsert(pl.DataFrame({"product_id": ["new"], "title": ["tea"]}))
    assert export(index, tmp_path / "table") == export(index, tmp_path / "arrays", "npy") == 40
    table = pl.read_parquet(tmp_path / "table" / "products-*.parquet")
    vectors = np.load(tmp_path / "arrays" / "vectors.npy")
    assert table["product_id"].equals(pl.read_parquet(tmp_path / "arrays" / "products.parquet")["product_id"])
    np.testing.assert_array_equal(np.stack(table["vector"].to_list()), vectors)
    assert (
        "p00" not in table["product_id"] and "new" in table["product_id"] and {"title", "price"} <= set(table.columns)
    )
    row = table.with_row_index().filter(product_id="new")["index"].item()
    assert index.search(vectors[row], 1)["product_id"].item() == "new"
    assert json.loads((tmp_path / "table" / "settings.json").read_text())["milvus"]["index_type"] == "HNSW"
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="no export; name a new folder"):
        export(index, tmp_path / "mine")


def test_engines_are_told_the_index_in_their_terms():
    said = {"version": "v", "created": "", "dimension": 256, "products": 9, "entries": 9, "ids": ""}
    lists = settings(Manifest(**said, index="IVF2048_HNSW32,PQ128x4fs", effort=Effort(64, 4)))
    assert lists["milvus"]["params"] == {"nlist": 2048} and lists["milvus"]["search"] == {"nprobe": 64}
    graph = settings(Manifest(**said, index="HNSW24,SQ8", effort=Effort(150)))
    assert graph["qdrant"]["hnsw_config"]["m"] == 24 and graph["milvus"]["search"] == {"ef": 150}
    assert settings(Manifest(**said))["milvus"]["index_type"] == "FLAT"


def test_shards_are_encoded_once_and_never_taken_for_another_encoders(tmp_path, tiny_encoder, monkeypatch):
    monkeypatch.setattr("roar.encoder.shards._TEXTS", 3)
    texts = [f"product {number}" for number in range(8)]
    expected = encode(tiny_encoder, texts, config=ENCODER)
    first = encode_in_shards(tiny_encoder, texts, tmp_path, ENCODER)
    np.testing.assert_allclose(first, expected, atol=1e-5)
    shards = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(shards) == 3
    np.testing.assert_array_equal(
        encode_in_shards(tiny_encoder, [*texts[:6], "other"], tmp_path, ENCODER)[:6], first[:6]
    )
    assert len(list(tmp_path.iterdir())) == 4 and all(path.stat().st_mtime_ns == at for path, at in shards.items())
    for weight in tiny_encoder.parameters():
        weight.data.mul_(1.5)
    changed = encode_in_shards(tiny_encoder, texts, tmp_path, ENCODER)
    assert np.abs(changed - first).max() > 0.01 and len(list(tmp_path.iterdir())) == 7


def test_the_same_catalogue_under_another_encoder_is_a_release_beside(
    root, tiny_bert_folder, tiny_qwen_folder, tmp_path
):
    other = tmp_path / "other"
    told = CliRunner().invoke(released, ["index", "encode", str(tiny_qwen_folder), str(other), "--release", str(root)])
    assert told.exit_code == 0 and "40 products" in told.output, told.output
    before, after = Release.read(root), Release.read(other)
    assert after.index.manifest.encoder != before.index.manifest.encoder
    for name in ("index", "template", "shown", "filters", "lexical", "dimension"):
        assert getattr(after.index.manifest, name) == getattr(before.index.manifest, name)
    assert after.search("red memory card", 8, system="bm25").equals(before.search("red memory card", 8, system="bm25"))
    assert not after.search("red memory card", 8).equals(before.search("red memory card", 8))
    vector = encode(after.encoder, ["red memory card 64 gb"], config=ENCODER.model_copy(update={"dimension": 16}))
    assert after.index.search(vector, 1)["score"][0] > 0.5
    told = CliRunner().invoke(released, ["index", "encode", str(tiny_bert_folder), str(root), "--release", str(root)])
    assert told.exit_code == 1 and "the release itself" in told.output
