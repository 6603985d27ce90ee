"""How far a decoded picture or sound is from the original, and one codec from another.

Pictures are arrays ``[height, width]`` or ``[height, width, 3]`` of ``uint8`` or ``uint16``, or :class:`wavern.Image`;
alpha does not count. Sounds are arrays ``[frames]`` or ``[channels, frames]`` of floats with full scale at ±1, or
:class:`wavern.Audio`. Both arguments must be of one shape and type; :class:`wavern.SignalError` is raised if they are
not, or where the metric means nothing. All functions release the lock of the interpreter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _wavern
from ._errors import SignalError
from ._input import contiguous, picture_of, sound_of
from ._options import count_of_threads
from ._signals import Audio, Image

__all__ = [
    "BdRate",
    "bd_rate",
    "butteraugli",
    "log_spectral_distance",
    "mel_distance",
    "ms_ssim",
    "psnr",
    "psnr_y",
    "si_sdr",
    "ssimulacra2",
]


@dataclass(frozen=True)
class BdRate:
    """How much more rate one curve needs than another for the same quality."""

    percent: float
    """Mean difference of rate in percent; negative is less."""
    least: float
    """The least quality that both curves reach."""
    most: float
    """The highest quality that both curves reach."""
    anchor_share: float
    """The share of the range of the anchor that both curves cover, 0 to 1."""
    test_share: float
    """The share of the range of the test that both curves cover, 0 to 1."""


def bd_rate(anchor: Iterable[tuple[float, float]], test: Iterable[tuple[float, float]]) -> BdRate:
    """Bjøntegaard's mean difference in rate of ``test`` against ``anchor``, over the qualities that both reach.

    Each point is ``(rate, quality)``: any unit of rate, the same for both, and a quality that is higher for better, such
    as dB. Their order does not matter. Raises :class:`wavern.SignalError` for curves of fewer than two points, with two
    points of one quality, or that share less than a quarter of the range of the narrower one.
    """

    def points(curve: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(float(rate), float(quality)) for rate, quality in curve]

    return BdRate(**_wavern.bd_rate(points(anchor), points(test)))


def psnr(original: Any, decoded: Any, *, threads: int | None = None) -> float:
    """Peak signal-to-noise ratio in dB over all colour samples together; infinite for equal pictures."""
    return _image("psnr", original, decoded, threads)


def psnr_y(original: Any, decoded: Any, *, threads: int | None = None) -> float:
    """PSNR in dB of luma (BT.601, full range, not rounded)."""
    return _image("psnr_y", original, decoded, threads)


def ms_ssim(original: Any, decoded: Any, *, threads: int | None = None) -> float:
    """Multi-scale structural similarity, 1 for equal pictures."""
    return _image("ms_ssim", original, decoded, threads)


def ssimulacra2(original: Any, decoded: Any, *, threads: int | None = None) -> float:
    """SSIMULACRA2: 100 for equal pictures, about 90 where no difference is seen, below 30 for low quality, and negative
    below that. Sides of at least 8 pixels, seen as sRGB of 8 bits."""
    return _image("ssimulacra2", original, decoded, threads)


def butteraugli(original: Any, decoded: Any, *, threads: int | None = None) -> float:
    """Butteraugli's 3-norm: 0 for equal pictures, below 1 hardly anybody sees a difference. Sides of at least 8
    pixels, seen as sRGB of 8 bits on a screen of 80 cd/m²."""
    return _image("butteraugli", original, decoded, threads)


def si_sdr(original: Any, decoded: Any, *, threads: int | None = None) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, the mean over the channels that are not silent."""
    return _audio("si_sdr", original, decoded, None, threads)


def log_spectral_distance(original: Any, decoded: Any, *, threads: int | None = None) -> float:
    """Root mean square over frequencies of the difference of two power spectra in dB, the mean over time and
    channels; windows of 2048 frames. 0 for equal sounds."""
    return _audio("log_spectral_distance", original, decoded, None, threads)


def mel_distance(
    original: Any, decoded: Any, sample_rate: int | None = None, *, threads: int | None = None
) -> float:
    """Sum over seven window lengths of the mean absolute difference of log10 mel amplitudes; 0 for equal sounds.

    ``sample_rate`` in hertz is needed for arrays, which do not know it.
    """
    if sample_rate is None and isinstance(original, Audio):
        sample_rate = original.sample_rate
    if sample_rate is None:
        raise SignalError("mel_distance takes a sample_rate for arrays")
    return _audio("mel_distance", original, decoded, sample_rate, threads)


def _image(name: str, original: Any, decoded: Any, threads: int | None) -> float:
    first, second = _pixels(original), _pixels(decoded)
    if first.shape != second.shape or first.dtype != second.dtype:
        shapes = f"{list(first.shape)} {first.dtype} and {list(second.shape)} {second.dtype}"
        raise SignalError(f"two pictures of {shapes} (expected one shape and one type)")
    value = _wavern.image_metric(name, first, second, count_of_threads(threads))
    if value is None:
        raise SignalError(f"{name} means nothing for pictures of {first.shape[1]}x{first.shape[0]} pixels")
    return value


def _pixels(picture: Any) -> npt.NDArray[Any]:
    image = picture if isinstance(picture, Image) else picture_of(np.asarray(picture))
    return contiguous(image.pixels, "pixels")


def _audio(name: str, original: Any, decoded: Any, sample_rate: int | None, threads: int | None) -> float:
    # Most metrics do not depend on the rate.
    rate = sample_rate or 48_000
    first, second = _samples(original, rate), _samples(decoded, rate)
    if first.shape != second.shape:
        shapes = f"{list(first.shape)} and {list(second.shape)}"
        raise SignalError(f"two sounds of {shapes} (expected one shape)")
    value = _wavern.audio_metric(name, first, second, rate, count_of_threads(threads))
    if value is None:
        raise SignalError(f"{name} means nothing for sounds that are silent or have no samples")
    return value


def _samples(sound: Any, rate: int) -> npt.NDArray[Any]:
    audio = sound if isinstance(sound, Audio) else sound_of(np.asarray(sound), rate)
    return contiguous(audio.samples, "samples")
