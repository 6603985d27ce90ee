"""What a machine sees: codecs compared by how well a given recogniser classifies the pictures that they decode.

``python -m wavern.task FOLDER --model FILE --labels FILE`` takes pictures in folders of classes and a network as ``.pt2``
(``torch.export.save``, run by PyTorch) or ``.onnx`` (run by onnxruntime). Every picture is coded by Wavern at each
quality and, within as many bytes, by JPEG, WebP and AVIF of Pillow; what comes back is classified. The first row is PNG:
the recogniser's accuracy on the pictures themselves.

From a program:

>>> import numpy as np
>>> from wavern import task
>>> def recognise(pixels):  # brightness as a recogniser: 0 dark, 1 bright
...     return pixels.mean((1, 2, 3))[:, None] * [[-1, 1]] + [[100, -100]]
>>> pictures = [(np.full((16, 16, 3), 20 + 200 * label, np.uint8), label) for label in (0, 1)]
>>> for row in task.evaluate(pictures, recognise, qualities=[30], peers=["jpeg"]):
...     print(row.codec, row.right, row.count)
png 2 2
wavern q 30 2 2
jpeg, bytes of q 30 2 2
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from ._codec import decode, encode
from ._errors import OptionError, WavernError

__all__ = ["PEERS", "Peer", "Recognise", "Row", "evaluate", "load", "pictures_of"]

Pixels = npt.NDArray[np.uint8]

#: Takes pictures ``[count, height, width, 3]`` of ``uint8`` and returns scores ``[count, classes]``, the largest of which
#: names the class.
Recognise = Callable[[Pixels], npt.ArrayLike]


@dataclass(frozen=True)
class Peer:
    """A codec of Pillow, with a quality of 0 or 1 to ``highest`` that makes files longer."""

    format: str
    options: dict[str, Any]
    lowest: int
    highest: int

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        """A file of this quality."""
        out = io.BytesIO()
        PIL.Image.fromarray(pixels).save(out, self.format, quality=quality, **self.options)
        return out.getvalue()

    def encode_within(self, pixels: Pixels, size: int) -> bytes:
        """The file of the highest quality that has at most ``size`` bytes; the smallest if none has."""
        low, high = self.lowest + 1, self.highest
        best = self.encode(pixels, self.lowest)
        while low <= high:
            middle = (low + high) // 2
            file = self.encode(pixels, middle)
            if len(file) <= size:
                best, low = file, middle + 1
            else:
                high = middle - 1
        return best


#: The codecs that Wavern is compared with, by name. Chroma is halved in all of them, as usual.
PEERS = {
    "jpeg": Peer("JPEG", {"optimize": True, "subsampling": "4:2:0"}, 1, 95),
    "webp": Peer("WEBP", {"method": 6}, 0, 100),
    "avif": Peer("AVIF", {"speed": 6, "subsampling": "4:2:0"}, 0, 100),
}


@dataclass(frozen=True)
class Row:
    """What came of one codec at one setting."""

    codec: str
    bytes: float
    """Mean size of a file."""
    right: int
    """Pictures whose class was recognised."""
    as_png: int
    """Pictures that were given the class that their PNG was given, right or wrong."""
    count: int

    @property
    def accuracy(self) -> float:
        """Share of pictures whose class was recognised, 0 to 1."""
        return self.right / self.count


def evaluate(
    pictures: Iterable[tuple[Pixels, int]],
    recognise: Recognise,
    *,
    qualities: Sequence[float] = (10, 30, 60, 80),
    peers: Sequence[str] = ("jpeg", "webp", "avif"),
    threads: int | None = None,
) -> list[Row]:
    """Codes every picture, ``[height, width, 3]`` with the index of its class, and counts what is recognised.

    The rows are PNG, then each quality of Wavern followed by the peers, each picture within the bytes that Wavern's file
    of it has. Raises OptionError for peers that are not in :data:`PEERS` and for no pictures.
    """
    for name in peers:
        if name not in PEERS:
            raise OptionError(f"peers: {name!r} (expected some of {', '.join(PEERS)})", option="peers")
    # Bytes, right and as PNG of each row, in order.
    sums: dict[str, list[int]] = {}
    count = 0
    for pixels, label in pictures:
        count += 1
        reference: int | None = None
        for name, file, decoded in _ways(pixels, qualities, peers, threads):
            found = int(np.argmax(np.asarray(recognise(np.ascontiguousarray(decoded)[None]))[0]))
            reference = found if reference is None else reference
            total = sums.setdefault(name, [0, 0, 0])
            total[0] += len(file)
            total[1] += found == label
            total[2] += found == reference
    if count == 0:
        raise OptionError("pictures: there are none", option="pictures")
    return [Row(name, total[0] / count, total[1], total[2], count) for name, total in sums.items()]


def _ways(
    pixels: Pixels, qualities: Sequence[float], peers: Sequence[str], threads: int | None
) -> Iterator[tuple[str, bytes, Pixels]]:
    """Name of the row, file, and what it decodes to; PNG first."""
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "PNG")
    yield "png", out.getvalue(), _opened(out.getvalue())
    for quality in qualities:
        file = encode(pixels, quality=quality, threads=threads)
        yield f"wavern q {quality:g}", file, decode(file, threads=threads)
        for name in peers:
            within = PEERS[name].encode_within(pixels, len(file))
            yield f"{name}, bytes of q {quality:g}", within, _opened(within)


def _opened(file: bytes) -> Pixels:
    return np.asarray(PIL.Image.open(io.BytesIO(file)).convert("RGB"))


def pictures_of(
    folder: Path, labels: Sequence[str], size: tuple[int, int] | None = None
) -> Iterator[tuple[Pixels, int]]:
    """The pictures of ``folder/CLASS`` with the index of the class in ``labels``, in the order of their paths.

    With ``size``, width and height, they are scaled to it (Lanczos) before they are coded. Files that Pillow does not read
    are named on standard error and left out; a folder that is not among the labels is an OptionError.
    """
    indices = {name: index for index, name in enumerate(labels)}
    for path in sorted(path for path in folder.glob("*/*") if path.is_file()):
        if path.parent.name not in indices:
            raise OptionError(f"labels: {path.parent.name!r} is not among them", option="labels")
        try:
            with PIL.Image.open(path) as image:
                picture = image.convert("RGB")
        except OSError as error:
            print(f"left out: {path}: {error}", file=sys.stderr)
            continue
        if size is not None:
            picture = picture.resize(size, PIL.Image.Resampling.LANCZOS)
        yield np.asarray(picture), indices[path.parent.name]


def load(
    path: Path, *, mean: Sequence[float] = (0, 0, 0), deviation: Sequence[float] = (1, 1, 1)
) -> Recognise:
    """A network in a file ``.pt2`` or ``.onnx``.

    It has one input, ``[1, 3, height, width]`` of ``float32``: RGB from 0 to 1, less ``mean``, divided by ``deviation``; and
    its first output is ``[1, classes]``. Raises ImportError without PyTorch or onnxruntime, and OptionError for other files.
    """
    shift, scale = (np.asarray(values, np.float32)[None, :, None, None] for values in (mean, deviation))

    def prepared(pixels: Pixels) -> npt.NDArray[np.float32]:
        x = pixels.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        return np.ascontiguousarray((x - shift) / scale)

    if path.suffix == ".pt2":
        import torch

        network = torch.export.load(path).module()

        def by_torch(pixels: Pixels) -> npt.ArrayLike:
            with torch.no_grad():
                said = network(torch.from_numpy(prepared(pixels)))
            scores: npt.ArrayLike = (said[0] if isinstance(said, tuple | list) else said).numpy()
            return scores

        return by_torch
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name

        def by_onnx(pixels: Pixels) -> npt.ArrayLike:
            scores: npt.ArrayLike = session.run(None, {name: prepared(pixels)})[0]
            return scores

        return by_onnx
    raise OptionError(f"model: {path} (expected a file .pt2 or .onnx)", option="model")


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m wavern.task", description="Compare codecs by what a recogniser sees of them"
    )
    parser.add_argument("folder", type=Path, help="pictures in folders of classes")
    parser.add_argument("--model", type=Path, required=True, help="network, .pt2 or .onnx")
    parser.add_argument("--labels", type=Path, required=True, help="names of its classes, one a line")
    parser.add_argument("--qualities", type=_numbers, default=[10, 30, 60, 80], help="of Wavern, with commas")
    parser.add_argument("--peers", default="jpeg,webp,avif", help="codecs of Pillow, with commas; or none")
    parser.add_argument("--size", help="WIDTHxHEIGHT that pictures are scaled to before they are coded")
    parser.add_argument(
        "--mean", type=_numbers, default=[0, 0, 0], help="what is taken off R, G, B from 0 to 1"
    )
    parser.add_argument(
        "--deviation", type=_numbers, default=[1, 1, 1], help="and what they are divided by then"
    )
    parser.add_argument("--json", type=Path, help="write the rows to this file too")
    parser.add_argument("-j", "--threads", type=int, help="threads of Wavern")
    args = parser.parse_args(arguments)
    try:
        size = None
        if args.size is not None:
            width, _, height = args.size.partition("x")
            size = (int(width), int(height))
        rows = evaluate(
            pictures_of(args.folder, args.labels.read_text(encoding="utf-8").splitlines(), size),
            load(args.model, mean=args.mean, deviation=args.deviation),
            qualities=args.qualities,
            peers=[] if args.peers == "none" else args.peers.split(","),
            threads=args.threads,
        )
    except (ImportError, OSError, ValueError, WavernError) as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    print("| codec | bytes | right | as of PNG |\n| --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| {row.codec} | {row.bytes:,.0f} | {100 * row.accuracy:.2f} % | {100 * row.as_png / row.count:.1f} % |"
        )
    if args.json:
        found = [{**asdict(row), "accuracy": row.accuracy} for row in rows]
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
