"""Encoding and decoding."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

import numpy as np
import numpy.typing as npt

from . import _wavern
from ._errors import KindError, OptionError, SignalError, WavernError
from ._input import File, contiguous, file_bytes, signal_of
from ._options import (
    DecodeOptions,
    EncodeOptions,
    LatentOptions,
    Limits,
    count_of_threads,
    integer,
    limit_changes,
)
from ._signals import Audio, AudioInfo, Contents, Damaged, Image, ImageInfo, Latents, Metadata, Report

if TYPE_CHECKING:
    import PIL.Image

#: Types of the values of latents.
Dtype = Literal["int8", "int16", "int32", "float32"]

#: Where the channels of latents are.
Layout = Literal["channels_first", "channels_last"]

#: How many bytes tell what a file holds.
PROBED = 64

#: What :func:`encode` takes.
Encodable = Union["npt.NDArray[Any]", "PIL.Image.Image", Image, Audio, File]


def encode(
    signal: Encodable,
    *,
    quality: float | None = None,
    lossless: bool = False,
    max_error: int | None = None,
    target_size: int | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    bitrate: int | None = None,
    tune: Literal["psnr", "visual", "fast"] = "psnr",
    effort: int = 1,
    tile_side: int | None = None,
    sample_rate: int | None = None,
    metadata: Metadata | None = None,
    keep_hidden: bool = False,
    threads: int | None = None,
    limits: Limits | None = None,
) -> bytes:
    """Encode a picture or a sound as the bytes of a .wvn file.

    ``signal`` is one of

    - an array of ``uint8`` or ``uint16``: a picture ``[height, width]`` (gray), ``[height, width, 3]`` (RGB), or with
      alpha as the last channel ``[height, width, 2]`` or ``[height, width, 4]``;
    - an array with ``sample_rate`` in hertz: a sound ``[frames]`` or ``[channels, frames]``, 1 to 32 channels, of floats
      with full scale at ±1, or of ``uint8``, ``int16`` or ``int32``;
    - an image of Pillow, with its ICC profile, EXIF, XMP and density;
    - :class:`Image` or :class:`Audio`;
    - bytes or the path of a picture that Pillow reads, or of a WAV of integers.

    At most one of these says how good or small the file is; without any, quality is 60:

    - ``quality``: 0 (smallest) to 100 (best);
    - ``lossless``: true, and every sample comes back as it was;
    - ``max_error``: pictures, no colour of a pixel changes by more, counted in steps of its samples: 1 to 8 for
      ``uint8``, to 2056 for ``uint16``; alpha does not change;
    - ``target_size``: pictures, at most this many bytes and as near to them as the levels allow;
    - ``target_bpp``: pictures, at most this many bits per pixel;
    - ``target_psnr``: pictures, at least this PSNR in dB over all colour samples;
    - ``bitrate``: sounds, bits per second of the whole file.

    ``tune``, for pictures, is ``"psnr"`` (least squared error), ``"visual"`` (for the eye) or ``"fast"`` (decodes in half
    the time, to files a tenth larger). ``effort`` is 1 (no search) to
    9: the search takes 2.5 to 600 times the time and saves 3 to 10 % of the bytes; decoding takes the same time.
    ``tile_side``, for pictures, is 256, 512, 1024 or 2048 pixels: small tiles make crops and regions cheap to read, and
    cost some bytes. By default a picture of up to 1.5 million pixels is one tile, and larger ones have tiles of 1024.
    ``metadata`` replaces what the signal has. Colours of pixels whose alpha is 0 continue the visible ones, unless
    ``keep_hidden``, ``lossless`` or ``max_error`` is given. ``threads`` is 1 to 4096, one for each core by default; the
    bytes do not depend on it.

    Raises :class:`SignalError` for arrays that are no picture or sound, such as ones with NaN, :class:`OptionError` for
    arguments out of range and targets that no level meets, :class:`LimitError` beyond ``limits``, and
    :class:`TypeError`. Ctrl-C ends a search.

    >>> import numpy, wavern
    >>> ramp = numpy.tile(numpy.arange(0, 256, 4, dtype=numpy.uint8), (48, 1))
    >>> wavern.decode(wavern.encode(ramp, quality=80)).shape
    (48, 64)
    """
    options = EncodeOptions.of(
        quality=quality,
        lossless=lossless,
        max_error=max_error,
        target_size=target_size,
        target_bpp=target_bpp,
        target_psnr=target_psnr,
        bitrate=bitrate,
        tune=tune,
        effort=effort,
        tile_side=tile_side,
        keep_hidden=keep_hidden,
        threads=threads,
        limits=limits,
    )
    found = signal_of(signal, sample_rate, metadata)
    found.metadata.check()
    if isinstance(found, Image):
        options.only_for_pictures()
        # Before there are copies.
        if isinstance(found.pixels, np.ndarray) and found.pixels.ndim >= 2:
            height, width = found.pixels.shape[:2]
            _wavern.check_size(height, width, options.limits)
        alpha = None if found.alpha is None else contiguous(found.alpha, "alpha")
        return _wavern.encode_image(contiguous(found.pixels, "pixels"), alpha, found.metadata, options)
    options.only_for_sounds()
    rate = integer("sample_rate", found.sample_rate, 1, 2**32 - 1)
    samples = contiguous(found.samples, "samples")
    if not isinstance(found.sample_format, str):
        raise TypeError(f"sample_format is of type {type(found.sample_format).__name__} (expected a str)")
    return _wavern.encode_audio(samples, rate, found.sample_format, found.metadata, options)


def decode(
    file: File,
    *,
    region: tuple[int, int, int, int] | None = None,
    scale: float = 1,
    threads: int | None = None,
    limits: Limits | None = None,
) -> npt.NDArray[Any]:
    """Decode a .wvn file (bytes, or a path) to an array.

    A picture is ``[height, width]`` or ``[height, width, 3]`` of ``uint8`` or ``uint16``, and has one channel more if
    there is alpha. A sound is ``[channels, frames]`` of ``float32``, full scale at ±1.

    Pictures only: ``region`` is ``(x, y, width, height)`` in pixels of the whole picture; the pixels are those of the
    whole picture, and only the tiles that they need are read. ``scale`` is 1, 1/2, 1/4 or 1/8; sides are rounded up. Of
    both together comes the part of the smaller picture that the region touches.

    Raises :class:`FormatError` for what is no .wvn file or damaged, :class:`UnsupportedError` for files of a later
    version, :class:`LimitError` beyond ``limits``, :class:`WeightsError` for files of other weights,
    :class:`OptionError` for a region outside of the picture, :class:`KindError` for a region of a sound.
    """
    options = DecodeOptions.of(region=region, scale=scale, threads=threads, limits=limits)
    data, path = file_bytes(file)
    with _telling(path):
        return signal_from(_wavern.decode(data, options)).array()


def decode_image(
    file: File,
    *,
    region: tuple[int, int, int, int] | None = None,
    scale: float = 1,
    threads: int | None = None,
    limits: Limits | None = None,
) -> Image:
    """Decode a picture with its alpha and metadata. Arguments and errors are those of :func:`decode`.

    Raises :class:`KindError` for a sound.
    """
    options = DecodeOptions.of(region=region, scale=scale, threads=threads, limits=limits)
    found = _of_kind("image", file, options)
    assert isinstance(found, Image)
    return found


def decode_audio(
    file: File,
    *,
    start: int = 0,
    stop: int | None = None,
    threads: int | None = None,
    limits: Limits | None = None,
) -> Audio:
    """Decode a sound, or its frames from ``start`` up to ``stop``, with its metadata.

    The samples of a part are those of the whole sound, and only the segments that it touches are decoded. Errors are
    those of :func:`decode`; :class:`OptionError` is raised for a part outside of the sound, :class:`KindError` for a
    picture.
    """
    options = DecodeOptions.of(start=start, stop=stop, threads=threads, limits=limits)
    found = _of_kind("audio", file, options)
    assert isinstance(found, Audio)
    return found


#: What a signal of each kind is called.
_SIGNALS = {"image": "picture", "audio": "sound"}


def _of_kind(kind: str, file: File, options: DecodeOptions) -> Image | Audio:
    """The signal of a file, refused before it is decoded if it is of the other kind."""
    data, path = file_bytes(file)
    with _telling(path):
        found = _wavern.probe(data, options.limits)["kind"]
        if found != kind:
            raise KindError(f"the file holds a {_SIGNALS[found]}, not a {_SIGNALS[kind]}", found=found)
        return signal_from(_wavern.decode(data, options))


def latents(
    file: File,
    *,
    dtype: Dtype = "int16",
    layout: Layout = "channels_first",
    crop: tuple[int, int, int, int] | tuple[int, int] | None = None,
    threads: int | None = None,
    limits: Limits | None = None,
) -> Latents:
    """The quantized latents of a .wvn file, without the synthesis: see :class:`Latents` for shapes and fields.

    ``dtype`` is that of ``y``. Integers are the symbols in the file: ``"int32"`` holds all that can be coded, ``"int16"``
    all that photographs have, and ``"int8"`` is clipped to −128..=127, which quality 60 hardly reaches and quality 100
    does in some hundredths of a percent of its values; ``Latents.clipped`` counts what was. ``"float32"`` is ŷ as the
    synthesis takes it, in the same units at every quality.

    ``crop`` asks for a part, in positions of ``y``: ``(row, column, rows, columns)`` of a picture, ``(frame, frames)`` of a
    sound. The values are those of the whole, and only the tiles or segments that it touches are read; ``z`` is all of it
    that stands for a position of the part.

    Errors are those of :func:`decode`; :class:`OptionError` is raised for a crop that is empty or not inside.
    """
    options = LatentOptions.of(dtype=dtype, layout=layout, crop=crop, threads=threads, limits=limits)
    data, path = file_bytes(file)
    with _telling(path):
        return latents_from(_wavern.latents(data, options), layout)


def decode_latents(latents: Latents, *, threads: int | None = None) -> npt.NDArray[Any]:
    """The picture that latents of ``float32`` stand for, without alpha.

    For latents as they come from :func:`latents`, these are the pixels of :func:`decode`, bit for bit. ``latents.y`` may
    also come from elsewhere, such as a network, as long as it has its shape and is finite: replace it with
    :func:`dataclasses.replace`. Integers are refused, as they lack the residuals; and so are sounds.

    Raises :class:`OptionError` for another type or shape (such as that of a crop) or a level out of range,
    :class:`SignalError` for values that are not finite, :class:`WeightsError` for latents of other weights, :class:`KindError` for a sound.

    >>> import numpy, wavern
    >>> file = wavern.encode(numpy.zeros((40, 30), numpy.uint8))
    >>> pixels = wavern.decode_latents(wavern.latents(file, dtype="float32"))
    >>> bool((pixels == wavern.decode(file)).all())
    True
    """
    if not isinstance(latents, Latents):
        raise TypeError(f"latents are of type {type(latents).__name__} (expected wavern.Latents)")
    info = latents.info
    if not isinstance(info, ImageInfo):
        raise KindError("the latents are those of a sound, not of a picture", found="audio")
    y = contiguous(latents.y, "y")
    if y.dtype != "float32":
        raise OptionError(
            f"dtype: {y.dtype} (expected float32, which holds the residuals too)", option="dtype"
        )
    if y.ndim != 3:
        raise SignalError(f"latents of {y.ndim} axes (expected 3)")
    if latents.layout == "channels_first":
        y = contiguous(y.transpose(1, 2, 0), "y")
    return _wavern.decode_latents(y, _checked(info), count_of_threads(threads))


def _checked(info: ImageInfo) -> ImageInfo:
    """With numbers that fit their types."""
    for name, most in (("width", 2**32 - 1), ("height", 2**32 - 1), ("depth", 16), ("level", 1023)):
        integer(name, getattr(info, name), 0, most)
    return info


def probe(file: File, *, limits: Limits | None = None) -> ImageInfo | AudioInfo:
    """Kind, size and weights of a .wvn file, from its first bytes, of which 64 suffice. Nothing is decoded.

    Raises :class:`FormatError` if they are not the beginning of a .wvn file, :class:`LimitError` beyond ``limits``.
    """
    data, path = _first_bytes(file)
    with _telling(path):
        return _info(_wavern.probe(data, limit_changes(limits)))


def inspect(file: File, *, limits: Limits | None = None) -> Contents:
    """What a whole .wvn file holds beside its signal: metadata, alpha, length. No pixels and no samples are computed.

    Errors are those of :func:`decode`.
    """
    data, path = file_bytes(file)
    with _telling(path):
        fields = _wavern.inspect(data, limit_changes(limits))
    extra = {name: fields[name] for name in ("alpha", "tiles", "frames", "segments") if name in fields}
    return Contents(_info(fields), Metadata(**fields["metadata"]), **extra)


def verify(file: File, *, threads: int | None = None, limits: Limits | None = None) -> Report:
    """Compare every checksum of a .wvn file and decode every symbol, and report what is wrong.

    Damage is no exception but in the report, which is true if the file is whole. What leaves nothing to check raises
    the errors of :func:`decode`: what is no .wvn file, a header that is damaged twice, limits, other weights.
    """
    options = DecodeOptions.of(threads=threads, limits=limits)
    data, path = file_bytes(file)
    with _telling(path):
        fields = _wavern.verify(data, options)
    damaged = [Damaged(*part) for part in fields["damaged"]]
    return Report(fields["kind"], fields["faults"], damaged, fields["parts"])


def _first_bytes(file: File) -> tuple[bytes, str | None]:
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open("rb") as stream:
            return stream.read(PROBED), str(os.fspath(file))
    data, path = file_bytes(file)
    return data[:PROBED], path


@contextlib.contextmanager
def _telling(path: str | None) -> Iterator[None]:
    """Errors inside know the file."""
    try:
        yield
    except WavernError as error:
        error.path = path
        raise


def _info(fields: dict[str, Any]) -> ImageInfo | AudioInfo:
    if fields["kind"] == "image":
        picture = ("width", "height", "color", "depth", "level", "weights")
        return ImageInfo(**{name: fields[name] for name in picture})
    sound = ("sample_rate", "channels", "sample_format", "level", "weights")
    return AudioInfo(**{name: fields[name] for name in sound})


def signal_from(fields: dict[str, Any]) -> Image | Audio:
    metadata = Metadata(**fields["metadata"])
    level, weights = fields["level"], fields["weights"]
    if fields["kind"] == "image":
        return Image(fields["pixels"], fields["alpha"], metadata, level, weights)
    return Audio(fields["samples"], fields["sample_rate"], fields["sample_format"], metadata, level, weights)


def latents_from(fields: dict[str, Any], layout: str) -> Latents:
    return Latents(
        y=fields["y"],
        z=fields["z"],
        info=_info(fields),
        layout=layout,
        gains=fields["gains"],
        clipped=fields["clipped"],
        spans=fields["spans"],
        stride=tuple(fields["stride"]),
        hyper_stride=tuple(fields["hyper_stride"]),
        origin=tuple(fields["origin"]),
    )
