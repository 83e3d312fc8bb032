"""One short query to a vector on one core, as a service does it, as `name value` lines.

    python benchmarks/query_encoding.py                   300 real queries of esci, where `ROAR_REAL_DATA` names a folder

Medians of sentence-transformers' `encode`, of ours in torch, of the released graph in ONNX Runtime, float32 and int8, and, where it is
installed, in OpenVINO, float32 and as it chooses; all take turns at every query. `cosine` is the smallest against
sentence-transformers in float32, `top_10` the share of its first ten products that they find among the titles of `texts.products`.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import quantize_dynamic
from tokenizers import Tokenizer

import texts
from roar.encoder import encode, load_encoder, product_texts
from roar.encoder.short_queries import ShortQueries, export
from roar.parameters import Encoder

CONFIG = Encoder(product_fields=("title",), precision="float32")

ToVector = Callable[[str], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--products", type=int, default=3000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_encoder(CONFIG)
    queries = list(dict.fromkeys(texts.pairs(4 * options.queries)[0]))[: options.queries]
    titles = product_texts(texts.products(options.products), CONFIG.product_fields, CONFIG.max_tokens).to_list()
    products = encode(encoder, titles, config=CONFIG)
    with tempfile.TemporaryDirectory() as folder:
        export(encoder, Path(folder) / "float32")
        contenders: dict[str, ToVector] = {
            "sentence_transformers": lambda query: encoder.encode(
                query, prompt_name="query", normalize_embeddings=True
            ),
            "torch": lambda query: encode(encoder, [query], kind="query", config=CONFIG)[0],
            "onnx": ShortQueries(Path(folder) / "float32").encode,
            "onnx_int8": ShortQueries(quantised(Path(folder))).encode,
            **openvino(Path(folder) / "float32"),
        }
        measured(contenders, queries, products)


def quantised(folder: Path) -> Path:
    """The graph with weights of one byte, beside the other."""
    target = folder / "int8"
    target.mkdir()
    quantize_dynamic(folder / "float32" / "model.onnx", target / "model.onnx")
    for path in (folder / "float32").glob("*.json"):
        (target / path.name).write_bytes(path.read_bytes())
    return target


def openvino(folder: Path) -> dict[str, ToVector]:
    """The same graph in OpenVINO, or nothing where it is not installed."""
    try:
        from openvino import Core
    except ImportError:
        print("openvino is not installed", file=sys.stderr)
        return {}
    settings = json.loads((folder / "settings.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(settings["max_tokens"])

    def compiled(precision: dict[str, str]) -> ToVector:
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": "1"} | precision
        request = Core().compile_model(str(folder / "model.onnx"), "CPU", options).create_infer_request()

        def to_vector(query: str) -> np.ndarray:
            ids = np.array([tokenizer.encode(settings["prompt"] + query).ids], dtype=np.int64)
            (vectors,) = request.infer({"input_ids": ids, "attention_mask": np.ones_like(ids)}).values()
            return vectors[0] / np.linalg.norm(vectors[0])

        return to_vector

    return {"openvino": compiled({"INFERENCE_PRECISION_HINT": "f32"}), "openvino_own_precision": compiled({})}


def measured(contenders: dict[str, ToVector], queries: list[str], products: np.ndarray) -> None:
    vectors: dict[str, list[np.ndarray]] = {name: [] for name in contenders}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn, query in enumerate([*queries[:20], *queries]):  # the first ones warm up
        for name, to_vector in contenders.items():
            start = time.perf_counter()
            vector = to_vector(query)
            if turn >= 20:
                times[name].append(1000 * (time.perf_counter() - start))
                vectors[name].append(vector)
    truth = np.stack(vectors["sentence_transformers"])
    wanted = np.argsort(-truth @ products.T, axis=1)[:, :10]
    for name in contenders:
        own = np.stack(vectors[name])
        found = np.argsort(-own @ products.T, axis=1)[:, :10]
        overlap = np.mean([len(np.intersect1d(*pair)) / 10 for pair in zip(found, wanted, strict=True)])
        print(f"{name}_p50_ms {np.median(times[name]):.3g}")
        print(f"{name}_p99_ms {np.percentile(times[name], 99):.3g}")
        print(f"{name}_cosine {(own * truth).sum(axis=1).min():.5f}")
        print(f"{name}_top_10 {overlap:.3f}", flush=True)


if __name__ == "__main__":
    main()
