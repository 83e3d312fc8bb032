"""Each kind of expression in a mapping, written as a user writes it in YAML."""

import json
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from roar.errors import InputError
from roar.ingestion.expressions import evaluate, raw_columns
from roar.parameters import TableMapping


def value(expression: Any, **columns: list[Any]) -> list[Any]:
    """The expression's values over these raw columns, of which it is given only those it says it reads."""
    built = TableMapping(table="raw_products", columns={"x": expression}).columns["x"]
    names = raw_columns(built, list(columns))
    frame = pl.DataFrame(columns, strict=False).select(names) if names else pl.DataFrame(columns, strict=False)
    return evaluate(built, frame).to_list()


def test_a_name_is_the_raw_column() -> None:
    assert value("a", a=[1, None], b=[3, 4]) == [1, None]
    assert value({"column": "a", "default": "none"}, a=["x", " "]) == ["x", "none"]


def test_constant() -> None:
    assert value({"constant": "us"}, a=[1, 2]) == ["us", "us"]


def test_text_joins_what_is_filled() -> None:
    assert value({"text": ["a", "b"], "separator": " | "}, a=["x", None, " "], b=["y", "z", None]) == ["x | y", "z", ""]


def test_first_of_skips_gaps() -> None:
    assert value({"first_of": ["a", "b"]}, a=["", "x"], b=["y", "z"]) == ["y", "x"]


def test_hash_depends_on_content_and_on_where_it_stands() -> None:
    ids = value({"hash": ["a", "b"]}, a=["x", "x", "xy", None, None], b=["y", "y", None, "xy", None])
    assert ids[0] == ids[1] and len(set(ids[:4])) == 3 and ids[4] is None
    assert all(len(text) == 16 for text in ids[:4])


def test_hash_is_the_same_on_every_machine_and_version() -> None:
    assert value({"hash": ["a"]}, a=["lamp"]) == ["2afc15e301f7046b"]
    assert value({"hash": ["a", "b"]}, a=["lamp"], b=["brass"]) == ["aebe22b404a337e0"]


def test_number_with_a_factor() -> None:
    assert value({"number": "cents", "factor": 0.01}, cents=["1995", None, "free"]) == [
        pytest.approx(19.95),
        None,
        None,
    ]


def test_translate_ignores_case_and_reads_numbers() -> None:
    assert value({"translate": "l", "to": {"Exact": "exact"}}, l=["EXACT ", "exact", None]) == ["exact", "exact", None]
    assert value({"translate": "r", "to": {3: "exact", 0: "irrelevant"}}, r=[3.0, 0.0]) == ["exact", "irrelevant"]


def test_translate_refuses_unknown_labels_unless_told_otherwise() -> None:
    with pytest.raises(InputError, match=r"l holds 1 values without a translation \(first: Maybe\).*add them under"):
        value({"translate": "l", "to": {"Exact": "exact"}}, l=["Exact", "Maybe"])
    expression = {"translate": "l", "to": {"Exact": "exact"}, "otherwise": "irrelevant"}
    assert value(expression, l=["Exact", "Maybe", None]) == ["exact", "irrelevant", None]


def test_at_least_cuts_a_scale() -> None:
    scale = {"at_least": {"exact": 2.5, "substitute": 1.5}, "column": "r", "otherwise": "irrelevant"}
    grades = ["exact", "substitute", "irrelevant", None, None]
    assert value(scale, r=[2.5, 2.4, 0.0, None, float("nan")]) == grades


def test_level_of_a_hierarchy() -> None:
    paths = ["Home > Kitchen > Pans", "Home", "  ", None, "Garden > Pots"]
    level = {"level": 1, "column": "c", "separator": ">"}
    assert value(level, c=paths) == ["Home", "Home", None, None, "Garden"]
    assert value(level | {"level": 2}, c=paths) == ["Kitchen", "Home", None, None, "Pots"]


def test_rare_levels_are_joined_and_gaps_are_not() -> None:
    paths = ["A > x", "A > y", "B", None]
    expression = {"level": 1, "column": "c", "rare_below": 2, "rare": "Other"}
    assert value(expression, c=paths) == ["A", "A", "Other", None]


def test_first_match_is_ordered() -> None:
    rules = {"columns": ["t", "d"], "first_match": {"bags": r"\bbag", "laptops": "laptop"}, "otherwise": "other"}
    assert value(rules, t=["Laptop BAG", "Laptop", "Desk", None], d=[None, None, "laptop", None]) == [
        "bags",
        "laptops",
        "laptops",
        "other",
    ]


def test_matches_is_a_flag() -> None:
    assert value({"matches": r"\b(without|not)\b", "column": "q"}, q=["Belt WITHOUT buckle", "knot", None]) == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("pattern", ["(", r"a(?=b)"])
def test_a_pattern_that_is_no_regex_is_named(pattern: str) -> None:
    with pytest.raises(InputError, match="not a regular expression"):
        value({"matches": pattern, "column": "q"}, q=["a"])


def test_inverse_variance() -> None:
    weights = value({"inverse_variance": "v", "otherwise": 0.5}, v=[0.0, 1.0, None, float("nan"), -1.0])
    assert weights == [1.0, 0.5, 0.5, 0.5, 0.5]


