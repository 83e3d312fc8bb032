"""Encoding a catalogue, as `name value` lines.

    python benchmarks/encoding.py                     speed and agreement against sentence-transformers' encode
    python benchmarks/encoding.py --stream 40000      from parquet to disk: seconds, and memory beside that of half as many
    python benchmarks/encoding.py --alternatives      what other kernels and other backends give: products by MKL, oneDNN and OpenBLAS,
                                                      torch's int8, ONNX Runtime in batches of 32

sentence-transformers encodes the same texts with its defaults in float32, and under bf16 autocast (but for a few texts, where
that is many times slower); `encode_ratio_st` is against the faster of the two. `precision` is what `auto` took here (1 for bf16), and
`share_of_peak` the share of one large matrix product's speed that encoding as a whole reaches. `cosine` is the smallest between our
vectors and its float32 ones; `recall_at_100` is how much of the float32 index's first 100 products ours finds.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import torch
from sentence_transformers import SentenceTransformer

import texts
from roar.encoder import decide, encode, encode_catalogue, load_encoder, product_texts
from roar.encoder.precision import autocast, shape_of
from roar.encoder.short_queries import export
from roar.encoder.tokens import tokenise
from roar.parameters import Encoder
from roar.retrieval import ProductIndex

CONFIG = Encoder(product_fields=("title", "brand"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stream", type=int, default=0)
    parser.add_argument("--alternatives", action="store_true")
    parser.add_argument("--measure", type=Path, help="encode this file and print peak memory; used by --stream")
    options = parser.parse_args()
    if options.measure:
        encode_catalogue(load_encoder(CONFIG), options.measure, options.measure.with_suffix(".npy"), CONFIG)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    elif options.stream:
        stream(options.stream)
    elif options.alternatives:
        kernels()
        backends(options.products, options.rounds)
    else:
        compare(options.products, options.rounds)


def report(name: str, value: float) -> None:
    print(f"{name} {float(value):.5g}", flush=True)


def compare(count: int, rounds: int) -> None:
    table = texts.products(count)
    read = product_texts(table, CONFIG.product_fields, CONFIG.max_tokens).to_list()
    encoder = load_encoder(CONFIG)

    def theirs() -> np.ndarray:
        return encoder.encode(read, normalize_embeddings=True)

    def theirs_bf16() -> np.ndarray:
        with torch.autocast(encoder.device.type, torch.bfloat16):
            return encoder.encode(read, normalize_embeddings=True)

    decision = decide(encoder.device)
    contenders: dict[str, Callable[[], np.ndarray]] = {
        "st_float32": theirs,
        "roar": lambda: encode(encoder, read, config=CONFIG),
    }
    if decision.precision == "bf16":  # elsewhere nobody would choose it, and it takes minutes
        contenders["st_bf16"] = theirs_bf16
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    vectors: dict[str, np.ndarray] = {}
    encode(encoder, read[:256], config=CONFIG)
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            vectors[name] = run()
            seconds[name].append(time.perf_counter() - start)
    rate = {name: len(read) / statistics.median(times) for name, times in seconds.items()}
    for name, value in rate.items():
        report(f"{name}_texts_per_second", value)
    theirs_best = max(value for name, value in rate.items() if name != "roar")
    report("encode_ratio_st", rate["roar"] / theirs_best)
    report("encode_ratio_st_float32", rate["roar"] / rate["st_float32"])
    report("bf16_gain_of_products", decision.gain or 0.0)
    report("precision_bf16", decision.precision == "bf16")
    tokens = tokenise(encoder, read, "product").length.sum() / len(read)
    operations = 2 * shape_of(encoder[0].auto_model.config).weights * tokens * rate["roar"]
    report("share_of_peak", operations / (1e9 * max(peak(decision.precision) for _ in range(3))))
    report("cosine", float((vectors["roar"] * vectors["st_float32"]).sum(axis=1).min()))
    report("recall_at_100", recall(encoder, table["product_id"], vectors))


def peak(precision: str) -> float:
    """Billions of operations a second of one large matrix product: what the processor reaches at best."""
    layer, rows = torch.nn.Linear(1536, 1536), torch.ones(4096, 1536)
    with torch.inference_mode(), autocast(rows.device, precision):
        layer(rows)
        start = time.perf_counter()
        for _ in range(5):
            layer(rows)
        return 5 * 2e-9 * 4096 * 1536 * 1536 / (time.perf_counter() - start)


def recall(encoder: SentenceTransformer, ids: pl.Series, vectors: dict[str, np.ndarray]) -> float:
    """Share of the float32 index's first 100 that ours returns, both for float32 query vectors."""
    queries = list(dict.fromkeys(texts.pairs(500)[0]))
    asked = encoder.encode(queries, normalize_embeddings=True)
    exact, fast = (ProductIndex.build(vectors[name], ids).search(asked, 100)[1] for name in ("st_float32", "roar"))
    return float(np.mean([len(set(a) & set(b)) / 100 for a, b in zip(exact.tolist(), fast.tolist(), strict=True)]))


