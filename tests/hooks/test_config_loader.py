"""Reading conf/: an environment is its folder, merging loses nothing, and a mistake is one line that names its place."""

import shutil

import pytest

from roar.errors import InputError


def test_an_environment_without_globals_has_a_folder_of_its_own(project) -> None:
    globals_ = project.loader()["globals"]
    assert globals_ == {"seed": 11, "data": "data/holt", "environment": "holt"}
    assert project.loader()["catalog"]["products"]["filepath"] == "data/holt/03_primary/products.parquet"
    assert project.loader()["parameters"]["environment"] == "holt"


@pytest.mark.parametrize("environment", [None, "local", "base"])
def test_base_and_the_folder_of_ones_own_over_it_share_the_data_of_base(project, environment) -> None:
    assert project.loader(environment)["globals"] == {"seed": 11, "data": "data", "environment": "base"}
    project.write("conf/local/globals.yml", "data: elsewhere\n")
    assert project.loader(None)["globals"]["data"] == "elsewhere"


def test_a_clone_without_the_folder_of_ones_own_runs_base(project) -> None:
    shutil.rmtree(project.folder / "conf/local")
    assert project.loader(None)["globals"]["environment"] == "base"


def test_globals_that_name_another_environment_are_refused(project) -> None:
    project.write("conf/holt/globals.yml", "environment: base\n")
    with pytest.raises(InputError, match="says environment: base, in a folder that is called holt"):
        project.loader()
    project.write("conf/holt/globals.yml", "data: 3\n")
    with pytest.raises(InputError, match="expected the path of a folder, not 3"):
        project.loader()


def test_an_unknown_environment_is_answered_with_those_there_are(project) -> None:
    with pytest.raises(InputError, match=r"--env holtt: .*did you mean holt\? There are: base, holt, icecat"):
        project.loader("holtt")


def test_a_partial_block_keeps_the_values_that_come_from_the_globals(project) -> None:
    project.write("conf/holt/globals.yml", "seed: 5\n")
    project.write("conf/holt/parameters/own.yml", "metrics: {page: 4}\n")
    assert project.loader()["parameters"]["metrics"] == {"page": 4, "seed": 5}, "the rest has the model's defaults"
    project.write("conf/holt/parameters/own.yml", "metrics: {page: 4, seed: 9}\n")
    assert project.loader()["parameters"]["metrics"]["seed"] == 9


@pytest.mark.parametrize("environment", [None, "holt"])
def test_a_parameter_of_the_command_line_changes_nothing_beside_it(project, environment) -> None:
    """An environment that says nothing of the block has the block of base, with that one value changed."""
    project.write(f"conf/{environment or 'local'}/parameters/own.yml", "evaluation: {depth: 20}\n")
    read = project.loader(environment, stage2={"beta": 0.7}, metrics={"page": 3})["parameters"]
    assert read["stage2"] == {"batch_size": 64, "beta": 0.7}
    assert read["metrics"] == {"page": 3, "resamples": 700, "seed": 11}
    assert read["evaluation"] == {"depth": 20}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stage2:\n\tbeta: 1\n", r"own\.yml, line 2, column 1: .*indented by blanks, never by tabs"),
        ("stage2: {beta: 1}\nstage2: {beta: 2}\n", r"own\.yml, line 2, column 1: found duplicate key stage2"),
        ("stage2: {beta: 1\n", r"own\.yml, line 2, column 1: expected"),
        ("ingestion: {a: '\\d', b: \"\\d\"}\n", "put patterns and paths in single quotes"),
        ("- stage2\n", "expected `name: value` lines, not a list"),
        ("7\n", "expected `name: value` lines"),
        ("# größe\n".encode("latin-1"), "not UTF-8"),
        ("stage2: {beta: 1}\n".encode("utf-16"), "not UTF-8"),
        ("stage2: {beta: '${globals:sed}'}\n", r"Globals key 'sed' not found.*did you mean seed\?"),
        ("stage2: {beta: '${global:seed}'}\n", r"interpolation type global; did you mean globals\?"),
        ("stage2: {beta: '${stage2.gamma}', warmup: 1}\n", r"'stage2.gamma' not found; .*stage2.warmup"),
        ("stage2: {beta: '${globals:seed'}\n", r"own\.yml, stage2\.beta: missing BRACE_CLOSE"),
        ("stage2: {beta: '${oc.env:NO_SUCH_VARIABLE}'}\n", "variable NO_SUCH_VARIABLE is not set"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_that_says_where(project, text, said) -> None:
    project.write("conf/holt/parameters/own.yml", text)
    with pytest.raises(InputError, match=said) as error:
        project.loader()["parameters"]
    assert "\n" not in str(error.value)


def test_a_byte_order_mark_is_skipped(project) -> None:
    project.write("conf/holt/parameters/own.yml", "\ufeffstage2: {beta: 0.9}\n")
    assert project.loader()["parameters"]["stage2"] == {"beta": 0.9}


def test_a_block_in_two_files_is_named_with_both(project) -> None:
    for name in ("one", "two"):
        project.write(f"conf/holt/parameters/{name}.yml", "stage2: {beta: 1}\n")
    with pytest.raises(InputError, match=r"Duplicate keys found in .*: stage2\.beta"):
        project.loader()["parameters"]
