"""The programs in examples/ run and do what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
import xml.etree.ElementTree
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
        "learn_on_latents.py",
        "learn_on_sound.py",
        "learning.py",
        "learning_chart.py",
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


def test_learn_on_latents(tmp_path: Path) -> None:
    """All inputs, on pictures that are easy: bright above or below. Then the chart of what came out."""
    pytest.importorskip("torch", reason="NOT RUN: PyTorch is not installed")
    random = np.random.default_rng(2)
    for index in range(48):
        picture = np.full((60, 80, 3), 60, np.uint8)
        place = index // 2 % 2
        picture[30 * place : 30 * place + 30] += random.integers(60, 120, dtype=np.uint8)
        folder = tmp_path / "data" / ("test" if index % 2 else "train") / ("above", "below")[place]
        folder.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(picture + random.integers(0, 30, picture.shape, np.uint8)).save(
            folder / f"{index}.png"
        )
    arguments = (
        "--side",
        "64",
        "--epochs",
        "12",
        "--seeds",
        "2",
        "--work",
        tmp_path / "work",
        "--json",
        tmp_path / "a.json",
    )
    said = run("learn_on_latents.py", tmp_path / "data", *arguments)
    found = json.loads((tmp_path / "a.json").read_text())
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == ["y30", "y60", "y60-64", "pixels", "resized", "jpeg30"]
    assert found["examples"] == {"train": 24, "test": 24} and found["side"] == 64
    files = [path.stat().st_size for path in (tmp_path / "work/64/y30").rglob("*.png")]
    assert rows["y30"]["bytes"] == np.mean(files) and len(files) == 48
    assert rows["y30"]["bytes"] < rows["y60"]["bytes"]
    assert rows["y60"]["values"] == 256 * 4 * 4 and rows["y60-64"]["values"] == 64 * 4 * 4
    assert rows["pixels"]["values"] == 3 * 64 * 64 and rows["resized"]["values"] == 3 * 32 * 32
    assert all(row["nonzero"] <= row["values"] and len(row["accuracies"]) == 2 for row in rows.values())
    assert f"| ŷ, quality 60 | {rows['y60']['bytes']:,.0f} | 4,096 |" in said
    run("learning_chart.py", tmp_path / "a.json", tmp_path / "a.svg")
    drawn = xml.etree.ElementTree.parse(tmp_path / "a.svg").getroot()
    assert len(drawn.findall("{*}circle")) == 2 * len(rows)


def test_learn_on_sound(tmp_path: Path) -> None:
    """Low and high tones."""
    pytest.importorskip("torch", reason="NOT RUN: PyTorch is not installed")
    random = np.random.default_rng(2)
    for index in range(48):
        high = index // 2 % 2
        phase = np.arange(4000) * 2 * np.pi / 8000 * random.uniform(200, 400) * (1 + 4 * high)
        samples = (8000 * np.sin(phase) + random.normal(0, 300, 4000)).astype("<i2")
        folder = tmp_path / "data" / ("test" if index % 2 else "train") / ("high" if high else "low")
        folder.mkdir(parents=True, exist_ok=True)
        with wave.open(str(folder / f"{index}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 4000, "NONE", ""))
            file.writeframes(samples.tobytes())
    run(
        "learn_on_sound.py",
        tmp_path / "data",
        "--epochs",
        "40",
        "--seeds",
        "1",
        "--json",
        tmp_path / "a.json",
    )
    rows = {row["name"]: row for row in json.loads((tmp_path / "a.json").read_text())["rows"]}
    assert list(rows) == ["mel", "mel0", "mel30", "y0", "y30", "y60"]
    assert rows["mel"]["mean"] > 0.9 and rows["y60"]["mean"] > 0.7
    assert rows["y0"]["bytes"] < rows["y30"]["bytes"] < rows["y60"]["bytes"] < rows["mel"]["bytes"]
