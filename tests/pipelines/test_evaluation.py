"""Systems that YAML or a dropped file adds, records of runs, and two runs compared: on the tiny shop."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from roar.encoder import encode, load_encoder
from roar.errors import InputError
from roar.metrics.published import EVERYTHING_EXACT
from roar.parameters import Encoder, Evaluation, MetricSettings
from roar.pipelines.evaluation import nodes
from roar.pipelines.evaluation.judging import compare_systems
from roar.pipelines.evaluation.nodes import (
    encode_queries,
    fuse_scores,
    index_products,
    run_encoder,
    truncate_index,
)
from roar.schemas import TeacherScores

from .conftest import copied, run_pipelines


@pytest.fixture(scope="module")
def shop(finished, tmp_path_factory, tiny_training, tiny_qwen_folder) -> Path:
    """A shop whose evaluation also takes 16 dimensions, another encoder, another engine's run, and a teacher."""
    folder = copied(finished, tmp_path_factory.mktemp("systems"))
    shutil.rmtree(folder / "data/test/08_reporting/runs")
    teacher = {"max_steps": 2, "candidates": 2, "logged_queries": 5, "max_tokens": 48}
    run_pipelines(folder, "test", "teacher", params=tiny_training | {"teacher": teacher})
    external = folder / "data/test/01_raw/external_runs"
    external.mkdir()
    judged = pl.read_parquet(folder / "data/test/03_primary/judgments.parquet")
    score = (
        judged["grade"].cast(pl.String).replace_strict({"exact": 4, "substitute": 3, "complement": 2, "irrelevant": 1})
    )
    judged.select("query_id", "product_id", score=score).write_csv(external / "oracle.csv")
    further = {"further_dimensions": [16, 512], "encoders": {"other": str(tiny_qwen_folder)}, "published": "esci"}
    params = tiny_training | {"evaluation": tiny_training["evaluation"] | further}
    run_pipelines(folder, "test", "evaluation", "reporting", params=params)
    return folder


