"""What callers get wrong: exceptions with a sentence, of the class that is promised."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import wavern

GRAY = np.zeros((8, 8), np.uint8)
SECOND = np.zeros(8000, np.float32)
FILE = wavern.encode(GRAY)
SOUND = wavern.encode(SECOND, sample_rate=8000)


def refused(error: type[Exception], what: str, call: Callable[[], object]) -> None:
    with pytest.raises(error, match=what) as caught:
        call()
    assert " " in str(caught.value), "a sentence"


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (GRAY.astype(np.float32), "float32 .*sample_rate"),
        (GRAY.astype(np.int16), "int16"),
        (GRAY.astype(np.uint32), "uint32"),
        (GRAY.astype(bool), "bool"),
        (GRAY.astype(complex), "complex128"),
        (GRAY.astype(object), "object"),
        (GRAY.astype(str), "expected uint8"),
        (np.zeros(8, np.uint8), r"shape \[8\]"),
        (np.uint8(3), r"shape \[\]"),
        (np.zeros((8, 8, 5), np.uint8), r"shape \[8, 8, 5\]"),
        (np.zeros((8, 8, 0), np.uint8), r"shape \[8, 8, 0\]"),
        (np.zeros((2, 8, 8, 3), np.uint8), r"shape \[2, 8, 8, 3\]"),
        (np.zeros((0, 8), np.uint8), "8x0"),
        (np.zeros((8, 0, 3), np.uint8), "0x8"),
        (np.zeros((0, 0), np.uint16), "0x0"),
    ],
)
def test_arrays_that_are_no_picture(array: npt.NDArray[Any], what: str) -> None:
    refused(wavern.SignalError, what, lambda: wavern.encode(array))


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.array([0, math.nan]), "sample 1 is NaN"),
        (np.array([[0.0], [math.inf]]), "channel 1, sample 0 is inf"),
        (np.array([1e300]), "inf"),
        (np.zeros((33, 4)), "33 audio channels"),
        (np.zeros((0, 4)), "0 audio channels"),
        (np.zeros((1, 2, 3)), r"shape \[1, 2, 3\]"),
        (np.zeros(4, np.int64), "int64"),
        (np.zeros(4, complex), "complex128"),
    ],
)
def test_arrays_that_are_no_sound(array: npt.NDArray[Any], what: str) -> None:
    refused(wavern.SignalError, what, lambda: wavern.encode(array, sample_rate=8000))


@pytest.mark.parametrize("signal", [None, 3, 2.5, [1, 2], [[1]], {}, object(), range(3), lambda: 0])
def test_signals_of_no_known_type(signal: Any) -> None:
    refused(TypeError, "expected an array", lambda: wavern.encode(signal))


@pytest.mark.parametrize("file", [None, 3, 2.5, [1], GRAY, object(), wavern.Image(GRAY)])
def test_files_of_no_known_type(file: Any) -> None:
    for function in (wavern.decode, wavern.latents, wavern.probe, wavern.inspect, wavern.verify):
        refused(TypeError, "expected bytes", lambda function=function: function(file))
    for batch in (wavern.decode_batch, wavern.latents_batch):
        refused(TypeError, "expected bytes", lambda batch=batch: batch([file]))
        refused(TypeError, "one file", lambda batch=batch: batch(FILE))


@pytest.mark.parametrize(
    ("arguments", "error", "what"),
    [
        ({"quality": -1}, wavern.OptionError, "quality: -1"),
        ({"quality": 100.5}, wavern.OptionError, "quality: 100.5"),
        ({"quality": math.nan}, wavern.OptionError, "quality: nan"),
        ({"quality": 10**400}, wavern.OptionError, "quality: inf"),
        ({"quality": "80"}, TypeError, "quality is of type str"),
        ({"quality": 80, "target_size": 1000}, wavern.OptionError, "quality and target_size exclude"),
        ({"target_size": 0}, wavern.OptionError, "target_size: 0"),
        ({"target_size": -5}, wavern.OptionError, "target_size: -5"),
        ({"target_size": 2**64}, wavern.OptionError, "target_size"),
        ({"target_size": 1e6}, TypeError, "target_size is of type float"),
        ({"target_size": 1}, wavern.OptionError, "target_size: "),
        ({"target_bpp": 0}, wavern.OptionError, "target_bpp: 0.0"),
        ({"target_bpp": math.inf}, wavern.OptionError, "target_bpp: inf"),
        ({"target_psnr": -3}, wavern.OptionError, "target_psnr: -3.0"),
        ({"target_psnr": 300}, wavern.OptionError, "target_psnr: 300 dB"),
        ({"bitrate": 64000}, wavern.OptionError, "bitrate: not for pictures"),
        ({"effort": 0}, wavern.OptionError, "effort: 0"),
        ({"effort": 10}, wavern.OptionError, "effort: 10"),
        ({"effort": True}, TypeError, "effort is a bool"),
        ({"tune": "ssim"}, wavern.OptionError, 'tune: "ssim"'),
        ({"tune": 3}, TypeError, "tune is of type int"),
        ({"threads": 0}, wavern.OptionError, "threads: 0"),
        ({"threads": -1}, wavern.OptionError, "threads: -1"),
        ({"threads": 10**30}, wavern.OptionError, "threads"),
        ({"metadata": {}}, TypeError, "expected wavern.Metadata"),
        ({"limits": 5}, TypeError, "expected wavern.Limits"),
        ({"limits": wavern.Limits(pixels=-1)}, wavern.OptionError, "limits.pixels: -1"),
        ({"limits": wavern.Limits(side=2**40)}, wavern.OptionError, "side 1099511627776"),
        ({"limits": wavern.Limits(pixels=10)}, wavern.LimitError, "64 is over the limit of 10"),
        ({"lossless": True, "quality": 80}, wavern.OptionError, "quality and lossless exclude"),
        ({"lossless": True, "max_error": 1}, wavern.OptionError, "lossless and max_error exclude"),
        ({"max_error": 0}, wavern.OptionError, "max_error: 0"),
        ({"max_error": 9}, wavern.OptionError, "1 to 8"),
    ],
)
def test_options_of_encode(arguments: dict[str, Any], error: type[Exception], what: str) -> None:
    textured = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    refused(error, what, lambda: wavern.encode(textured, **arguments))


@pytest.mark.parametrize(
    ("arguments", "error", "what"),
    [
        ({"scale": 0}, wavern.OptionError, "scale: 0"),
        ({"scale": 2}, wavern.OptionError, "expected 1, 1/2"),
        ({"scale": -0.5}, wavern.OptionError, "scale: -0.5"),
        ({"scale": math.nan}, wavern.OptionError, "scale: nan"),
        ({"scale": "1/2"}, TypeError, "scale is of type str"),
        ({"region": (0, 0, 9, 1)}, wavern.OptionError, "region"),
        ({"region": (8, 0, 1, 1)}, wavern.OptionError, "region"),
        ({"region": (0, 0, 0, 1)}, wavern.OptionError, "region"),
        ({"region": (-1, 0, 1, 1)}, wavern.OptionError, "region x: -1"),
        ({"region": (2**32 - 1, 0, 2**32 - 1, 1)}, wavern.OptionError, "region"),
        ({"region": (2**32, 0, 1, 1)}, wavern.OptionError, "region x: 4294967296"),
        ({"region": (0, 0, 1)}, wavern.OptionError, "region: 3 numbers"),
        ({"region": 5}, TypeError, "region is not"),
        ({"region": (0, 0, 1.0, 1)}, TypeError, "region width is of type float"),
        ({"threads": 4097}, wavern.OptionError, "threads: 4097"),
        ({"limits": wavern.Limits(pixels=63)}, wavern.LimitError, "64 is over the limit of 63"),
        ({"limits": wavern.Limits(memory_bytes=0)}, wavern.LimitError, "memory"),
    ],
)
def test_options_of_decode(arguments: dict[str, Any], error: type[Exception], what: str) -> None:
    refused(error, what, lambda: wavern.decode(FILE, **arguments))
    refused(error, what, lambda: wavern.decode_image(FILE, **arguments))


def test_options_of_latents() -> None:
    refused(wavern.OptionError, "dtype", lambda: wavern.latents(FILE, dtype="float64"))
    refused(TypeError, "dtype", lambda: wavern.latents(FILE, dtype=np.int8))
    refused(wavern.OptionError, "layout", lambda: wavern.latents(FILE, layout="chw"))
    refused(wavern.LimitError, "over the limit", lambda: wavern.latents(FILE, limits=wavern.Limits(side=7)))
    refused(
        wavern.OptionError,
        "on_error",
        lambda: wavern.latents_batch([FILE], on_error="ignore"),
    )


def test_a_picture_is_no_sound() -> None:
    refused(wavern.KindError, "a picture, not a sound", lambda: wavern.decode_audio(FILE))
    refused(wavern.KindError, "a sound, not a picture", lambda: wavern.decode_image(SOUND))
    refused(wavern.KindError, "a sound", lambda: wavern.decode(SOUND, region=(0, 0, 1, 1)))
    refused(wavern.KindError, "a sound", lambda: wavern.decode(SOUND, scale=1 / 2))
    refused(
        wavern.OptionError,
        "target_size: not for",
        lambda: wavern.encode(SECOND, sample_rate=8000, target_size=9),
    )


def test_arrays_that_are_too_large_for_memory() -> None:
    for shape, what in [((10**6, 10**6), "1000000000000 is over"), ((1, 2**21), "width 2097152 is over")]:
        huge = np.broadcast_to(np.uint8(7), shape)
        refused(wavern.LimitError, what, lambda huge=huge: wavern.encode(huge))
        rgba = np.broadcast_to(np.uint8(7), (*shape, 4))
        refused(wavern.LimitError, what, lambda rgba=rgba: wavern.encode(rgba))


def test_sample_rates() -> None:
    for rate, what in [(0, "sample_rate: 0"), (-8000, "-8000"), (800_000, "800000"), (2**40, "sample_rate")]:
        refused(ValueError, what, lambda rate=rate: wavern.encode(SECOND, sample_rate=rate))
    refused(TypeError, "float", lambda: wavern.encode(SECOND, sample_rate=8000.0))
    refused(
        wavern.OptionError,
        "only for arrays",
        lambda: wavern.encode(wavern.Audio(SECOND[None], 8000), sample_rate=1),
    )


def test_parts_of_signals_that_do_not_fit() -> None:
    for image, what in [
        (wavern.Image(GRAY, GRAY[1:]), r"alpha of shape \[7, 8\]"),
        (wavern.Image(GRAY, GRAY.astype(np.uint16)), "alpha of 16 bits"),
        (wavern.Image(np.zeros((8, 8, 4), np.uint8)), r"shape \[8, 8, 4\]"),
        (wavern.Image(GRAY.astype(float)), "uint8 or uint16"),
    ]:
        refused(wavern.SignalError, what, lambda image=image: wavern.encode(image))
    refused(TypeError, "NumPy array", lambda: wavern.encode(wavern.Image([[1]])))
    audio = wavern.Audio(SECOND[None], 8000, "int12")
    refused(wavern.OptionError, "int12", lambda: wavern.encode(audio))
    doubles = wavern.Audio(SECOND[None].astype(float), 8000)
    refused(wavern.SignalError, "float32", lambda: wavern.encode(doubles))
    for metadata, what in [
        (wavern.Metadata(icc="text"), "metadata.icc is of type str"),
        (wavern.Metadata(exif=bytearray(3)), "metadata.exif is of type bytearray"),
        (wavern.Metadata(png=b"tEXt"), "metadata.png is no list"),
        (wavern.Metadata(flac=[b"", None]), "metadata.flac is no list"),
        (b"profile", "metadata is of type bytes"),
    ]:
        refused(TypeError, what, lambda metadata=metadata: wavern.encode(GRAY, metadata=metadata))
        refused(TypeError, what, lambda metadata=metadata: wavern.encode(wavern.Image(GRAY, None, metadata)))
    nameless = wavern.Audio(SECOND[None], 8000, None)
    refused(TypeError, "sample_format is of type NoneType", lambda: wavern.encode(nameless))


def test_other_files_are_refused(tmp_path: Path) -> None:
    refused(wavern.SignalError, "already", lambda: wavern.encode(FILE))
    refused(wavern.SignalError, "no picture", lambda: wavern.encode(b"rubbish"))
    refused(wavern.SignalError, "WAV|RIFF|early", lambda: wavern.encode(b"RIFF\0\0\0\0WAVE"))
    refused(wavern.FormatError, "not a .wvn file", lambda: wavern.decode(b"rubbish"))
    refused(wavern.FormatError, "header", lambda: wavern.decode(b""))
    refused(OSError, "nowhere", lambda: wavern.decode(tmp_path / "nowhere.wvn"))
    refused(wavern.SignalError, "mode CMYK", lambda: wavern.encode(PIL.Image.new("CMYK", (8, 8))))


def test_errors_know_the_file_and_survive_pickling(tmp_path: Path) -> None:
    path = tmp_path / "cut.wvn"
    path.write_bytes(FILE[:-3])
    with pytest.raises(wavern.FormatError) as caught:
        wavern.decode(path)
    error = caught.value
    assert str(error).startswith(f"{path}: ") and error.path == str(path) and error.offset == len(FILE) - 4
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.offset) == (type(error), str(error), len(FILE) - 4)
    with pytest.raises(wavern.LimitError) as limit:
        wavern.probe(FILE, limits=wavern.Limits(pixels=1))
    assert (limit.value.asked, limit.value.allowed) == (64, 1) and "pixels" in str(limit.value.quantity)
    with pytest.raises(wavern.FormatError):
        wavern.decode_batch([FILE, path])
    returned = wavern.decode_batch([FILE, path], on_error="return")[1]
    assert isinstance(returned, wavern.FormatError) and returned.path == str(path)


def test_every_error_has_the_base() -> None:
    names = [name for name in wavern.__all__ if name.endswith("Error")]
    assert len(names) == 8
    for name in names:
        assert issubclass(getattr(wavern, name), wavern.WavernError)
    assert issubclass(wavern.FormatError, ValueError) and issubclass(
        wavern.UnsupportedError, wavern.FormatError
    )
