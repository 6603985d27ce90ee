"""Arguments of the functions, checked and in the form that the Rust side takes."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, fields
from typing import Any

from ._errors import OptionError


@dataclass(frozen=True)
class Limits:
    """Upper bounds on what a file may ask for, each checked before anything is allocated. ``None`` is the default, which
    suits files from strangers.

    A file over a limit raises :class:`~wavern.LimitError`, which names both numbers. All are integers from 0 on.
    """

    pixels: int | None = None
    """Pixels of a picture, width × height. Default 2**28."""
    side: int | None = None
    """Pixels along each side of a picture. Default 2**20."""
    samples: int | None = None
    """Samples of a sound, frames × channels. Default 2**40."""
    channels: int | None = None
    """Channels of a sound. Default 32."""
    sample_rate: int | None = None
    """Sample rate in hertz. Default 768,000."""
    segment_frames: int | None = None
    """Frames of a segment of a sound. Default 2**20."""
    chunks: int | None = None
    """Chunks of a file. Default 65,536."""
    metadata_bytes: int | None = None
    """Bytes of metadata. Default 2**24."""
    work_per_byte: int | None = None
    """Pixels or samples for each byte of the file. Default 2**16."""
    memory_bytes: int | None = None
    """Bytes of memory set aside for what a file declares. Default 2**30."""

    def changes(self) -> list[tuple[str, int]]:
        """The limits that are not the default."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [
            (name, integer(f"limits.{name}", value, 0, 2**64 - 1))
            for name, value in given
            if value is not None
        ]


def limit_changes(limits: Limits | None) -> list[tuple[str, int]]:
    """Of an argument ``limits``."""
    if limits is None:
        return []
    if not isinstance(limits, Limits):
        raise TypeError(f"limits is of type {type(limits).__name__} (expected wavern.Limits)")
    return limits.changes()


def integer(name: str, value: Any, least: int, most: int) -> int:
    """``value`` as an integer in a range."""
    if isinstance(value, bool):
        raise TypeError(f"{name} is a bool (expected an integer)")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is of type {type(value).__name__} (expected an integer)") from None
    if not least <= number <= most:
        raise OptionError(f"{name}: {number} (expected {least}..={most})", option=name)
    return number


