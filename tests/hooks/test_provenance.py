"""What a run finds on disk is what it would make itself, or it says so: small pipelines under the project's own hooks."""

import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline, node
from kedro.runner import SequentialRunner

from roar import provenance as library
from roar.datasets.optional_json import OptionalJSON
from roar.datasets.optional_table import OptionalTable
from roar.datasets.run_archive import RunArchive
from roar.datasets.table import Table
from roar.errors import InputError
from roar.files import fingerprint
from roar.hooks import DistributedHooks, OneWriterHooks, ProvenanceHooks, RunRecordHooks
from roar.parameters import Encoder, Ingestion, Stage2
from roar.run_record import KeptRun, Record, compare_records


class Shop:
    """raw -> products -> encoder -> metrics -> page, each a table of one number that follows from those before."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ran = folder, []
        self.parameters: dict[str, Any] = {"seed": 1, "encoder": {}, "stage2": {"beta": 0.1}}
        self.put("raw", 1)

    def put(self, name: str, value: int) -> None:
        self.folder.joinpath("data").mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"x": [value]}).write_parquet(self.folder / "data" / f"{name}.parquet")

    def get(self, name: str) -> int:
        return pl.read_parquet(self.folder / "data" / f"{name}.parquet")["x"].item()

    def kept(self) -> list[int]:
        return sorted(
            run.metrics["x"].item() for run in RunArchive(filepath=str(self.folder / "data/runs")).load().values()
        )

    def nodes(self) -> list[Node]:
        def noted(name: str, factor: int) -> Callable[..., pl.DataFrame]:
            def function(table: pl.DataFrame, *rest: Any) -> pl.DataFrame:
                self.ran.append(name)
                beta = next((int(10 * value.beta) for value in rest if isinstance(value, Stage2)), 0)
                return table.select(pl.col("x") * factor + beta)

            return function

        return [
            node(noted("products", 2), ["raw", "extras"], "products", name="products"),
            node(noted("encoder", 3), ["products", "params:encoder", "params:stage2"], "encoder", name="train"),
            node(noted("metrics", 5), ["encoder", "products"], "metrics", name="judge"),
            node(noted("page", 7), ["metrics", "run_archive", "run_record", "params:seed"], "page", name="page"),
        ]

    def run(self, *names: str, only_missing: bool = False, apart: bool = False) -> list[str]:
        """Run these nodes, or all, and say which ran; `apart` as Kedro's ParallelRunner does, whose nodes meet no hooks of ours."""
        self.ran.clear()
        pipeline = Pipeline(self.nodes())
        pipeline = pipeline.only_nodes(*names) if names else pipeline
        place = lambda name: str(self.folder / "data" / name)  # noqa: E731
        catalog = DataCatalog(
            {name: Table(filepath=place(f"{name}.parquet")) for name in ("raw", "products", "encoder", "metrics", "page")}
            | {"extras": OptionalTable(filepath=place("extras.parquet"))}
            | {"run_record": OptionalJSON(filepath=place("run_record.json")), "run_archive": RunArchive(filepath=place("runs"))}
            | {"per_query_metrics": MemoryDataset(pl.DataFrame({"x": [0]}))}
        )  # fmt: skip
        typed = {"encoder": Encoder(**self.parameters["encoder"]), "stage2": Stage2(**self.parameters["stage2"])}
        for name, value in (self.parameters | typed).items():
            catalog[f"params:{name}"] = value
        provenance = ProvenanceHooks()
        manager = _create_hook_manager()
        for hooks in (OneWriterHooks(), provenance, RunRecordHooks(provenance), DistributedHooks()):
            manager.register(hooks)
        loader = {"globals": {"data": "data", "environment": "test"}, "parameters": self.parameters}
        manager.hook.after_context_created(context=SimpleNamespace(project_path=self.folder, config_loader=loader))
        params = {"only_missing_outputs": only_missing, "runner": "<ParallelRunner>" if apart else "SequentialRunner"}
        asked = {"run_params": params, "pipeline": pipeline, "catalog": catalog}
        manager.hook.before_pipeline_run(**asked)
        try:
            nodes_hooks = None if apart else manager
            SequentialRunner().run(pipeline, catalog, nodes_hooks, only_missing_outputs=only_missing)
        except Exception as error:
            manager.hook.on_pipeline_error(error=error, **asked)
            raise
        manager.hook.after_pipeline_run(run_result={}, **asked)
        return list(self.ran)


@pytest.fixture
def shop(tmp_path, caplog) -> Shop:
    """A shop after a full run; what the project says from here on is caught."""
    logging.getLogger("roar").propagate = True
    shop = Shop(tmp_path / "project")
    assert shop.run() == ["products", "encoder", "metrics", "page"]
    assert shop.kept() == [shop.get("metrics")] == [35]
    caplog.clear()
    return shop


