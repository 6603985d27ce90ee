#!/usr/bin/env python3
"""Walks a .wvn file and prints what it finds as JSON.

Written from FORMAT.md alone, with nothing but the standard library, to show that the text is enough to read a file.
It is strict: the first broken rule ends it with a message on standard error and status 1.

    python3 testdata/parse_wvn.py FILE...
"""

import json
import sys

SIGNATURE = b"\x97WVN\r\n\x1a\n"
SAMPLE_FORMATS = ["U8", "I16", "I24", "I32", "F32", "F64"]
AT_MOST_ONCE = {"IMGH", "AUDH", "TABL", "ALPH", "FITW", "iccp", "exif", "xmpd", "iptc"}
OF_PICTURES = {"IMGH", "TABL", "ALPH", "FITW", "DATA"}
COPY_FROM = 4096
OF_SOUNDS = {"AUDH", "SEGM", "SEGT"}
WORK_PER_BYTE = 65536
LIMITS = {
    "width": 2**20,
    "height": 2**20,
    "pixels": 2**28,
    "samples": 2**40,
    "channels": 32,
    "sample_rate": 768000,
    "segment_frames": 2**20,
    "chunks": 65536,
    "metadata": 2**24,
}


class Refused(Exception):
    """A rule of FORMAT.md is broken."""


def check(holds, offset, rule):
    if not holds:
        raise Refused(f"byte {offset}: {rule}")


def limit(what, value):
    check(value <= LIMITS[what], 0, f"{what} {value} is over the limit of {LIMITS[what]}")
    return value


def crc_table():
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        yield crc