def real(name: str, value: Any) -> float:
    """``value`` as a finite float."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is of type {type(value).__name__} (expected a number)") from None
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise OptionError(f"{name}: {number} (expected a finite number)", option=name)
    return number


def positive(name: str, value: Any) -> float:
    """``value`` as a finite float above 0."""
    number = real(name, value)
    if number <= 0:
        raise OptionError(f"{name}: {number} (expected a number above 0)", option=name)
    return number


def count_of_threads(threads: int | None) -> int | None:
    """Of an argument ``threads``."""
    return None if threads is None else integer("threads", threads, 1, 4096)


@dataclass(frozen=True)
class EncodeOptions:
    """What :func:`wavern.encode` was asked for."""

    quality: float | None
    lossless: bool
    max_error: int | None
    target_size: int | None
    target_bpp: float | None
    target_psnr: float | None
    bitrate: int | None
    tune: str
    effort: int
    tile_side: int | None
    limits: list[tuple[str, int]]
    keep_hidden: bool
    threads: int | None

    @classmethod
    def of(
        cls,
        *,
        quality: float | None = None,
        lossless: bool = False,
        max_error: int | None = None,
        target_size: int | None = None,
        target_bpp: float | None = None,
        target_psnr: float | None = None,
        bitrate: int | None = None,
        tune: str = "psnr",
        effort: int = 1,
        tile_side: int | None = None,
        keep_hidden: bool = False,
        threads: int | None = None,
        limits: Limits | None = None,
    ) -> EncodeOptions:
        """Of arguments as they come."""
        goals = {
            "quality": quality,
            "lossless": True if lossless else None,
            "max_error": max_error,
            "target_size": target_size,
            "target_bpp": target_bpp,
            "target_psnr": target_psnr,
            "bitrate": bitrate,
        }
        given = [name for name, value in goals.items() if value is not None]
        if len(given) > 1:
            raise OptionError(f"{' and '.join(given)} exclude each other", option=given[1])
        if not isinstance(tune, str):
            raise TypeError(f"tune is of type {type(tune).__name__} (expected a str)")
        return cls(
            lossless=bool(lossless),
            max_error=None if max_error is None else integer("max_error", max_error, 1, 2056),
            quality=None if quality is None else real("quality", quality),
            target_size=None if target_size is None else integer("target_size", target_size, 1, 2**64 - 1),
            target_bpp=None if target_bpp is None else positive("target_bpp", target_bpp),
            target_psnr=None if target_psnr is None else positive("target_psnr", target_psnr),
            bitrate=None if bitrate is None else integer("bitrate", bitrate, 1, 2**32 - 1),
            tune=tune,
            effort=integer("effort", effort, 1, 9),
            tile_side=None if tile_side is None else integer("tile_side", tile_side, 1, 2**32 - 1),
            limits=limit_changes(limits),
            keep_hidden=bool(keep_hidden),
            threads=count_of_threads(threads),
        )

    def only_for_sounds(self) -> None:
        """Refuses goals that pictures have and sounds do not."""
        for name in ("max_error", "target_size", "target_bpp", "target_psnr"):
            if getattr(self, name) is not None:
                raise OptionError(f"{name}: not for sounds (expected quality or bitrate)", option=name)
        if self.tile_side is not None:
            raise OptionError("tile_side: not for sounds, which have segments", option="tile_side")

    def only_for_pictures(self) -> None:
        """Refuses what sounds have and pictures do not."""
        if self.bitrate is not None:
            expected = "quality, target_size, target_bpp or target_psnr"
            raise OptionError(f"bitrate: not for pictures (expected {expected})", option="bitrate")


@dataclass(frozen=True)
class DecodeOptions:
    """What :func:`wavern.decode` was asked for."""

    region: tuple[int, int, int, int] | None
    halvings: int
    frames: tuple[int, int | None] | None
    limits: list[tuple[str, int]]
    threads: int | None

    @classmethod
    def of(
        cls,
        *,
        region: tuple[int, int, int, int] | None = None,
        scale: float = 1,
        start: int = 0,
        stop: int | None = None,
        threads: int | None = None,
        limits: Limits | None = None,
    ) -> DecodeOptions:
        """Of arguments as they come."""
        if region is not None:
            try:
                sides = tuple(region)
            except TypeError:
                raise TypeError("region is not (x, y, width, height)") from None
            if len(sides) != 4:
                raise OptionError(
                    f"region: {len(sides)} numbers (expected x, y, width, height)", option="region"
                )
            names = ("x", "y", "width", "height")
            values = [
                integer(f"region {name}", side, 0, 2**32 - 1) for name, side in zip(names, sides, strict=True)
            ]
            region = (values[0], values[1], values[2], values[3])
        halvings = {1.0: 0, 0.5: 1, 0.25: 2, 0.125: 3}.get(real("scale", scale))
        if halvings is None:
            raise OptionError(f"scale: {scale} (expected 1, 1/2, 1/4 or 1/8)", option="scale")
        frames = None
        if start != 0 or stop is not None:
            last = None if stop is None else integer("stop", stop, 0, 2**64 - 1)
            frames = (integer("start", start, 0, 2**64 - 1), last)
        return cls(region, halvings, frames, limit_changes(limits), count_of_threads(threads))


@dataclass(frozen=True)
class LatentOptions:
    """What :func:`wavern.latents` was asked for."""

    dtype: str
    channels_last: bool
    crop: tuple[int, ...] | None
    limits: list[tuple[str, int]]
    threads: int | None

    @classmethod
    def of(
        cls,
        *,
        dtype: str = "int16",
        layout: str = "channels_first",
        crop: tuple[int, ...] | None = None,
        threads: int | None = None,
        limits: Limits | None = None,
    ) -> LatentOptions:
        """Of arguments as they come."""
        if not isinstance(dtype, str):
            raise TypeError("dtype is no str (expected 'int8', 'int16', 'int32' or 'float32')")
        if layout not in ("channels_first", "channels_last"):
            problem = f"layout: {layout!r} (expected 'channels_first' or 'channels_last')"
            raise OptionError(problem, option="layout")
        if crop is not None:
            try:
                crop = tuple(crop)
            except TypeError:
                raise TypeError("crop is no tuple of integers") from None
            crop = tuple(integer("crop", number, 0, 2**63 - 1) for number in crop)
        last = layout == "channels_last"
        return cls(dtype, last, crop, limit_changes(limits), count_of_threads(threads))
