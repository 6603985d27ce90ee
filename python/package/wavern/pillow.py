"""Pillow opens and saves .wvn files after ``import wavern.pillow``.

>>> import PIL.Image, wavern.pillow
>>> image = PIL.Image.new("RGB", (64, 48), "teal")
>>> image.save("teal.wvn", quality=80)
>>> PIL.Image.open("teal.wvn").size
(64, 48)

Pillow has no entry points, so the import is needed in each program. ``Image.save`` takes ``quality`` (0 to 100, 60 by
default), ``lossless``, ``max_error``, ``target_size``, ``target_bpp``, ``target_psnr``, ``tune``, ``effort``,
``keep_hidden`` and ``threads`` as :func:`wavern.encode` does, and ``icc_profile``, ``exif``, ``xmp`` and ``dpi``, which are by default
those of the image; ``None`` leaves one out. Modes are L, LA, RGB and RGBA, I;16 for gray of 16 bits, and what those
hold exactly (1, P, PA, RGBX, La, RGBa).

``Image.open`` gives L, LA, RGB or RGBA, and I;16 for gray of 16 bits. Pillow holds no other pictures of 16 bits: they come
with 8; :func:`wavern.decode` gives all bits. ``draft`` and ``thumbnail`` decode at 1/2, 1/4 or 1/8. What cannot be read
raises :class:`OSError`, as in the rest of Pillow; its ``__cause__`` is the error of :mod:`wavern`.
"""

from __future__ import annotations

from typing import IO, Any

import numpy as np
import PIL.Image
import PIL.ImageFile

from ._codec import decode_image, encode, inspect, verify
from ._errors import WavernError
from ._pil import EXIF_PREFIX, density_of, image_of
from ._signals import ImageInfo

__all__ = ["WavernImageFile"]

_SIGNATURE = b"\x97WVN\r\n\x1a\n"
_OPTIONS = (
    "quality",
    "lossless",
    "max_error",
    "target_size",
    "target_bpp",
    "target_psnr",
    "tune",
    "effort",
    "keep_hidden",
    "threads",
    "limits",
)


class WavernImageFile(PIL.ImageFile.ImageFile):
    """A picture in a .wvn file."""

    format = "WVN"
    format_description = "Wavern picture"

    #: The file, until its pixels are decoded.
    _file: bytes | None = None
    _scale: int = 1

    def _open(self) -> None:
        assert self.fp is not None
        file = self.fp.read()
        try:
            contents = inspect(file)
        except WavernError as error:
            raise OSError(str(error)) from error
        info = contents.info
        if not isinstance(info, ImageInfo):
            # By this, Pillow goes on to other formats.
            raise SyntaxError("a .wvn file with a sound")  # noqa: TRY004
        self._file = file
        self._size = (info.width, info.height)
        if info.color == "gray":
            self._mode = "LA" if contents.alpha else "L" if info.depth == 8 else "I;16"
        else:
            self._mode = "RGBA" if contents.alpha else "RGB"
        metadata = contents.metadata
        if metadata.icc:
            self.info["icc_profile"] = metadata.icc
        if metadata.exif:
            self.info["exif"] = EXIF_PREFIX + metadata.exif
        if metadata.xmp:
            self.info["xmp"] = metadata.xmp
        if density := density_of(metadata):
            self.info["dpi"] = density
        # What `load` of the base class looks for; `load` below takes it away.
        self.tile = [PIL.ImageFile._Tile("raw", (0, 0, *self._size), 0, self._mode)]

    def draft(
        self, mode: str | None, size: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Make ready to decode at the smallest of 1, 1/2, 1/4 and 1/8 that is not below ``size``. The mode stays.

        Returns the mode and the box of the whole picture in the smaller one, or ``None`` after pixels were decoded.
        """
        if self._file is None or self._scale != 1 or size is None:
            return None
        width, height = self.size
        fit = min(width // max(size[0], 1), height // max(size[1], 1))
        self._scale = next((scale for scale in (8, 4, 2) if fit >= scale), 1)
        self._size = (-(-width // self._scale), -(-height // self._scale))
        return self.mode, (0, 0, width / self._scale, height / self._scale)

    def load(self) -> Any:
        """Decode the pixels, unless that has been done."""
        if self._file is not None:
            try:
                decoded = decode_image(self._file, scale=1 / self._scale)
            except WavernError as error:
                raise OSError(str(error)) from error
            pixels = decoded.array()
            if pixels.dtype == np.uint16 and self._mode != "I;16":
                # 65535 is 255 · 257.
                pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
            little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
            self.im = PIL.Image.frombytes(self._mode, self._size, little.tobytes()).im
            self.tile = []
            self._file = None
            if self._exclusive_fp and self.fp is not None:
                self.fp.close()
            self.fp = None
        return super().load()

    def verify(self) -> None:
        """Compare every checksum and decode every symbol; raise OSError for the first fault."""
        if self._file is not None:
            try:
                report = verify(self._file)
            except WavernError as error:
                raise OSError(str(error)) from error
            problems = report.faults + [part.problem for part in report.damaged]
            if problems:
                raise OSError(problems[0])
            self._file = None
        super().verify()


def _accept(prefix: bytes) -> bool:
    # Sounds have the same signature.
    return prefix.startswith(_SIGNATURE) and prefix[8:12] in (b"IMGH", b"")


def _save(image: PIL.Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    info: dict[str, Any] = getattr(image, "encoderinfo", {})
    options = {name: info[name] for name in _OPTIONS if name in info}
    beside: dict[str, Any] = {
        name: info[name] for name in ("icc_profile", "exif", "xmp", "dpi") if name in info
    }
    fp.write(encode(image_of(image, beside), **options))


PIL.Image.register_open(WavernImageFile.format, WavernImageFile, _accept)
PIL.Image.register_save(WavernImageFile.format, _save)
PIL.Image.register_extension(WavernImageFile.format, ".wvn")
PIL.Image.register_mime(WavernImageFile.format, "image/x-wavern")
