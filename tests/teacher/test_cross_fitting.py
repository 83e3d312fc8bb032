"""A teacher never scores what it saw, the same seed gives the same scores, and a killed run ends where a whole one does."""

import polars as pl
import pytest
from tests.teacher.conftest import SEED

from roar.errors import InputError
from roar.teacher import cross_fitting, training
from roar.teacher.cross_fitting import cross_fit
from roar.teacher.parts import require_unseen, teacher_parts, with_logged
from roar.training_sets import query_variants

PAIR = ["query_id", "product_id"]


def test_variants_of_a_query_are_in_one_part(tables):
    assert tables.parts["variant_group"].is_duplicated().any(), "the shop has queries in two spellings"
    assert tables.parts.group_by("fold", "variant_group").agg(pl.col("part").n_unique())["part"].max() == 1
    assert tables.parts.group_by("part").agg(pl.col("variant_group").n_unique())["variant_group"].to_list() != [0]


def test_parts_hold_the_train_queries_of_a_fold_and_no_other(tables):
    train = tables.splits.filter(pl.col("split") == "train")
    assert sorted(tables.parts["query_id"]) == sorted(train["query_id"])


def test_parts_follow_from_names_and_seed(tables):
    shuffled = tables.splits.sample(fraction=1.0, shuffle=True, seed=1)
    columns = ["query_id", "part"]
    again = teacher_parts(shuffled, 2, seed=SEED).select(columns).sort("query_id")
    assert again.equals(tables.parts.select(columns).sort("query_id"))
    assert not teacher_parts(tables.splits, 2, seed=SEED + 1).select(columns).equals(tables.parts.select(columns))


def test_more_parts_than_questions_are_refused(tables):
    with pytest.raises(InputError, match=r"teacher\.parts: 999 parts"):
        teacher_parts(tables.splits, 999, seed=SEED)


def test_logged_queries_join_the_part_of_their_variant_and_never_a_fold_that_holds_it_out(tables, spelled):
    texts = spelled["query"].to_list()
    log = pl.DataFrame({"query_id": [f"log{i}" for i in range(len(texts))], "query": [f"{text} " for text in texts]})
    log = log.with_columns(frequency=pl.lit(3, pl.Int64))
    both = pl.concat([spelled, log], how="diagonal")
    parts = with_logged(tables.parts, both, query_variants(both["query"]), tables.splits, 1000, seed=SEED)
    added = parts.filter(~pl.col("judged"))
    held_out = tables.splits.filter(pl.col("split") != "train")
    assert added.height and not added.join(held_out, on=["fold", "variant_group"], how="semi").height
    judged = parts.filter(pl.col("judged")).select("variant_group", right="part").unique()
    assert (added.join(judged, on="variant_group").select(pl.col("part") == pl.col("right")).to_series()).all()
    assert with_logged(tables.parts, both, query_variants(both["query"]), tables.splits, 0, seed=SEED).equals(
        tables.parts
    )


@pytest.fixture
def watched(monkeypatch):
    """What each teacher trained on and what it scored, by their texts."""
    seen: list[tuple[set[str], set[str]]] = []
    train, score = cross_fitting._judged_pairs, cross_fitting._asked

    def watch_training(model, table, config):
        seen.append((set(table["variant_group"]), set()))
        return train(model, table, config)

    def watch_scoring(model, work, *rest):
        seen[-1][1].update(work.own["variant_group"], work.held_out["variant_group"])
        return score(model, work, *rest)

    monkeypatch.setattr(cross_fitting, "_judged_pairs", watch_training)
    monkeypatch.setattr(cross_fitting, "_asked", watch_scoring)
    return seen


def test_no_teacher_scores_a_question_that_it_saw(tables, encoder, config, watched):
    scored = cross_fit(tables, encoder, config, seed=SEED)
    assert len(watched) == 2
    for trained_on, was_asked in watched:
        assert trained_on and was_asked and not trained_on & was_asked
    judged = tables.judgments.join(tables.parts, on="query_id", how="semi")
    candidates = tables.candidates
    assert candidates.height
    expected = pl.concat([judged.select(PAIR), candidates.select(PAIR)]).unique()
    assert scored.scores.select(PAIR).sort(PAIR).equals(expected.sort(PAIR))
    held_out = tables.splits.filter(pl.col("split") != "train")
    assert set(scored.held_out["query_id"]) == set(held_out["query_id"])
    assert scored.held_out.select(pl.struct(PAIR).is_unique().all()).item()


def test_tables_that_would_make_a_teacher_score_what_it_saw_are_refused(tables, encoder, config):
    stray = tables.splits.filter(pl.col("split") == "test")["variant_group"][0]
    mixed = tables.parts.with_columns(
        variant_group=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(stray)).otherwise("variant_group")
    )
    with pytest.raises(InputError, match="it would score 1 questions that it was trained on"):
        cross_fit(tables._replace(parts=mixed), encoder, config, seed=SEED)
    with pytest.raises(InputError, match="'g1'"):
        require_unseen(pl.DataFrame({"variant_group": ["g1"]}), pl.DataFrame({"variant_group": ["g1", "g2"]}))


def test_the_same_seed_gives_the_same_scores_and_the_candidates_hold_no_judged_pair(tables, encoder, config):
    assert not tables.candidates.join(tables.judgments, on=PAIR, how="semi").height
    first, second = (cross_fit(tables, encoder, config, seed=SEED) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.equals(other)


def test_products_that_must_not_train_are_neither_trained_on_nor_scored(tables, encoder, config, watched, monkeypatch):
    gone = tables.judgments["product_id"][0]
    apart = pl.DataFrame({"fold": ["holdout"], "product_id": [gone]})
    scored = cross_fit(tables._replace(held_out_products=apart), encoder, config, seed=SEED)
    assert gone not in scored.scores["product_id"]
    assert gone in cross_fit(tables, encoder, config, seed=SEED).scores["product_id"]


class Killed(BaseException):
    """Not to be caught."""


def test_a_killed_run_goes_on_and_ends_with_the_same_scores(tables, encoder, config, tmp_path, monkeypatch):
    whole = cross_fit(tables, encoder, config, seed=SEED)
    steps, recorder = [], training._Recorder
    on_log = recorder.on_log

    def kill(self, args, state, control, logs=None, **rest):
        on_log(self, args, state, control, logs, **rest)
        steps.append(state.global_step)
        if len(steps) == 12:  # six steps and a summary, then five steps of the second part, with checkpoints at 2 and 4
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(recorder, "on_log", kill)
        cross_fit(tables, encoder, config, seed=SEED, checkpoints=tmp_path)
    done = []

    def note(self, args, state, control, logs=None, **rest):
        done.append(state.global_step)
        on_log(self, args, state, control, logs, **rest)

    monkeypatch.setattr(recorder, "on_log", note)
    resumed = cross_fit(tables, encoder, config, seed=SEED, checkpoints=tmp_path)
    assert sorted(set(done)) == [5, 6], "the first part is read, the second goes on at its last checkpoint"
    for one, other in zip(whole, resumed, strict=True):
        assert one.equals(other)


def test_other_parameters_start_anew(tables, encoder, config, tmp_path):
    first = cross_fit(tables, encoder, config, seed=SEED, checkpoints=tmp_path)
    other = config.model_copy(update={"learning_rate": 3e-3})
    assert not cross_fit(tables, encoder, other, seed=SEED, checkpoints=tmp_path).scores.equals(first.scores)
