"""The programs in examples/ run and do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import wavern
from conftest import ROOT, TESTDATA

EXAMPLES = ROOT / "python/examples"


def run(name: str, *arguments: str | Path) -> str:
    command = [sys.executable, EXAMPLES / name, *arguments]
    # Threads of PyTorch that wait for each other take long where there are few cores.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


def test_every_example_is_run_here() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == [
        "rd_curve.py",
        "thumbnails.py",
        "train_on_latents.py",
    ]


def test_thumbnails(tmp_path: Path, photo_file: bytes) -> None:
    (tmp_path / "a.wvn").write_bytes(photo_file)
    (tmp_path / "b.wvn").write_bytes(photo_file[:-50])
    said = run("thumbnails.py", tmp_path, tmp_path / "out", "--side", "90")
    assert "a.wvn: 384x256 -> 90x60" in said and "b.wvn: " in said
    assert PIL.Image.open(tmp_path / "out/a.png").size == (90, 60)
    assert not (tmp_path / "out/b.png").exists()


def test_rd_curve(photo_file: bytes) -> None:
    said = run("rd_curve.py", TESTDATA / "photo.png")
    assert said.count("bpp: ") == 5 + 6
    percent = float(said.split("SSIMULACRA2: ")[1].split(" %")[0])
    assert -80 < percent < -20, "fewer bytes than JPEG"
    assert wavern.probe(photo_file).kind == "image"


def test_train_on_latents(tmp_path: Path) -> None:
    """Stripes along rows and along columns, of random widths and places."""
    pytest.importorskip("torch", reason="NOT RUN: PyTorch is not installed")
    random = np.random.default_rng(1)
    for index in range(60):
        step, start = random.uniform(0.3, 0.8), random.uniform(0, 6)
        wave = 128 + 80 * np.sin(step * np.arange(48) + start)
        picture = np.tile(wave, (48, 1)) + random.normal(0, 8, (48, 48))
        columns = picture.clip(0, 255).astype(np.uint8)
        for name, pixels in (("rows", columns.T), ("columns", columns)):
            (tmp_path / name).mkdir(exist_ok=True)
            PIL.Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    (tmp_path / "rows" / "bad.png").write_bytes(b"no picture")
    said = run("train_on_latents.py", tmp_path, "--crop", "3", "--epochs", "20", "--batch", "16")
    assert "2 classes, 24 pictures kept: " in said
    assert float(said.split("kept: ")[1].split(" %")[0]) > 75, said