def test_nothing_has_changed_and_nothing_is_made(shop, caplog):
    assert shop.run(only_missing=True) == [] and shop.run(only_missing=True) == []
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert shop.kept() == [35]


def test_other_raw_data_are_followed_to_the_end(shop, caplog):
    """Also where a run of a part took them in already: what lies behind it is stale as well."""
    shop.put("raw", 2)
    assert shop.run("products") == ["products"]
    assert shop.run(only_missing=True) == ["encoder", "metrics", "page"]
    assert (
        "products has changed since the data on disk were made: made again are encoder, metrics, page." in caplog.text
    )
    assert shop.get("metrics") == 65 and shop.kept() == [35, 65]


def test_other_raw_data_alone(shop, caplog):
    shop.put("raw", 2)
    assert shop.run(only_missing=True) == ["products", "encoder", "metrics", "page"]
    assert "raw has changed" in caplog.text and shop.get("metrics") == 65


def test_an_optional_table_that_appears_or_goes_is_a_change(shop):
    shop.put("extras", 1)
    assert shop.run(only_missing=True)[0] == "products"
    (shop.folder / "data/extras.parquet").unlink()
    assert shop.run(only_missing=True)[0] == "products"


def test_a_parameter_makes_what_it_decides_again_and_is_named(shop, caplog):
    shop.parameters["stage2"] = {"beta": 0.9}
    assert shop.run(only_missing=True) == ["encoder", "metrics", "page"]
    assert "parameter stage2.beta has changed" in caplog.text
    assert shop.get("metrics") == 5 * (2 * 3 + 9) and shop.kept() == [35, 75]
    assert shop.run(only_missing=True) == []


def test_the_same_parameters_said_otherwise_and_the_machines_own_are_no_change(shop):
    shop.parameters["stage2"] = {"beta": 0.1, "epochs": Stage2().epochs, "mini_batch_tokens": 64, "checkpoint_steps": 7}
    shop.parameters["encoder"] = {"batch_tokens": 128, "gradient_checkpointing": True}
    assert shop.run(only_missing=True) == []


def test_a_mapping_in_its_short_and_its_long_form_is_one_mapping():
    short = Ingestion.model_validate({"products": {"table": "raw_products", "columns": {"title": "product_title"}}})
    long = {"products": {"table": "raw_products", "columns": {"title": {"column": "product_title"}}}}
    model = f"{Ingestion.__module__}:{Ingestion.__qualname__}"
    assert library._normal(long, model) == library.decisive(short)
    assert library._normal(
        {"products": {"table": "raw_products", "columns": {"title": "name"}}}, model
    ) != library.decisive(short)


def test_other_code_makes_again_and_other_comments_do_not(shop, monkeypatch, caplog):
    monkeypatch.setattr(library, "text_version", lambda module: "another")
    assert shop.run(only_missing=True) == []
    monkeypatch.setattr(library, "code_version", lambda module: "another")
    assert shop.run(only_missing=True) == ["products", "encoder", "metrics", "page"]
    assert "the code of " in caplog.text


def test_other_inputs_of_a_node_make_again(shop, monkeypatch):
    nodes = Shop.nodes
    reads = lambda self: [*nodes(self)[:2], node(nodes(self)[2].func, ["products", "encoder"], "metrics", name="judge"), nodes(self)[3]]  # noqa: E731  # fmt: skip
    monkeypatch.setattr(Shop, "nodes", reads)
    assert shop.run(only_missing=True) == ["metrics", "page"]


def test_what_other_hands_changed_is_made_again_or_read_as_raw(shop, caplog):
    """`--only-missing-outputs` ends where a full run would; a part that reads a file takes it as it is."""
    shop.put("products", 50)
    assert shop.run("train", "judge") == ["encoder", "metrics"] and shop.get("metrics") == 5 * (150 + 1)
    assert "changed by other hands since a node made them: this run reads products as they are." in caplog.text
    assert shop.run(only_missing=True) == ["products", "encoder", "metrics", "page"]
    assert "products has changed since the data on disk were made, by other hands" in caplog.text
    assert shop.get("metrics") == 35


def test_a_change_that_keeps_size_and_modification_time_is_seen(shop):
    path = shop.folder / "data/raw.parquet"
    before = path.stat()
    shop.put("raw", 3)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert shop.run(only_missing=True) == ["products", "encoder", "metrics", "page"]


def test_a_copied_folder_is_as_current_as_the_original(shop, monkeypatch):
    """All times differ: contents decide, are read once, and believed from then on."""
    shutil.copytree(shop.folder, shop.folder.with_name("copy"), copy_function=shutil.copyfile)
    shop.folder = shop.folder.with_name("copy")
    assert shop.run(only_missing=True) == []
    assert shop.run("page") == ["page"]
    read: list[Path] = []
    monkeypatch.setattr(library, "fingerprint", lambda path: read.append(path) or "")
    assert shop.run(only_missing=True) == [] and read == []


