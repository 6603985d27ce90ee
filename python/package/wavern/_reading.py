"""What loaders make of a file: all of it, or a crop of a fixed size, as NumPy arrays. PyTorch is not needed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ._codec import Dtype, decode, decode_audio, inspect, latents, probe
from ._errors import KindError, OptionError, SignalError
from ._options import integer
from ._signals import AudioInfo, ImageInfo

#: Where a crop lies.
Where = Literal["random", "center"]

#: What becomes of signals that are smaller than the crop.
Small = Literal["pad", "error"]

#: Pixels along each side, or samples, that a position of ŷ stands for; all weights of the package have these.
PIXELS, SAMPLES = 16, 256


@dataclass(frozen=True)
class ReadLatents:
    """Latents of a picture, ``[channels, rows, columns]``.

    With ``crop``, rows and columns of ŷ (16 × 16 pixels each), every array has that size and only the tiles that it
    touches are decoded; encode with ``tile_side=256`` for that to be little. What is missing of a smaller picture is 0
    below and to the right.
    """

    crop: tuple[int, int] | None = None
    dtype: Dtype = "float32"
    where: Where = "random"
    small: Small = "pad"
    threads: int = 1

    def __call__(self, file: bytes, random: np.random.Generator) -> npt.NDArray[Any]:
        """The array of a file."""
        if self.crop is None:
            _picture(file)
            return latents(file, dtype=self.dtype, threads=self.threads).y
        info = _picture(file)
        rows = _span(-(-info.height // PIXELS), self.crop[0], self.where, self.small, random)
        columns = _span(-(-info.width // PIXELS), self.crop[1], self.where, self.small, random)
        part = (rows[0], columns[0], rows[1], columns[1])
        y = latents(file, dtype=self.dtype, crop=part, threads=self.threads).y
        return _padded(y, (y.shape[0], *self.crop))


@dataclass(frozen=True)
class ReadPixels:
    """Pixels of a picture, ``[channels, height, width]`` of ``uint8`` or ``uint16``, without alpha.

    With ``crop``, height and width in pixels of the whole picture, every array has that size times ``scale``, which is 1,
    1/2, 1/4 or 1/8. What is missing of a smaller picture repeats its border. ``channels`` 3 makes three equal channels of
    gray; without it gray has one.
    """

    crop: tuple[int, int] | None = None
    scale: float = 1
    where: Where = "random"
    small: Small = "pad"
    channels: Literal[3] | None = 3
    threads: int = 1

    def __call__(self, file: bytes, random: np.random.Generator) -> npt.NDArray[Any]:
        """The array of a file."""
        info = _picture(file)
        region = None
        if self.crop is not None:
            step = round(1 / self.scale) if self.scale else 0
            if step < 1 or self.crop[0] % step or self.crop[1] % step:
                raise OptionError(f"crop: {self.crop} (expected multiples of 1/scale)", option="crop")
            rows = _span(info.height, self.crop[0], self.where, self.small, random, step)
            columns = _span(info.width, self.crop[1], self.where, self.small, random, step)
            region = (columns[0], rows[0], columns[1], rows[1])
        pixels = decode(file, region=region, scale=self.scale, threads=self.threads)
        pixels = np.atleast_3d(pixels)
        pixels = pixels[:, :, : 1 if info.color == "gray" else 3].transpose(2, 0, 1)
        if self.channels == 3 and pixels.shape[0] == 1:
            pixels = np.repeat(pixels, 3, axis=0)
        if self.crop is not None:
            height, width = (side // step for side in self.crop)
            pixels = _padded(pixels, (pixels.shape[0], height, width), edge=True)
        return np.ascontiguousarray(pixels)


@dataclass(frozen=True)
class ReadSoundLatents:
    """Latents of a sound, ``[groups, signals, bands, frames]``: see :class:`wavern.Latents`.

    With ``frames``, which are 256 samples each, every array has that many, and only the segments that they touch are
    decoded. What is missing of a shorter sound is 0 at the end.
    """

    frames: int | None = None
    dtype: Dtype = "float32"
    where: Where = "random"
    small: Small = "pad"
    threads: int = 1

    def __call__(self, file: bytes, random: np.random.Generator) -> npt.NDArray[Any]:
        """The array of a file."""
        samples = _sound(file)
        if self.frames is None or samples == 0:
            y = latents(file, dtype=self.dtype, threads=self.threads).y
        else:
            # The lapped transform has a frame more than blocks.
            span = _span(-(-samples // SAMPLES) + 1, self.frames, self.where, self.small, random)
            y = latents(file, dtype=self.dtype, crop=span, threads=self.threads).y
        return y if self.frames is None else _padded(y, (*y.shape[:3], self.frames))


@dataclass(frozen=True)
class ReadSamples:
    """Samples of a sound, ``[channels, frames]`` of ``float32``.

    With ``frames`` every array has that many, and only the segments that they touch are decoded. What is missing of a
    shorter sound is silence at the end.
    """

    frames: int | None = None
    where: Where = "random"
    small: Small = "pad"
    threads: int = 1

    def __call__(self, file: bytes, random: np.random.Generator) -> npt.NDArray[Any]:
        """The array of a file."""
        if self.frames is None:
            return decode_audio(file, threads=self.threads).samples
        first, count = _span(_sound(file), self.frames, self.where, self.small, random)
        samples = decode_audio(file, start=first, stop=first + count, threads=self.threads).samples
        return _padded(samples, (samples.shape[0], self.frames))


#: What a loader may read.
Read = ReadLatents | ReadPixels | ReadSoundLatents | ReadSamples


def _picture(file: bytes) -> ImageInfo:
    info = probe(file)
    if isinstance(info, AudioInfo):
        raise KindError("the file holds a sound, not a picture", found="audio")
    return info


def _sound(file: bytes) -> int:
    """How many frames of samples a sound has."""
    if isinstance(probe(file), ImageInfo):
        raise KindError("the file holds a picture, not a sound", found="image")
    return inspect(file).frames or 0


def _span(
    all_of_it: int, wanted: int, where: Where, small: Small, random: np.random.Generator, step: int = 1
) -> tuple[int, int]:
    """The first one of a crop, a multiple of ``step``, and how many there are of it."""
    wanted = integer("crop", wanted, 1, 2**31 - 1)
    if all_of_it < wanted:
        if small == "error":
            raise SignalError(f"a crop of {wanted} does not fit a signal of {all_of_it}")
        return 0, all_of_it
    places = (all_of_it - wanted) // step + 1
    return step * (int(random.integers(places)) if where == "random" else places // 2), wanted


def _padded(array: npt.NDArray[Any], shape: tuple[int, ...], edge: bool = False) -> npt.NDArray[Any]:
    """With more values at the end of each axis: zeros, or those of the border."""
    if array.shape == shape:
        return array
    if edge:
        missing = [(0, want - have) for have, want in zip(array.shape, shape, strict=True)]
        return np.pad(array, missing, mode="edge")
    out = np.zeros(shape, array.dtype)
    out[tuple(slice(side) for side in array.shape)] = array
    return out
