"""What tests share: a tiny shop, and encoders small enough to train in a second."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is imported: no test waits for a network
# A worker a core: more threads of BLAS and FAISS would wait for each other, here and in what tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel, Qwen3Config, Qwen3Model

from roar.encoder import PRESETS
from roar.encoder.presets import verified_folder
from roar.schemas import Grade

torch.set_num_threads(1)  # the encoders of the tests are too small to share out


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of long tests first: where a worker takes whole files, one that starts last is waited for alone."""
    long = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: long.get(item.nodeid.split("::")[0].removeprefix("tests/"), len(LONG)))


LONG = (
    "pipelines/test_real_data.py",
    "pipelines/test_ablation.py",
    "pipelines/test_end_to_end.py",
    "pipelines/test_evaluation.py",
    "pipelines/test_command_line.py",
    "pipelines/test_notebooks.py",
    "pipelines/test_ab_test.py",
    "training/test_distributed.py",
    "training/test_survival.py",
    "pipelines/test_newcomer.py",
    "pipelines/test_malformed_tables.py",
    "marketplace/test_experiment.py",
    "benchmarks/test_gpu.py",
)
"""Files of half a minute and more on one core, the longest first."""

Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Once:
    """`once(name, make)`: a folder that `make(folder)` fills once for all workers, and nobody changes after."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = root / name, root / f"{name}.done"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it skip where there is none."""
    folder = os.environ.get("ROAR_REAL_DATA")
    if not folder:
        pytest.skip("ROAR_REAL_DATA is not set: this test runs on real data")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_bert_folder(once) -> Path:
    """A random two-layer BERT with mean pooling, saved as a sentence-transformers folder."""
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=128
    )
    return once("tiny_bert", lambda folder: _save_tiny(BertModel(config), "mean", folder)) / "encoder"


@pytest.fixture(scope="session")
def tiny_qwen_folder(once) -> Path:
    """A random two-layer Qwen3 decoder with last-token pooling, likewise."""
    config = Qwen3Config(
        vocab_size=30522,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=128,
    )
    return once("tiny_qwen", lambda folder: _save_tiny(Qwen3Model(config), "lasttoken", folder)) / "encoder"


def _save_tiny(model: torch.nn.Module, pooling: str, folder: Path) -> None:
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else None
    model.save_pretrained(folder / "weights")
    AutoTokenizer.from_pretrained(verified_folder(PRESETS["minilm"])).save_pretrained(folder / "weights")
    transformer = Transformer(str(folder / "weights"), max_seq_length=64)
    encoder = SentenceTransformer(modules=[transformer, Pooling(32, pooling), Normalize()], device="cpu")
    encoder.save_pretrained(str(folder / "encoder"), create_model_card=False)


@pytest.fixture
def tiny_encoder(tiny_bert_folder) -> SentenceTransformer:
    """A fresh copy of the tiny BERT."""
    return SentenceTransformer(str(tiny_bert_folder), local_files_only=True, device="cpu")


@pytest.fixture
def catalogue() -> pl.DataFrame:
    """Forty products of four kinds in ten colours, without duplicates."""
    kinds = ["memory card 64 gb", "running shoe", "coffee maker", "green tea 500 g"]
    colours = ["red", "blue", "black", "white", "green", "grey", "pink", "brown", "gold", "silver"]
    rows = [(f"p{k}{c}", f"{colour} {kind}") for k, kind in enumerate(kinds) for c, colour in enumerate(colours)]
    ids, titles = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "product_id": ids,
            "title": titles,
            "description": [None] * 40,
            "brand": ["Orvane" if i % 2 else None for i in range(40)],
            "vertical": ["electronics"] * 10 + ["lifestyle"] * 10 + ["home"] * 10 + ["food"] * 10,
            "attributes": ['{"colour": "red", "size": 42}' if i == 0 else None for i in range(40)],
            "price": [float(i) for i in range(40)],
        },
        schema_overrides={"description": pl.String},
    )


@pytest.fixture
def queries() -> pl.DataFrame:
    """Forty judged queries, one per product title, with falling frequencies."""
    kinds = ["memory card", "running shoe", "coffee maker", "green tea"]
    colours = ["red", "blue", "black", "white", "green", "grey", "pink", "brown", "gold", "silver"]
    return pl.DataFrame(
        {
            "query_id": [f"q{k}{c}" for k in range(4) for c in range(10)],
            "query": [f"{kind} {colour}" for kind in kinds for colour in colours],
            "frequency": [max(1, 200 // (i + 1)) for i in range(40)],
            "vertical": ["electronics"] * 10 + ["lifestyle"] * 10 + ["home"] * 10 + ["food"] * 10,
        }
    )


@pytest.fixture
def judgments(queries, catalogue) -> pl.DataFrame:
    """Six products a query: its own exact, two of its kind substitutes, one complement, two irrelevant."""
    rows = []
    for k in range(4):
        for c in range(10):
            members = [(k, c, "exact"), (k, (c + 1) % 10, "substitute"), (k, (c + 2) % 10, "substitute")]
            members += [((k + 1) % 4, c, "complement"), ((k + 2) % 4, c, "irrelevant"), ((k + 3) % 4, c, "irrelevant")]
            rows += [(f"q{k}{c}", f"p{kk}{cc}", grade, 1.0) for kk, cc, grade in members]
    table = pl.DataFrame(rows, schema=["query_id", "product_id", "grade", "weight"], orient="row")
    return table.with_columns(pl.col("grade").cast(Grade))