def read(shop: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(shop / "data/test/08_reporting" / f"{name}.parquet")


def test_further_systems_are_judged_like_the_others(shop: Path) -> None:
    """One dimension below the encoder's 32, the other encoder, and the oracle, which nothing beats."""
    metrics = read(shop, "metrics")
    assert {"stage2_16", "other", "oracle"} <= set(metrics["system"])
    assert "stage2_512" not in set(metrics["system"])
    both = metrics.filter(pl.col("system") != "teacher")  # it has judged products alone
    counts = both.filter(pl.col("metric") != "auc").group_by("system").len()
    assert counts["len"].n_unique() == 1, "every system has every protocol, slice, level and metric"
    judged = metrics.filter(slice="overall", protocol="judged", metric="ndcg@8")
    assert judged.filter(system="oracle")["mean"].item() == pytest.approx(1.0)
    assert set(metrics.filter(metric="auc")["system"]) >= {"stage2_16", "other"}
    assert "oracle" not in set(metrics.filter(metric="auc")["system"]), "an engine's scores need not compare"
    page = (shop / "data/test/08_reporting/report.html").read_text(encoding="utf-8")
    assert "oracle" in page


def test_the_teacher_is_judged_on_judged_products_and_compared_with_stage_2(shop: Path) -> None:
    metrics, comparisons = read(shop, "metrics").filter(system="teacher"), read(shop, "comparisons")
    assert set(metrics["protocol"]) == {"judged"} and "auc" in set(metrics["metric"])
    others = read(shop, "metrics").filter(system="stage2", protocol="judged")
    assert set(metrics["metric"]) == set(others["metric"]) and set(metrics["slice"]) == set(others["slice"])
    against = comparisons.filter(system_a="stage2", system_b="teacher")
    assert set(against["protocol"]) == {"judged"} and against.filter(slice="overall", metric="ndcg@8").height == 1
    page = (shop / "data/test/08_reporting/report.html").read_text(encoding="utf-8")
    assert "Teacher (cross-encoder, not served)" in page


def test_the_gate_is_of_validation_queries_and_the_scores_of_train_queries_and_logged_ones(shop: Path) -> None:
    gate = read(shop, "teacher_gate")
    data = shop / "data/test"
    splits = pl.read_parquet(data / "05_model_input/query_splits.parquet")
    validated = splits.filter(pl.col("split") == "validation")
    assert gate["metric"].to_list() == ["ndcg@8", "auc"] and gate["n"].max() <= validated.height
    assert set(gate["better"]) <= {True, False}
    scores = TeacherScores.validate(pl.read_parquet(data / "05_model_input/teacher_scores.parquet"))
    train = splits.filter(pl.col("split") == "train")
    logged = scores.join(splits, on="query_id", how="anti")
    assert logged["query_id"].n_unique() in range(1, 6)
    assert set(scores["query_id"]) - set(logged["query_id"]) == set(train["query_id"])
    assert scores.join(splits.filter(pl.col("split") != "train"), on="query_id", how="semi").is_empty()


def test_a_teacher_leaves_stages_that_do_not_ask_for_it_as_they_are(shop: Path) -> None:
    """Only what asks for a teacher's scores is made again because of them."""
    record = json.loads((shop / "data/test/provenance/stage2_encoder.json").read_text(encoding="utf-8"))
    assert "teacher_scores" in record["made"]["reads"] and "teacher_scores" not in record["made"]["inputs"]
    last = json.loads((shop / "data/test/08_reporting/run_record.json").read_text(encoding="utf-8"))
    assert "teacher_scores" not in json.dumps(last.get("read_stale", {}))


def test_every_system_is_measured_by_a_published_convention_too(shop: Path) -> None:
    """NDCG of all, the oracle's 1; micro-F1 of the encoders that are trained here, whose scores mean the same for every query."""
    published = read(shop, "published_results")
    ndcg, f1 = (dict(published.filter(measure=name).select("system", "value").rows()) for name in ("ndcg", "micro_f1"))
    assert set(ndcg) == set(read(shop, "metrics")["system"])
    assert ndcg["oracle"] == pytest.approx(1.0) and ndcg["random"] < ndcg["bm25"] < 1
    assert set(f1) == {"base", "stage1", "stage2", "stage2_deployed", EVERYTHING_EXACT}
    assert all(0 < value < 1 for value in f1.values())
    page = (shop / "data/test/08_reporting/report.html").read_text(encoding="utf-8")
    assert "Not comparable with published figures" in page


def test_every_system_is_compared_with_the_baseline(shop: Path) -> None:
    comparisons, systems = read(shop, "comparisons"), set(read(shop, "metrics")["system"])
    against = comparisons.filter(system_a="base", slice="overall", metric="ndcg@8", protocol="judged")
    assert set(against["system_b"]) == systems - {"base"}
    assert set(comparisons["family"]) == {"overall", "slices", "crossed slices"}


def test_robustness_is_measured_of_all_that_can_be_asked_again(shop: Path) -> None:
    robustness = read(shop, "robustness")
    assert set(robustness["system"]) == set(read(shop, "metrics")["system"]) - {"random", "oracle", "teacher"}
    edits = pl.read_parquet(shop / "data/test/05_model_input/edited_queries.parquet")
    assert (edits["query"] != edits["as_typed"]).all()
    assert robustness.filter(edit="all", metric="ndcg@8")["n"].max() <= edits.height
    splits = pl.read_parquet(shop / "data/test/05_model_input/query_splits.parquet")
    assert set(edits["query_id"]) <= set(splits.filter(pl.col("split") == "test")["query_id"])


def test_hybrids_and_bm25_are_tuned_on_validation_queries_alone(shop: Path) -> None:
    output = shop / "data/test/07_model_output"
    splits = pl.read_parquet(shop / "data/test/05_model_input/query_splits.parquet")
    validation = set(splits.filter(pl.col("split") == "validation")["query_id"])
    for system in ("bm25", "stage2"):
        assert set(pl.read_parquet(output / system / "validation_run.parquet")["query_id"]) <= validation
    for system in ("bm25", "hybrid_sum"):
        tuning = pl.read_parquet(output / system / "tuning.parquet")
        assert tuning.filter("best")["value"].to_list() == [tuning["value"].max()]


def test_a_record_says_how_the_run_was_made_and_the_run_is_kept(shop: Path) -> None:
    folder = shop / "data/test/08_reporting"
    record = json.loads((folder / "run_record.json").read_text(encoding="utf-8"))
    assert record["environment"] == "test"
    assert record["parameters"]["evaluation"]["further_dimensions"] == [16, 512]
    assert record["finished"] >= record["started"]
    assert {"judgments", "products", "stage2_encoder"} <= record["data"].keys()
    assert {"simulation.simulate_marketplace", "stage_1.train_contrastive", "evaluation.stage2.judge"} <= record[
        "nodes"
    ].keys()
    assert all(node["seconds"] >= 0 and node["peak_memory_mb"] > 50 for node in record["nodes"].values())
    kept = list((folder / "runs").iterdir())
    assert len(kept) == 1
    assert pl.read_parquet(kept[0] / "metrics.parquet").equals(read(shop, "metrics"))


def test_two_runs_are_compared_by_one_command(finished, tmp_path, tiny_training, caplog) -> None:
    """A run with another seed is kept beside the first; seeds alone are then a spread, and compare_runs says what differs."""
    shop = copied(finished, tmp_path / "project")
    with pytest.raises(Exception, match="1 run\\(s\\) were kept"):
        run_pipelines(shop, "test", "compare_runs")
    run_pipelines(shop, "test", "evaluation", "reporting", params=tiny_training | {"seed": 5})
    spread = read(shop, "seed_spread")
    assert set(spread["seeds"]) == {2}
    random = spread.filter(system="random", protocol="judged", metric="ndcg@8")
    assert random["standard_deviation"].item() > 0
    caplog.set_level("INFO", logger="roar")
    record = (shop / "data/test/08_reporting/run_record.json").read_bytes()
    run_pipelines(shop, "test", "compare_runs")
    assert (shop / "data/test/08_reporting/run_record.json").read_bytes() == record
    differences = read(shop, "run_differences")
    assert ("parameters", "seed") in set(differences.select("what", "name").iter_rows())
    moved = read(shop, "metric_differences").filter(
        system="random", slice="overall", metric="ndcg@8", protocol="judged"
    )
    assert moved["difference"].item() != 0
    assert "random ndcg@8 (judged)" in caplog.text
    with pytest.raises(Exception, match="no run 'nonsense' was kept"):
        run_pipelines(shop, "test", "compare_runs", params={"compare_runs": {"first": "nonsense"}})


def test_a_compared_system_without_a_run_is_an_error() -> None:
    values = pl.DataFrame(
        {"system": ["base"], "protocol": ["judged"], "query_id": ["q"], "metric": ["m"], "value": [1.0]}
    )
    none = pl.DataFrame(schema={"query_id": pl.String, "slice": pl.String, "level": pl.String})
    with pytest.raises(
        InputError, match=r"name bm25, hybrid_constrained, .*stage2_deployed, which has no run; there are: base"
    ):
        compare_systems(values, none, Evaluation(), MetricSettings())


def test_names_of_further_systems_must_be_free(shop: Path, tiny_training) -> None:
    taken = tiny_training | {"evaluation": {"encoders": {"stage2": "minilm"}}}
    with pytest.raises(Exception, match="Further system 'stage2'"):
        run_pipelines(shop, "test", "evaluation", params=taken, node_names=["evaluation.further.run_further_systems"])


def test_a_fold_without_validation_queries_takes_the_usual_setting(caplog) -> None:
    splits = pl.DataFrame({"fold": ["a", "b"], "query_id": ["q1", "q2"], "split": "test"})
    tuning = pl.DataFrame({"fold": ["a"] * 2, "weight": [0.1, 0.9], "value": [0.5, 0.6], "best": [False, True]})
    runs = pl.DataFrame(
        {"query_id": ["q1", "q1", "q2", "q2"], "product_id": ["x", "y", "x", "y"], "score": [1.0, 0.0] * 2}
    )
    turned = runs.with_columns(score=1 - pl.col("score"))
    fused = fuse_scores(runs, runs, turned, turned, tuning, splits).catalogue
    scores = {(query, product): score for query, product, score in fused.iter_rows()}
    assert scores == pytest.approx({("q1", "x"): 0.1, ("q1", "y"): 0.9, ("q2", "x"): 0.5, ("q2", "y"): 0.5})
    assert "b: no validation queries" in caplog.text


def test_queries_of_another_encoder_are_refused(tiny_encoder, tiny_qwen_folder):
    """The base encoder's index in stage 2's place: figures of a mixture otherwise."""
    products = pl.DataFrame({"product_id": ["a", "b"], "title": ["red shoe", "blue hat"]})
    queries = pl.DataFrame({"query_id": ["q"], "query": ["shoe"]})
    splits = pl.DataFrame({"query_id": ["q"], "split": ["test"], "fold": ["holdout"]})
    judgments = pl.DataFrame({"query_id": ["q"], "product_id": ["a"], "grade": ["exact"]})
    reads, config = Encoder(product_fields=("title",), max_tokens=24, precision="float32"), Evaluation()
    other = load_encoder(reads.model_copy(update={"preset": str(tiny_qwen_folder)}))
    indexes = index_products({"holdout": lambda: tiny_encoder}, products, reads, config)

    def run(encoder, searched, settings=reads):
        vectors = encode_queries({"holdout": lambda: encoder}, queries, queries, splits, settings)
        return run_encoder(vectors, searched, queries, judgments, splits, config)

    assert run(tiny_encoder, indexes).catalogue["product_id"][0] == "a"
    for searched in (indexes, truncate_index(indexes, Evaluation(deployed_dimension=16))):
        with pytest.raises(InputError, match=r"another encoder made it .*differ in weights"):
            run(other, searched)
    brands = reads.model_copy(update={"product_fields": ("title", "brand")})
    with pytest.raises(InputError, match="differ in product_fields"):
        run(tiny_encoder, indexes, brands)


def test_a_stage_that_kept_its_starting_weights_shares_their_index(tiny_encoder, tiny_qwen_folder, monkeypatch):
    """Nothing is encoded again, and what is encoded again is what differs: weights, fields, or products."""
    products = pl.DataFrame({"product_id": ["a", "b"], "title": ["red shoe", "blue hat"]})
    reads, config = Encoder(product_fields=("title",), max_tokens=24, precision="float32"), Evaluation()
    other = load_encoder(reads.model_copy(update={"preset": str(tiny_qwen_folder)}))
    start = index_products({"all": lambda: tiny_encoder}, products, reads, config)
    encoded = []
    monkeypatch.setattr(nodes, "encode", lambda *args, **kwargs: encoded.append(1) or encode(*args, **kwargs))
    kept = index_products({"holdout": lambda: tiny_encoder}, products, reads, config, start)
    assert kept["holdout"] is start["all"] and not encoded
    index_products({"holdout": lambda: other}, products, reads, config, start)
    index_products({"holdout": lambda: tiny_encoder}, products[::-1], reads, config, start)
    assert len(encoded) == 2
