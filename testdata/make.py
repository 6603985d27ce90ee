#!/usr/bin/env python3
"""Makes the small awkward files in image/ and audio/ from photo.png and sound.wav.

    python3 make.py          needs Pillow, and nothing else that is not in the standard library

The results are in the repository: run this only to add a file. Pixels and samples are exact; the bytes of compressed
files may differ with another version of zlib, libjpeg or libwebp.
"""

import math
import struct
import zlib
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
IMAGE = HERE / "image"
AUDIO = HERE / "audio"

# An EXIF block that holds one tag: orientation 6, turn right to view.
EXIF = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
# Looks like a profile to anything that only carries it: size, and the signature at byte 36.
ICC = struct.pack(">I", 132) + bytes(32) + b"acsp" + bytes(92)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- \xc3\xa4 --></x:xmpmeta>'


def noise(count, seed):
    """Bytes that no predictor guesses, the same on every machine."""
    state, out = seed, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return bytes(out)


def write_png(name, width, height, depth, color, rows, before_data=b""):
    """`rows` holds the packed samples of each row; `color` is PNG's colour type."""
    def chunk(kind, payload):
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    blocks = chunk(b"IHDR", header)
    if before_data:
        blocks += chunk(b"PLTE", before_data)
    (IMAGE / name).write_bytes(b"\x89PNG\r\n\x1a\n" + blocks + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def rows(width_bytes, height, seed):
    data = noise(width_bytes * height, seed)
    return [data[y * width_bytes:(y + 1) * width_bytes] for y in range(height)]


def smooth16(width, height, channels):
    """16-bit waves that use the lower byte too."""
    def value(x, y, c):
        wave = math.sin(x / 7 + c) * math.cos(y / 5 - c)
        return struct.pack(">H", round((wave + 1) / 2 * 65535))

    return [b"".join(value(x, y, c) for x in range(width) for c in range(channels)) for y in range(height)]


def make_images():
    GRAY, RGB, PALETTE, RGBA = 0, 2, 3, 6
    write_png("1x1.png", 1, 1, 8, RGB, [b"\x10\x80\xf0"])
    write_png("3x7-noise.png", 3, 7, 8, RGB, rows(9, 7, 1))
    write_png("gray16-33x20.png", 33, 20, 16, GRAY, smooth16(33, 20, 1))
    write_png("rgb16-33x20.png", 33, 20, 16, RGB, smooth16(33, 20, 3))
    write_png("rgba16-5x4.png", 5, 4, 16, RGBA, smooth16(5, 4, 4))
    write_png("palette-20x10.png", 20, 10, 8, PALETTE, [bytes((x + y) % 4 for x in range(20)) for y in range(10)],
              bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9]))
    write_png("bits-13x9.png", 13, 9, 1, GRAY, rows(2, 9, 2))

    photo = Image.open(HERE / "photo.png")
    small = photo.crop((130, 60, 194, 100))
    small.convert("L").save(IMAGE / "gray-64x40.png", optimize=True)
    alpha = Image.linear_gradient("L").resize(small.size)
    with_alpha = small.copy()
    with_alpha.putalpha(alpha)
    with_alpha.save(IMAGE / "rgba-64x40.png", optimize=True)
    gray_alpha = small.convert("LA")
    gray_alpha.putalpha(alpha)
    gray_alpha.save(IMAGE / "gray-alpha-64x40.png", optimize=True)
    small.save(IMAGE / "turned-64x40.jpg", quality=92, exif=b"Exif\0\0" + EXIF, icc_profile=ICC, xmp=XMP)
    small.save(IMAGE / "progressive-64x40.jpg", quality=90, progressive=True, subsampling=0)
    small.convert("L").save(IMAGE / "gray-64x40.jpg", quality=90)
    small.convert("CMYK").save(IMAGE / "cmyk-64x40.jpg", quality=90)
    small.save(IMAGE / "lossy-64x40.webp", quality=90, exif=EXIF, icc_profile=ICC, xmp=XMP)
    with_alpha.save(IMAGE / "rgba-64x40.webp", lossless=True, exact=True)
    small.save(IMAGE / "lzw-64x40.tif", compression="tiff_lzw")
    small.save(IMAGE / "rgb-64x40.bmp")
    small.save(IMAGE / "rgb-64x40.ppm")
    (IMAGE / "ascii-3x2.pgm").write_bytes(b"P2\n# a comment\n3 2\n100\n0 50 100\n100 50 0\n")
    frames = [small, small.rotate(180)]
    frames[0].save(IMAGE / "animated.webp", save_all=True, append_images=frames[1:], quality=30)
    frames[0].save(IMAGE / "animated.png", save_all=True, append_images=[f.copy() for f in frames[1:]], optimize=True)
    Image.new("F", (4, 3), 0.5).save(IMAGE / "float-4x3.tif")


