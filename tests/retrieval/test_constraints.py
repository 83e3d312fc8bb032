"""Constraints at query time: what contradicts sinks, what states rises, silence is neutral, nothing vanishes unless asked."""

import polars as pl
import pytest

from roar.retrieval import Runs
from roar.retrieval.constraints import (
    Weights,
    constrain,
    demoted,
    effects,
    explain,
    read_queries,
    sought_texts,
    tune_constraints,
    verdict_grades,
)


def table(*titles: str, attributes: str | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {"product_id": [f"p{n}" for n in range(len(titles))], "title": titles, "brand": None, "attributes": attributes},
        schema=dict.fromkeys(["product_id", "title", "brand", "attributes"], pl.String),
    )


def asked(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"query_id": [f"q{n}" for n in range(len(texts))], "query": texts})


def all_pairs(queries: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    pairs = queries.select("query_id").join(products.select("product_id"), how="cross")
    return pairs.with_columns(score=0.9 - 0.01 * pl.int_range(pl.len()).cast(pl.Float64))


def verdicts(query: str, products: pl.DataFrame) -> list[str]:
    """Of a query with one demand, product by product."""
    queries = asked(query)
    reasons = explain(all_pairs(queries, products), read_queries(queries), products)
    assert reasons["product_id"].is_unique().all()
    return reasons.sort("product_id")["verdict"].to_list()


BELTS = (
    "Leather belt with brass buckle",
    "Belt without buckle, elastic",
    "Buckle-free stretch belt",
    "Canvas belt",
    "No Buckles belt",
)


@pytest.mark.parametrize(
    ("query", "titles", "expected"),
    [
        ("64 gb memory card", ("Card 64 GB", "Card 128 GB", "Card"), ["agrees", "contradicts", "silent"]),
        ("red mug", ("Red mug", "Mug, blue", "Mug"), ["agrees", "contradicts", "silent"]),
        ("shirt not black", ("Black shirt", "Blue shirt", "Shirt"), ["contradicts", "agrees", "silent"]),
        ("lamp under 10 w", ("Lamp 8 W", "Lamp 60 W"), ["agrees", "contradicts"]),
        ("belt without buckle", BELTS, ["contradicts", "agrees", "agrees", "silent", "agrees"]),
        ("Gürtel ohne Schnalle", ("Gürtel mit Dornschnalle", "Gürtel ohne Schnalle", "Gürtel"), ["contradicts", "agrees", "silent"]),
        ("gourde sans paille", ("Gourde avec paille", "Gourde sans paille"), ["contradicts", "agrees"]),
        ("leche sin lactosa", ("Leche con lactosa", "Leche sin lactosa"), ["contradicts", "agrees"]),
        ("wine glasses without stem", ("Stemless wine glasses", "Wine glasses, long stem"), ["agrees", "contradicts"]),
        ("nail kit without led lamp", ("Kit with UV LED nail lamp", "Kit (lamp led not included)", "Kit with lamp"), ["contradicts", "agrees", "silent"]),
    ],
)  # fmt: skip
def test_products_agree_contradict_or_are_silent(query: str, titles: tuple[str, ...], expected: list[str]) -> None:
    assert verdicts(query, table(*titles)) == expected


def test_attributes_and_brands_speak_as_titles_do() -> None:
    attributes = '{"Straw": "No"}'
    assert verdicts("bottle without straw", table("Bottle", attributes=attributes)) == ["agrees"]
    assert verdicts("bottle without straw", table("Bottle", attributes='{"Lid": "with straw"}')) == ["contradicts"]
    apple = table("Earbuds").with_columns(brand=pl.lit("Apple"))
    assert verdicts("earbuds not apple", apple) == ["contradicts"]


def test_effects_are_added_to_scores_and_nothing_vanishes_unless_strict() -> None:
    """By the order of the run; a penalty for each contradiction, a bonus for each statement, and 0 changes nothing."""
    queries, products = asked("64 gb red card"), table("Red card 64 GB", "Blue card 128 GB", "Blue card 64 GB", "Card")
    run = all_pairs(queries, products)
    reasons = explain(run, read_queries(queries), products)
    after = constrain(run, reasons, Weights(0.2, 0.05))
    change = (after["score"] - run["score"]).to_list()
    assert change == pytest.approx([0.1, -0.4, -0.15, 0.0])
    assert after.drop("score").equals(run.drop("score"))
    assert constrain(run, reasons, Weights()).equals(run)
    strict = constrain(run, reasons, Weights(0.2, 0.05), strict=True)
    assert strict["product_id"].to_list() == ["p0", "p3"]
    told = effects(reasons, Weights(0.2, 0.05)).group_by("product_id").agg(pl.col("effect").sum()).sort("product_id")
    assert told["effect"].to_list() == pytest.approx(change)


def test_a_query_that_asks_for_nothing_moves_nothing_and_reads_no_product() -> None:
    queries = asked("memory card")
    run = all_pairs(queries, table("Card 64 GB", "Card"))
    unread = table().clear()
    reasons = explain(run, read_queries(queries), unread)
    assert reasons.is_empty()
    assert constrain(run, reasons, Weights(0.5, 0.5)).equals(run)


def test_what_is_known_of_products_gives_what_reading_them_gives() -> None:
    """Facts that a release carries stand for its titles."""
    from roar.attributes import agreement

    queries, products = asked("64 gb red card", "belt without buckle"), table("Red card 64 GB", "Card 128 GB", *BELTS)
    run, demands = all_pairs(queries, products), read_queries(queries)
    assert explain(run, demands, products).equals(explain(run, demands, products, agreement.stated(products)))


def test_only_queries_that_exclude_something_are_searched_for_by_another_text() -> None:
    found = sought_texts(asked("belt without buckle", "red belt", "no dig fence"))
    assert found.rows() == [("q0", "belt")]


def judged_run(grades: list[tuple[str, str]]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A run that puts a product that contradicts first, for queries with the grades of it and of one that agrees."""
    texts = [f"64 gb card {n}x" for n in range(len(grades))]
    queries, products = asked(*texts), table("Card 128 GB", "Card 64 GB")
    run = all_pairs(queries, products).with_columns(fold=pl.lit("f"))
    reasons = explain(run, read_queries(queries), products)
    judgments = pl.concat(
        pl.DataFrame({"query_id": f"q{n}", "product_id": ["p0", "p1"], "grade": pair}) for n, pair in enumerate(grades)
    )
    return run, reasons, judgments


def test_weights_are_those_that_validation_queries_bear_out_else_the_usual_ones() -> None:
    """Where nothing speaks against it the first setting stays; where it harms, 0 is chosen; where it helps, what helps."""
    tried = [Weights(0.2), Weights(0.0), Weights(0.001)]
    cases = {("irrelevant", "exact"): 0.2, ("exact", "irrelevant"): 0.0, ("exact", "exact"): 0.2}
    for pair, penalty in cases.items():
        run, reasons, judgments = judged_run([pair] * 4)
        tuned = tune_constraints({False: Runs(run, run)}, reasons, judgments, tried)
        assert tuned.filter("best")["penalty"].to_list() == [penalty]
        assert tuned.height == len(tried)


def test_weights_hold_under_both_protocols_or_come_nearest() -> None:
    """What helps in the catalogue and harms among the judged products is not taken; less of it, which does no harm, is."""
    gains, harms = (judged_run([pair] * 4) for pair in (("irrelevant", "exact"), ("exact", "irrelevant")))
    gains = tuple(table.with_columns(query_id="g" + pl.col("query_id")) for table in gains)
    far = pl.when(pl.col("product_id") == "p1").then(0.05).otherwise(0.0)
    harmed = harms[0].with_columns(pl.col("score") - far)
    reasons, judgments = (pl.concat([gains[part], harms[part]]) for part in (1, 2))
    tried = [Weights(0.2), Weights(0.02), Weights(0.0)]

    def best(judged: pl.DataFrame, catalogue: pl.DataFrame) -> list[float]:
        tuned = tune_constraints({False: Runs(judged, catalogue)}, reasons, judgments, tried)
        assert tuned.height == len(tried)
        return tuned.filter("best")["penalty"].to_list()

    assert best(harmed, gains[0]) == best(gains[0], harmed) == [0.02]
    assert best(gains[0], gains[0]) == [0.2]
    assert best(harms[0], gains[0]) == [0.2], "no setting holds under both, and all are as far from it: the usual one"


def test_the_readers_verdicts_are_counted_by_grade_and_exact_products_that_sank_are_listed() -> None:
    run, reasons, judgments = judged_run([("exact", "irrelevant"), ("irrelevant", "exact")])
    counted = verdict_grades(reasons, judgments).filter(dimension="storage", verdict="contradicts")
    assert dict(counted.select("grade", "pairs").iter_rows()) == {"exact": 1, "irrelevant": 1}
    plain = run.drop("fold")
    sunk = demoted(plain, constrain(plain, reasons, Weights(0.5)), reasons, judgments)
    assert sunk.select("query_id", "product_id", "rank_before", "rank_after").rows() == [("q0", "p0", 1, 2)]
