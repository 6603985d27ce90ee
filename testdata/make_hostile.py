#!/usr/bin/env python3
"""Writes the files in hostile/: checksums that hold around content that asks for too much or contradicts itself.

Each is named by its fault and must be refused. Uses nothing but the standard library and the parser beside it.
"""

import pathlib
import struct

from parse_wvn import SIGNATURE, Reader, crc32c, read_chunk, read_image_header

HERE = pathlib.Path(__file__).parent
OUT = HERE / "hostile"


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def chunk(code, payload, length=None):
    framed = code + varint(len(payload) if length is None else length) + payload
    return framed + struct.pack("<I", crc32c(framed))


def golden(name):
    """The header chunk of a golden file, and its fields."""
    data = (HERE / "golden" / name).read_bytes()
    reader = Reader(data, len(SIGNATURE), len(data))
    _, fields = read_chunk(reader)
    return data[len(SIGNATURE) : reader.offset], fields


WEIGHTS = bytes.fromhex(read_image_header(golden("picture-gray.wvn")[1])[0]["weights"])
EXACT_WEIGHTS = bytes.fromhex(read_image_header(golden("picture-lossless-rgb.wvn")[1])[0]["weights"])
SOUND = golden("sound-no-frames.wvn")[0]
RGB, SIXTEEN = 1 << 10, 1 << 11


def header(width, height, field=RGB | 300, tiles=0, version=1, more=b"", ours=WEIGHTS):
    numbers = varint(version) + struct.pack("<H", field | tiles << 12) + varint(width) + varint(height)
    return chunk(b"IMGH", numbers + ours + more)


def exact(*chunks):
    """A picture without loss: level 1023 and its weights."""
    return file(header(64, 64, field=RGB | 1023, ours=EXACT_WEIGHTS), *chunks)


def sound(payload):
    return chunk(b"AUDH", payload)


def no_segments():
    """The segment table of a sound of no frames."""
    head = b"SEGT" + varint(3 + 4 + 4) + bytes(3)
    covered = head + struct.pack("<I", crc32c(head)) + struct.pack("<I", len(head) + 4 + 4 + 4)
    return covered + struct.pack("<I", crc32c(covered))


def data(payload=b"\0\0\0"):
    return chunk(b"DATA", payload)


def fill(count):
    return chunk(b"fill", bytes(count))


def table(entries):
    return chunk(b"TABL", b"".join(varint(length) + struct.pack("<I", checksum) for length, checksum in entries))


def file(*chunks, copy=()):
    body = SIGNATURE + b"".join(chunks)
    return body + (chunk(b"COPY", b"".join(copy)) if len(body) >= 4096 else b"")


def large(head, *rest):
    """With as much filling as makes the work for each byte of the file acceptable."""
    return file(head, *rest[:-1], fill(4100), rest[-1], copy=(head, *[part for part in rest if part.startswith(b"TABL")]))


