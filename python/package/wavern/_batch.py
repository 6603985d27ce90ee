"""Many files at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, overload

import numpy.typing as npt

from . import _wavern
from ._codec import Dtype, Layout, latents_from, signal_from
from ._errors import OptionError, WavernError
from ._input import File, files_bytes
from ._options import DecodeOptions, LatentOptions, Limits
from ._signals import Latents

#: What a batch does with files that fail.
OnError = Literal["raise", "return"]


@overload
def decode_batch(
    files: Iterable[File],
    *,
    region: tuple[int, int, int, int] | None = None,
    scale: float = 1,
    threads: int | None = None,
    limits: Limits | None = None,
    on_error: Literal["raise"] = "raise",
) -> list[npt.NDArray[Any]]: ...


@overload
def decode_batch(
    files: Iterable[File],
    *,
    region: tuple[int, int, int, int] | None = None,
    scale: float = 1,
    threads: int | None = None,
    limits: Limits | None = None,
    on_error: Literal["return"],
) -> list[npt.NDArray[Any] | WavernError]: ...


def decode_batch(
    files: Iterable[File],
    *,
    region: tuple[int, int, int, int] | None = None,
    scale: float = 1,
    threads: int | None = None,
    limits: Limits | None = None,
    on_error: OnError = "raise",
) -> list[npt.NDArray[Any]] | list[npt.NDArray[Any] | WavernError]:
    """Decode many files at once, to a list of arrays as from :func:`decode`, in the same order.

    With ``on_error="return"`` the error of a file that fails is in its place in the list; with ``"raise"`` the first one
    is raised after all files were tried. ``threads`` is for all files together.
    """
    options = DecodeOptions.of(region=region, scale=scale, threads=threads, limits=limits)
    _check(on_error)
    inputs = files_bytes(files)
    results = _wavern.decode_batch([data for data, _ in inputs], options)
    return [
        result if isinstance(result, WavernError) else signal_from(result).array()
        for result in _told(results, inputs, on_error)
    ]


@overload
def latents_batch(
    files: Iterable[File],
    *,
    dtype: Dtype = "int16",
    layout: Layout = "channels_first",
    threads: int | None = None,
    limits: Limits | None = None,
    on_error: Literal["raise"] = "raise",
) -> list[Latents]: ...


@overload
def latents_batch(
    files: Iterable[File],
    *,
    dtype: Dtype = "int16",
    layout: Layout = "channels_first",
    threads: int | None = None,
    limits: Limits | None = None,
    on_error: Literal["return"],
) -> list[Latents | WavernError]: ...


def latents_batch(
    files: Iterable[File],
    *,
    dtype: Dtype = "int16",
    layout: Layout = "channels_first",
    threads: int | None = None,
    limits: Limits | None = None,
    on_error: OnError = "raise",
) -> list[Latents] | list[Latents | WavernError]:
    """The latents of many files at once, as from :func:`latents`, in the same order.

    ``threads`` and ``on_error`` are those of :func:`decode_batch`.
    """
    options = LatentOptions.of(dtype=dtype, layout=layout, threads=threads, limits=limits)
    _check(on_error)
    inputs = files_bytes(files)
    results = _wavern.latents_batch([data for data, _ in inputs], options)
    return [
        result if isinstance(result, WavernError) else latents_from(result, layout)
        for result in _told(results, inputs, on_error)
    ]


def _check(on_error: OnError) -> None:
    if on_error not in ("raise", "return"):
        raise OptionError(f"on_error: {on_error!r} (expected 'raise' or 'return')", option="on_error")


def _told(
    results: Sequence[dict[str, Any] | WavernError], inputs: list[tuple[bytes, str | None]], on_error: OnError
) -> Iterator[dict[str, Any] | WavernError]:
    """The results, whose errors know their files; the first error is raised if it is to be."""
    for result, (_, path) in zip(results, inputs, strict=True):
        if isinstance(result, WavernError):
            result.path = path
            if on_error == "raise":
                raise result
        yield result