def test_agreement_is_one_minus_the_mean_distance_of_two_raters() -> None:
    """Against the definition, computed pair by pair."""
    expression = {"agreement": ["a", "b", "c"], "scale": [0, 3], "otherwise": 0.25}
    rows = [(3, 3, 3), (0, 3, 3), (2, 3, 3), (3, None, 3), (1, None, None), (0, 0, 3)]
    weights = value(expression, **{name: [row[i] for row in rows] for i, name in enumerate("abc")})
    naive = []
    for row in rows:
        there = [rating for rating in row if rating is not None]
        apart = [abs(x - y) / 3 for i, x in enumerate(there) for y in there[:i]]
        naive.append(1 - sum(apart) / len(apart) if apart else 0.25)
    assert weights == pytest.approx(naive)


def test_gather_takes_columns_by_name_and_prefix() -> None:
    expression = {"gather": {"attr_t_*": "*", "attr_n_*": "*", "product_color": "color"}}
    rows = value(
        expression,
        attr_t_type=["LED", " "],
        attr_n_watts=[40.0, float("nan")],
        product_color=["red", None],
        other=["x", "y"],
    )
    assert json.loads(rows[0]) == {"type": "LED", "watts": 40.0, "color": "red"}
    assert rows[1] is None


def test_gather_reads_packed_keys_and_the_first_pattern_wins() -> None:
    expression = {"gather": {"t_*": "*", "n_*": "*", "name": "part_number"}, "packed": "record"}
    rows = value(expression, record=['{"n_size": 4, "t_size": "four", "x": 1}', None], name=["A-1", None])
    assert json.loads(rows[0]) == {"size": "four", "part_number": "A-1"}
    assert rows[1] is None


def test_pairs_are_parsed_and_repeated_names_joined() -> None:
    rows = value({"pairs": "f"}, f=["colour : red|material:wood | material : steel|broken|: x", None, ""])
    assert json.loads(rows[0]) == {"colour": "red", "material": "wood, steel"}
    assert rows[1:] == [None, None]


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ({"txt": ["a"]}, "one of the keys"),
        ({"text": ["a"], "seperator": " "}, "text.seperator; did you mean separator"),
        ({"level": 0, "column": "a"}, "level.level"),
        ({"translate": "a", "to": {}}, "translate.to"),
        (5, "a column's name"),
    ],
)
def test_a_typo_in_a_mapping_is_named(expression: Any, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        TableMapping(table="raw_products", columns={"title": expression})


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"exact": 1.0, "substitute": 1.6, "complement": 2.3}, "bounds must fall with the grade"),
        ({"exact": 2.0, "substitute": 2.0}, "one bound"),
        ({"cheap": 5.0, "dear": 5.0}, "one bound"),
        ({"exact": float("nan")}, "finite"),
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(bounds: dict[str, float], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TableMapping(table="t", columns={"grade": {"at_least": bounds, "column": "r"}})


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ({"at_least": {"exact": 2.0}, "column": "a"}, {"a": [3.0, 1.0]}),
        ({"translate": "a", "to": {"x": "exact"}}, {"a": ["x", "y"]}),
        ({"columns": ["a"], "first_match": {"bags": "bag"}}, {"a": ["bag", "lamp"]}),
    ],
)
def test_what_no_rule_takes_is_an_error_unless_otherwise_is_said(expression: dict, columns: dict) -> None:
    with pytest.raises(InputError, match="set `otherwise`"):
        value(expression, **columns)
    assert value(expression | {"otherwise": "rest"}, **columns)[1] == "rest"
    assert value(expression | {"otherwise": None}, **columns)[1] is None, "null is said too"


def test_a_gap_is_no_value_without_a_rule() -> None:
    assert value({"at_least": {"exact": 2.0}, "column": "a"}, a=[3.0, None]) == ["exact", None]
    assert value({"columns": ["a"], "first_match": {"bags": "bag"}}, a=["bag", " "]) == ["bags", None]


def test_a_label_has_one_translation() -> None:
    with pytest.raises(ValidationError, match="two translations"):
        TableMapping(table="t", columns={"grade": {"translate": "l", "to": {"Good": "exact", "good ": "substitute"}}})


def test_ratings_outside_the_scale_and_negative_variances_are_named() -> None:
    with pytest.raises(InputError, match=r"column a holds 1 ratings outside the scale 0 to 3 \(first: 7"):
        value({"agreement": ["a", "b"], "scale": [0, 3]}, a=[1, 7], b=[1, 1])
    with pytest.raises(ValidationError, match="lowest to its highest"):
        TableMapping(table="t", columns={"weight": {"agreement": ["a", "b"], "scale": [3, 0]}})
    with pytest.raises(InputError, match="1 negative values"):
        value({"inverse_variance": "v"}, v=[0.5, -1.0])


def test_a_mark_that_never_stands_in_the_texts_is_named() -> None:
    with pytest.raises(InputError, match="never holds ':'"):
        value({"pairs": "f"}, f=["colour=red|size=4"])
    with pytest.raises(InputError, match="never holds '>'"):
        value({"level": 2, "column": "c"}, c=["Home / Pans"])
    with pytest.raises(InputError, match="no column begins with 'atr_'"):
        value({"gather": {"atr_*": "*"}}, attr_size=["4"])