NONE = crc32c(b"")
files = {
    # Sizes.
    "width-0": file(header(0, 8), data()),
    "height-0": file(header(8, 0), data()),
    "width-over-the-limit": file(header(2**20 + 1, 1), data()),
    "height-over-the-limit": file(header(1, 2**20 + 1), data()),
    "width-of-32-bits": file(header(2**32 - 1, 1), data()),
    "width-of-33-bits": file(header(2**32, 1), data()),
    "width-of-64-bits": file(header(2**64 - 1, 1), data()),
    "sides-whose-product-overflows": file(header(2**32 - 1, 2**32 - 1), data()),
    "sides-whose-product-is-0-in-64-bits": file(header(2**32, 2**32), data()),
    "pixels-over-the-limit": large(header(2**20, 257, tiles=3), data()),
    "much-work-in-few-bytes": file(header(2**14, 2**14), data()),
    "a-tile-over-the-limit": large(header(2**12, 2**12), data()),
    "a-row-of-2-to-the-20": large(header(2**20, 1), data()),
    "a-column-of-2-to-the-20": large(header(1, 2**20), data()),
    "wide-with-empty-tiles": large(header(2**20, 64, tiles=3), table([(0, NONE)] * 1024), data(b"")),
    "tiles-that-split-a-hyper-latent": file(header(512, 512, tiles=0, field=300 | 1 << 12), table([(0, NONE)] * 4), data(b"")),
    "level-over-that-of-the-weights": file(header(8, 8, field=RGB | 1022), data()),
    # Pictures without loss.
    "lossless-tile-of-no-bytes": exact(data(b"")),
    "lossless-tile-without-its-check-value": exact(data(b"\0\0")),
    "lossless-tile-of-an-unknown-tool": exact(data(b"\x03\0\0" + bytes(80))),
    "lossless-set-of-no-weights": exact(data(b"\xe0\0\0" + bytes(80))),
    "lossless-set-of-no-fitted-networks": exact(data(b"\xf0\0\0" + bytes(80))),
    "lossless-set-for-the-adaptive-tool": exact(data(b"\x11\0\0" + bytes(80))),
    "lossless-networks-of-noise": exact(data(bytes([0, *range(256)]))),
    "lossless-adaptive-of-noise": exact(data(bytes([1, *range(256)]))),
    "lossless-fitted-networks-of-no-bytes": exact(chunk(b"FITW", b""), data(b"\xf0\0\0" + bytes(80))),
    "lossless-fitted-networks-of-no-weights": exact(chunk(b"FITW", b"\x0e" + bytes(200)), data(b"\xf0\0\0" + bytes(80))),
    "lossless-fitted-networks-of-noise": exact(chunk(b"FITW", bytes([0, *range(256)])), data(b"\xf0\0\0" + bytes(80))),
    "lossless-fitted-networks-twice": exact(*[chunk(b"FITW", bytes(65))] * 2, data(b"\xf0\0\0" + bytes(80))),
    "lossless-alpha-in-the-small-method": exact(chunk(b"ALPH", b"\0\xff\0"), data(b"\0\0\0" + bytes(80))),
    "lossless-alpha-longer-than-its-tile": exact(chunk(b"ALPH", b"\x02"), data(b"\0\0\0" + b"\xff" * 4 + bytes(80))),
    "lossless-ranks-of-no-bytes": exact(data(b"\x02\0\0")),
    "lossless-ranks-of-noise": exact(data(b"\x02\0\0\x07\0\0\0" + bytes(range(256)))),
    "lossless-ranks-of-ranks": exact(data(b"\x02\0\0\x07\0\0\0\0\0\0\x01\0\x03\x03" + b"\x02\0\0" + bytes(80))),
    "lossless-runs-beyond-the-samples": exact(data(b"\x02\0\0\x07\0\0\0\x02\0\0\xff\x03\x03\x03" + bytes(80))),
    "lossless-weights-of-a-quality": file(header(8, 8, field=RGB | 1023), data()),
    "fitted-networks-at-a-quality": file(header(8, 8), chunk(b"FITW", bytes(64)), data(b"\0\0\0")),
    # Versions, codes, weights.
    "version-0": file(header(8, 8, version=0), data()),
    "version-2": file(header(8, 8, version=2), data()),
    "version-of-64-bits": file(header(8, 8, version=2**64 - 1), data()),
    "unknown-weights": file(header(8, 8, ours=b"\xff" * 6), data()),
    "bytes-after-the-weights-id": file(header(8, 8, more=b"\0"), data()),
    "a-header-of-no-bytes": file(chunk(b"IMGH", b""), data()),
    "a-header-that-ends-in-a-varint": file(chunk(b"IMGH", b"\x01\0\0\xff\xff"), data()),
    "a-varint-of-eleven-bytes": file(chunk(b"IMGH", b"\x01\0\0" + b"\xff" * 11), data()),
    "a-varint-that-is-not-the-shortest": file(chunk(b"IMGH", b"\x01\0\0\x88\0\x08" + WEIGHTS), data()),
    "unknown-critical-chunk": file(header(8, 8), chunk(b"LAYR", b""), data()),
    "unknown-kind": file(chunk(b"VIDH", b"\0"), data()),
    "code-of-no-letters": file(header(8, 8), chunk(b"1234", b""), data()),
    "two-headers": file(header(8, 8), header(8, 8), data()),
    "a-picture-and-a-sound": file(header(8, 8), sound(b"\x01\0\0\x08\x01\0" + WEIGHTS), data()),
    "a-sound-of-no-fields": file(sound(b""), data()),
    "a-sound-of-64-bit-numbers": file(sound(b"\x01\0\0" + b"\xff" * 9 + b"\x01" + b"\xff" * 9 + b"\x01" + WEIGHTS), data()),
    "a-sound-of-reserved-bits": file(sound(b"\x01\0\xe0\x08\x01\0\0" + WEIGHTS), data()),
    # Lengths and tables.
    "no-data": file(header(8, 8)),
    "data-longer-than-the-file": file(header(8, 8), chunk(b"DATA", b"\0", length=2**40)),
    "data-of-64-bits": file(header(8, 8), chunk(b"DATA", b"\0", length=2**64 - 1)),
    "a-chunk-of-64-bits": file(header(8, 8), chunk(b"exif", b"", length=2**64 - 1), data()),
    "no-table-for-four-tiles": file(header(512, 512, tiles=1), data()),
    "a-table-for-one-tile": file(header(8, 8), table([(3, NONE)]), data()),
    "a-table-too-short": file(header(512, 512, tiles=1), table([(0, NONE)] * 3), data(b"")),
    "a-table-too-long": file(header(512, 512, tiles=1), table([(0, NONE)] * 5), data(b"")),
    "table-lengths-that-overflow": file(header(512, 512, tiles=1), table([(2**63, NONE)] * 4), data(b"")),
    "table-lengths-beyond-data": file(header(512, 512, tiles=1), table([(9, NONE)] * 4), data(b"")),
    "a-million-tiles-in-no-table": large(header(2**20, 256, tiles=1), data()),
    "bytes-behind-the-end": file(header(8, 8), data()) + b"more",
    "copy-of-another-header": file(header(8, 8), fill(4100), data(), copy=(header(9, 8),)),
    "no-copy-in-a-sound": SIGNATURE + SOUND + fill(4100) + no_segments(),
    "copy-in-a-small-sound": SIGNATURE + SOUND + chunk(b"COPY", SOUND) + no_segments(),
    "copy-of-a-picture-in-a-sound": SIGNATURE + SOUND + fill(4100) + chunk(b"COPY", header(8, 8)) + no_segments(),
    "a-chunk-behind-the-copy": SIGNATURE + SOUND + fill(4100) + chunk(b"COPY", SOUND) + chunk(b"fill", b"") + no_segments(),
    "no-copy": file(header(8, 8), fill(4100), data())[: -(len(header(8, 8)) + 9)],
    # Payloads.
    "a-tile-of-no-bytes": file(header(8, 8), data(b"")),
    "a-tile-of-one-byte": file(header(8, 8), data(b"\0")),
    "a-stream-of-unknown-lanes": file(header(8, 8), data(b"\0\0\x07" + bytes(80))),
    "a-stream-of-noise": file(header(64, 64), data(bytes(range(256)))),
    "alpha-of-another-size": file(header(8, 8), chunk(b"ALPH", b"\x01\x89PNG\r\n\x1a\n"), data()),
    "alpha-of-an-unknown-method": file(header(8, 8), chunk(b"ALPH", b"\x02"), data()),
    "two-exif-chunks": file(header(8, 8), *[chunk(b"note", b"")] * 20, chunk(b"exif", b""), chunk(b"exif", b""), data()),
}

if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for old in OUT.glob("*.wvn"):
        old.unlink()
    for name, content in files.items():
        (OUT / name).with_suffix(".wvn").write_bytes(content)
    print(len(files), "files")
