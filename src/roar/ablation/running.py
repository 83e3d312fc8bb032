"""Every cell of the studies, those that are not there yet: side by side, resumed at the next one after a kill.

Short texts keep one core busy and leave a second one half idle, so that two trainings of one thread each are faster than one of
two after the other (a quarter, on two cores), and what a cell gives does not depend on how many cores there are. Cells of one
fold and seed start from the same weights: one worker runs them one after the other.
"""

import gc
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import torch
from tqdm import tqdm

from roar.ablation.cells import Shop, result_paths, run_cell
from roar.ablation.studies import Cell
from roar.training.activations import SHARERS_VARIABLE

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


def run_cells(
    cells: Iterable[Cell], shop: Shop, folder: Path, workers: int | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Train and score the cells that are not there yet.

    Args:
        cells: of any studies, folds and seeds.
        shop: what they read.
        folder: where results are kept, and the weights that cells start from while they run.
        workers: trainings at once, each a process with its share of the cores; None for one a core, or one on an accelerator.
            Memory grows with it: about 3 GB each for the default encoder.

    Returns:
        Per-query metrics: study, variant, fold, seed, query_id, metric, value; and the scores of judged products: study,
        variant, fold, seed, query_id, product_id, score.
    """
    cells = list(cells)
    distinct = {cell.key(): cell for cell in cells}.values()
    chains: dict[tuple[str, int], list[Cell]] = {}
    for cell in distinct:
        chains.setdefault((cell.fold, cell.seed), []).append(cell)
    # Of all chains, not of those that are missing: a resumed study computes with as many threads as before.
    workers = min(workers or _one_a_core(), len(chains))
    missing = [left for chain in chains.values() if (left := [cell for cell in chain if not _done(cell, folder)])]
    with tqdm(total=len(distinct), initial=len(distinct) - sum(map(len, missing)), desc="ablation", unit="cell") as bar:
        if workers > 1:
            _side_by_side(missing, shop, folder, workers, bar)
        else:
            for chain in missing:
                for _ in _run_chain(chain, shop, folder):
                    bar.update()
    shutil.rmtree(folder / "weights", ignore_errors=True)
    return _collected(cells, folder, 1), _collected(cells, folder, 0)


def _done(cell: Cell, folder: Path) -> bool:
    return result_paths(cell, folder)[1].exists()


def _collected(cells: list[Cell], folder: Path, kind: int) -> pl.DataFrame:
    """One kind of table of all cells."""
    tables = []
    for cell in cells:
        labels = [pl.lit(getattr(cell, name)).alias(name) for name in ("study", "variant", "fold", "seed")]
        tables.append(pl.read_parquet(result_paths(cell, folder)[kind]).select(*labels, pl.all()))
    return pl.concat(tables)


def _run_chain(chain: list[Cell], shop: Shop, folder: Path) -> Iterator[Cell]:
    """The cells of one fold and seed, one after the other; then the weights that they started from can go."""
    weights = folder / "weights" / f"{chain[0].fold}_{chain[0].seed}"
    for cell in chain:
        run_cell(cell, shop, folder, weights)
        gc.collect()  # a trainer and its encoder hold one another
        yield cell
    shutil.rmtree(weights, ignore_errors=True)


def _one_a_core() -> int:
    if torch.accelerator.is_available():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _side_by_side(chains: list[list[Cell]], shop: Shop, folder: Path, workers: int, bar: tqdm) -> None:
    """Each chain in a process; the first error ends the study, and what is finished by then is kept."""
    threads = str(max(1, _one_a_core() // workers))
    cells = [cell for chain in chains for cell in chain]
    before = bar.n
    # Libraries read their number of threads, and the progress bars whether they are wanted, when they are imported.
    with _environment(dict.fromkeys(_THREADS, threads) | {"TQDM_DISABLE": "1", SHARERS_VARIABLE: str(workers)}):
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, (shop, folder))
        waiting: set[Future[None]] = {pool.submit(_work, chain) for chain in chains}
    try:
        while waiting:
            ended, waiting = wait(waiting, timeout=1)
            for future in ended:
                future.result()
            bar.update(before + sum(_done(cell, folder) for cell in cells) - bar.n)
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()  # it would finish its chain first
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Environment variables that processes started in the block inherit."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


_given: tuple[Shop, Path]
"""What a worker process was started with."""


def _start_worker(shop: Shop, folder: Path) -> None:
    global _given  # noqa: PLW0603  # the one way a pool hands its workers what all their tasks read
    _given = shop, folder
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A study that was killed leaves no worker behind that trains what its rerun trains too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(chain: list[Cell]) -> None:
    for _ in _run_chain(chain, *_given):
        pass
