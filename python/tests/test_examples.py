"""The programs in examples/ run and do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import PIL.Image
import wavern
from conftest import ROOT, TESTDATA

EXAMPLES = ROOT / "python/examples"


def run(name: str, *arguments: str | Path) -> str:
    command = [sys.executable, EXAMPLES / name, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_every_example_is_run_here() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == ["rd_curve.py", "thumbnails.py"]


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
