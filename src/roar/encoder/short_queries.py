"""One short query at its fastest: the encoder as an ONNX graph, run by ONNX Runtime in float32.

A service encodes one query at a time, where most of torch's time is overhead: on one old core 16 ms, and 6 in ONNX Runtime, at a
cosine of 1. In batches it brings nothing. What is written here holds all that a query needs (graph, tokenizer, prompt), so that a
service loads neither torch nor transformers.
"""

import json
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

logger = logging.getLogger(__name__)

_GRAPH, _TOKENIZER, _SETTINGS = "model.onnx", "tokenizer.json", "settings.json"
_CLOSEST = 0.9999
"""Cosine with torch's vectors that every query tried has to keep."""
_ROUNDS = 3


class ShortQueries:
    """Queries to vectors, one at a time.

    Args:
        folder: that `write_short_queries` wrote.
        threads: of one query; a service that answers several at once takes one.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(folder / _GRAPH), options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        self._tokenizer.enable_truncation(settings["max_tokens"])
        self._tokenizer.no_padding()
        self._prompt = settings["prompt"]

    def encode(self, query: str, dimension: int | None = None) -> np.ndarray:
        """A float32 unit vector (dim,), or its leading dimensions, normalised again."""
        ids = np.array([self._tokenizer.encode(self._prompt + query).ids], dtype=np.int64)
        (vectors,) = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        vector = np.asarray(vectors[0][:dimension], dtype=np.float32)
        return vector / np.linalg.norm(vector)


def write_short_queries(encoder: Any, folder: Path, queries: Sequence[str]) -> dict[str, float]:
    """Export a sentence-transformers encoder for queries, and keep the export only where it wins.

    Args:
        encoder: the encoder.
        folder: to write; it is not there afterwards where the encoder cannot be exported, a query's vector differs from
            torch's, or ONNX Runtime is no faster.
        queries: real ones, on which both are timed and compared.

    Returns:
        query_torch_ms and query_onnx_ms (medians, one thread), and query_onnx_cosine (the smallest).
    """
    try:
        export(encoder, folder)
        short = ShortQueries(folder)
        figures = _compared(encoder, short, queries)
    except Exception as error:  # an exporter fails in as many ways as there are models
        logger.warning(
            "The encoder stays in torch for queries: no ONNX graph of it (%s).", str(error).splitlines()[0][:160]
        )
        _remove(folder)
        return {}
    if figures["query_onnx_cosine"] < _CLOSEST or figures["query_onnx_ms"] >= figures["query_torch_ms"]:
        logger.info("The encoder stays in torch for queries: %s.", figures)
        _remove(folder)
    return figures


def export(encoder: Any, folder: Path) -> None:
    """Write what a query needs into a new folder: the graph, the tokenizer and the prompt."""
    import torch

    class Vectors(torch.nn.Module):
        """Ids to vectors, as the exporter wants it: tensors in, a tensor out."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return self.encoder({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]

    folder.mkdir(parents=True)
    encoder.tokenizer.backend_tokenizer.save(str(folder / _TOKENIZER))
    settings = {"prompt": encoder.prompts.get("query") or "", "max_tokens": int(encoder.max_seq_length)}
    (folder / _SETTINGS).write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    ids = torch.tensor([[1, 2, 3, 4, 5]])
    ragged = {0: "texts", 1: "tokens"}
    with _plain(encoder), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a trace: branches on lengths, of which the comparison below tells
        torch.onnx.export(
            Vectors().eval(),
            (ids, torch.ones_like(ids)),
            str(folder / _GRAPH),
            input_names=["input_ids", "attention_mask"],
            output_names=["vector"],
            dynamic_axes={"input_ids": ragged, "attention_mask": ragged, "vector": {0: "texts"}},
            opset_version=17,
            dynamo=False,  # the other exporter needs a further package
        )


@contextmanager
def _plain(encoder: Any) -> Any:
    """On the processor, in evaluation mode, with attention that an exporter reads; as it was afterwards."""
    model, device, training = getattr(encoder[0], "auto_model", None), encoder.device, encoder.training
    kind = getattr(getattr(model, "config", None), "_attn_implementation", None)
    encoder.cpu().eval()
    if model is not None and kind == "sdpa":
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        if model is not None and kind == "sdpa":
            model.set_attn_implementation(kind)
        encoder.to(device).train(training)


def _compared(encoder: Any, short: ShortQueries, queries: Sequence[str]) -> dict[str, float]:
    import torch

    from roar.encoder.encoding import encode
    from roar.parameters import Encoder

    config = Encoder(precision="float32")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ours, onnx_ms = _timed(short.encode, queries)
        theirs, torch_ms = _timed(lambda query: encode(encoder, [query], kind="query", config=config)[0], queries)
    finally:
        torch.set_num_threads(before)
    cosine = (np.stack(ours) * np.stack(theirs)).sum(axis=1)
    return {"query_torch_ms": torch_ms, "query_onnx_ms": onnx_ms, "query_onnx_cosine": float(cosine.min())}


def _timed(encode: Callable[[str], np.ndarray], queries: Sequence[str]) -> tuple[list[np.ndarray], float]:
    """The vectors, and the median milliseconds of one."""
    seconds = []
    for _ in range(_ROUNDS):
        vectors = []
        for query in queries:
            start = time.perf_counter()
            vectors.append(encode(query))
            seconds.append(time.perf_counter() - start)
    return vectors, float(np.median(seconds)) * 1000


def _remove(folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink()
    if folder.is_dir():
        folder.rmdir()
