"""Codecs compared by a recogniser: PNG is the recogniser's own accuracy, sizes are those of Wavern's files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import wavern
from wavern import task

Pixels = npt.NDArray[np.uint8]


def stripes(count: int) -> list[tuple[Pixels, int]]:
    """Faint stripes along rows (0) and columns (1) under noise: some are not recognised, whatever the codec."""
    random = np.random.default_rng(3)
    pictures = []
    for index in range(count):
        wave = 1.5 * np.sin(random.uniform(0.5, 1.5) * np.arange(48) + random.uniform(0, 6))
        picture = 128 + np.tile(wave, (48, 1)) + random.normal(0, 16, (48, 48))
        pixels = picture.clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2)
        pictures.append((pixels if index % 2 else pixels.transpose(1, 0, 2), index % 2))
    return pictures


def recognise(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Whether the means of rows or of columns differ more."""
    gray = pixels.mean(3)
    return np.stack([gray.mean(2).std(1), gray.mean(1).std(1)], 1)


def accuracy(pictures: list[tuple[Pixels, int]]) -> float:
    return float(np.mean([recognise(pixels[None])[0].argmax() == label for pixels, label in pictures]))


def test_png_is_the_accuracy_of_the_recogniser_and_bytes_are_equal() -> None:
    pictures = stripes(40)
    rows = task.evaluate(pictures, recognise, qualities=[0, 60], peers=["jpeg", "webp"], threads=1)
    assert [row.codec for row in rows] == [
        "png",
        *("wavern q 0", "jpeg, bytes of q 0", "webp, bytes of q 0"),
        *("wavern q 60", "jpeg, bytes of q 60", "webp, bytes of q 60"),
    ]
    png, *others = rows
    assert png.accuracy == accuracy(pictures) and 0.5 < png.accuracy < 1
    assert png.as_png == png.count == 40
    files = [wavern.encode(pixels, quality=60) for pixels, _ in pictures]
    assert others[3].bytes == np.mean([len(file) for file in files])
    decoded = [(wavern.decode(file), label) for file, (_, label) in zip(files, pictures, strict=True)]
    assert others[3].accuracy == accuracy(decoded)
    assert others[4].bytes <= others[3].bytes and others[5].bytes <= others[3].bytes
    # A file within some bytes is the best one: another quality would not fit.
    peer = task.PEERS["jpeg"]
    file = peer.encode_within(pictures[0][0], 900)
    assert file == max(
        (peer.encode(pictures[0][0], quality) for quality in range(1, 96)),
        key=lambda one: (len(one) <= 900, len(one) * (len(one) <= 900)),
    )


@pytest.mark.parametrize("wrong", [{"peers": ["gif"]}, {"pictures": []}])
def test_wrong_arguments(wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"pictures": stripes(1), "recognise": recognise, **wrong}
    with pytest.raises(wavern.OptionError):
        task.evaluate(**arguments)
    with pytest.raises(wavern.OptionError):
        task.load(Path("model.bin"))


def test_the_command_runs_a_network_of_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="NOT RUN: PyTorch is not installed")

    class Network(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            gray = x.mean(1)
            return torch.stack([gray.mean(2).std(1), gray.mean(1).std(1)], 1)

    pictures = stripes(12)
    torch.export.save(torch.export.export(Network(), (torch.zeros(1, 3, 48, 48),)), tmp_path / "model.pt2")
    (tmp_path / "labels.txt").write_text("rows\ncolumns\n")
    for index, (pixels, label) in enumerate(pictures):
        folder = tmp_path / "pictures" / ("rows", "columns")[label]
        folder.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(pixels).save(folder / f"{index}.png")
    (tmp_path / "pictures/rows/notes.txt").write_text("no picture")
    command = [
        sys.executable,
        "-m",
        "wavern.task",
        "pictures",
        "--model",
        "model.pt2",
        "--labels",
        "labels.txt",
    ]
    more = ["--qualities", "60", "--peers", "jpeg", "--json", "rows.json"]
    said = subprocess.run([*command, *more], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "notes.txt" in said.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())
    network = task.load(tmp_path / "model.pt2")
    right = sum(int(np.argmax(network(pixels[None])) == label) for pixels, label in pictures)
    assert [row["codec"] for row in rows] == ["png", "wavern q 60", "jpeg, bytes of q 60"]
    assert rows[0]["right"] == right and rows[0]["count"] == 12
    assert f"| png | {rows[0]['bytes']:,.0f} | {100 * right / 12:.2f} % | 100.0 % |" in said.stdout
    (tmp_path / "labels.txt").write_text("rows\n")
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert failed.returncode == 1 and "'columns' is not among them" in failed.stderr


def test_a_network_of_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="NOT RUN: onnxruntime is not installed")
    # A network in the bytes of the format: y = GlobalAveragePool(x), then Flatten: the brightest channel wins.
    (tmp_path / "model.onnx").write_bytes(_onnx())
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    pixels[..., 1] = 255
    scores = np.asarray(
        task.load(tmp_path / "model.onnx", mean=[0.5, 0.5, 0.5], deviation=[0.5, 0.5, 0.5])(pixels)
    )
    assert np.allclose(scores, [[-1, 1, -1]])


def _onnx() -> bytes:
    """The model as protocol buffers: fields of lengths below 128."""

    def field(number: int, value: bytes | int) -> bytes:
        if isinstance(value, int):
            return bytes([number << 3, value])
        assert len(value) < 128
        return bytes([number << 3 | 2, len(value)]) + value

    def value(name: str, *sides: int) -> bytes:
        shape = b"".join(field(1, field(1, side)) for side in sides)
        return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, shape)))

    def node(kind: str, source: str, target: str) -> bytes:
        return field(1, field(1, source.encode()) + field(2, target.encode()) + field(4, kind.encode()))

    graph = node("GlobalAveragePool", "x", "mean") + node("Flatten", "mean", "y") + field(2, b"g")
    graph += field(11, value("x", 1, 3, 8, 8)) + field(12, value("y", 1, 3))
    return field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, 13))