def chunk(kind, payload, length=None):
    length = len(payload) if length is None else length
    return kind + struct.pack("<I", length) + payload + b"\0" * (len(payload) % 2)


def wave(*chunks, form=b"RIFF", length=None):
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body) if length is None else length) + body


def fmt(tag, channels, rate, bits):
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits))


def extensible(tag, channels, rate, bits, mask):
    frame = channels * bits // 8
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    head = struct.pack("<HHIIHH", 0xFFFE, channels, rate, rate * frame, frame, bits)
    return chunk(b"fmt ", head + struct.pack("<HHI", 22, bits, mask) + guid)


def samples():
    """0.1 s of the stereo sound, as integers."""
    data = (HERE / "sound.wav").read_bytes()[44:]
    return [v for (v,) in struct.iter_unpack("<h", data[: 4 * 4410])]


def make_audio():
    stereo = samples()
    left = stereo[::2]
    int16 = struct.pack(f"<{len(stereo)}h", *stereo)
    info = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"odd\0"))
    odd = chunk(b"note", b"seven b")

    def save(name, data):
        (AUDIO / name).write_bytes(data)

    def int24(values):
        return b"".join(struct.pack("<i", v * 256 + (v & 255))[:3] for v in values)

    save("mono-u8-8000.wav", wave(fmt(1, 1, 8000, 8), chunk(b"data", bytes((v >> 8) + 128 for v in left[:2001]))))
    save("stereo-s24-96000.wav", wave(fmt(1, 2, 96000, 24), chunk(b"data", int24(stereo[:4000]))))
    save("mono-s32-192000.wav", wave(fmt(1, 1, 192000, 32),
                                     chunk(b"data", b"".join(struct.pack("<i", v * 65536) for v in left[:2000]))))
    save("stereo-f32-48000.wav", wave(fmt(3, 2, 48000, 32), chunk(b"fact", struct.pack("<I", 1000)),
                                      chunk(b"data", b"".join(struct.pack("<f", v / 20000) for v in stereo[:2000]))))
    save("mono-f64-44100.wav", wave(fmt(3, 1, 44100, 64),
                                    chunk(b"data", b"".join(struct.pack("<d", v / 32768) for v in left[:1000]))))
    six = [v for i in range(500) for v in (left[i], left[i + 1], left[i + 2], 0, left[i + 3], left[i + 4])]
    save("5.1-side-s16.wav", wave(extensible(1, 6, 48000, 16, 0x60F), chunk(b"data", struct.pack("<3000h", *six))))
    save("extensible-f32.wav", wave(extensible(3, 1, 44100, 32, 4),
                                    chunk(b"data", b"".join(struct.pack("<f", v / 32768) for v in left[:500]))))
    save("odd-chunks.wav", wave(odd, fmt(1, 1, 44100, 16), info, chunk(b"data", int16[:2000]), chunk(b"cue ", b"\0" * 4),
                                chunk(b"bext", noise(605, 3))))
    save("no-samples.wav", wave(fmt(1, 2, 44100, 16), chunk(b"data", b"")))
    save("piped-ffffffff.wav", wave(fmt(1, 2, 44100, 16), chunk(b"data", int16[:4000], 0xFFFFFFFF), length=0xFFFFFFFF))
    save("piped-0.wav", wave(fmt(1, 2, 44100, 16), chunk(b"data", int16[:4000], 0), length=0))
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 36 + 24 + 4000, 4000, 1000, 0))
    save("rf64.wav", wave(ds64, fmt(1, 2, 44100, 16), chunk(b"data", int16[:4000], 0xFFFFFFFF),
                          form=b"RF64", length=0xFFFFFFFF))
    save("cut-short.wav", wave(fmt(1, 2, 44100, 16), chunk(b"data", int16[:4000]))[:2000])
    save("a-law.wav", wave(fmt(6, 1, 8000, 8), chunk(b"data", noise(100, 4))))
    not_a_number = struct.pack("<3f", 0.0, math.nan, 0.0)
    save("not-a-number.wav", wave(fmt(3, 1, 8000, 32), chunk(b"data", not_a_number)))


if __name__ == "__main__":
    IMAGE.mkdir(exist_ok=True)
    AUDIO.mkdir(exist_ok=True)
    make_images()
    make_audio()
