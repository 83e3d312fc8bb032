"""Studies become cells: what is said of a variant is all that differs, and a cell is known by what decides its result."""

import pytest
from pydantic import ValidationError

from roar.ablation import cells
from roar.errors import InputError
from roar.parameters import Ablation, AblationStudies, Encoder, Primary, Stage1, Stage2, Study, TrainingSets, Variant


def study(**variants: Variant) -> Study:
    return Study(baseline=next(iter(variants)), variants=variants)


def expand(studies: AblationStudies, config: Ablation | None = None, **blocks):
    config = config or Ablation(run=("one",), seeds=(1, 2))
    given = {"encoder": Encoder(), "stage1": Stage1(), "stage2": Stage2(), "training_sets": TrainingSets()} | blocks
    return list(cells(config, studies, *given.values(), ["fold_0", "fold_1"], "data"))


def ablation(primary: Primary | None = None, **variants: Variant) -> AblationStudies:
    return AblationStudies(primary=primary, studies={"one": study(**variants)})


def test_every_variant_fold_and_seed_is_a_cell():
    found = expand(ablation(a=Variant(), b=Variant(stage2={"beta": 0.5})))
    assert {(c.variant, c.fold, c.seed) for c in found} == {
        (v, f, s) for v in "ab" for f in ("fold_0", "fold_1") for s in (1, 2)
    }
    assert len({c.key() for c in found}) == len(found) == 8


def test_a_variant_changes_what_it_says_however_deep_and_nothing_else():
    changed = Variant(stage2={"alignment": {"loss": "list_mle"}, "beta": 1.0})
    cell = expand(ablation(a=Variant(), b=changed), stage2=Stage2(batch_size=9))[1]
    expected = Stage2(batch_size=9, beta=1.0).model_dump()
    expected["alignment"]["loss"] = "list_mle"
    assert cell.recipe.stage2.model_dump() == expected and cell.recipe.stage1 == Stage1()


def test_cells_that_say_the_same_share_their_result_and_stage_2_leaves_stage_1_alone():
    a, b, c = expand(ablation(a=Variant(), b=Variant(stage2={"beta": 0.1}), c=Variant(stage2={"beta": 0.2})))[:3]
    assert a.key() == b.key() != c.key()
    assert a.key(stage=1) == c.key(stage=1)


@pytest.mark.parametrize("difference", [{"stage1": Stage1(margin=None)}, {"encoder": Encoder(max_tokens=32)}])
def test_whatever_decides_the_weights_makes_another_cell(difference):
    before, after = expand(ablation(a=Variant(), b=Variant())), expand(ablation(a=Variant(), b=Variant()), **difference)
    assert {c.key() for c in before}.isdisjoint(c.key() for c in after)
    assert before[0].key(stage=1) != after[0].key(stage=1)


def test_a_variant_may_name_another_encoder():
    other = {"preset": "gemma3_270m", "dropout": 0.1}
    a, b = expand(ablation(a=Variant(stages=0), b=Variant(stages=0, encoder=other)), encoder=Encoder(max_tokens=32))[:2]
    assert a.key() != b.key()
    assert b.recipe.encoder == Encoder(max_tokens=32, **other)


def test_the_base_encoder_does_not_depend_on_the_seed():
    found = expand(ablation(a=Variant(stages=0), b=Variant()))
    zero_shot = {c.key() for c in found if c.variant == "a" and c.fold == "fold_0"}
    assert len(zero_shot) == 1


def test_a_parameter_that_does_not_exist_is_named_before_anything_is_trained():
    with pytest.raises(InputError, match=r"ablation.studies.one.variants.b.stage2.bta: Extra inputs"):
        expand(ablation(a=Variant(), b=Variant(stage2={"bta": 1})))
    with pytest.raises(InputError, match=r"variants.b.stage2.alignment.loss: Input should be 'none', 'roar'"):
        expand(ablation(a=Variant(), b=Variant(stage2={"alignment": {"loss": "rora"}})))


def test_names_that_are_not_declared_are_errors():
    with pytest.raises(ValidationError, match="none of the variants"):
        Study(baseline="x", variants={"a": Variant(), "b": Variant()})
    with pytest.raises(ValidationError, match=r"b\.against: 'x' is none of the variants"):
        study(a=Variant(), b=Variant(against="x"))
    declared, typo = ablation(a=Variant(), b=Variant()), Primary(study="one", variant="b", metric="aucc")
    with pytest.raises(InputError, match="two are none of the studies declared: one"):
        expand(declared, Ablation(run=("two",)))
    with pytest.raises(InputError, match="the metric 'aucc' is not among"):
        expand(ablation(primary=typo, a=Variant(), b=Variant()))
    with pytest.raises(ValidationError, match="no variant 'c' in a study 'one'"):
        ablation(primary=typo.model_copy(update={"variant": "c"}), a=Variant(), b=Variant())


def test_a_study_measures_what_it_names_besides_what_all_measure():
    declared = study(a=Variant(), b=Variant()).model_copy(update={"metrics": ("order_exact_substitute", "ndcg@8")})
    primary = Primary(study="one", variant="b", metric="order_exact_substitute")
    found = expand(AblationStudies(primary=primary, studies={"one": declared}))
    assert {c.metrics for c in found} == {(*Ablation().metrics, "order_exact_substitute")}
    with pytest.raises(InputError, match="'order_exact_substitute' is not among"):
        expand(ablation(primary=primary, a=Variant(), b=Variant()))


def test_each_study_has_a_primary_comparison_of_its_own_or_none():
    studies = {name: study(a=Variant(), b=Variant()) for name in ("one", "two")}
    named = [{"study": name, "variant": "b", "metric": "auc"} for name in studies]
    assert AblationStudies(primary=None, studies=studies).primary == ()
    assert AblationStudies(primary=named[0], studies=studies).primary == (Primary(**named[0]),)
    assert AblationStudies(primary=named, studies=studies).primary == tuple(Primary(**one) for one in named)
    with pytest.raises(ValidationError, match="one has several; a study has one"):
        AblationStudies(primary=[named[0], named[0]], studies=studies)


def test_what_is_measured_makes_another_result_of_the_same_weights():
    declared = ablation(a=Variant(), b=Variant())
    one = expand(declared)[0]
    other = expand(declared, Ablation(run=("one",), seeds=(1, 2), metrics=("mrr@10",)))[0]
    assert one.key() != other.key() and one.key(stage=1) == other.key(stage=1)


def test_studies_can_be_named_in_one_string_as_the_command_line_must():
    assert Ablation.model_validate({"run": "masks  ladder"}).run == ("masks", "ladder")
    with pytest.raises(ValidationError, match="run"):
        Ablation.model_validate({"run": " "})
