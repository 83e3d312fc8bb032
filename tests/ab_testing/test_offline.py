"""Offline beside online: joined by level, and correlated."""

import polars as pl
import pytest

from roar.ab_testing import agreement, offline_to_online
from roar.parameters import ABTest, Offline

LEVELS = ["HEAD", "TAIL", "TORSO LOW", "ONCE ONLY"]


def tables(online: list[float]) -> tuple[pl.DataFrame, pl.DataFrame]:
    offline = pl.DataFrame(
        {"slice": ["overall"] + ["stratum"] * 4, "level": ["all", *LEVELS], "difference": [0.05, 0.01, 0.02, 0.03, 0.04]}
    ).with_columns(system_a=pl.lit("bm25"), system_b=pl.lit("stage2"), protocol=pl.lit("judged"), metric=pl.lit("ndcg@8"),
                   low=pl.col("difference") - 0.01, high=pl.col("difference") + 0.01)  # fmt: skip
    found = pl.DataFrame({"slice": offline["slice"], "level": offline["level"], "relative": online}).with_columns(
        metric=pl.lit("click_through"), relative_low=pl.col("relative") - 0.1, relative_high=pl.col("relative") + 0.1
    )
    return offline, found


def test_levels_are_joined_and_correlated():
    joined = offline_to_online(*tables([0.3, 0.1, 0.2, 0.3, 0.4]))
    assert joined.height == 5 and joined["slice"][0] == "overall"
    found = agreement(joined)[0]
    assert (found.levels, found.same_sign) == (4, 4)
    assert found.pearson == pytest.approx(1) and found.spearman == pytest.approx(1)
    assert agreement(offline_to_online(*tables([0.3, -0.4, -0.3, -0.2, -0.5])))[0].same_sign == 0


def test_another_comparison_or_none_leaves_nothing_to_correlate():
    offline, online = tables([0.3, 0.1, 0.2, 0.3, 0.4])
    joined = offline_to_online(offline, online, ABTest(offline=Offline(system="hybrid")))
    assert joined.is_empty() and agreement(joined) == []
    few = agreement(offline_to_online(offline.head(3), online))[0]
    assert few.levels == 2 and few.pearson is None, "two levels have no correlation"
    assert offline_to_online(offline, online, ABTest(offline=None)).is_empty()
    assert offline_to_online(pl.DataFrame(), online).is_empty()
