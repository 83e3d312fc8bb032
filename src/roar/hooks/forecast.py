"""What a run will do, before it does it, and how long the whole of it still takes."""

import logging
import time
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from roar.forecast import Forecast, Sizes, encoder_tokens, expected_seconds, in_words
from roar.hooks.distributed import first_process
from roar.parameters import Encoder, Parameters, Stage1, Stage2, TrainingSets

logger = logging.getLogger(__name__)

_LONG = 20.0
"""Seconds from which a step is worth a word of its own."""

_ASSUMED_GFLOPS = 5_000.0
"""Of an accelerator, which nobody measures beforehand."""

_SHARE = 0.6
"""Of the speed of one large product that the encoder reaches as a whole."""

Block = TypeVar("Block", bound=Parameters)


class ForecastHooks:
    """Says device, precision, threads and expected minutes of a run that encodes or trains, and what is left as it goes on."""

    def __init__(self) -> None:
        self._forecast: Forecast | None = None
        self._started: dict[str, float] = {}

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Say what the run will do. A run that reads no encoder says nothing, and loads no torch."""
        self._forecast = None
        if "params:encoder" not in pipeline.inputs() or not first_process():
            return
        decision = _decision(_block(catalog, "encoder", Encoder))
        expected, basis = _expected(pipeline, catalog, decision.gflops or _ASSUMED_GFLOPS)
        if expected:
            self._forecast = Forecast(expected)
        length = f"{in_words(sum(expected.values()))}, {basis}" if expected else basis
        part = " at most" if run_params.get("only_missing_outputs") else ""
        threads = f", {decision.threads}" if decision.threads else ""
        logger.info("%d steps%s on %s%s: %s.", len(pipeline.nodes), part, decision.device, threads, length)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the clock; announce a long step."""
        self._started[node.name] = time.perf_counter()
        if self._forecast is not None and self._forecast.expected.get(node.name, 0.0) >= _LONG:
            own = in_words(self._forecast.expected[node.name])
            logger.info("%s: %s; the whole run: %s left.", node.name, own, in_words(self._forecast.left))

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Correct what is left by what the step took; say it after a long one."""
        if self._forecast is None or node.name not in self._started:
            return
        seconds = time.perf_counter() - self._started[node.name]
        self._forecast.done(node.name, seconds)
        if seconds >= _LONG:
            logger.info("The whole run: %s left.", in_words(self._forecast.left))


def _decision(encoder: Encoder) -> Any:
    """Where and in which precision this process will compute."""
    from sentence_transformers.util import get_device_name
    from torch import device

    from roar.encoder import decide
    from roar.encoder.presets import shape_of_preset

    return decide(device(get_device_name()), shape_of_preset(encoder))


def _expected(pipeline: Pipeline, catalog: CatalogProtocol, gflops: float) -> tuple[dict[str, float], str]:
    """Seconds of every node, and what they are based on; none where the sizes are not known."""
    from roar.encoder.presets import shape_of_preset

    names = [node.name for node in pipeline.nodes]
    record = (catalog.load("run_record") if "run_record" in catalog and catalog.exists("run_record") else None) or {}
    took = {name: node["seconds"] for name, node in record.get("nodes", {}).items() if "seconds" in node}
    if set(names) <= set(took):
        return {name: took[name] for name in names}, "as the last run here"
    sizes = _sizes(catalog)
    if sizes is None:
        return {}, "how long is not known before data_engineering has run here"
    encoder = _block(catalog, "encoder", Encoder)
    sets, stage1, stage2 = (
        _block(catalog, name, block)
        for name, block in (("training_sets", TrainingSets), ("stage1", Stage1), ("stage2", Stage2))
    )
    tokens = encoder_tokens(sizes, encoder, sets, stage1, stage2)  # type: ignore[arg-type]
    speed = _SHARE * gflops * 1e9 / (2 * shape_of_preset(encoder).weights)
    return expected_seconds(names, tokens, speed, sizes.products), f"judged by {sizes.products:,} products"


def _block(catalog: CatalogProtocol, name: str, block: type[Block]) -> Block:
    """A parameter block, validated; its defaults where the configuration has none."""
    given = catalog.load(f"params:{name}") if f"params:{name}" in catalog else {}
    return given if isinstance(given, block) else block.model_validate(given)


def _sizes(catalog: CatalogProtocol) -> Sizes | None:
    """What the raw tables hold, or the primary ones; None where neither is a parquet file whose rows are quickly counted."""
    for products, judgments in (("raw_products", "raw_judgments"), ("products", "judgments")):
        listings, judged = _scan(catalog, products), _scan(catalog, judgments)
        if listings is not None and judged is not None and "query_id" in judged.collect_schema():
            count = listings.select(pl.len()).collect().item()
            return Sizes(count, *judged.select(pl.col("query_id").n_unique(), pl.len()).collect().row(0))
    return None


def _scan(catalog: CatalogProtocol, name: str) -> pl.LazyFrame | None:
    path = Path(str(getattr(catalog.get(name), "_path", ""))) if name in catalog else Path()
    return pl.scan_parquet(path) if path.suffix == ".parquet" and path.is_file() else None