def test_what_cannot_be_read_is_named(shop, monkeypatch):
    def denied(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(library, "stamp", denied)
    with pytest.raises(InputError, match=r"products: .*products\.parquet cannot be read \(Permission denied\)"):
        shop.run(only_missing=True)


def test_what_is_missing_is_made_and_its_equal_followers_stay(shop):
    (shop.folder / "data/products.parquet").unlink()
    assert shop.run(only_missing=True) == ["products"]
    assert shop.run(only_missing=True) == []


def test_what_is_missing_and_would_differ_is_followed(shop):
    (shop.folder / "data/encoder.parquet").unlink()
    shop.parameters["stage2"] = {"beta": 0.5}
    assert shop.run(only_missing=True) == ["encoder", "metrics", "page"]


def test_an_interrupted_run_is_kept_by_the_one_that_ends_it(tmp_path, monkeypatch):
    shop = Shop(tmp_path)
    monkeypatch.setattr(Shop, "nodes", broken := _with_broken_page(Shop.nodes))
    with pytest.raises(ZeroDivisionError):
        shop.run()
    assert shop.kept() == [] and broken
    monkeypatch.undo()
    assert shop.run(only_missing=True) == ["page"] and shop.kept() == [35]
    shop.parameters["seed"] = 2
    assert shop.run(only_missing=True) == ["page"] and shop.kept() == [
        35
    ]  # metrics are kept once, under what made them


def _with_broken_page(nodes: Callable[[Shop], list[Node]]) -> Callable[[Shop], list[Node]]:
    return lambda self: [*nodes(self)[:3], node(lambda *_: 1 / 0, nodes(self)[3].inputs, "page", name="page")]


def test_a_part_that_reads_what_is_stale_says_so_before_and_after(shop, caplog):
    """By name, in the log, and in the record that is kept with the figures."""
    shop.parameters["stage2"] = {"beta": 0.9}
    assert shop.run("judge", "page") == ["metrics", "page"]
    why = "parameter stage2.beta has changed since the data on disk were made"
    assert f"{why}: this run reads the old encoder; run what makes them first" in caplog.text
    kept = RunArchive(filepath=str(shop.folder / "data/runs")).load().values()
    assert sorted(str(run.record["stale"]) for run in kept) == sorted(["{}", str({"encoder": why})])
    stale = [
        compare_records(*pair).filter(what="stale")["name"].to_list() for pair in (_records(kept), _records(kept)[::-1])
    ]
    assert stale == [["encoder"], ["encoder"]]


def _records(kept: Iterable[KeptRun]) -> list[Record]:
    return [run.record for run in kept]


def test_what_processes_of_their_own_made_is_known_as_well(tmp_path):
    shop = Shop(tmp_path)
    assert shop.run(apart=True) == ["products", "encoder", "metrics", "page"]
    assert shop.run(only_missing=True) == shop.run(only_missing=True, apart=True) == []
    shop.parameters["stage2"] = {"beta": 0.9}
    assert shop.run(only_missing=True, apart=True) == ["encoder", "metrics", "page"] and shop.kept() == [35, 75]
    assert shop.run(only_missing=True) == []


def test_what_a_run_is_given_and_cannot_make_is_made_again_by_nobody(shop, caplog):
    """A raw table whose node has changed since: its content counts, and an unchanged rerun makes nothing."""
    shop.parameters["stage2"] = {"beta": 0.9}
    assert shop.run("judge", "page", only_missing=True) == []
    assert "this run reads the old encoder" in caplog.text and "made again" not in caplog.text


def test_without_its_record_nothing_counts_as_current(shop, caplog):
    for content in ("", '{"made": {"code": "1"}}', "[]", "garbage"):
        (shop.folder / "data/provenance/encoder.json").write_text(content)
        assert shop.run(only_missing=True) == ["encoder", "metrics", "page"]
    shutil.rmtree(shop.folder / "data/provenance")
    caplog.clear()
    assert shop.run(only_missing=True) == ["products", "encoder", "metrics", "page"]
    assert "no record says what made the data on disk: made again are products" in caplog.text


def test_the_lock_is_given_up_after_a_run_and_after_a_failed_one(shop, monkeypatch):
    monkeypatch.setattr(Shop, "nodes", _with_broken_page(Shop.nodes))
    for _ in range(2):
        assert (shop.folder / "data/.lock").read_text() == ""
        with pytest.raises(ZeroDivisionError):
            shop.run()


def test_other_processes_of_a_launched_run_decide_and_do_not_write(shop, monkeypatch):
    shop.parameters["stage2"] = {"beta": 0.9}
    before = fingerprint(shop.folder / "data/provenance")
    monkeypatch.setenv("RANK", "1")
    assert shop.run(only_missing=True) == ["encoder", "metrics", "page"]
    assert fingerprint(shop.folder / "data/provenance") == before
    assert shop.get("metrics") == 35 and shop.kept() == [35]
