"""The interface: documented, typed, and as its examples say."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest
import wavern
import wavern.pillow
from conftest import ROOT

#: What examples may use and not everyone has.
OPTIONAL = ["torch", "webdataset", "ray", "pyspark"]

MODULES = [wavern, wavern.metrics, wavern.pillow, importlib.import_module("wavern._codec")]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_in_docstrings(module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(module).failed == 0


def test_there_are_examples() -> None:
    assert (
        sum(bool(test.examples) for module in MODULES for test in doctest.DocTestFinder().find(module)) >= 3
    )


@pytest.mark.parametrize("page", ["docs/python.md", "python/README.md"])
def test_examples_in_the_documentation(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in blocks of Python runs, in order, beside a photograph and a sound."""
    monkeypatch.chdir(tmp_path)
    for source, name in [("photo.png", "photo.png"), ("sound.wav", "song.wav")]:
        (tmp_path / name).write_bytes((ROOT / "testdata" / source).read_bytes())
    blocks = (ROOT / page).read_text().split("```python\n")[1:]
    assert blocks
    names: dict[str, Any] = {}
    for block in blocks:
        source = block.split("```")[0]
        missing = [name for name in OPTIONAL if f"import {name}\n" in source or f"from {name}" in source]
        missing = [name for name in missing if importlib.util.find_spec(name) is None]
        if missing:
            warnings.warn(f"NOT RUN: an example of {page}, as {missing[0]} is not installed", stacklevel=1)
        else:
            exec(source, names)  # noqa: S102


MODULES.append(importlib.import_module("wavern.jobs"))
for name, needs in (("torch", ["torch"]), ("ray", ["ray"]), ("spark", ["pyspark", "pandas"])):
    if all(importlib.util.find_spec(package) is not None for package in needs):
        MODULES.append(importlib.import_module(f"wavern.{name}"))


def public() -> Iterator[tuple[str, Any]]:
    for module in MODULES:
        for name in getattr(module, "__all__", ()):
            if not name.startswith("__"):
                yield f"{module.__name__}.{name}", getattr(module, name)


@pytest.mark.parametrize(
    ("name", "item"), list(public()), ids=lambda item: item if isinstance(item, str) else ""
)
def test_everything_is_documented_and_typed(name: str, item: Any) -> None:
    documentation = inspect.getdoc(item)
    assert documentation and not documentation.startswith(f"{name.rpartition('.')[2]}("), "one's own words"
    if inspect.isfunction(item):
        hints = inspect.signature(item)
        assert hints.return_annotation is not inspect.Signature.empty
        for parameter in hints.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, parameter.name


def test_the_package_says_that_it_is_typed() -> None:
    package = resources.files("wavern")
    assert (package / "py.typed").is_file() and (package / "_wavern.pyi").is_file()
    assert metadata.version("wavern") == wavern.__version__


def test_the_types_of_the_package_hold() -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("NOT RUN: mypy is not installed")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(ROOT / "python/pyproject.toml"),
        "-p",
        "wavern",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_stubs_are_those_of_the_module() -> None:
    module = importlib.import_module("wavern._wavern")
    stubs = (resources.files("wavern") / "_wavern.pyi").read_text()
    functions = [
        name for name in dir(module) if not name.startswith("__") and callable(getattr(module, name))
    ]
    assert len(functions) > 10
    for name in functions:
        assert f"def {name}(" in stubs
        start = stubs.index(f"def {name}(")
        for parameter in inspect.signature(getattr(module, name)).parameters:
            assert f"{parameter}:" in stubs[start : stubs.index("->", start)], (name, parameter)
