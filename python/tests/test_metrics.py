"""Metrics against formulas written out here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import wavern
from wavern import metrics


def test_psnr_is_the_formula(photo: npt.NDArray[Any], photo_file: bytes) -> None:
    back = wavern.decode(photo_file)
    error = ((photo.astype(float) - back) ** 2).mean()
    assert metrics.psnr(photo, back) == pytest.approx(10 * math.log10(255**2 / error), abs=1e-9)
    luma = np.array([0.299, 0.587, 0.114])
    error = ((photo @ luma - back @ luma) ** 2).mean()
    assert metrics.psnr_y(photo, back) == pytest.approx(10 * math.log10(255**2 / error), abs=1e-6)
    assert metrics.psnr(photo, photo) == math.inf
    sixteen = [image.astype(np.uint16) * 257 for image in (photo, back)]
    assert metrics.psnr(*sixteen) == pytest.approx(metrics.psnr(photo, back), abs=1e-9)


def test_perceptual_metrics_rise_with_quality(photo: npt.NDArray[Any]) -> None:
    low, high = (wavern.decode(wavern.encode(photo, quality=quality)) for quality in (10, 90))
    assert metrics.ssimulacra2(photo, low) < metrics.ssimulacra2(photo, high) < 100
    assert metrics.ms_ssim(photo, low) < metrics.ms_ssim(photo, high) < 1
    assert metrics.butteraugli(photo, low) > metrics.butteraugli(photo, high) > 0
    assert metrics.ssimulacra2(photo, photo) == pytest.approx(100, abs=1e-6)
    assert metrics.ms_ssim(photo, wavern.Image(photo)) == pytest.approx(1)


def test_metrics_of_sounds(tone: npt.NDArray[np.float32]) -> None:
    noise = np.random.default_rng(2).normal(0, 0.01, tone.shape).astype(np.float32)
    expected = []
    for clean, noisy in zip(tone.astype(float), (tone + noise).astype(float), strict=True):
        scaled = clean * (clean @ noisy) / (clean @ clean)
        expected.append(10 * math.log10((scaled @ scaled) / ((noisy - scaled) @ (noisy - scaled))))
    assert metrics.si_sdr(tone, tone + noise) == pytest.approx(np.mean(expected), abs=1e-2)
    assert metrics.log_spectral_distance(tone, tone) == 0 < metrics.log_spectral_distance(tone, tone + noise)
    assert metrics.mel_distance(tone, tone, 8000) == 0 < metrics.mel_distance(tone, tone + noise, 8000)
    audio = [wavern.Audio(samples, 8000) for samples in (tone, tone + noise)]
    assert metrics.mel_distance(*audio) == metrics.mel_distance(tone, tone + noise, 8000)


def test_bd_rate_of_a_curve_with_less_rate() -> None:
    anchor = [(0.25, 30.0), (0.5, 33.0), (1.0, 36.5), (2.0, 40.0)]
    found = metrics.bd_rate(anchor, [(rate * 0.8, quality) for rate, quality in reversed(anchor)])
    assert found.percent == pytest.approx(-20)
    assert (found.least, found.most, found.anchor_share, found.test_share) == (30, 40, 1, 1)
    array = np.array(anchor)
    assert metrics.bd_rate(array, array).percent == pytest.approx(0)


@pytest.mark.parametrize(
    ("anchor", "test"),
    [
        ([(1, 30)], [(1, 30), (2, 40)]),
        ([(1, 30), (2, 30)], [(1, 30), (2, 40)]),
        ([(1, 30), (2, 40)], [(1, 50), (2, 60)]),
        ([(1, math.nan), (2, 40)], [(1, 30), (2, 40)]),
        ([(-1, 30), (2, 40)], [(1, 30), (2, 40)]),
        ([], []),
    ],
)
def test_curves_that_cannot_be_compared(anchor: Any, test: Any) -> None:
    with pytest.raises(wavern.SignalError, match=r"\w+ \w+"):
        metrics.bd_rate(anchor, test)


def test_signals_that_cannot_be_compared(photo: npt.NDArray[Any], tone: npt.NDArray[np.float32]) -> None:
    for metric in (metrics.psnr, metrics.psnr_y, metrics.ms_ssim, metrics.ssimulacra2, metrics.butteraugli):
        for other in (photo[1:], photo[:, :, 0], photo.astype(np.uint16)):
            with pytest.raises(wavern.SignalError, match="expected one shape"):
                metric(photo, other)
        with pytest.raises(wavern.SignalError):
            metric(photo.astype(float), photo)
    for metric in (metrics.ms_ssim, metrics.ssimulacra2, metrics.butteraugli):
        with pytest.raises(wavern.SignalError, match="means nothing for pictures of 5x4"):
            metric(photo[:4, :5], photo[:4, :5])
    with pytest.raises(wavern.SignalError, match="means nothing"):
        metrics.si_sdr(tone * 0, tone)
    with pytest.raises(wavern.SignalError, match="expected one shape"):
        metrics.si_sdr(tone, tone[:, 1:])
    with pytest.raises(wavern.SignalError, match="finite"):
        metrics.si_sdr(tone, tone * np.nan)
    with pytest.raises(wavern.SignalError, match="sample_rate"):
        metrics.mel_distance(tone, tone)
    with pytest.raises(wavern.OptionError):
        metrics.psnr(photo, photo, threads=0)
