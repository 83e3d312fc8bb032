"""Forecasts: more work takes longer, what ended corrects what is left, and it is said as people say it."""

import pytest

from roar.forecast import Forecast, Sizes, encoder_tokens, expected_seconds, in_words
from roar.parameters import Encoder, Stage1, Stage2, TrainingSets

SHOP = Sizes(products=12_000, queries=3_000, judgments=36_000)


def tokens(sizes: Sizes = SHOP, **blocks) -> dict[str, float]:
    given = {"encoder": Encoder(), "sets": TrainingSets(), "stage1": Stage1(), "stage2": Stage2()} | blocks
    return encoder_tokens(sizes, **given)


def test_more_of_anything_is_more_work():
    usual = sum(tokens().values())
    assert sum(tokens(SHOP._replace(products=24_000)).values()) > usual
    assert sum(tokens(SHOP._replace(queries=6_000, judgments=72_000)).values()) > usual
    assert sum(tokens(encoder=Encoder(max_tokens=128)).values()) > usual
    assert sum(tokens(stage2=Stage2(epochs=2)).values()) > usual
    assert sum(tokens(stage1=Stage1(validations=0)).values()) < usual


def test_a_small_set_is_trained_once_a_fold():
    sizes = Sizes(products=5_000, queries=200, judgments=2_000)
    crossed, held = (
        tokens(sizes, sets=TrainingSets.model_validate({"splits": {"method": method}}))
        for method in ("auto", "holdout")
    )
    assert (
        crossed["evaluation.stage1.index"] == 5 * held["evaluation.stage1.index"]
        and crossed["evaluation.base.index"] == held["evaluation.base.index"]
    )
    assert crossed["stage_2.align_grades"] > 5 * held["stage_2.align_grades"]


def test_work_is_the_work_of_a_naive_count():
    """Stage 2 of the default shop: half of the queries' groups of eight, three passes, and three validations of 2,000 products."""
    train = 3_000 * 0.9 * (1 - 0.45)
    passes = 3 * (train * 8 * 64 * 0.35 + train * 7)
    assert tokens()["stage_2.align_grades"] == pytest.approx(passes + 3 * 2_000 * 64 * 0.35)


def test_seconds_fall_with_speed_and_no_step_is_free():
    slow, fast = (
        expected_seconds(["stage_1.train_contrastive", "report"], tokens(), speed, 12_000) for speed in (1e3, 1e4)
    )
    assert (
        slow["stage_1.train_contrastive"] > 5 * fast["stage_1.train_contrastive"]
        and slow["report"] == fast["report"] > 0
    )


def test_what_is_left_is_corrected_by_what_the_steps_took():
    forecast = Forecast({"a": 100.0, "b": 100.0, "c": 100.0})
    assert forecast.left == 300
    forecast.done("a", 200.0)
    assert 300 < forecast.left < 400, "twice as slow so far"
    forecast.done("b", 200.0)
    assert 150 < forecast.left < 200
    forecast.done("c", 200.0)
    forecast.done("unheard of", 5.0)
    assert forecast.left == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20, "less than a minute"), (70, "about 1 minute"), (840, "about 14 minutes"), (10_000, "about 3 hours")],
)
def test_durations_in_words(seconds, words):
    assert in_words(seconds) == words
