"""What goes into the encoder and comes out of the decoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Metadata:
    """What travels beside a signal, kept byte for byte and never interpreted. ``None`` or an empty list is nothing."""

    icc: bytes | None = None
    """ICC colour profile."""
    exif: bytes | None = None
    """EXIF block, beginning with the TIFF header (``II*\\0`` or ``MM\\0*``)."""
    xmp: bytes | None = None
    """XMP packet, XML text."""
    iptc: bytes | None = None
    """Image resources of Photoshop, each beginning with ``8BIM``."""
    png: list[bytes] = field(default_factory=list)
    """Ancillary chunks of PNG: four letters of the type, then the content."""
    riff: list[bytes] = field(default_factory=list)
    """Chunks of RIFF: four letters, the length as little-endian 32 bits, then the content."""
    flac: list[bytes] = field(default_factory=list)
    """Metadata blocks of FLAC: one byte of the type, then the content."""

    def check(self) -> None:
        """Raises TypeError for what are no bytes."""
        for name in ("icc", "exif", "xmp", "iptc"):
            block = getattr(self, name)
            if block is not None and not isinstance(block, bytes):
                raise TypeError(f"metadata.{name} is of type {type(block).__name__} (expected bytes)")
        for name in ("png", "riff", "flac"):
            blocks = getattr(self, name)
            if not isinstance(blocks, list) or not all(isinstance(block, bytes) for block in blocks):
                raise TypeError(f"metadata.{name} is no list of bytes")

    def __repr__(self) -> str:
        single = {name: getattr(self, name) for name in ("icc", "exif", "xmp", "iptc")}
        parts = [f"{name}: {len(block)} bytes" for name, block in single.items() if block is not None]
        lists = {name: getattr(self, name) for name in ("png", "riff", "flac")}
        parts += [f"{name}: {len(blocks)} blocks" for name, blocks in lists.items() if blocks]
        return f"Metadata({', '.join(parts)})"


@dataclass(frozen=True, eq=False)
class Image:
    """A picture.

    ``pixels`` is ``[height, width]`` (gray) or ``[height, width, 3]`` (red, green, blue) of ``uint8`` or ``uint16``, full
    range, as the file stored them: no profile is applied, and no EXIF orientation. ``alpha`` is ``[height, width]`` of the
    same type, 0 transparent, and colours are not multiplied by it.
    """

    pixels: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None = None
    metadata: Metadata = field(default_factory=Metadata)
    level: int | None = None
    """Of a decoded picture: quality level of the file, in 1/64 of the anchors of its weights."""
    weights: str | None = None
    """Of a decoded picture: the id of its weights."""

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    def array(self) -> npt.NDArray[Any]:
        """``pixels``, with alpha as the last channel if there is any: ``[height, width, 2]`` or ``[height, width, 4]``."""
        return self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha])

    def __repr__(self) -> str:
        alpha = ", alpha" if self.alpha is not None else ""
        return f"Image({list(self.pixels.shape)} {self.pixels.dtype}{alpha}, {self.metadata!r})"


@dataclass(frozen=True, eq=False)
class Audio:
    """A sound.

    ``samples`` is ``[channels, frames]`` of ``float32``, full scale at ±1; values beyond are allowed. ``sample_rate`` is
    in hertz. ``sample_format`` says how samples were stored and are to be stored again: ``"uint8"``, ``"int16"``,
    ``"int24"``, ``"int32"``, ``"float32"`` or ``"float64"``.
    """

    samples: npt.NDArray[np.float32]
    sample_rate: int
    sample_format: str = "float32"
    metadata: Metadata = field(default_factory=Metadata)
    level: int | None = None
    """Of a decoded sound: quality level of its first segment, in 1/64 of the anchors of its weights."""
    weights: str | None = None
    """Of a decoded sound: the id of its weights."""

    @property
    def channels(self) -> int:
        """Channels, 1 to 32."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Samples of each channel."""
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / self.sample_rate

    def array(self) -> npt.NDArray[np.float32]:
        """``samples``."""
        return self.samples

    def __repr__(self) -> str:
        return f"Audio({list(self.samples.shape)}, {self.sample_rate} Hz, {self.sample_format}, {self.metadata!r})"


@dataclass(frozen=True)
class ImageInfo:
    """What the first bytes of a picture say."""

    width: int
    """Pixels in a row."""
    height: int
    """Rows."""
    color: str
    """``"gray"`` or ``"rgb"``; whether there is alpha is told by :func:`wavern.inspect`."""
    depth: int
    """Bits of a sample: 8 or 16."""
    level: int
    """Quality level, in 1/64 of the anchors of the weights."""
    weights: str
    """The id of the weights."""
    kind: str = "image"
    """``"image"``."""


