"""Training both stages end to end on a shop of forty products with a tiny encoder."""

import numpy as np
import polars as pl
import pytest
import torch
from sentence_transformers import SentenceTransformer

from roar.datasets.encoder_folder import EncoderFolder
from roar.encoder import encode, load_encoder, precision
from roar.errors import InputError
from roar.parameters import Alignment, Encoder, Lora, Splits, Stage1, Stage2, Validation
from roar.schemas import Grade
from roar.training import group_examples, pair_examples, train
from roar.training.batching import ConflictFreeBatches
from roar.training.checkpoints import Checkpoints
from roar.training.interpolation import interpolated
from roar.training.objectives import ContrastiveObjective
from roar.training.stages import TrainingTables, train_stage1, train_stage2
from roar.training.validation import questions
from roar.training.weights import put_weights
from roar.training_sets import graded_groups, query_strata, query_variants, split_queries, stage1_pairs

LOG = {"query": pl.String, "product_id": pl.String, "clicked": pl.Boolean, "carted": pl.Boolean, "ordered": pl.Boolean}


@pytest.fixture
def tables(queries, judgments, catalogue) -> tuple[TrainingTables, pl.DataFrame]:
    variants = query_variants(queries["query"])
    splits = split_queries(queries, variants, query_strata(queries), Splits(method="holdout"), seed=1)
    clusters = catalogue.select("product_id", cluster_id="product_id")
    pairs = stage1_pairs(queries, judgments, pl.DataFrame(schema=LOG), variants, splits, seed=1)
    groups = graded_groups(queries, judgments, clusters, splits, seed=1)
    return TrainingTables(catalogue, clusters, queries, judgments, splits, pairs), groups


def weights(encoder: SentenceTransformer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in encoder.state_dict().items()}


def test_both_stages_learn_and_say_how_it_went(tables, tiny_bert_folder):
    training, groups = tables
    start = {"all": lambda: SentenceTransformer(str(tiny_bert_folder), local_files_only=True)}
    encoder = Encoder(preset=str(tiny_bert_folder), precision="float32")
    stage1 = Stage1(
        batch_size=16, epochs=8, learning_rate=3e-3, temperature=0.1, validation={"queries": 10, "share": 0.0}
    )
    encoders, history = train_stage1(start, training, encoder, stage1, seed=1)
    assert list(encoders) == ["holdout"]
    losses = history.filter(pl.col("step") > 0)["loss"]
    assert losses.tail(3).mean() < losses.head(3).mean()
    checked = history.drop_nulls("validation")
    assert checked["step"].to_list()[0] == 0 and checked.height == 3
    assert history["alignment"].null_count() == history.height

    loaders = {fold: (lambda e=e: e) for fold, e in encoders.items()}
    stage2 = Stage2(
        batch_size=8,
        epochs=3,
        learning_rate=1e-3,
        beta=1.0,
        alignment=Alignment(temperature=0.05),
        validation={"queries": 10, "share": 0.0},
    )
    _, history2 = train_stage2(loaders, groups, training, encoder, stage2, seed=1)
    alignment = history2.filter(pl.col("step") > 0)["alignment"]
    assert alignment.tail(2).mean() < alignment.head(2).mean()
    assert set(history2["stage"]) == {"stage2"} and history2.columns == history.columns


