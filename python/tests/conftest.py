"""What several tests need: small files of the repository, and the command at the same commit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import wavern

ROOT = Path(__file__).resolve().parents[2]
TESTDATA = ROOT / "testdata"


@pytest.fixture(scope="session")
def photo() -> npt.NDArray[Any]:
    """A photograph of 384 × 256 pixels, ``[256, 384, 3]``."""
    return np.asarray(PIL.Image.open(TESTDATA / "photo.png").convert("RGB"))


@pytest.fixture(scope="session")
def photo_file(photo: npt.NDArray[Any]) -> bytes:
    """The photograph at quality 60."""
    return wavern.encode(photo)


@pytest.fixture(scope="session")
def tone() -> npt.NDArray[np.float32]:
    """1.3 s of two channels at 8 kHz, ``[2, 10400]``."""
    time = np.arange(10400) / 8000
    left = 0.4 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 1700 * time)
    right = 0.3 * np.sin(2 * np.pi * 660 * time + 1)
    return np.stack([left, right]).astype(np.float32)


@pytest.fixture(scope="session")
def tone_file(tone: npt.NDArray[np.float32]) -> bytes:
    """The tone at quality 60."""
    return wavern.encode(tone, sample_rate=8000)


@pytest.fixture(scope="session")
def command() -> Callable[..., None]:
    """Runs the command ``wavern`` of the same commit."""
    path = Path(os.environ.get("WAVERN_COMMAND", ROOT / "target/release/wavern"))
    if not path.exists():
        pytest.fail(f"{path} is not there (cargo build --release -p wavern-cli makes it)")

    def run(*arguments: str | Path) -> None:
        subprocess.run([path, *arguments], check=True, stdout=subprocess.DEVNULL)

    return run