@dataclass(frozen=True)
class AudioInfo:
    """What the first bytes of a sound say; its length is told by :func:`wavern.inspect`."""

    sample_rate: int
    """Frames per second, in hertz."""
    channels: int
    """Channels."""
    sample_format: str
    """As in :class:`Audio`."""
    level: int
    """Quality level of the first segment, in 1/64 of the anchors of the weights."""
    weights: str
    """The id of the weights."""
    kind: str = "audio"
    """``"audio"``."""


@dataclass(frozen=True)
class Contents:
    """What a whole file holds beside its signal."""

    info: ImageInfo | AudioInfo
    """What the first bytes say."""
    metadata: Metadata
    """What travels beside the signal."""
    alpha: bool = False
    """Whether a picture has an alpha channel."""
    tiles: int | None = None
    """Of a picture: parts that are coded by themselves."""
    frames: int | None = None
    """Of a sound: samples of each channel."""
    segments: int | None = None
    """Of a sound: parts that are coded by themselves."""


@dataclass(frozen=True)
class Damaged:
    """A tile or segment that cannot be decoded."""

    index: int
    """Which one, from 0."""
    area: tuple[int, int, int, int] | None
    """Of a tile: x, y, width and height of its pixels."""
    problem: str
    """What is wrong, in words."""


@dataclass(frozen=True)
class Report:
    """What :func:`wavern.verify` found. It is true if the file is whole."""

    kind: str
    """``"image"`` or ``"audio"``."""
    faults: list[str]
    """What is wrong outside of tiles and segments, in words."""
    damaged: list[Damaged]
    """Tiles or segments that cannot be decoded."""
    parts: int
    """Tiles or segments of the whole file, as far as is known."""

    @property
    def ok(self) -> bool:
        """Whether the file is whole."""
        return not self.faults and not self.damaged

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True, eq=False)
class Latents:
    """The quantized latents of a file: what a network may learn from in place of pixels or samples.

    With ``layout="channels_first"`` the shapes are

    - picture: ``y`` ``[channels, rows, columns]``, ``z`` ``[hyper channels, hyper rows, hyper columns]``;
    - sound: ``y`` ``[groups, signals, bands, frames]``, ``z`` ``[groups, signals, cells, hyper frames]``.

    With ``"channels_last"``: ``[rows, columns, channels]`` and ``[groups, frames, signals, bands]``. A sound of two
    channels is one group of two signals, mid and side; any other is one group of one signal for each channel. Bands rise
    with frequency.
    """

    y: npt.NDArray[Any]
    """ŷ, of the type that was asked for. Of ``float32``: as the synthesis takes it, times the gains and with the
    residuals that the prior adds."""
    z: npt.NDArray[np.int32]
    """ẑ, the coarser side information; of a sound, its loudness in steps of 4 dB."""
    info: ImageInfo | AudioInfo
    """What the file says of itself: its size, its level, its weights."""
    layout: str
    """``"channels_first"`` or ``"channels_last"``."""
    gains: npt.NDArray[np.float32] | None
    """Of a picture, ``[channels]``: ``y`` of integers times this is ``y`` of ``float32``, except for residuals of less
    than a step. ``None`` for a sound, whose level may change on the way."""
    clipped: int
    """How many values of ``y`` did not fit its type and are its least or largest value."""
    stride: tuple[int, int]
    """Rows and columns of pixels that a position of ``y`` stands for; of a sound, 1 and frames of samples."""
    hyper_stride: tuple[int, int]
    """Rows and columns of ``y`` that a position of ``z`` stands for."""
    spans: npt.NDArray[np.int32] | None = None
    """Of a sound, ``[groups, hyper frames]``: 1 where each frame has a transform of its own, else the frames, 4 or 8, of
    a *span* with one transform, whose coefficient ``k`` is in band ``k // span`` of its frame ``k % span``. Spans begin
    at multiples of their length. ``None`` for a picture."""
    origin: tuple[int, int] = (0, 0)
    """Row and column, in the latents of the whole file, of the first position of ``y``; of a sound, 0 and a frame. The
    first position of ``z`` is this over ``hyper_stride``, rounded down."""

    @property
    def kind(self) -> str:
        """``"image"`` or ``"audio"``."""
        return self.info.kind

    @property
    def level(self) -> int:
        """Quality level of the file (of a sound, of its first segment), in 1/64 of the anchors of its weights."""
        return self.info.level

    @property
    def weights(self) -> str:
        """The id of the weights. Latents of different weights do not mean the same."""
        return self.info.weights

    def __repr__(self) -> str:
        shapes = f"y={list(self.y.shape)} {self.y.dtype}, z={list(self.z.shape)}"
        return f"Latents({self.kind}, {shapes}, level={self.level}, weights={self.weights})"
