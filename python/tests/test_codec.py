"""Signals to files and back."""

from __future__ import annotations

import struct
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import wavern
from conftest import TESTDATA
from wavern import metrics

GOLDEN = sorted((TESTDATA / "golden").glob("*.wvn"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_files_decode_to_what_stands_beside_them(path: Path) -> None:
    stored = np.fromfile(path.with_suffix(".u16"), "<u2")
    facts = path.with_suffix(".txt").read_text().split()
    if facts[0] == "image":
        width, height = (int(side) for side in facts[1].split("x"))
        image = wavern.decode_image(path, scale=1 / 8 if width * height > 1 << 16 else 1)
        assert image.pixels.dtype == {"8": np.uint8, "16": np.uint16}[facts[3]]
        numbers = image.pixels.astype(np.uint32) * (257 if facts[3] == "8" else 1)
        assert np.array_equal(numbers.reshape(-1), stored)
        assert (image.alpha is not None) == (facts[5] != "none")
        assert isinstance(info := wavern.probe(path), wavern.ImageInfo)
        assert (info.width, info.height, info.color, info.depth) == (width, height, facts[2], int(facts[3]))
        metadata = wavern.inspect(path).metadata
        kept = [metadata.icc, metadata.exif, metadata.xmp, metadata.iptc, *metadata.png]
        assert sum(len(block) for block in kept if block) == int(facts[facts.index("metadata") + 1])
    else:
        audio = wavern.decode_audio(path)
        rate, channels, frames = int(facts[1]), int(facts[3]), int(facts[5])
        assert audio.samples.shape == (channels, frames) and audio.samples.dtype == np.float32
        assert audio.sample_rate == rate
        numbers = np.round(audio.samples.astype(np.float64) * 32768).clip(-32768, 32767) + 32768
        assert np.abs(numbers.reshape(-1) - stored).max(initial=0) <= 1
        assert wavern.inspect(path).frames == frames


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_arrays_of_every_shape_come_back(photo: npt.NDArray[Any], dtype: Any, channels: int | None) -> None:
    rgba = np.dstack([photo, 255 - photo[:, :, 0]])[40:140, 50:170]
    chosen = {None: rgba[:, :, 1], 1: rgba[:, :, 1:2], 2: rgba[:, :, 1::2], 3: rgba[:, :, :3], 4: rgba}[
        channels
    ]
    array = chosen.astype(dtype) * (257 if dtype == np.uint16 else 1)
    back = wavern.decode(wavern.encode(array, quality=90))
    squeezed = array[:, :, 0] if channels == 1 else array
    assert back.shape == squeezed.shape and back.dtype == dtype
    peak = np.iinfo(dtype).max
    assert np.abs(back.astype(float) - squeezed).mean() < peak * 0.02
    if channels in (2, 4):
        assert np.array_equal(back[:, :, -1], array[:, :, -1]), "alpha is lossless"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 2, 3, 4])
def test_without_loss_every_sample_comes_back(
    photo: npt.NDArray[Any], dtype: Any, channels: int | None
) -> None:
    plane = photo[:, :, 0].astype(dtype) * (257 if dtype == np.uint16 else 1)
    pixels = plane if channels is None else np.stack([np.roll(plane, c, 0) for c in range(channels)], 2)
    file = wavern.encode(pixels, lossless=True)
    assert np.array_equal(wavern.decode(file), pixels)
    with pytest.raises(wavern.OptionError, match="without loss"):
        wavern.latents(file)
    with pytest.raises(wavern.OptionError, match="exclude each other"):
        wavern.encode(pixels, lossless=True, quality=80)


@pytest.mark.parametrize(("dtype", "error"), [(np.uint8, 2), (np.uint16, 500)])
def test_no_sample_changes_by_more_than_was_allowed(photo: npt.NDArray[Any], dtype: Any, error: int) -> None:
    pixels = photo.astype(dtype) * (257 if dtype == np.uint16 else 1)
    file = wavern.encode(pixels, max_error=error)
    change = np.abs(wavern.decode(file).astype(int) - pixels)
    assert change.max() == error if dtype == np.uint8 else change.max() <= error
    assert len(file) < len(wavern.encode(pixels, lossless=True))


def test_sounds_without_loss_come_back() -> None:
    samples = np.random.default_rng(1).integers(-3000, 3000, (2, 9000)).astype(np.int16)
    file = wavern.encode(samples, sample_rate=44_100, lossless=True)
    assert np.array_equal(np.round(wavern.decode(file) * 32768).astype(np.int16), samples)


