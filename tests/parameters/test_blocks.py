"""All parameters together: unknown names with the nearest known one, and control characters that YAML slipped in."""

from typing import Any

import pytest
import yaml

from roar.errors import InputError
from roar.parameters import Distillation, Filling, Groups, HardNegatives, Stage2, Teacher, TrainingSets
from roar.parameters.blocks import check_parameters, unread
from roar.parameters.ingestion import GRADES
from roar.schemas import GRADES as CONTRACT


def fault(text: str) -> str:
    with pytest.raises(InputError) as error:
        check_parameters(yaml.safe_load(text))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_left_out_and_places_for_anchors_are_no_faults() -> None:
    check_parameters({"seed": 1, "environment": "holt", "_shared": {"anything": 1}, "stage2": {}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stagetwo: {beta: 1}", "there is no 'stagetwo'; did you mean stage2?"),
        ("stage2: {betta: 1}", "there is no stage2.betta; did you mean beta?"),
        ("training_sets: {stage1_sources: {anotation: {limit: 3}}}", "did you mean annotation?"),
        ("training_sets: {stage1_sources: {annotation: {limits: 3}}}", "did you mean limit?"),
        ("ingestion: {products: {table: raw_products, column: {}}}", "did you mean columns?"),
        ("ab_test: {metrics: {x: {label: a, numerator: click}}}", "did you mean clicks?"),
        ("ab_test: {primary: order}", "did you mean orders?"),
        ("stage2: {alignment: {loss: roarr}}", "did you mean roar?"),
        ("metrics: {names: [ndgc@8]}", "did you mean ndcg@k?"),
        (
            "ingestion: {judgments: {table: t, columns: {grade: {translat: r, to: {a: exact}}}}}",
            "did you mean translate?",
        ),
        ("ingestion: {judgments: {table: t, columns: {grade: {translate: r, too: {a: exact}}}}}", "did you mean to?"),
        ("ingestion: {judgments: {table: t, columns: {grade: {translate: r, to: {a: exct}}}}}", "did you mean exact?"),
        ("ingestion: {judgments: {table: t, columns: {grade: {constant: exct}}}}", "did you mean exact?"),
        ("stage2: [a]", "stage2: expected keys with values, not ['a']"),
        ("stage2:", "stage2: expected keys with values, not nothing"),
        ("stage2: {beta: much}", "stage2.beta: should be a valid number"),
        ("ingestion: {products: {table: t, columns: [a]}}", "ingestion.products.columns: should be keys with values"),
        ("seed: abc", "seed: expected int"),
        ("ingestion: {queries: {table: t, columns: {a: {translate: r, to: {yes: no}}}}}", "quote it"),
    ],
)
def test_faults_say_where_and_what_was_meant(text: str, said: str) -> None:
    assert said in fault(text)


def test_many_faults_are_counted() -> None:
    assert "; and 2 more" in fault("{a: 1, b: 1, c: 1, d: 1, e: 1}")


RULE = "ingestion: {products: {table: t, columns: {vertical: {columns: [x], first_match: {bags: %s}, otherwise: o}}}}"


def test_a_regular_expression_in_double_quotes_is_pointed_out() -> None:
    assert "first_match.bags" in fault(RULE % '"\\bbag"') and r"a backspace, written \b" in fault(RULE % '"\\bbag"')
    check_parameters(yaml.safe_load(RULE % "'\\bbag'"))


@pytest.mark.parametrize("escape", ["\\a", "\\e", "\\0", "\\x7f", "\\N"])
def test_other_control_characters_are_named_in_values_and_in_keys(escape: str) -> None:
    assert "the control character" in fault(RULE % f'"x{escape}"')
    assert "the control character" in fault(f'ingestion: {{choices: {{"x{escape}": y}}}}')


def test_line_ends_and_separators_are_meant() -> None:
    text: dict[str, Any] = {"text": ["a", "b"], "separator": "\x1f"}
    check_parameters(
        {"ingestion": {"products": {"table": "t", "columns": {"title": text}}}, "reporting": {"title": "a\tb\n"}}
    )


def test_grades_are_those_of_the_contract() -> None:
    assert tuple(reversed(GRADES)) == CONTRACT


@pytest.mark.parametrize(
    ("blocks", "asked"),
    [
        ({"stage2": Stage2()}, False),
        ({"stage2": Stage2(distillation=Distillation(weight=0.5))}, True),
        ({"training_sets": TrainingSets()}, False),
        ({"training_sets": TrainingSets(hard_negatives=HardNegatives(teacher=0.05))}, True),
        ({"training_sets": TrainingSets(groups=Groups(fill=Filling()))}, False),
        ({"training_sets": TrainingSets(groups=Groups(fill=Filling(graded=True)))}, True),
        ({"stage2": Stage2(), "training_sets": TrainingSets(), "ablation_studies": None}, True),
    ],
)
def test_scores_of_a_teacher_count_only_where_they_are_asked_for(blocks: dict[str, Any], asked: bool) -> None:
    assert unread({"teacher": Teacher(), **blocks}) == (set() if asked else {"teacher_scores"})
    assert unread(blocks) == set(), "a node that reads no teacher's parameters is given no scores"


def test_targets_of_a_teacher_fall_with_the_grade() -> None:
    said = fault("teacher: {targets: {exact: 0.4, substitute: 0.5, complement: 0.1, irrelevant: 0}}")
    assert "no grade may be worth more than a better one" in said