def kernels() -> None:
    """Billions of operations a second of the encoder's inner product, 1,024 tokens, in float32, by three libraries in turn."""
    rows, layer = torch.randn(1024, 384), torch.nn.Linear(384, 1536)
    left, right = rows.numpy(), layer.weight.detach().numpy().T.copy()
    with torch.inference_mode():
        packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight, 1024)
        products: dict[str, Callable[[], object]] = {
            "torch": lambda: layer(rows),
            "onednn_packed": lambda: torch.ops.mkldnn._linear_pointwise(rows, packed, layer.bias, "none", [], ""),
            "openblas": lambda: left @ right,
        }
        seconds = {name: min(_timed(product) for _ in range(30)) for name, product in products.items()}
    for name, least in seconds.items():
        report(f"product_{name}_gflops", 2e-9 * 1024 * 384 * 1536 / least)


def backends(count: int, rounds: int) -> None:
    """Texts a second beside ours, and how much of the float32 index's first 100 is kept."""
    table = texts.products(count)
    read = product_texts(table, CONFIG.product_fields, CONFIG.max_tokens).to_list()
    encoder, config = load_encoder(CONFIG), CONFIG.model_copy(update={"precision": "float32"})
    int8 = load_encoder(CONFIG)
    linear = {torch.nn.Linear: torch.ao.quantization.per_channel_dynamic_qconfig}
    torch.ao.quantization.quantize_dynamic(int8, linear, inplace=True)
    with tempfile.TemporaryDirectory() as folder:
        graph = write_graph(encoder, Path(folder) / "graph")
        contenders: dict[str, Callable[[], np.ndarray]] = {
            "st_float32": lambda: encode(encoder, read, config=config),
            "int8": lambda: encode(int8, read, config=config),
            "onnx": lambda: in_batches(encoder, graph, read),
        }
        vectors = {name: run() for name, run in contenders.items()}
        seconds = {name: statistics.median(_timed(run) for _ in range(rounds)) for name, run in contenders.items()}
    for name in ("int8", "onnx"):
        report(f"{name}_ratio_ours_float32", seconds["st_float32"] / seconds[name])
        report(f"{name}_cosine", float((vectors[name] * vectors["st_float32"]).sum(axis=1).min()))
        pair = {"st_float32": vectors["st_float32"], "roar": vectors[name]}
        report(f"{name}_recall_at_100", recall(encoder, table["product_id"], pair))


def write_graph(encoder: SentenceTransformer, folder: Path) -> onnxruntime.InferenceSession:
    """The encoder in ONNX Runtime, with as many threads as torch."""
    export(encoder, folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])


def in_batches(encoder: SentenceTransformer, graph: onnxruntime.InferenceSession, read: list[str]) -> np.ndarray:
    """Unit vectors of texts sorted by length, 32 at once."""
    tokens = tokenise(encoder, read, "product")
    order = np.argsort(tokens.length, kind="stable")
    vectors = np.empty((len(read), 384), dtype=np.float32)
    for start in range(0, len(read), 32):
        rows = order[start : start + 32]
        (vectors[rows],) = graph.run(None, {name: ids.numpy() for name, ids in tokens.padded(rows).items()})
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def stream(count: int) -> None:
    """Peak memory of a process that encodes so many products, and of one that encodes half as many."""
    table = texts.products(count)
    table = pl.concat([table] * -(-count // len(table))).head(count)
    for size in (count // 2, count):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "products.parquet"
            # No two texts alike, or they would be encoded once.
            rows = table.head(size).with_columns(title=pl.col("title") + " " + pl.int_range(pl.len()).cast(pl.String))
            rows.write_parquet(path)
            start = time.perf_counter()
            measured = subprocess.run(
                [sys.executable, __file__, "--measure", str(path)], capture_output=True, text=True, check=True
            )
            report(f"stream_{size}_seconds", time.perf_counter() - start)
            report(f"stream_{size}_peak_mb", float(measured.stdout.split()[-1]))


if __name__ == "__main__":
    main()
