"""Images of Pillow as pictures of the codec."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import PIL.Image

from ._errors import SignalError
from ._input import picture_of
from ._signals import Image, Metadata

EXIF_PREFIX = b"Exif\0\0"
INCH = 0.0254

#: Modes that hold the same pixels in another form, and the form that the codec takes.
_SAME = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB"}


def image_of(image: PIL.Image.Image, info: dict[str, Any] | None = None) -> Image:
    """Pixels, alpha, ICC profile, EXIF, XMP and density. What ``info`` has goes before what the image has.

    A palette becomes colours. Raises SignalError for modes that are neither gray nor RGB.
    """
    picture = picture_of(_pixels(image))
    known = {str(name): value for name, value in image.info.items()}
    if not _has_density(image):
        known.pop("dpi", None)
    return Image(picture.pixels, picture.alpha, _metadata({**known, **(info or {})}))


def _has_density(image: PIL.Image.Image) -> bool:
    """Whether the density is the file's own. Pillow says 1 for a TIFF without any, and takes that of EXIF, which is kept
    as it is, for a JPEG without."""
    if image.format in ("JPEG", "MPO"):
        return "jfif_density" in image.info
    return image.info.get("dpi") != (1, 1)


def _pixels(image: PIL.Image.Image) -> np.ndarray[Any, Any]:
    mode = image.mode
    transparent = "transparency" in image.info
    if mode == "P":
        image = image.convert("RGBA" if transparent else "RGB")
    elif mode in ("L", "RGB") and transparent:
        image = image.convert("LA" if mode == "L" else "RGBA")
    elif mode in _SAME:
        image = image.convert(_SAME[mode])
    elif mode in ("I", "I;16", "I;16L", "I;16B", "I;16N"):
        pixels = np.asarray(image)
        if mode == "I" and (pixels.min(initial=0) < 0 or pixels.max(initial=0) > 65535):
            raise SignalError("an image of mode I with values outside of 0..=65535")
        return pixels.astype(np.uint16)
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        raise SignalError(f"an image of mode {mode} (convert it to RGB or L first)")
    return np.asarray(image)


def _metadata(info: dict[str, Any]) -> Metadata:
    exif = info.get("exif")
    if isinstance(exif, PIL.Image.Exif):
        exif = exif.tobytes()
    exif = _block("exif", exif)
    if exif is not None:
        exif = exif.removeprefix(EXIF_PREFIX) or None
    density = density_chunk(info.get("dpi"))
    return Metadata(
        icc=_block("icc_profile", info.get("icc_profile")),
        exif=exif,
        xmp=_block("xmp", info.get("xmp")),
        png=[] if density is None else [density],
    )


def _block(name: str, block: Any) -> bytes | None:
    if isinstance(block, str):
        block = block.encode()
    if block is not None and not isinstance(block, (bytes, bytearray, memoryview)):
        raise TypeError(f"{name} is of type {type(block).__name__} (expected bytes)")
    return bytes(block) if block else None


def density_chunk(dpi: Any) -> bytes | None:
    """A pair of pixels per inch as a chunk ``pHYs`` of PNG; ``None`` for what is no density."""
    try:
        x, y = (round(float(side) / INCH) for side in dpi)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    if not (0 < x < 2**31 and 0 < y < 2**31):
        return None
    return b"pHYs" + struct.pack(">IIB", x, y, 1)


def density_of(metadata: Metadata) -> tuple[float, float] | None:
    """Pixels per inch, of a chunk ``pHYs``."""
    for chunk in metadata.png:
        if chunk[:4] == b"pHYs" and len(chunk) == 13 and chunk[12] == 1:
            x, y = struct.unpack(">II", chunk[4:12])
            return x * INCH, y * INCH
    return None
