"""The rate-distortion curve of your own pictures, beside JPEG by Pillow, and the BD-rate between the two.

python rd_curve.py PICTURE...
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import PIL.Image
import wavern
from wavern import metrics

Pixels = npt.NDArray[np.uint8]


def curve(
    pixels: Pixels, code: Callable[[int], tuple[int, Pixels]], settings: range
) -> list[tuple[float, float]]:
    """Bits per pixel and SSIMULACRA2 at each setting."""
    points = []
    for setting in settings:
        size, decoded = code(setting)
        bits = 8 * size / (pixels.shape[0] * pixels.shape[1])
        points.append((bits, metrics.ssimulacra2(pixels, decoded)))
    return points


def jpeg(pixels: Pixels, quality: int) -> tuple[int, Pixels]:
    """Size of the file, and what it decodes to."""
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.tell(), np.asarray(PIL.Image.open(out))


def wvn(pixels: Pixels, quality: int) -> tuple[int, Pixels]:
    """The same for Wavern."""
    file = wavern.encode(pixels, quality=quality, tune="visual")
    return len(file), wavern.decode(file)


def main(paths: list[str]) -> None:
    for path in paths:
        pixels = np.asarray(PIL.Image.open(path).convert("RGB"))
        anchor = curve(pixels, lambda quality, pixels=pixels: jpeg(pixels, quality), range(35, 96, 15))
        test = curve(pixels, lambda quality, pixels=pixels: wvn(pixels, quality), range(10, 91, 16))
        for name, points in (("jpeg", anchor), ("wavern", test)):
            print(path, name, *(f"{bits:.3f} bpp: {score:.1f}" for bits, score in points), sep="  ")
        print(path, f"BD-rate against JPEG, by SSIMULACRA2: {metrics.bd_rate(anchor, test).percent:+.1f} %")


if __name__ == "__main__":
    main(sys.argv[1:])
