"""What becomes of a file: of its bytes, other bytes or rows of a table."""

from __future__ import annotations

import dataclasses
import io
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from . import metrics
from ._codec import Dtype, decode, encode, latents, probe
from ._errors import OptionError
from ._input import signal_of
from ._options import EncodeOptions, LatentOptions, real
from ._signals import Audio, AudioInfo, Image

#: Extensions of what :func:`wavern.encode` reads.
FOREIGN = frozenset(
    {"bmp", "gif", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff", "wav", "webp"}
)

#: Names and types of columns, as of Arrow, of what a job makes of a file.
Columns = dict[str, Literal["binary", "string", "int64", "float64"]]


class Job(ABC):
    """What becomes of a file. Jobs are sent to worker processes, so they can be pickled."""

    extensions: ClassVar[frozenset[str]]
    """Of the files that it takes; a shard's others are passed on."""
    columns: Columns
    """What it gives for a file; ``key.png`` becomes ``key.`` and these names, or columns of a table."""
    rows: ClassVar[bool] = False
    """Whether it gives rows of numbers, any number for a file, in place of files."""

    @abstractmethod
    def __call__(self, data: bytes) -> list[dict[str, Any]]:
        """The columns of a file: one row of them, or with :attr:`rows` any number. What fails raises an exception."""


@dataclasses.dataclass(frozen=True, init=False)
class Encode(Job):
    """Pictures that Pillow reads and WAV → ``wvn``. Arguments are those of :func:`wavern.encode`."""

    options: dict[str, Any]
    extensions: ClassVar[frozenset[str]] = FOREIGN
    columns: ClassVar[Columns] = {"wvn": "binary"}  # type: ignore[misc]

    def __init__(self, **options: Any) -> None:
        options.setdefault("threads", 1)
        # Refused here, and not by each file.
        EncodeOptions.of(**options)
        object.__setattr__(self, "options", options)

    def __call__(self, data: bytes) -> list[dict[str, Any]]:
        """Its ``wvn``."""
        return [{"wvn": encode(data, **self.options)}]


@dataclasses.dataclass(frozen=True)
class Decode(Job):
    """``wvn`` → ``npy``, arrays as of :func:`wavern.decode`; or pictures → ``png`` of 8 bits with their metadata."""

    form: Literal["npy", "png"] = "npy"
    scale: float = 1
    threads: int = 1
    extensions: ClassVar[frozenset[str]] = frozenset({"wvn"})

    def __post_init__(self) -> None:
        if self.form not in ("npy", "png"):
            raise OptionError(f"form: {self.form!r} (expected 'npy' or 'png')", option="form")
        if self.form == "png" and self.scale != 1:
            raise OptionError("scale: only with form='npy'", option="scale")

    @property
    def columns(self) -> Columns:  # type: ignore[override]
        """One, with the name of the form."""
        return {self.form: "binary"}

    def __call__(self, data: bytes) -> list[dict[str, Any]]:
        """Its array or picture."""
        if self.form == "npy":
            return [{"npy": _npy(decode(data, scale=self.scale, threads=self.threads))}]
        import PIL.Image

        from . import pillow  # noqa: F401 (registers)

        out = io.BytesIO()
        with PIL.Image.open(io.BytesIO(data), formats=["WVN"]) as image:
            image.save(out, "PNG", exif=image.info.get("exif", b""))
        return [{"png": out.getvalue()}]


@dataclasses.dataclass(frozen=True)
class Latents(Job):
    """``wvn`` → ``y.npy`` and ``z.npy``, the arrays of :class:`wavern.Latents`, and ``latents.json`` with its other fields."""

    dtype: Dtype = "int16"
    threads: int = 1
    extensions: ClassVar[frozenset[str]] = frozenset({"wvn"})
    columns: ClassVar[Columns] = {  # type: ignore[misc]
        "y.npy": "binary",
        "z.npy": "binary",
        "latents.json": "string",
    }

    def __post_init__(self) -> None:
        if self.dtype not in ("int8", "int16", "int32", "float32"):
            expected = "int8, int16, int32 or float32"
            raise OptionError(f"dtype: {self.dtype!r} (expected {expected})", option="dtype")
        LatentOptions.of(threads=self.threads)

    def __call__(self, data: bytes) -> list[dict[str, Any]]:
        """Its latents."""
        found = latents(data, dtype=self.dtype, threads=self.threads)
        said = dataclasses.asdict(found.info) | {
            "gains": None if found.gains is None else found.gains.tolist(),
            "clipped": found.clipped,
            "stride": found.stride,
            "hyper_stride": found.hyper_stride,
            "spans": None if found.spans is None else found.spans.tolist(),
        }
        return [{"y.npy": _npy(found.y), "z.npy": _npy(found.z), "latents.json": json.dumps(said)}]


@dataclasses.dataclass(frozen=True, init=False)
class Evaluate(Job):
    """Pictures and WAV → rows with size, time and error at each of some qualities.

    Other arguments are those of :func:`wavern.encode`. A column that does not apply to a kind of signal is empty.
    """

    qualities: tuple[float, ...]
    options: dict[str, Any]
    extensions: ClassVar[frozenset[str]] = FOREIGN
    columns: ClassVar[Columns] = {  # type: ignore[misc]
        "kind": "string",
        "quality": "float64",
        "level": "int64",
        "bytes": "int64",
        "samples": "int64",
        "bits_per_sample": "float64",
        "psnr": "float64",
        "ssimulacra2": "float64",
        "si_sdr": "float64",
        "log_spectral_distance": "float64",
        "encode_seconds": "float64",
        "decode_seconds": "float64",
    }
    rows: ClassVar[bool] = True

    def __init__(self, qualities: Sequence[float] = (20, 40, 60, 80), **options: Any) -> None:
        options.setdefault("threads", 1)
        found = tuple(real("qualities", quality) for quality in qualities)
        for quality in found:
            EncodeOptions.of(quality=quality, **options)
            if not 0 <= quality <= 100:
                raise OptionError(f"qualities: {quality} (expected 0 to 100)", option="qualities")
        object.__setattr__(self, "qualities", found)
        object.__setattr__(self, "options", options)

    def __call__(self, data: bytes) -> list[dict[str, Any]]:
        """A row for each quality. A picture's samples are pixels, a sound's are frames."""
        signal = signal_of(data, None, None)
        return [self._row(signal, quality) for quality in self.qualities]

    def _row(self, signal: Image | Audio, quality: float) -> dict[str, Any]:
        threads = self.options["threads"]
        start = time.perf_counter()
        file = encode(signal, quality=quality, **self.options)
        encoded = time.perf_counter()
        decoded = decode(file, threads=threads)
        done = time.perf_counter()
        info = probe(file)
        row: dict[str, Any] = dict.fromkeys(self.columns)
        row |= {
            "kind": info.kind,
            "quality": quality,
            "level": info.level,
            "bytes": len(file),
            "encode_seconds": encoded - start,
            "decode_seconds": done - encoded,
        }
        if isinstance(signal, Audio) and isinstance(info, AudioInfo):
            row["samples"] = signal.frames
            row["si_sdr"] = metrics.si_sdr(signal.samples, decoded)
            row["log_spectral_distance"] = metrics.log_spectral_distance(signal.samples, decoded)
        elif isinstance(signal, Image):
            row["samples"] = signal.width * signal.height
            channels = 1 if signal.pixels.ndim == 2 else 3
            pixels = decoded if signal.alpha is None else decoded[..., :channels].reshape(signal.pixels.shape)
            row["psnr"] = metrics.psnr(signal.pixels, pixels)
            if min(signal.width, signal.height) >= 8:
                row["ssimulacra2"] = metrics.ssimulacra2(signal.pixels, pixels, threads=threads)
        if row["samples"]:
            row["bits_per_sample"] = 8 * len(file) / row["samples"]
        return row


def _npy(array: npt.NDArray[Any]) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=False)
    return out.getvalue()