CRC_TABLE = list(crc_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Reader:
    """Fields from `data[offset:end]`; offsets count from the start of the file."""

    def __init__(self, data, offset, end):
        self.data, self.offset, self.end = data, offset, end

    def bytes(self, count, what):
        left = self.end - self.offset
        check(count <= left, self.offset, f"{what} needs {count} bytes, {left} are left")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def uint(self, count, what):
        return int.from_bytes(self.bytes(count, what), "little")

    def varint(self, what):
        start, value = self.offset, 0
        for index in range(10):
            byte = self.uint(1, what)
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                check(value < 2**64, start, f"{what} is over 64 bits")
                check(byte or not index, start, f"{what} has superfluous bytes")
                return value
        check(False, start, f"{what} is over 64 bits")

    def positive(self, what):
        start, value = self.offset, self.varint(what)
        check(value > 0, start, f"{what} is 0")
        return value

    def finish(self, what):
        check(self.offset == self.end, self.offset, f"{self.end - self.offset} bytes after the last field of {what}")


def read_chunk(reader):
    offset = reader.offset
    code = reader.bytes(4, "chunk code")
    check(code.isalpha(), offset, f"chunk code {code!r} is not four letters")
    code = code.decode("ascii")
    length = reader.varint("chunk length")
    start = reader.offset
    reader.bytes(length, f"payload of {code}")
    end = reader.offset
    stored = reader.uint(4, "chunk checksum")
    computed = crc32c(reader.data[offset:end])
    check(stored == computed, offset, f"{code} is damaged: CRC-32C {computed:08x}, stored {stored:08x}")
    return {"code": code, "offset": offset, "length": length}, Reader(reader.data, start, end)


def read_version(fields):
    offset, version = fields.offset, fields.varint("format version")
    check(version == 1, offset, f"format version {version} is not known")
    return version


def read_image_header(fields):
    version = read_version(fields)
    field = fields.uint(2, "level field")
    tile_log2 = field >> 12
    header = {
        "kind": "image",
        "version": version,
        "level": field & 1023,
        "colour": "rgb" if field >> 10 & 1 else "gray",
        "depth": 16 if field >> 11 & 1 else 8,
        "tile_side": 2 ** (tile_log2 + 7) if tile_log2 else None,
        "width": limit("width", fields.positive("width")),
        "height": limit("height", fields.positive("height")),
        "weights": fields.bytes(6, "weights id").hex(),
    }
    fields.finish("IMGH")
    side = header["tile_side"] or max(header["width"], header["height"])
    tiles = -(-header["width"] // side) * -(-header["height"] // side)
    return header, tiles, limit("pixels", header["width"] * header["height"])


def read_audio_header(fields):
    version = read_version(fields)
    offset, field = fields.offset, fields.uint(2, "level field")
    check(field >> 14 == 0, offset, "reserved bits are set")
    sample_format, lossless = field >> 10 & 7, field >> 13 == 1
    check(sample_format < len(SAMPLE_FORMATS), offset, f"sample format {sample_format} is not known")
    header = {
        "kind": "audio",
        "version": version,
        "level": field & 1023,
        "lossless": lossless,
        "format": SAMPLE_FORMATS[sample_format],
        "sample_rate": limit("sample_rate", fields.positive("sample rate")),
        "channels": limit("channels", fields.positive("channels")),
        "segment_frames": limit("segment_frames", fields.positive("segment frames")),
        "weights": fields.bytes(6, "weights id").hex(),
    }
    fields.finish("AUDH")
    plain = header["level"] == 0 and header["weights"] == "0" * 12
    check(not lossless or plain, offset, "a sound without loss that has a level or weights")
    return header


def read_table(fields, tiles):
    check(tiles >= 2, fields.offset, f"a tile table for {tiles} tiles")
    left = fields.end - fields.offset
    check(5 * tiles <= left, fields.offset, f"a table of {tiles} tiles in {left} bytes")
    entries = [(fields.varint("tile length"), fields.uint(4, "tile checksum")) for _ in range(tiles)]
    fields.finish("TABL")
    return entries


def read_tiles(fields, table, tiles):
    data_length = fields.end - fields.offset
    if table is None:
        check(tiles < 2, fields.offset, f"DATA without a tile table for {tiles} tiles")
        return [{"offset": fields.offset, "length": data_length}]
    total = sum(length for length, _ in table)
    check(total == data_length, fields.offset, f"the tile table adds up to {total} bytes, DATA holds {data_length}")
    result = []
    for index, (length, stored) in enumerate(table):
        result.append({"offset": fields.offset, "length": length})
        computed = crc32c(fields.bytes(length, "tile"))
        check(stored == computed, result[-1]["offset"], f"tile {index} is damaged: CRC-32C {computed:08x}, stored {stored:08x}")
    return result


def read_check(chunk, fields):
    """The check of SEGM and SEGT: CRC-32C of the chunk up to there."""
    computed = crc32c(fields.data[chunk["offset"] : fields.offset])
    check(fields.uint(4, "check") == computed, chunk["offset"], f"the check of {chunk['code']} is wrong")


def read_segment(chunk, fields, header, index):
    number = fields.varint("segment number")
    check(number >> 1 == index, chunk["offset"], f"segment {number >> 1} where {index} is expected")
    frames = fields.varint("frames of the last segment") if number & 1 else header["segment_frames"]
    check(1 <= frames <= header["segment_frames"], chunk["offset"], f"a segment of {frames} frames")
    change = fields.varint("level change")
    level = header["level"] + (-(change + 1) // 2 if change & 1 else change // 2)
    check(0 <= level <= 1023, chunk["offset"], f"level {level}")
    read_check(chunk, fields)
    length = fields.end - fields.offset
    longest = 8 * header["channels"] * (header["segment_frames"] + 4096)
    check(length <= longest, chunk["offset"], f"a segment of more than {longest} bytes")
    segment = {"offset": fields.offset, "length": length, "level": level}
    return segment, frames, bool(number & 1)


def read_segment_table(chunk, fields, starts, end, frames):
    table = [fields.varint(what) for what in ("frames", "number of segments", "first segment")]
    read_check(chunk, fields)
    offsets = [table[2]]
    for _ in starts:
        offsets.append(offsets[-1] + fields.varint("segment length"))
    back = fields.uint(4, "length of the segment table")
    fields.finish("SEGT")
    expected = [frames, len(starts), starts[0] if starts else 0]
    check(table == expected, chunk["offset"], f"the segment table says {table} where {expected} is found")
    check(offsets[-1] == end, chunk["offset"], f"the segment table ends at {offsets[-1]}, the segments at {end}")
    check(back == fields.end + 4 - chunk["offset"], chunk["offset"], f"the segment table is not {back} bytes long")


def parse_picture(reader, header, tiles, work, chunks):
    data, seen, table, metadata = reader.data, {"IMGH"}, None, 0
    repeated = data[chunks[0]["offset"] : reader.offset]
    while True:
        chunk, fields = read_chunk(reader)
        code, offset = chunk["code"], chunk["offset"]
        chunks.append(chunk)
        limit("chunks", len(chunks))
        check(code not in seen or code not in AT_MOST_ONCE, offset, f"a second {code} chunk")
        check(code not in OF_SOUNDS, offset, f"a {code} chunk in a picture")
        seen.add(code)
        if code == "DATA":
            break
        if code == "TABL":
            table = read_table(fields, tiles)
            repeated += data[offset : reader.offset]
        elif code != "ALPH" and code[0].isupper():
            check(False, offset, f"critical chunk {code} is not known")
        elif code not in ("ALPH", "fill"):
            metadata = limit("metadata", metadata + chunk["length"])
    if reader.offset >= COPY_FROM:
        chunk, copy = read_chunk(reader)
        check(chunk["code"] == "COPY", chunk["offset"], f"{chunk['code']} after DATA in place of COPY")
        check(copy.bytes(chunk["length"], "copy") == repeated, copy.offset, "COPY is no copy")
        chunks.append(chunk)
    check(reader.offset == len(data), reader.offset, f"{len(data) - reader.offset} bytes after the last chunk")
    tiles = read_tiles(fields, table, tiles)
    check(work <= WORK_PER_BYTE * len(data), 0, f"{work} pixels in {len(data)} bytes")
    return tiles


def parse_sound(reader, header, chunks):
    data, seen, metadata, others = reader.data, set(), 0, 1
    segments, starts, frames, end, ended = [], [], 0, 0, False
    repeated, copy = data[chunks[0]["offset"] : reader.offset], None
    while True:
        chunk, fields = read_chunk(reader)
        code, offset = chunk["code"], chunk["offset"]
        chunks.append(chunk)
        if code == "SEGT":
            check(ended or not segments, offset, "the last segment is missing")
            large = (offset if copy is None else copy) >= COPY_FROM
            check(large == (copy is not None), offset, "a COPY is missing, or too much")
            read_segment_table(chunk, fields, starts, end, frames)
            break
        check(copy is None, offset, f"{code} between COPY and SEGT")
        if code == "SEGM":
            check(not ended, offset, "a segment after the last")
            segment, length, ended = read_segment(chunk, fields, header, len(segments))
            segments.append(segment)
            starts.append(offset)
            frames, end = frames + length, reader.offset
            work = limit("samples", frames * header["channels"])
            check(work <= WORK_PER_BYTE * end, offset, f"{work} samples in {end} bytes")
            continue
        others += 1
        limit("chunks", others)
        check(code not in OF_PICTURES and code != "AUDH", offset, f"a {code} chunk in a sound")
        if code == "COPY":
            check(ended or not segments, offset, "a COPY among the segments")
            check(fields.bytes(chunk["length"], "copy") == repeated, offset, "COPY is no copy")
            copy = offset
            continue
        check(code not in seen or code not in AT_MOST_ONCE, offset, f"a second {code} chunk")
        seen.add(code)
        check(not code[0].isupper(), offset, f"critical chunk {code} is not known")
        check(chunk["length"] <= LIMITS["metadata"], offset, f"a {code} chunk of {chunk['length']} bytes")
        if code != "fill":
            check(ended or not segments, offset, f"a {code} chunk among the segments")
            metadata = limit("metadata", metadata + chunk["length"])
    check(reader.offset == len(data), reader.offset, f"{len(data) - reader.offset} bytes after SEGT")
    header["frames"] = frames
    return segments


def parse(data):
    check(data.startswith(SIGNATURE), 0, "no .wvn signature")
    reader = Reader(data, len(SIGNATURE), len(data))
    chunk, fields = read_chunk(reader)
    check(chunk["code"] in ("IMGH", "AUDH"), chunk["offset"], f"the first chunk is {chunk['code']}")
    chunks = [chunk]
    if chunk["code"] == "IMGH":
        header, tiles, work = read_image_header(fields)
        tiles = parse_picture(reader, header, tiles, work, chunks)
    else:
        header = read_audio_header(fields)
        tiles = parse_sound(reader, header, chunks)
    return {"bytes": len(data), "header": header, "chunks": chunks, "tiles": tiles}


def main(paths):
    if not paths:
        print("usage: parse_wvn.py FILE...", file=sys.stderr)
        return 2
    status = 0
    for path in paths:
        try:
            with open(path, "rb") as file:
                print(json.dumps({"file": path, **parse(file.read())}))
        except (OSError, Refused) as error:
            print(f"{path}: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
