"""Before a run everything that conf/ says is checked: what nobody knows, what nobody reads, and whose folder is whose."""

import pytest

from roar.errors import InputError
from roar.hooks.configuration import check_globals


def refused(project, said: str, environment: str | None = "holt", **params) -> None:
    with pytest.raises(InputError, match=said) as error:
        project.check(environment, **params)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("environment", [None, "base", "holt", "icecat"])
def test_a_sound_configuration_passes(project, environment) -> None:
    project.check(environment)


def test_unknown_blocks_and_keys_are_named_with_the_nearest(project) -> None:
    refused(project, r"there is no 'stagetwo'; did you mean stage2\?", stagetwo={"beta": 0.3})
    refused(project, r"there is no stage2\.betta; did you mean beta\?", stage2={"betta": 0.3})
    project.write("conf/holt/parameters/own.yml", "training_set: {groups: {max_size: 4}}\n")
    refused(project, r"there is no 'training_set'; did you mean training_sets\?")


@pytest.mark.parametrize("path", ["ingestion.yml", "globals.yaml", "parameter/own.yml"])
def test_a_file_that_nobody_reads_is_named(project, path) -> None:
    project.write(f"conf/holt/{path}", "ingestion: {max_loss: 0.1}\n")
    refused(project, f"{path} is read by nothing")


@pytest.mark.parametrize(
    "data", ["data", "data/icecat", "./data/../data/icecat", "data/01_raw", "data/icecat/03_primary"]
)
def test_no_environment_has_the_folder_of_another(project, data) -> None:
    project.write("conf/holt/globals.yml", f"data: {data}\n")
    refused(project, "is the folder of the environment (base|icecat)")


def test_a_folder_is_taken_even_where_its_owner_has_no_globals(project) -> None:
    project.write("conf/icecat/globals.yml", "data: data/holt\n")
    refused(project, "is the folder of the environment holt", "icecat")


def test_no_catalog_entry_writes_into_another_environments_folder(project) -> None:
    entry = "products:\n  type: roar.datasets.table.Table\n  filepath: data/03_primary/products.parquet\n"
    project.write("conf/holt/catalog/more.yml", entry)
    refused(project, r"catalog products: data/03_primary/products.parquet is data of the environment base")
    project.write("conf/holt/catalog/more.yml", entry + "  read_only: true\n")
    project.check()


def test_an_environment_is_chosen_by_its_option_alone(project) -> None:
    """The guard of `simulate` trusts the parameter."""
    loader = project.loader()
    with pytest.raises(InputError, match="environment is 'base', in a run of holt; choose environments by --env"):
        check_globals(loader, {"environment": "base"})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("filepth: a.csv", r"Table has no option 'filepth'; did you mean filepath\?"),
        ("filepath: a.csv\n  readonly: true", r"has no option 'readonly'; did you mean read_only\?"),
        ("separator: ','", "needs the option filepath"),
        ("filepath: 5", "option filepath: should be a valid string, not '5'"),
        ("filepath: a.csv\n  lazy: sure", "option lazy: should be a valid boolean"),
        (
            "filepath: a.csv\n  validator: {class: roar.schemas.Query}",
            r"no roar\.schemas\.Query; did you mean Queries\?",
        ),
        ('filepath: "C:\\new\\table.csv"', r"raw_queries\.filepath .*single quotes"),
    ],
)
def test_options_of_a_dataset_are_checked(project, entry, said) -> None:
    project.write("conf/holt/catalog/more.yml", f"raw_queries:\n  type: roar.datasets.table.Table\n  {entry}\n")
    refused(project, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "raw_queries: {type: roar.datasets.table.Tabel, filepath: a.csv}",
            r"did you mean roar\.datasets\.table\.Table\?",
        ),
        ("raw_queries: {filepath: a.csv}", "raw_queries: no type"),
        ("raw_queries: a.csv", "expected keys with values"),
        (
            "raw_queries: {type: roar.datasets.optional_table.OptionalTable, filepath: a.csv, schema: roar.schemas.Querys}",
            r"did you mean Queries\?",
        ),
        ("raw_querys: {type: roar.datasets.table.Table, filepath: a.csv}", r"did you mean raw_queries\?"),
        ("product: {type: roar.datasets.table.Table, filepath: a.csv}", r"did you mean products\?"),
    ],
)
def test_entries_of_the_catalog_are_checked(project, text, said) -> None:
    project.write("conf/holt/catalog/more.yml", text + "\n")
    refused(project, said)


def test_a_dataset_of_ones_own_is_welcome(project) -> None:
    project.write("conf/holt/catalog/more.yml", "store_visits: {type: roar.datasets.table.Table, filepath: v.csv}\n")
    project.write("conf/holt/globals.yml", "warehouse: /srv\n")
    project.check()


def test_a_global_that_nearly_is_another_is_named(project) -> None:
    project.write("conf/holt/globals.yml", "dta: data/x\n")
    refused(project, r"no global dta; did you mean data\?")


def test_a_broken_neighbour_stops_nobody(project) -> None:
    project.write("conf/icecat/globals.yml", "data: [\n")
    project.check()


def test_a_comparison_with_a_system_that_no_run_can_have_is_refused_before_training(project) -> None:
    refused(
        project,
        r"evaluation\.comparisons names stage3, .*did you mean stage",
        evaluation={"comparisons": [["bm25", "stage3"]]},
    )
    refused(project, r"reporting\.baseline names bm26", reporting={"baseline": "bm26"})
    project.check(evaluation={"encoders": {"theirs": "minilm"}, "comparisons": [["theirs", "stage2_64"]]})


def test_another_engines_run_counts_as_a_system(project) -> None:
    entry = "external_runs: {type: roar.datasets.table_folder.TableFolder, filepath: '${globals:data}/01_raw/external_runs'}"
    project.write("conf/base/catalog/runs.yml", entry + "\n")
    project.write("data/holt/01_raw/external_runs/engine.csv", "query,product_id,score\n")
    project.check(evaluation={"comparisons": [["engine", "stage2"]]})


@pytest.mark.parametrize("environment", ["../conf/holt", "holt/catalog", "holt/"])
def test_a_path_is_no_environment(project, environment) -> None:
    refused(project, "no folder conf/", environment)
