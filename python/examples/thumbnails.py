"""Thumbnails of a folder of .wvn pictures: each is decoded at the smallest scale that is large enough.

python thumbnails.py FOLDER OUT [--side 160]
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PIL.Image
import wavern.pillow  # noqa: F401  (Pillow opens .wvn from now on)


def thumbnail(path: Path, out: Path, side: int) -> str:
    """Writes one, and returns what to say about it."""
    try:
        with PIL.Image.open(path) as image:
            size = image.size
            image.thumbnail((side, side))
            image.save(out / f"{path.stem}.png")
    except OSError as error:
        return f"{path.name}: {error}"
    return f"{path.name}: {size[0]}x{size[1]} -> {image.width}x{image.height}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=160, help="of the square that a thumbnail fits")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    # Decoding does not hold the lock of the interpreter, so threads are enough.
    with ThreadPoolExecutor() as pool:
        for line in pool.map(
            lambda path: thumbnail(path, args.out, args.side), sorted(args.folder.glob("*.wvn"))
        ):
            print(line)


if __name__ == "__main__":
    main()
