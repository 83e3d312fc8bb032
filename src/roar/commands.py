"""`roar search`, `roar index` and `roar serve`: ask a release, look at it, change it, take it elsewhere, serve it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import polars as pl

from roar.errors import InputError

_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": lambda path: pl.read_csv(path, infer_schema=False),
    ".tsv": lambda path: pl.read_csv(path, separator="\t", infer_schema=False),
    ".jsonl": pl.read_ndjson,
}


class _Plain(click.Command):
    """A command whose errors that a person can mend are one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(str(error)) from error


class _Commands(click.Group):
    """A group of such commands."""

    command_class = _Plain


def release_folder(release: Path | None, env: str) -> Path:
    """The folder that is named, or the environment's."""
    if release is not None:
        return release
    return data_folder(env) / "06_models" / "release"


def data_folder(env: str) -> Path:
    """Root of an environment's data."""
    return Path(_configuration(env).data_of(env))


def _configuration(env: str) -> Any:
    if not Path("conf").is_dir():
        raise InputError("no folder conf here: run this in the project's folder, or name a release by --release.")
    from roar.hooks import ConfigLoader

    return ConfigLoader("conf", env, base_env="base")


def _of_a_release(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which release."""
    folder = click.option("--release", type=click.Path(path_type=Path), help="Folder of a release, or of one version.")
    return folder(
        click.option("--env", "-e", default="base", show_default=True, help="Environment whose release is meant.")(
            command
        )
    )


@click.command(cls=_Plain)
@click.argument("query")
@click.option("-k", "--limit", default=8, show_default=True, type=click.IntRange(min=1))
@click.option("--system", default="stage2", show_default=True, type=click.Choice(["stage2", "dense", "bm25", "hybrid"]))
@click.option("--where", multiple=True, help="brand=Orvane (again for any of several), price=10..50, price=..20")
@click.option("--group-by", help="A column of which each value is shown once: cluster_id for one listing an item.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@_of_a_release
def search(
    query: str, limit: int, system: str, where: tuple[str, ...], group_by: str | None, as_json: bool, **which: Any
) -> None:
    """Products for a QUERY, as a shopper would type it."""
    from roar.retrieval import Release  # loads the engines, which `--help` does without

    release = Release.read(release_folder(**which))
    hits = release.search(query, limit, system=system, where=parse_where(where), group_by=group_by)
    if as_json:
        click.echo(hits.write_ndjson(), nl=False)
        return
    for hit in hits.iter_rows(named=True):
        told = [str(hit[name]) for name in ("title", "brand", "price") if hit.get(name) is not None]
        click.echo(f"{hit['rank']:>3}  {hit['score']:.4f}  {hit['product_id']}  {' | '.join(told)}")
    if hits.is_empty():
        click.echo("nothing found")


def parse_where(conditions: tuple[str, ...]) -> dict[str, Any] | None:
    """Conditions as they are typed: name=value, any of several values of one name, name=low..high.

    Raises:
        InputError: one is no condition.
    """
    where: dict[str, Any] = {}
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if not name or not equals:
            raise InputError(f"--where {condition!r}: expected name=value or name=low..high.")
        if bounds := re.fullmatch(r"(-?[\d.]*?)\.\.(-?[\d.]*)", value):
            try:
                where[name] = tuple(float(bound) if bound else None for bound in bounds.groups())
            except ValueError as error:
                raise InputError(f"--where {condition!r}: the bounds are no numbers.") from error
        else:
            where[name] = [*where.get(name, []), value]
    return where or None


@click.group(cls=_Commands)
def index() -> None:
    """Look at a release's index, change it, take it elsewhere."""


@index.command()
@_of_a_release
def status(**which: Any) -> None:
    """What the index is, what has changed since it was built, and its recall now."""
    read = _read(**which)
    said, log = read.manifest, read.log
    measured = {name: round(value, 4) for name, value in said.measured.items()}
    lines = {
        "folder": read.folder,
        "version": f"{said.version}, format {said.format}, made {said.created}",
        "encoder": f"{said.encoder}, {said.dimension} dimensions",
        "index": f"{said.index}, probes {said.effort.probes}, candidates {said.effort.candidates}",
        "products": f"{len(read):,} ({said.products:,} when it was built, {said.products - said.entries:,} near-copies)",
        "changes": f"{len(log)} ({read.changed:.1%} of the products; built again beyond {said.rebuild:.0%})",
        "measured": json.dumps(measured),
        "recall@100 now": f"{read.recall():.4f}",
    }
    for name, value in lines.items():
        click.echo(f"{name:<15} {value}")
    for change in log.tail(10).iter_rows(named=True):
        click.echo(f"  {change['number']:>6}  {change['at']}  {change['change']:<7} {change['products']:,}")


@index.command()
@click.argument("file", type=click.Path(path_type=Path))
@_of_a_release
def upsert(file: Path, **which: Any) -> None:
    """Put the products of FILE (parquet, csv, tsv, jsonl) in; those whose ids are known are replaced."""
    read, products = _read(**which), read_table(file)
    added = read.upsert(products)
    click.echo(f"{len(products):,} products put in, {added:,} of them new; recall@100 {read.recall():.4f}")


@index.command()
@click.argument("file", type=click.Path(path_type=Path))
@_of_a_release
def remove(file: Path, **which: Any) -> None:
    """Take the products out whose ids FILE lists (a table with product_id, or a text with an id a line)."""
    read = _read(**which)
    ids = read_ids(file)
    removed = read.remove(ids)
    unknown = ids.n_unique() - removed
    click.echo(f"{removed:,} products taken out, {unknown:,} ids unknown; recall@100 {read.recall():.4f}")


@index.command()
@_of_a_release
def compact(**which: Any) -> None:
    """Build the index again over what is in it now, as a new version."""
    read = _read(**which)
    read.compact()
    click.echo(f"version {read.manifest.version}: {len(read):,} products, recall@100 {read.recall():.4f}")


@index.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", default="parquet", show_default=True, type=click.Choice(["parquet", "npy"]))
@_of_a_release
def export(folder: Path, to: str, **which: Any) -> None:
    """Write vectors, ids, fields and settings to FOLDER, for another engine to import."""
    from roar.retrieval.export import export as write

    count = write(_read(**which), folder, to)  # type: ignore[arg-type]
    click.echo(f"{folder}: {count:,} products")


@index.command()
@click.argument("encoder")
@click.argument("folder", type=click.Path(path_type=Path))
@_of_a_release
def encode(encoder: str, folder: Path, **which: Any) -> None:
    """Release the same catalogue under another ENCODER (a preset, hub id or folder) to FOLDER, to be served beside."""
    from roar.retrieval.release import released_under

    read = _read(**which)
    if folder.resolve() == read.folder.parent.resolve():
        raise InputError(f"{folder}: the release itself lies there; name another folder.")
    made = released_under(read, encoder, folder)
    click.echo(f"{folder}: {len(made):,} products under {encoder}, recall@100 {made.recall():.4f}")


def _read(**which: Any) -> Any:
    from roar.retrieval import SearchIndex

    return SearchIndex.read(release_folder(**which))


def read_table(path: Path) -> pl.DataFrame:
    """A table by its ending.

    Raises:
        InputError: an unknown ending, or a file that cannot be read.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: expected one of {', '.join(_READERS)}; convert the file.")
    try:
        return reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: not readable as {path.suffix} ({str(error).splitlines()[0]}).") from error


def read_ids(path: Path) -> pl.Series:
    """Product ids of a table, or of a text with an id a line."""
    if path.suffix.lower() in _READERS:
        table = read_table(path)
        if "product_id" not in table.columns:
            raise InputError(f"{path}: no column product_id; there are {', '.join(table.columns)}.")
        return table["product_id"].cast(pl.String).drop_nulls()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: not readable as text ({error}).") from error
    return pl.Series("product_id", [line.strip() for line in lines if line.strip()], dtype=pl.String)


@click.command(cls=_Plain)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 for every one.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 for any that is free.")
@_of_a_release
def serve(host: str, port: int, release: Path | None, env: str) -> None:
    """Serve a release over HTTP; see docs/serving.md. A newer version is taken over while it runs."""
    from roar.parameters.blocks import BLOCKS, check_parameters
    from roar.service.running import run
    from roar.service.settings import Settings

    if not Path("conf").is_dir():
        run(Settings(release=release_folder(release, env)), host, port)
        return
    configuration = _configuration(env)
    written = {name: configuration["parameters"].get(name, {}) for name in ("serve", "engines")}
    check_parameters(written)
    blocks = {name: BLOCKS[name].model_validate(block) for name, block in written.items()}
    run(Settings(release=release_folder(release, env), data=data_folder(env), **blocks), host, port)


_HELP = """Ask a release, serve it, or change it. Everything else is `kedro run`: see `roar run --help`."""

released = click.Group("roar", {"search": search, "index": index, "serve": serve}, help=_HELP)
