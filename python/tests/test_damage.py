"""Files that are damaged or hostile: an exception of the codec or a result, never anything else.

`WAVERN_FUZZ` is how many damaged files are tried, 3000 without it.
"""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest
import wavern
from conftest import TESTDATA

HOSTILE = sorted((TESTDATA / "hostile").glob("*.wvn"))
GOLDEN = sorted((TESTDATA / "golden").glob("*.wvn"))
SIGNATURE = b"\x97WVN\r\n\x1a\n"


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_files_are_refused(path: Path) -> None:
    for function in (wavern.decode, wavern.latents, wavern.decode_image, wavern.decode_audio):
        with pytest.raises(wavern.WavernError, match=r"\w+ \w+") as caught:
            function(path)
        assert type(caught.value) is not wavern.WavernError, "a class of its own"
    (left,) = wavern.decode_batch([path], on_error="return")
    (right,) = wavern.latents_batch([path], on_error="return")
    assert isinstance(left, wavern.WavernError) and isinstance(right, wavern.WavernError)


def test_their_classes() -> None:
    def error(name: str) -> wavern.WavernError:
        with pytest.raises(wavern.WavernError) as caught:
            wavern.decode(TESTDATA / "hostile" / f"{name}.wvn")
        return caught.value

    assert isinstance(error("pixels-over-the-limit"), wavern.LimitError)
    assert isinstance(error("much-work-in-few-bytes"), wavern.LimitError)
    assert isinstance(error("version-2"), wavern.UnsupportedError)
    missing = error("unknown-weights")
    assert isinstance(missing, wavern.WeightsError) and len(missing.needed or "") == 12
    malformed = error("height-0")
    assert isinstance(malformed, wavern.FormatError) and malformed.offset is not None


def varint(value: int) -> bytes:
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def test_a_header_of_a_million_by_a_million(photo_file: bytes) -> None:
    """The checksum holds; what it asks for is refused before memory is."""
    weights = wavern.probe(photo_file).weights
    field = struct.pack("<H", 1 << 10 | 300)
    fields = varint(1) + field + varint(10**6) + varint(10**6) + bytes.fromhex(weights)
    chunk = b"IMGH" + varint(len(fields)) + fields
    file = SIGNATURE + chunk + struct.pack("<I", crc32c(chunk)) + b"DATA"
    for function in (wavern.probe, wavern.inspect, wavern.decode, wavern.latents, wavern.verify):
        with pytest.raises(wavern.LimitError, match="1000000000000 is over the limit") as caught:
            function(file)
        assert caught.value.asked == 10**12


def table() -> list[int]:
    entries = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        entries.append(crc)
    return entries


CRC = table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def chunks(file: bytes) -> list[tuple[bytes, bytes]]:
    """Code and payload of all chunks of a whole file."""
    found, at = [], len(SIGNATURE)
    while at < len(file):
        code, length, shift = file[at : at + 4], 0, 0
        at += 4
        while True:
            byte = file[at]
            at += 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        found.append((code, file[at : at + length]))
        at += length + 4
    return found


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    """A file of chunks, with checksums that hold."""
    out = SIGNATURE
    for code, payload in parts:
        framed = code + varint(len(payload)) + payload
        out += framed + struct.pack("<I", crc32c(framed))
    return out


def scratched(data: bytes, rng: random.Random) -> bytes:
    """With some bytes changed, put in or left out."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(5):
            case 0:
                out[at:at] = rng.randbytes(rng.randrange(1, 5))
            case 1:
                del out[at : at + rng.randrange(1, 40)]
            case 2:
                del out[at:]
            case 3:
                out[at : at + 1] = bytes([rng.choice([0, 1, 127, 128, 255])])
            case _:
                out[at : at + 1] = bytes([rng.randrange(256)])
    return bytes(out)


def damaged(rng: random.Random, whole: list[bytes]) -> bytes:
    """A golden file after damage; half of them have checksums that hold around it."""
    file = rng.choice(whole)
    if rng.random() < 0.5 or file[8:12] == b"AUDH":
        return scratched(file, rng)
    parts = chunks(file)
    if rng.random() < 0.2:
        parts.insert(rng.randrange(len(parts)), rng.choice(parts))
    at = rng.randrange(len(parts))
    parts[at] = (parts[at][0], scratched(parts[at][1], rng))
    return joined(parts)


def test_chunks_are_taken_apart_and_put_together() -> None:
    for path in GOLDEN:
        if path.name.startswith("picture"):
            assert joined(chunks(path.read_bytes())) == path.read_bytes()


def test_damaged_files_give_errors_or_results() -> None:
    rng = random.Random(os.environ.get("WAVERN_FUZZ_SEED", "2026"))
    limits = wavern.Limits(pixels=1 << 18, samples=1 << 18, memory_bytes=1 << 26)
    whole = [path.read_bytes() for path in GOLDEN if path.stat().st_size < 20_000]
    count = int(os.environ.get("WAVERN_FUZZ", "3000"))
    classes: dict[str, int] = {}
    for _ in range(count):
        file = damaged(rng, whole)
        for function in (wavern.decode, wavern.latents, wavern.verify):
            try:
                function(file, limits=limits, threads=1)
                name = "none"
            except wavern.WavernError as error:
                assert type(error) is not wavern.WavernError and str(error), file.hex()
                name = type(error).__name__
            classes[name] = classes.get(name, 0) + 1
    print(classes)
    assert sum(classes.values()) == 3 * count
    # The loop reaches what lies behind the checksums.
    assert classes["FormatError"] > count and classes["none"] > count / 50
    assert {"LimitError", "WeightsError"} <= classes.keys()


def test_verify_names_what_is_damaged(photo_file: bytes, tone_file: bytes) -> None:
    assert wavern.verify(photo_file) and wavern.verify(tone_file)
    broken = bytearray(photo_file)
    broken[len(broken) // 2] ^= 1
    report = wavern.verify(bytes(broken))
    assert not report and not report.ok and report.parts == 1
    assert report.faults or report.damaged
    sound = bytearray(tone_file)
    sound[len(sound) // 3] ^= 1
    report = wavern.verify(bytes(sound))
    assert not report.ok and report.kind == "audio" and report.parts == 2
    tiles = wavern.encode(_wide())
    count = wavern.inspect(tiles).tiles or 0
    assert count > 1
    broken = bytearray(tiles)
    broken[len(broken) // 2] ^= 255
    report = wavern.verify(bytes(broken))
    assert report.parts == count and len(report.damaged) == 1
    x, y, width, height = report.damaged[0].area or (0, 0, 0, 0)
    assert width > 0 and height > 0 and x + width <= 3000 and y + height <= 600


def _wide():
    import numpy as np

    rows = np.random.default_rng(5).integers(0, 256, (75, 375, 3), np.uint8)
    return np.kron(rows, np.ones((8, 8, 1), np.uint8))
