"""Latents against those of the command, and their arrangement."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import wavern


@pytest.mark.parametrize("quality", [5, 60, 100])
def test_pictures_have_the_latents_of_the_command(
    command: Any, tmp_path: Path, photo: npt.NDArray[Any], quality: int
) -> None:
    (tmp_path / "photo.wvn").write_bytes(file := wavern.encode(photo[:250, :370], quality=quality))
    command("latents", tmp_path / "photo.wvn", tmp_path / "photo.npy")
    expected = np.load(tmp_path / "photo.npy")
    found = wavern.latents(file, dtype="int32", layout="channels_last")
    assert np.array_equal(found.y, expected) and found.y.dtype == np.int32
    first = wavern.latents(file)
    assert np.array_equal(first.y, expected.transpose(2, 0, 1)) and first.y.dtype == np.int16
    assert np.array_equal(first.z, found.z.transpose(2, 0, 1))
    rows, columns = -(-250 // first.stride[0]), -(-370 // first.stride[1])
    assert first.y.shape[1:] == (rows, columns)
    assert first.z.shape[1:] == (-(-rows // first.hyper_stride[0]), -(-columns // first.hyper_stride[1]))
    assert isinstance(first.info, wavern.ImageInfo) and first.info == wavern.probe(file)
    assert (first.kind, first.info.height, first.info.width, first.clipped) == ("image", 250, 370, 0)
    small = wavern.latents(file, dtype="int8")
    assert np.array_equal(small.y, expected.transpose(2, 0, 1).clip(-128, 127))
    assert small.clipped == np.count_nonzero((expected < -128) | (expected > 127))


def test_the_clip_of_int8_is_reached(photo: npt.NDArray[Any]) -> None:
    assert wavern.latents(wavern.encode(photo, quality=100), dtype="int8").clipped > 0


def test_floats_are_symbols_times_gains_and_mean_the_same_at_every_quality(photo: npt.NDArray[Any]) -> None:
    coarse, fine = (wavern.encode(photo, quality=quality) for quality in (50, 95))
    symbols, scaled = wavern.latents(coarse), wavern.latents(coarse, dtype="float32")
    assert symbols.gains is not None and symbols.gains.shape == (symbols.y.shape[0],)
    gains = symbols.gains[:, None, None]
    assert scaled.y.dtype == np.float32
    # Residuals are less than a step.
    assert (np.abs(scaled.y - symbols.y * gains) <= gains).all()
    assert not np.array_equal(scaled.y, symbols.y * gains)
    other = wavern.latents(fine, dtype="float32")
    assert np.corrcoef(scaled.y.reshape(-1), other.y.reshape(-1))[0, 1] > 0.95
    last = wavern.latents(coarse, dtype="float32", layout="channels_last")
    assert np.array_equal(last.y.transpose(2, 0, 1), scaled.y)


def natural(coded: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``[frames, 2 · bands]`` in the order of coding (even bands of mid, of side, then odd ones) as
    ``[signals, bands, frames]``."""
    frames, channels = coded.shape
    parts = coded.reshape(frames, 2, 2, channels // 4)  # parity, signal, half of the bands
    return parts.transpose(2, 3, 1, 0).reshape(2, channels // 2, frames)


def test_sounds_are_in_order_of_frequency(
    command: Any, tmp_path: Path, tone: npt.NDArray[np.float32], tone_file: bytes
) -> None:
    (tmp_path / "tone.wvn").write_bytes(tone_file)
    command("latents", tmp_path / "tone.wvn", tmp_path / "tone.npy")
    expected = natural(np.load(tmp_path / "tone.npy")[0])
    found = wavern.latents(tone_file)
    assert np.array_equal(found.y[0], expected) and found.y.shape[:3] == (1, 2, 256)
    last = wavern.latents(tone_file, layout="channels_last")
    assert np.array_equal(last.y, found.y.transpose(0, 3, 1, 2))
    assert np.array_equal(last.z, found.z.transpose(0, 3, 1, 2))
    # 256 bands up to 4 kHz: a tone of 440 Hz is in band 28.
    mono = wavern.latents(wavern.encode(np.sin(2 * np.pi * 440 / 8000 * np.arange(16000)), sample_rate=8000))
    assert mono.y.shape[:3] == (1, 1, 256)
    energy = (mono.y[0, 0].astype(float) ** 2).sum(1)
    assert abs(int(energy.argmax()) - 28) <= 1
    assert (found.kind, found.info, found.gains) == ("audio", wavern.probe(tone_file), None)


def test_sounds_of_several_channels_have_a_group_each(tone: npt.NDArray[np.float32]) -> None:
    three = np.stack([tone[0], 0 * tone[0], tone[1]])
    found = wavern.latents(wavern.encode(three, sample_rate=8000))
    assert found.y.shape[:3] == (3, 1, 256) and found.z.shape[:2] == (3, 1)
    assert found.y[0].any() and not found.y[1].any() and found.y[2].any()
    alone = wavern.latents(wavern.encode(tone[0], sample_rate=8000))
    assert np.array_equal(found.y[0], alone.y[0]) and np.array_equal(found.z[0], alone.z[0])


def test_floats_of_sounds_keep_to_the_symbols(tone: npt.NDArray[np.float32]) -> None:
    # A long sound at a bit rate changes its level on the way.
    rng = np.random.default_rng(3)
    loud = np.concatenate([np.tile(tone[0], 30), rng.normal(0, 0.2, 8000 * 40).astype(np.float32)])
    file = wavern.encode(loud, sample_rate=8000, bitrate=12_000)
    symbols, scaled = wavern.latents(file), wavern.latents(file, dtype="float32")
    assert symbols.y.shape == scaled.y.shape
    nonzero = np.abs(symbols.y) > 1
    assert (np.sign(scaled.y[nonzero]) == np.sign(symbols.y[nonzero])).all()
    steps = np.where(nonzero, scaled.y / np.where(symbols.y == 0, 1, symbols.y), np.nan)
    assert np.nanmin(steps) > 0 and np.isfinite(scaled.y).all()


def test_a_batch_is_the_files_one_by_one(photo: npt.NDArray[Any], tone_file: bytes) -> None:
    files = [wavern.encode(photo[: 64 + 16 * i], quality=12 * i) for i in range(8)] + [tone_file]
    for dtype in ("int8", "int16", "float32"):
        singly = [wavern.latents(file, dtype=dtype) for file in files]
        for threads in (None, 1, 2):
            batch = wavern.latents_batch(files, dtype=dtype, threads=threads)
            for a, b in zip(batch, singly, strict=True):
                assert isinstance(a, wavern.Latents)
                assert np.array_equal(a.y, b.y) and np.array_equal(a.z, b.z) and a.y.dtype == b.y.dtype
    files[2] = b"\x97WVN"
    results = wavern.latents_batch(files, on_error="return")
    assert isinstance(results[2], wavern.FormatError)
    assert sum(isinstance(result, wavern.Latents) for result in results) == 8


def test_arrays_go_out_without_a_copy(photo_file: bytes) -> None:
    y = wavern.latents(photo_file).y
    assert y.flags.c_contiguous and y.flags.writeable
    shared = np.from_dlpack(y)
    y[0, 0, 0] += 1
    assert shared[0, 0, 0] == y[0, 0, 0]


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_latents_decode_to_the_pixels_of_their_file(photo: npt.NDArray[Any], layout: Any) -> None:
    gray = photo[:77, :131, 1]
    for picture in (photo, photo[:1, :1], gray, gray.astype(np.uint16) * 257):
        for quality, tune in [(0, "psnr"), (45, "psnr"), (100, "psnr"), (60, "visual"), (60, "fast")]:
            file = wavern.encode(picture, quality=quality, tune=tune)
            for threads in (None, 1):
                found = wavern.latents(file, dtype="float32", layout=layout)
                assert np.array_equal(wavern.decode_latents(found, threads=threads), wavern.decode(file))


def test_latents_from_elsewhere_decode_too(photo: npt.NDArray[Any]) -> None:
    found = wavern.latents(wavern.encode(photo), dtype="float32")
    noise = np.random.default_rng(4).normal(0, 0.01, found.y.shape).astype(np.float32)
    near = wavern.decode_latents(dataclasses.replace(found, y=found.y + noise))
    assert wavern.metrics.psnr(wavern.decode_latents(found), near) > 45
    wild = wavern.decode_latents(dataclasses.replace(found, y=found.y * np.float32(1e30)))
    assert wild.shape == photo.shape


def test_latents_that_do_not_decode(photo: npt.NDArray[Any], tone_file: bytes) -> None:
    file = wavern.encode(photo[:64, :64])
    good = wavern.latents(file, dtype="float32")
    assert isinstance(good.info, wavern.ImageInfo)
    info = good.info
    for latents, error, what in [
        (wavern.latents(file), wavern.OptionError, "int16 .expected float32"),
        (wavern.latents(tone_file, dtype="float32"), wavern.KindError, "a sound"),
        (dataclasses.replace(good, y=good.y[1:]), wavern.OptionError, "shape of"),
        (dataclasses.replace(good, y=good.y[:, :, :0]), wavern.OptionError, "shape of"),
        (dataclasses.replace(good, y=good.y[0]), wavern.SignalError, "2 axes"),
        (dataclasses.replace(good, y=good.y * np.nan), wavern.SignalError, "NaN"),
        (dataclasses.replace(good, info=dataclasses.replace(info, width=81)), wavern.OptionError, "shape of"),
        (dataclasses.replace(good, info=dataclasses.replace(info, width=0)), wavern.OptionError, "shape of"),
        (
            dataclasses.replace(good, info=dataclasses.replace(info, width=-1)),
            wavern.OptionError,
            "width: -1",
        ),
        (
            dataclasses.replace(good, info=dataclasses.replace(info, level=1023)),
            wavern.OptionError,
            "level: 1023",
        ),
        (dataclasses.replace(good, info=dataclasses.replace(info, depth=9)), wavern.OptionError, "depth: 9"),
        (dataclasses.replace(good, info=dataclasses.replace(info, color="cmyk")), wavern.OptionError, "cmyk"),
        (
            dataclasses.replace(good, info=dataclasses.replace(info, weights="x")),
            wavern.OptionError,
            "12 digits",
        ),
        (
            dataclasses.replace(good, info=dataclasses.replace(info, weights="0" * 12)),
            wavern.WeightsError,
            "000",
        ),
        (good.y, TypeError, "expected wavern.Latents"),
    ]:
        with pytest.raises(error, match=what):
            wavern.decode_latents(latents)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_crop_of_a_picture(photo: npt.NDArray[Any], dtype: Any) -> None:
    file = wavern.encode(photo, tile_side=256)
    assert wavern.inspect(file).tiles == 2
    whole = wavern.latents(file, dtype=dtype)
    for row, column, rows, columns in [(0, 0, 16, 24), (15, 23, 1, 1), (2, 14, 5, 7)]:
        part = wavern.latents(file, dtype=dtype, crop=(row, column, rows, columns))
        assert np.array_equal(part.y, whole.y[:, row : row + rows, column : column + columns])
        first, last = (row // 4, column // 4), (-(-(row + rows) // 4), -(-(column + columns) // 4))
        assert np.array_equal(part.z, whole.z[:, first[0] : last[0], first[1] : last[1]])
        assert part.origin == (row, column) and part.info == whole.info
    with pytest.raises(wavern.OptionError, match="shape"):
        wavern.decode_latents(wavern.latents(file, dtype="float32", crop=(0, 0, 4, 4)))


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_crop_of_a_sound(tone_file: bytes, dtype: Any) -> None:
    whole = wavern.latents(tone_file, dtype=dtype)
    frames = whole.y.shape[3]
    for first, count in [(0, frames), (frames - 1, 1), (25, 9), (0, 1)]:
        part = wavern.latents(tone_file, dtype=dtype, crop=(first, count))
        assert np.array_equal(part.y, whole.y[..., first : first + count]) and part.origin == (0, first)
        assert np.array_equal(part.z, whole.z[..., first // 4 : -(-(first + count) // 4)])


def test_crops_that_are_refused(photo_file: bytes, tone_file: bytes) -> None:
    for file, crop in [
        (photo_file, (0, 0, 17, 1)),
        (photo_file, (0, 0, 0, 1)),
        (photo_file, (0, 1)),
        (photo_file, (-1, 0, 1, 1)),
        (tone_file, (0, 0, 1, 1)),
        (tone_file, (0, 10**6)),
        (tone_file, ()),
    ]:
        with pytest.raises(wavern.OptionError, match="crop"):
            wavern.latents(file, crop=crop)
    with pytest.raises(TypeError, match="crop"):
        wavern.latents(photo_file, crop=5)  # type: ignore[arg-type]
    for side in (0, 100, 4096):
        with pytest.raises(wavern.OptionError, match="tile_side"):
            wavern.encode(np.zeros((8, 8), np.uint8), tile_side=side)
    with pytest.raises(wavern.OptionError, match="tile_side"):
        wavern.encode(np.zeros(100), sample_rate=8000, tile_side=256)
