"""The plugin, with the real Pillow."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pytest
import wavern
import wavern.pillow
from conftest import TESTDATA


def saved(image: PIL.Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "WVN", **options)
    return out.getvalue()


def opened(file: bytes) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(file))


# Pictures whose pixels and metadata Pillow reads as the command does.
SAME = [
    "photo.png",
    "image/1x1.png",
    "image/3x7-noise.png",
    "image/bits-13x9.png",
    "image/gray-64x40.png",
    "image/gray-alpha-64x40.png",
    "image/gray16-33x20.png",
    "image/palette-20x10.png",
    "image/rgb-64x40.bmp",
    "image/rgb-64x40.ppm",
    "image/rgba-64x40.png",
    "image/rgba-64x40.webp",
    "image/lossy-64x40.webp",
    "image/lzw-64x40.tif",
    "foreign/png-cutout-black-under-alpha.png",
]


@pytest.mark.parametrize("name", SAME)
def test_save_writes_what_the_command_writes(command: Any, tmp_path: Path, name: str) -> None:
    command("encode", TESTDATA / name, tmp_path / "command.wvn", "-q", "80")
    PIL.Image.open(TESTDATA / name).save(tmp_path / "pillow.wvn", quality=80)
    assert (tmp_path / "pillow.wvn").read_bytes() == (tmp_path / "command.wvn").read_bytes()


def test_metadata_is_that_of_the_command(command: Any, tmp_path: Path, photo: npt.NDArray[Any]) -> None:
    """A PNG with all that Pillow knows: density, profile, EXIF, XMP."""
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a title"
    srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    image = PIL.Image.fromarray(photo[:60, :80])
    image.save(tmp_path / "in.png", exif=exif, icc_profile=srgb, dpi=(300, 150))
    command("encode", tmp_path / "in.png", tmp_path / "command.wvn", "-q", "70")
    PIL.Image.open(tmp_path / "in.png").save(tmp_path / "pillow.wvn", quality=70)
    found, expected = (wavern.decode_image(tmp_path / f"{name}.wvn") for name in ("pillow", "command"))
    assert found.metadata == expected.metadata
    assert np.array_equal(found.pixels, expected.pixels)
    assert None not in (found.metadata.icc, found.metadata.exif) and len(found.metadata.png) == 1


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_modes_come_back(photo: npt.NDArray[Any], mode: str) -> None:
    rgba = PIL.Image.fromarray(np.dstack([photo, 255 - photo[:, :, 0]]))
    if mode == "I;16":
        image = PIL.Image.fromarray(photo[:, :, 1].astype(np.uint16) * 257)
    else:
        image = rgba.convert(mode)
    assert image.mode == mode
    back = opened(saved(image, quality=95))
    assert (back.mode, back.size, back.format) == (mode, image.size, "WVN")
    back.load()
    peak = 65535 if mode == "I;16" else 255
    difference = np.abs(np.asarray(back).astype(float) - np.asarray(image))
    assert difference.mean() < 0.02 * peak
    if mode in ("LA", "RGBA"):
        assert back.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_pixels_are_those_of_decode(photo_file: bytes) -> None:
    image = opened(photo_file)
    assert np.array_equal(np.asarray(image), wavern.decode(photo_file))
    assert image.resize((48, 32)).size == (48, 32)
    assert np.array_equal(
        np.asarray(opened(photo_file).crop((5, 6, 50, 60))), wavern.decode(photo_file)[6:60, 5:50]
    )


def test_modes_that_hold_the_same_pixels(photo: npt.NDArray[Any]) -> None:
    image = PIL.Image.fromarray(photo)
    palette = image.quantize(16)
    assert saved(palette) == saved(palette.convert("RGB"))
    transparent = palette.copy()
    transparent.info["transparency"] = 3
    assert opened(saved(transparent)).mode == "RGBA"
    assert saved(image.convert("1")) == saved(image.convert("1").convert("L"))
    wide = PIL.Image.fromarray(photo[:, :, 0].astype(np.int32) * 200)
    assert wide.mode == "I" and opened(saved(wide)).mode == "I;16"
    for mode in ("CMYK", "YCbCr", "HSV", "LAB", "F"):
        with pytest.raises(ValueError, match=f"mode {mode} "):
            saved(
                image.convert("L" if mode == "F" else "RGB").convert(mode)
                if mode != "LAB"
                else PIL.Image.new(mode, (8, 8))
            )
    with pytest.raises(ValueError, match="mode I with values"):
        saved(PIL.Image.fromarray(np.full((8, 8), 70_000, np.int32)))


def test_sixteen_bits_that_pillow_cannot_hold(photo: npt.NDArray[Any]) -> None:
    deep = wavern.encode(photo.astype(np.uint16) * 257, quality=90)
    image = opened(deep)
    assert image.mode == "RGB"
    exact = wavern.decode(deep)
    assert np.abs(np.asarray(image) * 257.0 - exact).max() <= 128.5
    assert opened(wavern.encode(np.dstack([photo[:, :, 0]] * 2).astype(np.uint16))).mode == "LA"


def test_options_of_save(photo: npt.NDArray[Any]) -> None:
    image = PIL.Image.fromarray(photo)
    assert saved(image) == wavern.encode(photo)
    assert saved(image, quality=30, tune="visual", threads=1) == wavern.encode(
        photo, quality=30, tune="visual"
    )
    assert len(saved(image, target_size=5000)) <= 5000
    assert saved(image, quality=40, effort=3) == wavern.encode(photo, quality=40, effort=3)
    for options in ({"quality": 101}, {"effort": 0}, {"lossless": True, "quality": 9}, {"tune": "x"}):
        with pytest.raises(wavern.OptionError):
            saved(image, **options)
    with pytest.raises(TypeError):
        saved(image, quality="keep")


def test_metadata_goes_through(photo: npt.NDArray[Any]) -> None:
    source = PIL.Image.open(TESTDATA / "image/turned-64x40.jpg")
    back = opened(saved(source))
    assert back.info["icc_profile"] == source.info["icc_profile"]
    assert back.info["xmp"] == source.info["xmp"] and dict(back.getexif()) == dict(source.getexif())
    assert back.getexif()[0x0112] != 1
    turned = PIL.ImageOps.exif_transpose(back)
    assert turned.size == back.size[::-1] and 0x0112 not in turned.getexif()
    assert "exif" not in opened(saved(source, exif=None)).info
    assert "icc_profile" not in opened(saved(source, icc_profile=None)).info
    image = PIL.Image.fromarray(photo)
    exif = PIL.Image.Exif()
    exif[0x010E] = "a title"
    back = opened(saved(image, exif=exif, xmp="<x/>", dpi=(300, 72)))
    assert (back.getexif()[0x010E], back.info["xmp"]) == ("a title", b"<x/>")
    assert back.info["dpi"] == pytest.approx((300, 72), abs=0.02)
    with pytest.raises(TypeError, match="icc_profile is of type int"):
        saved(image, icc_profile=3)


def test_a_wvn_becomes_a_png_with_its_metadata(tmp_path: Path) -> None:
    source = PIL.Image.open(TESTDATA / "image/turned-64x40.jpg")
    source.save(tmp_path / "a.wvn")
    PIL.Image.open(tmp_path / "a.wvn").save(
        tmp_path / "a.png", exif=PIL.Image.open(tmp_path / "a.wvn").getexif()
    )
    png = PIL.Image.open(tmp_path / "a.png")
    assert dict(png.getexif()) == dict(source.getexif())
    assert png.info["icc_profile"] == source.info["icc_profile"]


@pytest.mark.parametrize(
    ("asked", "scale"),
    [((48, 32), 8), ((49, 32), 4), ((90, 60), 4), ((192, 128), 2), ((193, 1), 1), ((1, 1), 8)],
)
def test_draft_decodes_a_smaller_picture(photo_file: bytes, asked: tuple[int, int], scale: int) -> None:
    image = opened(photo_file)
    mode, box = image.draft(None, asked) or ("", ())
    assert (mode, box) == ("RGB", (0, 0, 384 / scale, 256 / scale))
    assert image.size == (384 // scale, 256 // scale)
    assert np.array_equal(np.asarray(image), wavern.decode(photo_file, scale=1 / scale))
    assert image.draft(None, (1, 1)) is None


def test_thumbnails(photo_file: bytes) -> None:
    thumbnail = opened(photo_file)
    thumbnail.thumbnail((60, 60))
    assert thumbnail.size == (60, 40)
    exact = PIL.Image.fromarray(wavern.decode(photo_file)).resize((60, 40), PIL.Image.Resampling.BICUBIC)
    assert wavern.metrics.psnr(np.asarray(exact), np.asarray(thumbnail)) > 22


def test_verify(tmp_path: Path, photo_file: bytes) -> None:
    path = tmp_path / "photo.wvn"
    path.write_bytes(photo_file)
    with PIL.Image.open(path) as image:
        image.verify()
    with pytest.raises(OSError, match="damaged"):
        opened(broken(photo_file))
    # Its checksums hold, its symbols do not decode.
    noise = (TESTDATA / "hostile/a-stream-of-noise.wvn").read_bytes()
    with pytest.raises(OSError, match=r"tile \d"):
        opened(noise).verify()
    with pytest.raises(OSError, match=r"tile \d"):
        opened(noise).load()


def broken(file: bytes) -> bytes:
    """One bit in the middle is another."""
    out = bytearray(file)
    out[len(out) // 2] ^= 1
    return bytes(out)


def test_what_cannot_be_read_is_an_oserror(photo_file: bytes, tone_file: bytes) -> None:
    with pytest.raises(OSError, match=r"\d bytes") as caught:
        opened(photo_file[:-100]).load()
    assert isinstance(caught.value.__cause__, wavern.FormatError)
    with pytest.raises(PIL.UnidentifiedImageError):
        opened(tone_file)
    with pytest.raises(PIL.UnidentifiedImageError):
        opened(b"\x97WVN\r\n\x1a rubbish")
    for path in sorted((TESTDATA / "hostile").glob("*.wvn")):
        with pytest.raises(OSError, match=r"\w+ \w+"):
            PIL.Image.open(path).load()


def test_names_and_types(tmp_path: Path, photo_file: bytes) -> None:
    assert PIL.Image.registered_extensions()[".wvn"] == "WVN"
    assert opened(photo_file).get_format_mimetype() == "image/x-wavern"
    (tmp_path / "no-extension").write_bytes(photo_file)
    with PIL.Image.open(tmp_path / "no-extension") as image:
        assert image.format == "WVN"
        image.load()


def test_files_are_closed(tmp_path: Path, photo_file: bytes) -> None:
    path = tmp_path / "photo.wvn"
    path.write_bytes(photo_file)
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("NOT RUN: open files cannot be counted here")
    before = len(list(folder.iterdir()))
    images = [PIL.Image.open(path) for _ in range(20)]
    [image.load() for image in images]
    assert len(list(folder.iterdir())) <= before
    # What was given open stays open.
    with path.open("rb") as stream:
        PIL.Image.open(stream).load()
        assert not stream.closed


def test_threads_may_load(photo_file: bytes) -> None:
    sums: list[int] = []
    threads = [
        threading.Thread(target=lambda: sums.append(int(np.asarray(opened(photo_file)).sum())))
        for _ in range(8)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(sums) == 8 and len(set(sums)) == 1


def test_the_module_itself_does_not_import_pillow() -> None:
    code = "import sys, wavern; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
