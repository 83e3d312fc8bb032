"""Interleaving: the list that the paper describes, and a preference with the right sign and error rate."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.ab_testing import preference, team_draft, votes_of
from roar.errors import InputError


def by_hand(a: list[int], b: list[int], coins: list[bool], length: int) -> tuple[list[int], list[int]]:
    """Team draft as the paper writes it: the captain who has picked less picks, a coin decides ties."""
    products, teams, rounds = [], [], iter(coins)
    first = 0
    while len(products) < length:
        left = [[p for p in ranking if p not in products] for ranking in (a, b)]
        picked = [teams.count(0), teams.count(1)]
        if not any(left):
            break
        if picked[0] == picked[1]:
            first = 0 if next(rounds) else 1
            team = first
        else:
            team = int(np.argmin(picked))
        if not left[team]:
            break
        products.append(left[team][0])
        teams.append(team)
    return products, teams


rankings = st.permutations(range(8)).map(lambda order: order[:6])


@given(rankings, rankings, st.lists(st.booleans(), min_size=6, max_size=6))
@settings(max_examples=150, deadline=None)
def test_lists_are_those_of_the_paper(a, b, coins):
    products, teams = team_draft(np.array([a]), np.array([b]), np.array([coins]), 6)
    expected = by_hand(a, b, coins, 6)
    assert products[0].tolist() == expected[0] and teams[0].tolist() == expected[1]


def test_a_list_has_no_product_twice_and_both_teams_take_turns():
    rng = np.random.default_rng(1)
    a, b = (rng.permuted(np.tile(np.arange(30), (500, 1)), axis=1)[:, :10] for _ in range(2))
    products, teams = team_draft(a, b, rng.random((500, 10)) < 0.5, 10)
    assert all(len(set(row)) == 10 for row in products.tolist())
    assert (teams.sum(axis=1) == 5).all()


def test_a_ranker_that_has_run_out_leaves_the_rest_to_the_other():
    a, b = np.array([[7, -1, -1]]), np.array([[1, 2, 3]])
    products, teams = team_draft(a, b, np.ones((1, 4), dtype=bool), 4)
    assert products.tolist() == [[7, 1, 2, 3]] and teams.tolist() == [[0, 1, 1, 1]]


def clicks(rng: np.random.Generator, quality_a: float, quality_b: float, searchers: int = 400) -> pl.DataFrame:
    """Votes of searchers, three searches each, who click relevant products by position; b is treatment."""
    searches = 3 * searchers
    relevance = rng.random((searches, 40)) < 0.3
    lists = [
        np.argsort(-(q * relevance + rng.normal(size=relevance.shape)), axis=1)[:, :10] for q in (quality_a, quality_b)
    ]
    products, teams = team_draft(*lists, rng.random((searches, 10)) < 0.5, 10)
    chance = np.where(np.take_along_axis(relevance, products, axis=1), 0.6, 0.1) / np.arange(1, 11) ** 0.8
    seen = rng.random(products.shape) < chance
    margin = (seen & (teams == 1)).sum(axis=1) - (seen & (teams == 0)).sum(axis=1)
    table = pl.DataFrame({"unit_id": np.repeat(np.arange(searchers), 3).astype(str), "margin": margin})
    return table.group_by("unit_id").agg(
        won=(pl.col("margin") > 0).sum().cast(pl.Int64), lost=(pl.col("margin") < 0).sum().cast(pl.Int64),
        tied=(pl.col("margin") == 0).sum().cast(pl.Int64),
    )  # fmt: skip


def test_the_better_ranker_is_preferred_whichever_it_is():
    rng = np.random.default_rng(2)
    better, worse = preference(clicks(rng, 0.5, 2.0)), preference(clicks(rng, 2.0, 0.5))
    assert better.low > 0 and worse.high < 0 and better.won > better.lost
    assert better.needed < 400, "it was found with 400 searchers"


def test_equal_rankers_are_told_apart_as_seldom_as_alpha_says():
    rng = np.random.default_rng(3)
    found = [preference(clicks(rng, 1.0, 1.0, searchers=80)).p < 0.05 for _ in range(400)]
    assert 0.02 <= np.mean(found) <= 0.085


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda votes: votes.drop("tied"), "no column tied"),
        (lambda votes: pl.concat([votes, votes.head(1)]), "unit_id repeats"),
        (lambda votes: votes.with_columns(won=pl.lit(-1, pl.Int64)), "count is negative"),
        (lambda votes: votes.with_columns(won=pl.lit(None, pl.Int64)), "negative or missing"),
        (lambda votes: votes.with_columns(pl.col("won").cast(pl.String)), "column won holds String"),
        (lambda votes: votes.with_columns(pl.col("won", "lost", "tied") * 0), "nobody searched"),
    ],
)
def test_votes_that_cannot_be_counted_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        preference(change(clicks(np.random.default_rng(4), 1.0, 1.0, searchers=10)))


def votes(won: list[int], lost: list[int], tied: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"unit_id": [str(n) for n in range(len(won))], "won": won, "lost": lost, "tied": tied})


@pytest.mark.parametrize("searchers", [1, 2, 5, 8, 200])
def test_searchers_who_all_prefer_one_ranking_are_as_convincing_as_they_are_many(searchers):
    """Of n, all by chance with 2 / 2^n; two are nothing to go by."""
    found = preference(votes([1] * searchers, [0] * searchers, [0] * searchers))
    assert found.exact and found.preference == 1 == found.high
    assert found.p == pytest.approx(min(1.0, 2.0 ** (1 - searchers)))
    assert -1 < found.low < 1 and (found.low > 0) == (found.p < 0.05)


def test_where_nobody_prefers_one_nothing_is_known():
    found = preference(votes([0] * 9, [0] * 9, [2] * 9))
    assert (found.preference, found.low, found.high, found.p, found.needed) == (0, -1, 1, 1, None)


def test_interval_and_p_agree_from_few_searchers_to_many():
    rng = np.random.default_rng(7)
    exact = []
    for searchers in rng.integers(2, 150, size=60):
        searches = 1 + rng.poisson(1, searchers)
        won = rng.binomial(searches, rng.choice([0.05, 0.3, 0.6]))
        lost = rng.binomial(searches - won, 0.3)
        found = preference(votes(won.tolist(), lost.tolist(), (searches - won - lost).tolist()))
        assert (found.low > 0 or found.high < 0) == (found.p < 0.05)
        exact.append(found.exact)
    assert 10 < sum(exact) < 50, "both tests were tried"


def test_votes_are_counted_from_the_search_log_as_by_hand():
    rng = np.random.default_rng(3)
    rows = []
    for request in range(300):
        unit, split = f"u{request % 40}", [("c", "t"), ("x", "t"), (None, None)][request % 3 if request % 5 == 0 else 0]
        rows += [(f"r{request}", unit, split[place % 2], bool(rng.random() < 0.3)) for place in range(6)]
    log = pl.DataFrame(rows, schema=["request_id", "unit_id", "team", "clicked"], orient="row")
    expected: dict[str, list[int]] = {}
    for (request,), shown in log.group_by("request_id"):
        clicks = {team: shown.filter(pl.col("team") == team)["clicked"].sum() for team in ("c", "t")}
        if shown["team"].is_in(["c", "t"]).any():
            votes = expected.setdefault(f"u{int(request[1:]) % 40}", [0, 0, 0])
            votes[0 if clicks["t"] > clicks["c"] else 1 if clicks["c"] > clicks["t"] else 2] += 1
    found = votes_of(log.lazy(), "c", "t")
    assert {unit: list(votes) for unit, *votes in found.rows()} == expected
    assert preference(found).searchers == len(expected)


def test_a_log_without_teams_has_no_votes():
    assert votes_of(pl.DataFrame({"session_id": ["s"], "clicked": [True]}), "c", "t").is_empty()
