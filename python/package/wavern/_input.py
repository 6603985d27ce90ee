"""From what callers have (arrays, Pillow's images, files) to pictures and sounds, and to the bytes of .wvn files."""

from __future__ import annotations

import io
import os
import sys
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Union

import numpy as np
import numpy.typing as npt

from ._errors import OptionError, SignalError
from ._options import integer
from ._signals import Audio, Image, Metadata

SIGNATURE = b"\x97WVN"

#: A .wvn file: its bytes, or where it is.
File = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]"]


def file_bytes(file: File) -> tuple[bytes, str | None]:
    """The bytes of a file, and its path if it was given as one."""
    if isinstance(file, bytes):
        return file, None
    if isinstance(file, (str, os.PathLike)):
        path = os.fspath(file)
        return Path(path).read_bytes(), str(path)
    if isinstance(file, (bytearray, memoryview)):
        return bytes(file), None
    raise TypeError(
        f"a file is of type {type(file).__name__} (expected bytes, bytearray, memoryview or a path)"
    )


def files_bytes(files: Iterable[File]) -> list[tuple[bytes, str | None]]:
    """Of a list of files."""
    if isinstance(files, (bytes, bytearray, memoryview, str, os.PathLike)):
        raise TypeError("one file is given (expected a list of files)")
    return [file_bytes(file) for file in files]


def signal_of(signal: Any, sample_rate: int | None, metadata: Metadata | None) -> Image | Audio:
    """A picture or a sound, from whatever :func:`wavern.encode` takes."""
    if isinstance(signal, (Image, Audio)):
        found: Image | Audio = signal
    elif is_pillow(signal):
        from ._pil import image_of

        found = image_of(signal)
    elif isinstance(signal, (bytes, bytearray, memoryview, str, os.PathLike)):
        found = _of_foreign_file(*file_bytes(signal))
    elif hasattr(signal, "__array__") or hasattr(signal, "__dlpack__"):
        array = np.asarray(signal) if hasattr(signal, "__array__") else np.from_dlpack(signal)
        found = picture_of(array) if sample_rate is None else sound_of(array, sample_rate)
        sample_rate = None
    else:
        expected = "an array, an image of Pillow, wavern.Image, wavern.Audio, bytes or a path"
        raise TypeError(f"a signal is of type {type(signal).__name__} (expected {expected})")
    if sample_rate is not None:
        raise OptionError(
            "sample_rate: only for arrays, which do not know it themselves", option="sample_rate"
        )
    if metadata is None and isinstance(found.metadata, Metadata):
        return found
    metadata = found.metadata if metadata is None else metadata
    if not isinstance(metadata, Metadata):
        raise TypeError(f"metadata is of type {type(metadata).__name__} (expected wavern.Metadata)")
    if isinstance(found, Image):
        return Image(found.pixels, found.alpha, metadata)
    return Audio(found.samples, found.sample_rate, found.sample_format, metadata)


def is_pillow(signal: Any) -> bool:
    """Whether it is an image of Pillow, which is not imported for the question."""
    # Another thread may be in the middle of the import.
    image = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return image is not None and isinstance(signal, image)


def _shape(array: npt.NDArray[Any]) -> str:
    return f"[{', '.join(map(str, array.shape))}]"


def picture_of(array: npt.NDArray[Any]) -> Image:
    """A picture, the last channel of two or four is alpha."""
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        hint = "; for a sound, give sample_rate" if array.dtype.kind == "f" else ""
        raise SignalError(f"a picture of {array.dtype} (expected uint8 or uint16{hint})")
    if array.ndim == 2:
        return Image(array)
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
        expected = "[height, width] or [height, width, 1 to 4 channels]"
        raise SignalError(f"a picture of shape {_shape(array)} (expected {expected})")
    channels = array.shape[2]
    alpha = array[:, :, -1] if channels in (2, 4) else None
    pixels = array[:, :, 0] if channels < 3 else array[:, :, :3]
    return Image(pixels, alpha)


#: How integers become floats of full scale 1, and the name of how they are stored.
_INTEGERS = {"uint8": (128.0, 128.0), "int16": (0.0, 2.0**15), "int32": (0.0, 2.0**31)}


def sound_of(array: npt.NDArray[Any], sample_rate: int) -> Audio:
    """A sound of samples ``[frames]`` or ``[channels, frames]``."""
    rate = integer("sample_rate", sample_rate, 1, 2**32 - 1)
    if array.ndim not in (1, 2):
        raise SignalError(f"a sound of shape {_shape(array)} (expected [frames] or [channels, frames])")
    name = array.dtype.newbyteorder("=").name
    if name in _INTEGERS:
        centre, scale = _INTEGERS[name]
        samples = ((array.astype(np.float64) - centre) / scale).astype(np.float32)
    elif name in ("float16", "float32", "float64"):
        with np.errstate(over="ignore"):  # what becomes infinite is refused with its place
            samples = array.astype(np.float32)
        name = "float64" if name == "float64" else "float32"
    else:
        raise SignalError(f"a sound of {array.dtype} (expected float32, float64, uint8, int16 or int32)")
    return Audio(np.atleast_2d(samples), rate, name)


def contiguous(array: Any, what: str) -> npt.NDArray[Any]:
    """An array in the byte order of the machine, without gaps."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{what} is of type {type(array).__name__} (expected a NumPy array)")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _of_foreign_file(data: bytes, path: str | None) -> Image | Audio:
    name = "the file" if path is None else path
    if data.startswith(SIGNATURE):
        raise SignalError(f"{name} is a .wvn file already (decode it first)")
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return _of_wav(data, name)
    try:
        import PIL.Image
    except ImportError:
        raise SignalError(f"{name}: reading pictures takes Pillow (pip install wavern[pillow])") from None
    from ._pil import image_of

    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            return image_of(image)
    except PIL.UnidentifiedImageError:
        raise SignalError(f"{name} is no picture that Pillow reads, and no WAV") from None


def _of_wav(data: bytes, name: str) -> Audio:
    try:
        with wave.open(io.BytesIO(data)) as reader:
            channels, width, rate = reader.getnchannels(), reader.getsampwidth(), reader.getframerate()
            frames = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        problem = f"{name}: {error or 'it ends too early'} (the wavern command reads more kinds of sounds)"
        raise SignalError(problem) from None
    frames = frames[: len(frames) // (channels * width) * (channels * width)]
    if width == 3:
        # Into the upper bytes of 32 bits.
        wide = np.zeros((len(frames) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(frames, np.uint8).reshape(-1, 3)
        values: npt.NDArray[Any] = wide.reshape(-1).view("<i4")
    else:
        values = np.frombuffer(frames, {1: "u1", 2: "<i2", 4: "<i4"}[width])
    sound = sound_of(values.reshape(-1, channels).T, rate)
    return Audio(sound.samples, rate, "int24" if width == 3 else sound.sample_format)
