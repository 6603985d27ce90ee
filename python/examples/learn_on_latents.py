"""What can a small classifier learn from latents, and what from pixels? One table, from a folder of labelled pictures.

python learn_on_latents.py FOLDER [--work FOLDER] [--json FILE] [--seeds 3] [--epochs 14] [--quick] [--validate]

FOLDER is {train,test}/CLASS/PICTURE, pictures that Pillow reads. All are scaled to one square (--side), then coded as each
input wants them; files are kept in --work and used again. Inputs:

pixels   the photographs, as JPEG of quality 95 without subsampling
resized  reduced by area to as many values as the latents have, as such JPEGs
jpeg30   JPEG at the quality that needs no more bytes than the file that y30 reads, found for each picture
y30, y60 latents of quality 30 and 60, which are not decoded to pixels
y60-64   the 64 channels of y60 with the largest variance over the training pictures

Classifiers have equal multiply-adds, steps and augmentation: crops of about 4/5 of each side and mirrored pictures. Latents of a
mirrored picture are not the mirrored latents, so the training pictures are coded mirrored too. The same table tells how
well a linear map of the channels would do instead. With --validate a fifth of the training pictures takes the place of
the test. Inputs are held in memory: the loader reads each file once; «with loader» is what it would take to read files in
every epoch. Times are CPU time of one thread.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import torch
import wavern
from learning import Examples, Recipe, Row, Shape, arguments_of, held_out, normalized, run

Pixels = npt.NDArray[np.uint8]


def jpeg(pixels: Pixels, quality: int = 95, subsampling: str = "4:4:4") -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=subsampling, optimize=True)
    return out.getvalue()


def jpeg_within(pixels: Pixels, size: int) -> bytes:
    """The best JPEG (4:2:0) of at most ``size`` bytes, or the smallest."""
    best, low, high = jpeg(pixels, 1, "4:2:0"), 2, 95
    while low <= high:
        middle = (low + high) // 2
        file = jpeg(pixels, middle, "4:2:0")
        if len(file) <= size:
            best, low = file, middle + 1
        else:
            high = middle - 1
    return best


def read_pixels(file: bytes) -> Pixels:
    """``[3, height, width]``"""
    pixels = np.asarray(PIL.Image.open(io.BytesIO(file)).convert("RGB"))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def read_latents(file: bytes) -> npt.NDArray[np.float16]:
    """``[channels, rows, columns]``, in one unit at every quality"""
    return wavern.latents(file, dtype="float32", threads=1).y.astype(np.float16)


@dataclass(frozen=True)
class Input:
    """One way to give pictures to a classifier."""

    name: str
    title: str
    files: str
    """The folder of its files."""
    encode: Callable[[Pixels, Path], bytes]
    """The file of a picture; the path is its place in the folder of --work, to find other files of the same picture."""
    read: Callable[[bytes], npt.NDArray[Any]]
    shape: Shape
    mirrored: bool = False
    """Whether mirrored pictures are coded apart."""
    channels: int | None = None


def inputs(side: int) -> list[Input]:
    """All inputs, for pictures of this side."""
    # About one value a pixel in place of three; what the stages of a classifier can halve.
    reduced = 16 * round(side / 3**0.5 / 16)

    def shrunk(pixels: Pixels, _: Path) -> bytes:
        image = PIL.Image.fromarray(pixels).resize((reduced, reduced), PIL.Image.Resampling.BOX)
        return jpeg(np.asarray(image))

    def wvn(quality: float) -> Callable[[Pixels, Path], bytes]:
        return lambda pixels, _: wavern.encode(pixels, quality=quality, threads=1)

    def same_bytes(pixels: Pixels, path: Path) -> bytes:
        return jpeg_within(pixels, (path.parents[3] / "y30" / Path(*path.parts[-3:])).stat().st_size)

    large = Shape(4, (16, 32, 64, 128), (1, 1, 1, 1))
    middle = Shape(4, (32, 64, 128), (1, 1, 1))
    small = Shape(1, (64, 128), (2, 3))
    return [
        Input("y30", "ŷ, quality 30", "y30", wvn(30), read_latents, small, mirrored=True),
        Input("y60", "ŷ, quality 60", "y60", wvn(60), read_latents, small, mirrored=True),
        Input(
            "y60-64",
            "64 channels of ŷ, quality 60",
            "y60",
            wvn(60),
            read_latents,
            small,
            mirrored=True,
            channels=64,
        ),
        Input("pixels", "pixels", "pixels", lambda pixels, _: jpeg(pixels), read_pixels, large),
        Input("resized", f"pixels reduced to {reduced} × {reduced}", "resized", shrunk, read_pixels, middle),
        Input("jpeg30", "JPEG, bytes as ŷ at quality 30", "jpeg30", same_bytes, read_pixels, large),
    ]


def coded_files(source: Path, out: Path, encode: Callable[[Path, Path], bytes]) -> list[Path]:
    """Files of a folder as ``encode`` makes them, which gets the source and the target; those that are there already are
    left as they are."""

    def one(path: Path) -> Path:
        target = out / path.relative_to(source)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + ".part")
            part.write_bytes(encode(path, target))
            part.rename(target)
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, sorted(path for path in source.rglob("*") if path.is_file())))


def coded(source: Path, out: Path, entry: Input, side: int, mirror: bool = False) -> list[Path]:
    """The pictures of a folder as the files of an input."""

    def encode(path: Path, target: Path) -> bytes:
        image = PIL.Image.open(path).convert("RGB").resize((side, side), PIL.Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
        return entry.encode(np.ascontiguousarray(pixels[:, ::-1]) if mirror else pixels, target)

    return coded_files(source, out, encode)


def loaded(paths: list[Path], read: Callable[[bytes], npt.NDArray[Any]]) -> tuple[torch.Tensor, float]:
    """Everything in memory, and the seconds of CPU time for one file."""
    start = time.process_time()
    arrays = [read(path.read_bytes()) for path in paths]
    seconds = (time.process_time() - start) / len(paths)
    return torch.from_numpy(np.stack(arrays)), seconds


def labels(paths: list[Path]) -> torch.Tensor:
    names = sorted({path.parent.name for path in paths})
    return torch.tensor([names.index(path.parent.name) for path in paths])


def mirror_by_matrix(plain: torch.Tensor, mirrored: torch.Tensor) -> float:
    """How much of the latents of mirrored pictures a linear map of the channels of the mirrored latents explains, R²; it
    is fitted to nine tenths of the pictures and measured on the others."""
    test = torch.arange(len(plain)) % 10 == 0

    def rows(x: torch.Tensor) -> torch.Tensor:
        return x.float().permute(0, 2, 3, 1).reshape(-1, x.shape[1])

    fit, wanted = rows(plain[~test].flip(3)), rows(mirrored[~test])
    ridge = 1e-3 * fit.square().mean() * len(fit) * torch.eye(fit.shape[1])
    matrix = torch.linalg.solve(fit.T @ fit + ridge, fit.T @ wanted)
    wanted = rows(mirrored[test])
    left = wanted - rows(plain[test].flip(3)) @ matrix
    return 1 - float(left.square().sum() / (wanted - wanted.mean(0)).square().sum())


def examples(
    entry: Input, folder: Path, work: Path, side: int
) -> tuple[Row, Examples, Examples, float | None]:
    """The row of an input so far, what to learn from, what to test with, and what a matrix is worth as a mirror."""
    out = work / str(side) / entry.files
    paths = {part: coded(folder / part, out / part, entry, side) for part in ("train", "test")}
    files = paths["train"] + paths["test"]
    x, seconds = loaded(paths["train"], entry.read)
    tests, _ = loaded(paths["test"], entry.read)
    mirrored, explained = None, None
    if entry.mirrored:
        there = coded(
            folder / "train", work / str(side) / f"{entry.files}-mirrored" / "train", entry, side, True
        )
        mirrored, _ = loaded(there, entry.read)
        explained = mirror_by_matrix(x, mirrored)
    kept = torch.arange(x.shape[1])
    if entry.channels is not None:
        variance = torch.stack([channel.float().var() for channel in x.unbind(1)])
        kept = variance.argsort(descending=True)[: entry.channels].sort().values
    if entry.mirrored:
        some = [wavern.latents(path, threads=1).y[kept.numpy()] for path in paths["train"][::5]]
        nonzero = float(np.mean([np.count_nonzero(y) for y in some]))
    else:
        nonzero = float((x != 0).sum() / len(x))
    if entry.channels is not None:
        x, tests = x[:, kept], tests[:, kept]
        mirrored = None if mirrored is None else mirrored[:, kept]
    crop = entry.shape.patch * 2 ** (len(entry.shape.widths) - 1)
    crop = crop * max(1, round(0.8 * x.shape[2] / crop))
    data = Examples(x, labels(paths["train"]), (crop, crop), mirrored)
    size = float(np.mean([path.stat().st_size for path in files]))
    row = Row(entry.name, entry.title, size, x[0].numel(), nonzero, 1 / seconds)
    return row, data, Examples(tests, labels(paths["test"]), (crop, crop)), explained


def main(arguments: list[str] | None = None) -> None:
    parser = arguments_of(__doc__, epochs=Recipe.epochs)
    parser.add_argument(
        "--side", type=int, default=160, help="pictures are scaled to this square; a multiple of 32"
    )
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    recipe = Recipe(epochs=2 if args.quick else args.epochs)
    chosen = [entry for entry in inputs(args.side) if not args.inputs or entry.name in args.inputs.split(",")]
    rows: list[tuple[Row, Examples, Examples, Shape]] = []
    mirrors: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for entry in chosen:
            row, data, test, explained = examples(entry, args.folder, args.work or Path(temporary), args.side)
            if args.validate:
                data, test = held_out(data)
            rows.append((row, *normalized(data, test), entry.shape))
            if explained is not None:
                print(f"{entry.title}: a matrix explains {explained:.3f} of mirrored latents", flush=True)
                mirrors[entry.name] = explained
    about = {"wavern": wavern.__version__, "side": args.side, "mirror by a matrix, R²": mirrors}
    run(rows, recipe, 1 if args.quick else args.seeds, about, args.json)


if __name__ == "__main__":
    main()
