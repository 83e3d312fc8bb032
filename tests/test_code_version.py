"""A function's code is versioned by what it would do, with all that it imports from the project."""

import subprocess
import sys
from pathlib import Path

import pytest

from roar import code_version as module

SOURCES = {
    "nodes.py": '"""Nodes."""\n\nfrom roar.tools import weigh\nfrom roar.parameters import Stage\n\ndef train(x):\n    return weigh(x)\n',
    "tools/__init__.py": "from roar.tools.heavy import (\n    weigh,  # the one\n)\nfrom roar.tools.light import feather\n",
    "tools/heavy.py": "KNOWN = {'a', 'b', 'c'}\n\ndef weigh(x):\n    return x in KNOWN\n",
    "tools/light.py": "def feather():\n    return 1\n",
    "tools/words.yml": "- a\n",
    "parameters.py": "class Stage:\n    pass\n",
    "elsewhere.py": "x = 1\n",
}


def forget() -> None:
    """As a new process would."""
    for cached in (module.code_version, module.text_version, module._closure, module._imported, module._meaning):
        cached.cache_clear()


@pytest.fixture
def version(tmp_path, monkeypatch):
    """The version of `roar.nodes` after one file was given other text."""
    root = tmp_path / "roar"
    monkeypatch.setattr(module, "ROOT", root)

    def of(**changed: str) -> str:
        for name, text in (SOURCES | {key.replace("__", "/"): value for key, value in changed.items()}).items():
            path = root / (name if "." in name else f"{name}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        forget()
        return module.code_version("roar.nodes")

    yield of
    forget()


def test_comments_docstrings_and_line_numbers_do_not_count(version):
    before = version()
    said = '"""Better said."""\n\n# why\nfrom roar.tools import weigh\nfrom roar.parameters import Stage\n\n\ndef train(x):\n    """Train."""\n    return weigh(x)\n'
    text = module.text_version("roar.nodes")
    assert version(nodes=said) == before and module.text_version("roar.nodes") != text


def test_what_the_code_does_counts_through_a_packages_front(version):
    before = version()
    assert version(nodes=SOURCES["nodes.py"].replace("weigh(x)", "not weigh(x)")) != before
    assert version(tools__heavy="KNOWN = {'a', 'b', 'd'}\n\ndef weigh(x):\n    return x in KNOWN\n") != before
    assert version() == before


def test_word_lists_count_and_what_is_not_imported_does_not(version, tmp_path):
    before = version()
    assert version(elsewhere="x = 2\n", tools__light="def feather():\n    return 2\n", parameters="x = 3\n") == before
    (tmp_path / "roar" / "tools" / "words.yml").write_text("- b\n")
    forget()
    assert module.code_version("roar.nodes") != before


def test_no_hash_seed_moves_it_and_no_other_package_has_one():
    code = "from roar.code_version import code_version as v; print(v('roar.pipelines.data_engineering.nodes'))"
    runs = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(module.__file__).parents[1])}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1] and len(runs[0].strip()) == 16
    assert module.code_version("polars") == ""