def test_views_strides_and_byte_orders_do_not_matter(photo: npt.NDArray[Any]) -> None:
    wide = np.zeros((256, 800, 3), np.uint8)
    wide[:, 10:394] = photo
    expected = wavern.encode(photo)
    assert wavern.encode(wide[:, 10:394]) == expected
    assert wavern.encode(np.asfortranarray(photo)) == expected
    assert wavern.encode(photo[::-1][::-1]) == expected
    sixteen = photo.astype(np.uint16) * 257
    assert wavern.encode(sixteen.astype(">u2")) == wavern.encode(sixteen)


def test_quality_and_targets(photo: npt.NDArray[Any]) -> None:
    sizes = [len(wavern.encode(photo, quality=quality)) for quality in (0, 30, 60, 100)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[3] / 10
    assert 0.9 * 6000 < len(wavern.encode(photo, target_size=6000)) <= 6000
    assert len(wavern.encode(photo, target_bpp=0.5)) * 8 / (384 * 256) <= 0.5
    assert metrics.psnr(photo, wavern.decode(wavern.encode(photo, target_psnr=35))) >= 35
    tuned = {tune: wavern.encode(photo, tune=tune) for tune in ("psnr", "visual", "fast")}
    assert len({wavern.probe(file).weights for file in tuned.values()}) == 3
    assert all(metrics.psnr(photo, wavern.decode(file)) > 30 for file in tuned.values())
    assert wavern.encode(photo, effort=2) != wavern.encode(photo)
    assert wavern.encode(photo, threads=1) == wavern.encode(photo, threads=2) == wavern.encode(photo)


def test_regions_and_scales_are_parts_of_the_whole(photo_file: bytes) -> None:
    whole = wavern.decode(photo_file)
    assert np.array_equal(wavern.decode(photo_file, region=(30, 7, 100, 51)), whole[7:58, 30:130])
    assert np.array_equal(wavern.decode(photo_file, region=(383, 255, 1, 1)), whole[255:, 383:])
    for scale in (1 / 2, 1 / 4, 1 / 8):
        small = wavern.decode(photo_file, scale=scale)
        assert small.shape == (256 * scale, 384 * scale, 3)
        step = int(1 / scale)
        means = whole.reshape(small.shape[0], step, small.shape[1], step, 3).mean((1, 3))
        assert metrics.psnr(means.round().astype(np.uint8), small) > 20
    part = wavern.decode(photo_file, region=(64, 32, 128, 64), scale=1 / 4)
    assert np.array_equal(part, wavern.decode(photo_file, scale=1 / 4)[8:24, 16:48])
    odd = wavern.encode(np.zeros((9, 17), np.uint8))
    assert wavern.decode(odd, scale=1 / 8).shape == (2, 3)


def test_metadata_is_kept_byte_for_byte(photo: npt.NDArray[Any], tone: npt.NDArray[np.float32]) -> None:
    metadata = wavern.Metadata(
        icc=b"profile",
        exif=b"II*\0" + bytes(8),
        xmp=b"<x/>",
        iptc=b"8BIM",
        png=[b"tEXta\0b", b"gAMA\0\0\0\1"],
    )
    file = wavern.encode(wavern.Image(photo, metadata=metadata))
    assert wavern.decode_image(file).metadata == metadata == wavern.inspect(file).metadata
    assert wavern.inspect(wavern.encode(wavern.decode_image(file), metadata=wavern.Metadata())).metadata == (
        wavern.Metadata()
    )
    beside = wavern.Metadata(riff=[b"LIST" + struct.pack("<I", 4) + b"INFO"], flac=[b"\4tags"])
    sound = wavern.encode(wavern.Audio(tone, 8000, "int24", beside))
    back = wavern.decode_audio(sound)
    assert (back.metadata, back.sample_format, back.sample_rate) == (beside, "int24", 8000)


def test_sounds_come_back(tone: npt.NDArray[np.float32], tone_file: bytes) -> None:
    back = wavern.decode(tone_file)
    assert back.shape == tone.shape and back.dtype == np.float32
    assert metrics.si_sdr(tone, back) > 15
    assert wavern.decode(wavern.encode(tone[0], sample_rate=8000)).shape == (1, 10400)
    integers = (tone * 32767).round().astype(np.int16)
    audio = wavern.decode_audio(wavern.encode(integers, sample_rate=8000, quality=80))
    assert audio.sample_format == "int16"
    assert np.abs(audio.samples - tone).max() < 0.1
    bits = len(wavern.encode(tone, sample_rate=8000, bitrate=20_000)) * 8 / 1.3
    assert bits <= 20_000
    assert wavern.decode(wavern.encode(np.zeros((3, 0), np.float32), sample_rate=8000)).shape == (3, 0)


def test_parts_of_sounds_are_those_of_the_whole(tone: npt.NDArray[np.float32]) -> None:
    file = wavern.encode(np.tile(tone, 4), sample_rate=8000)
    whole = wavern.decode_audio(file)
    assert whole.frames == 41600 and wavern.inspect(file).segments == 7
    for start, stop in [
        (0, None),
        (0, 0),
        (0, 1),
        (7999, 8001),
        (12_345, 30_000),
        (41_599, 41_600),
        (41_600, None),
    ]:
        part = wavern.decode_audio(file, start=start, stop=stop)
        assert np.array_equal(part.samples, whole.samples[:, start:stop]), (start, stop)
    for start, stop in [(0, 41_601), (41_601, None), (5, 4), (-1, None), (0, -1), (2**64, None)]:
        with pytest.raises(wavern.OptionError, match=r"\d"):
            wavern.decode_audio(file, start=start, stop=stop)
    with pytest.raises(wavern.KindError):
        wavern.decode_audio(wavern.encode(np.zeros((8, 8), np.uint8)), start=1)


def test_files_of_other_formats_are_read(tmp_path: Path, photo: npt.NDArray[Any]) -> None:
    path = TESTDATA / "photo.png"
    expected = wavern.encode(photo)
    assert wavern.encode(path) == wavern.encode(str(path)) == wavern.encode(path.read_bytes()) == expected
    assert wavern.encode(PIL.Image.open(path)) == expected
    sound = wavern.decode_audio(wavern.encode(TESTDATA / "sound.wav"))
    assert (sound.samples.shape, sound.sample_rate, sound.sample_format) == ((2, 61740), 44_100, "int16")
    deep = wavern.decode_audio(wavern.encode(TESTDATA / "audio/stereo-s24-96000.wav"))
    assert (deep.sample_rate, deep.sample_format, deep.channels) == (96_000, "int24", 2)


def test_sounds_from_wav_are_those_of_the_command(command: Any, tmp_path: Path) -> None:
    for name in (
        "sound.wav",
        "audio/stereo-s24-96000.wav",
        "audio/mono-u8-8000.wav",
        "audio/mono-s32-192000.wav",
    ):
        command("encode", TESTDATA / name, tmp_path / "command.wvn", "-f")
        assert wavern.encode(TESTDATA / name) == (tmp_path / "command.wvn").read_bytes(), name


def test_probe_needs_few_bytes(photo_file: bytes, tone_file: bytes, tmp_path: Path) -> None:
    picture = wavern.probe(photo_file[:64])
    assert isinstance(picture, wavern.ImageInfo) and (picture.width, picture.height) == (384, 256)
    sound = wavern.probe(tone_file[:64])
    assert isinstance(sound, wavern.AudioInfo) and (sound.sample_rate, sound.channels) == (8000, 2)
    (tmp_path / "photo.wvn").write_bytes(photo_file)
    assert wavern.probe(tmp_path / "photo.wvn") == picture == wavern.inspect(photo_file).info


def test_a_batch_is_the_files_one_by_one(photo: npt.NDArray[Any], tone_file: bytes) -> None:
    files = [wavern.encode(photo[: 40 + 10 * i, : 30 + 20 * i], quality=10 * i) for i in range(8)] + [
        tone_file
    ]
    singly = [wavern.decode(file) for file in files]
    for threads in (None, 1, 2):
        batch = wavern.decode_batch(files, threads=threads)
        assert all(np.array_equal(a, b) for a, b in zip(batch, singly, strict=True))
    assert wavern.decode_batch([]) == []
    files[3] = files[3][:-9]
    with pytest.raises(wavern.FormatError):
        wavern.decode_batch(files)
    results = wavern.decode_batch(files, on_error="return")
    assert isinstance(results[3], wavern.FormatError) and results[3].offset is not None
    assert [index for index, result in enumerate(results) if isinstance(result, wavern.WavernError)] == [3]


def test_colours_under_alpha_0_continue_unless_kept(photo: npt.NDArray[Any]) -> None:
    alpha = np.full((256, 384), 255, np.uint8)
    alpha[:, 200:] = 0
    garbage = photo.copy()
    garbage[:, 200:] = np.random.default_rng(1).integers(0, 256, (256, 184, 3))
    rgba = np.dstack([garbage, alpha])
    assert len(wavern.encode(rgba)) < 0.8 * len(wavern.encode(rgba, keep_hidden=True))


def test_other_threads_run_meanwhile(photo: npt.NDArray[Any]) -> None:
    """Encoding with a search takes long, and holds no lock of the interpreter."""
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.monotonic()
    wavern.encode(photo, effort=6)
    taken = time.monotonic() - start
    done.set()
    thread.join()
    during = [at for at in ticks if start < at < start + taken]
    assert taken > 0.1 and len(during) > taken / 0.1


def test_threads_share_the_module(photo_file: bytes) -> None:
    expected = wavern.decode(photo_file)
    results: list[bool] = []

    def work() -> None:
        results.extend(np.array_equal(wavern.decode(photo_file), expected) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert results == [True] * 30