def test_the_weights_that_validated_best_are_kept(tables, tiny_encoder):
    training, _ = tables
    texts = training.products["title"]
    examples = pair_examples(training.pairs, training.products, texts, training.clusters)
    config = Stage1(batch_size=16, max_steps=4, validations=4, learning_rate=1e-2)
    seen = []

    def validate(encoder):
        """Best in the middle."""
        seen.append(weights(encoder))
        return np.full(4, [0.1, 0.2, 0.9, 0.3, 0.2][len(seen) - 1])

    trained = train(
        tiny_encoder,
        examples,
        lambda m: ContrastiveObjective(m, config),
        config,
        learning_rate=1e-2,
        precision="float32",
        seed=1,
        validate=validate,
    )
    assert len(seen) == 5
    found = weights(trained.encoder)
    assert all(torch.equal(found[name], value) for name, value in seen[2].items())
    assert any(not torch.equal(found[name], value) for name, value in seen[4].items())


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tables, tiny_bert_folder):
    training, _ = tables
    config = Stage1(batch_size=16, max_steps=3, validations=0)

    def run(seed):
        encoder = SentenceTransformer(str(tiny_bert_folder), local_files_only=True)
        examples = pair_examples(training.pairs, training.products, training.products["title"], training.clusters)
        trained = train(
            encoder,
            examples,
            lambda m: ContrastiveObjective(m, config),
            config,
            learning_rate=1e-3,
            precision="float32",
            seed=seed,
        )
        return weights(trained.encoder)

    first, again, other = run(1), run(1), run(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_an_empty_pair_table_is_an_error_before_training(tables):
    training, _ = tables
    with pytest.raises(InputError, match="stage1_pairs is empty"):
        pair_examples(training.pairs.clear(), training.products, training.products["title"], training.clusters)


def test_a_loss_that_is_not_a_number_stops_with_the_step(tables, tiny_encoder):
    training, _ = tables
    examples = pair_examples(training.pairs, training.products, training.products["title"], training.clusters)
    config = Stage1(batch_size=16, validations=0)

    class Broken(ContrastiveObjective):
        def forward(self, features, labels):
            return super().forward(features, labels) * torch.nan

    with pytest.raises(InputError, match=r"the loss is nan at step 1, batch of 1\d examples .*none yet"):
        train(
            tiny_encoder, examples, lambda m: Broken(m, config), config, learning_rate=1e-3, precision="float32", seed=1
        )


def test_the_training_folder_stays_clean(tables, tiny_encoder, tmp_path, monkeypatch):
    training, _ = tables
    monkeypatch.chdir(tmp_path)
    examples = pair_examples(training.pairs, training.products, training.products["title"], training.clusters)
    config = Stage1(batch_size=16, max_steps=1, validations=0)
    train(
        tiny_encoder,
        examples,
        lambda m: ContrastiveObjective(m, config),
        config,
        learning_rate=1e-3,
        precision="float32",
        seed=1,
    )
    assert list(tmp_path.iterdir()) == []


def test_every_step_that_is_promised_is_made(tables, tiny_encoder):
    """Epochs take different numbers of batches; the last step still validates, and the learning rate ends at zero."""
    training, _ = tables
    examples = pair_examples(training.pairs, training.products, training.products["title"], training.clusters)
    config = Stage1(batch_size=5, epochs=3, validations=1)
    trained = train(
        tiny_encoder,
        examples,
        lambda m: ContrastiveObjective(m, config),
        config,
        learning_rate=1e-3,
        precision="float32",
        seed=1,
        validate=lambda _: np.full(4, 0.5),
    )
    steps = len(ConflictFreeBatches(examples, 5, 1, 3))
    last = trained.history.row(-1, named=True)
    assert (
        last["step"] == steps
        and last["validation"] == 0.5
        and last["validation_gain"] == 0
        and last["learning_rate"] < 2e-5
    )


def test_a_batch_larger_than_the_data_is_an_error_before_training(tables, tiny_encoder):
    training, _ = tables
    examples = pair_examples(training.pairs, training.products, training.products["title"], training.clusters)
    config = Stage1(batch_size=5000)
    with pytest.raises(InputError, match=r"a batch of 5000 is larger than the data, \d+ examples; lower"):
        train(
            tiny_encoder,
            examples,
            lambda m: ContrastiveObjective(m, config),
            config,
            learning_rate=1e-3,
            precision="float32",
            seed=1,
        )


def test_a_single_example_is_an_error_before_training(tables):
    training, groups = tables
    texts = training.products["title"]
    one = groups.filter(pl.col("query_id") == groups["query_id"][0])
    with pytest.raises(InputError, match=r"table graded_groups: its only example is the query '.+'; without another"):
        group_examples(one, training.pairs, training.products, texts, training.clusters)
    with pytest.raises(InputError, match="table stage1_pairs: its only example"):
        pair_examples(training.pairs.head(1), training.products, texts, training.clusters)


def trained_with(tables, encoder, scores, **settings):
    """A short training whose validations score what is given, in turn."""
    training, _ = tables
    examples = pair_examples(training.pairs, training.products, training.products["title"], training.clusters)
    config = Stage1(batch_size=16, learning_rate=1e-2, **settings)
    to_come = iter(scores)
    return train(
        encoder,
        examples,
        lambda m: ContrastiveObjective(m, config),
        config,
        learning_rate=1e-2,
        precision="float32",
        seed=1,
        validate=lambda _: np.full(4, next(to_come)),
    )


def test_patience_stops_early(tables, tiny_encoder):
    trained = trained_with(tables, tiny_encoder, [0.5, 0.4, 0.3], max_steps=8, epochs=4, validations=8, patience=2)
    assert trained.history["step"].max() == 2


def test_weights_between_start_and_end_are_chosen_on_validation(tables, tiny_encoder):
    """WiSE-FT: the middle scores best, and is exactly the middle of the start and of the best weights."""
    start = weights(tiny_encoder)
    best = trained_with(tables, tiny_encoder, [0.1, 0.5], max_steps=2, validations=1).encoder
    end = weights(best)
    best.load_state_dict(start)
    scores = [0.1, 0.5, 0.9, 0.2]
    trained = trained_with(tables, best, scores, max_steps=2, validations=1, interpolate=(0.5, 0.25))
    middle = weights(trained.encoder)
    assert trained.history.filter("kept").select("interpolation", "validation").rows() == [(0.5, 0.9)]
    moved = [name for name in end if not torch.equal(start[name], end[name])]
    assert len(moved) > 10
    for name in moved:
        torch.testing.assert_close(middle[name], (start[name] + end[name]) / 2)


def test_adapters_that_had_an_effect_at_the_start_cannot_be_interpolated():
    end = {"layer.lora_A.default.weight": torch.randn(2, 3), "layer.lora_B.default.weight": torch.randn(4, 2)}
    with pytest.raises(InputError, match="merge_adapters"):
        interpolated(end, end, 0.5)


def test_weights_of_another_encoder_are_refused(tiny_encoder):
    with pytest.raises(InputError, match=r"weights a.b … are none of this encoder's"):
        put_weights(tiny_encoder, {"a.b": torch.zeros(1)})


def test_a_gradient_that_is_not_a_number_stops_before_it_is_saved(tables, tiny_encoder, tmp_path):
    training, _ = tables
    examples = pair_examples(training.pairs, training.products, training.products["title"], training.clusters)
    config = Stage1(batch_size=16, validations=0, checkpoint_steps=1)

    class Spoilt(ContrastiveObjective):
        def forward(self, features, labels):
            loss = super().forward(features, labels)
            loss.register_hook(lambda gradient: gradient * torch.nan)
            return loss

    checkpoints = Checkpoints(tmp_path / "run", "spoilt")
    arguments = {"learning_rate": 1e-3, "precision": "float32", "seed": 1, "checkpoints": checkpoints}
    with pytest.raises(
        InputError, match=r"the gradient is nan at step 1\. Lower the stage's learning_rate, now 0\.001"
    ):
        train(tiny_encoder, examples, lambda m: Spoilt(m, config), config, **arguments)
    assert not list((tmp_path / "run").glob("checkpoint-*"))


def test_validation_queries_that_cannot_be_ranked_are_none(tables, caplog):
    """Without a product that is not irrelevant every encoder scores nothing: training must not be thrown away for it."""
    judged = pl.DataFrame(
        {"query_id": ["q"], "product_id": ["p"], "grade": ["irrelevant"], "query": ["shoe"], "text": ["lamp"]}
    ).with_columns(pl.col("grade").cast(Grade))
    catalogue = judged.select("product_id", "text")
    assert questions(judged, catalogue, Validation(), affordable=0, seed=1) is None
    assert "the last weights are kept" in caplog.text


def test_interpolated_adapters_are_a_share_of_their_effect():
    end = {"layer.lora_A.default.weight": torch.randn(2, 3), "layer.lora_B.default.weight": torch.randn(4, 2)}
    half = interpolated({}, end, 0.25)
    change = [w["layer.lora_B.default.weight"] @ w["layer.lora_A.default.weight"] for w in (half, end)]
    torch.testing.assert_close(change[0], 0.25 * change[1])


def test_a_run_is_known_by_the_precision_that_auto_came_to(tables, tiny_bert_folder, monkeypatch, tmp_path):
    """A folder of checkpoints that moves to another kind of machine is another run's."""
    training, _ = tables
    encoder, stage1 = Encoder(preset=str(tiny_bert_folder)), Stage1(batch_size=16, max_steps=1, validations=0)
    known = []
    for gain in (9.0, 0.1, 9.0):
        monkeypatch.setattr(precision, "_decided", {})
        monkeypatch.setattr(precision, "product_gflops", lambda shape, gain=gain: (1.0, gain))
        start = {"all": lambda: SentenceTransformer(str(tiny_bert_folder), local_files_only=True)}
        train_stage1(start, training, encoder, stage1, seed=1, checkpoints=tmp_path)
        known.append((tmp_path / "holdout" / "run.json").read_text(encoding="utf-8"))
    assert known[0] == known[2] != known[1]


@pytest.mark.parametrize("fine_tuning", ["full", "lora"])
def test_a_decoder_trains_in_both_stages_and_is_saved_with_a_card(tables, tiny_qwen_folder, tmp_path, fine_tuning):
    """The paper's path on a tiny random Qwen3: last-token pooling, LoRA, gradient checkpointing; loadable by itself."""
    training, groups = tables
    lora = Lora(rank=4, dropout=0.1)
    encoder = Encoder(
        preset=str(tiny_qwen_folder), fine_tuning=fine_tuning, lora=lora, gradient_checkpointing=True, precision="bf16"
    )
    start = {"all": lambda: load_encoder(encoder)}
    stage1 = Stage1(batch_size=16, max_steps=3, learning_rate=1e-2, validations=1, matryoshka=(8,), gradient_cache=True)
    encoders, history = train_stage1(start, training, encoder, stage1, seed=1, checkpoints=tmp_path / "checkpoints")
    stage2 = Stage2(batch_size=8, max_steps=3, learning_rate=1e-2, validations=1)
    loaders = {fold: (lambda e=e: e) for fold, e in encoders.items()}
    encoders, history2 = train_stage2(loaders, groups, training, encoder, stage2, seed=1)
    assert history["loss"].is_finite().sum() == 3 == history2["loss"].is_finite().sum()
    left = {path.name for path in (tmp_path / "checkpoints" / "holdout").iterdir()}
    assert left == {"run.json", "finished"}, "what every fold ended with stays until the encoders are saved"
    EncoderFolder(str(tmp_path / "models")).save(encoders)
    folder = tmp_path / "models" / "holdout"
    alone = SentenceTransformer(str(folder), local_files_only=True, device="cpu")
    vectors = (encode(e, ["red shoe"], config=encoder) for e in (alone, encoders["holdout"]))
    torch.testing.assert_close(*(torch.from_numpy(v) for v in vectors))
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {
        ".json",
        ".safetensors",
        ".md",
        ".txt",
        ".jinja",
        "",  # SHA256SUMS
    }
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(
        said in card
        for said in ("stage2, holdout", "validation queries", '"beta": 0.1', "licence", str(tiny_qwen_folder))
    )
