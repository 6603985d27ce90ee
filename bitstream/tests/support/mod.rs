//! Files that the tests share, made without the builder's help where that matters.
#![allow(dead_code, reason = "each test uses a part of it")]

use wavern_bitstream::{
    AudioHeader, BitDepth, ChunkCode, Color, ContainerBuilder, ImageHeader, Limits, SIGNATURE, SampleFormat,
    SoundBuilder, WeightsId,
};

pub const WEIGHTS: WeightsId = WeightsId([0xd1, 0x5e, 0xa5, 0xed, 0xca, 0xfe]);

pub fn image_header(width: u32, height: u32) -> ImageHeader {
    ImageHeader {
        level: 700,
        color: Color::Rgb,
        depth: BitDepth::Eight,
        tile_log2: 0,
        width,
        height,
        weights: WEIGHTS,
    }
}

pub fn audio_header(segment_frames: u64) -> AudioHeader {
    AudioHeader {
        level: 1000,
        lossless: false,
        format: SampleFormat::I24,
        sample_rate: 44_100,
        channels: 2,
        segment_frames,
        weights: WEIGHTS,
    }
}

pub fn code(letters: &[u8; 4]) -> ChunkCode {
    ChunkCode::new(*letters).expect("four letters")
}

/// The smallest picture file: 64 × 64, one tile of seven bytes.
pub fn small_image() -> Vec<u8> {
    ContainerBuilder::new(image_header(64, 64))
        .tile(&b"payload"[..])
        .build(&Limits::default())
        .expect("valid fields")
}

/// Six tiles of 256 × 256 and less, alpha, and every kind of skippable chunk.
pub fn tiled_image() -> Vec<u8> {
    let header =
        ImageHeader { color: Color::Gray, depth: BitDepth::Sixteen, tile_log2: 1, ..image_header(600, 300) };
    ContainerBuilder::new(header)
        .metadata(ChunkCode::ICC, &b"profile"[..])
        .metadata(ChunkCode::EXIF, &b"MM\0\x2a"[..])
        .metadata(code(b"noTe"), &b"not known to this version"[..])
        .metadata(ChunkCode::XMP, &b"<x:xmpmeta/>"[..])
        .alpha(&b"alpha"[..])
        .tiles((0u8..6).map(|tile| vec![tile; 3 * usize::from(tile)]))
        .build(&Limits::default())
        .expect("valid fields")
}

/// Three segments of different levels, the second one silent, and chunks kept from a WAV file, in front and behind.
pub fn segmented_audio() -> Vec<u8> {
    let mut out = Vec::new();
    let mut builder =
        SoundBuilder::new(audio_header(1_000), &Limits::default(), &mut out).expect("valid fields");
    builder.metadata(ChunkCode::RIFF, b"cue \x04\0\0\0\0\0\0\0", &mut out).expect("in front");
    builder.segment(1000, b"first", &mut out).expect("a segment");
    builder.segment(1000, b"", &mut out).expect("a segment");
    builder.last_segment(900, b"the third", 500, &mut out).expect("a segment");
    builder.metadata(ChunkCode::RIFF, b"LIST\x04\0\0\0INFO", &mut out).expect("behind");
    builder.finish(&mut out).expect("a whole file");
    out
}

/// No frames, no segments.
pub fn empty_audio() -> Vec<u8> {
    let mut out = Vec::new();
    let builder = SoundBuilder::new(audio_header(1_000), &Limits::default(), &mut out).expect("valid fields");
    builder.finish(&mut out).expect("a whole file");
    out
}

/// A picture so blank that a `fill` chunk makes up its size.
pub fn blank_image() -> Vec<u8> {
    ContainerBuilder::new(image_header(4_096, 2_048))
        .tile(&b"."[..])
        .build(&Limits::default())
        .expect("valid fields")
}

/// Large enough for a copy of the header: four tiles of 1000 bytes and more.
pub fn copied_image() -> Vec<u8> {
    let header = ImageHeader { tile_log2: 1, ..image_header(512, 512) };
    ContainerBuilder::new(header)
        .metadata(ChunkCode::ICC, &b"profile"[..])
        .tiles((0u8..4).map(|tile| vec![tile; 1000 + 10 * usize::from(tile)]))
        .build(&Limits::default())
        .expect("valid fields")
}

/// Large enough for a copy of the header: five segments of 1000 bytes, and metadata in front and behind.
pub fn copied_audio() -> Vec<u8> {
    let mut out = Vec::new();
    let mut builder =
        SoundBuilder::new(audio_header(1_000), &Limits::default(), &mut out).expect("valid fields");
    builder.metadata(ChunkCode::RIFF, b"cue \x04\0\0\0\0\0\0\0", &mut out).expect("in front");
    (0u8..4).for_each(|index| builder.segment(1000, &[index; 1000], &mut out).expect("a segment"));
    builder.last_segment(1000, &[4; 1000], 500, &mut out).expect("a segment");
    builder.metadata(ChunkCode::RIFF, b"LIST\x04\0\0\0INFO", &mut out).expect("behind");
    builder.finish(&mut out).expect("a whole file");
    out
}

/// Every file above with the name of its golden copy.
pub fn files() -> [(&'static str, Vec<u8>); 7] {
    [
        ("small_image", small_image()),
        ("tiled_image", tiled_image()),
        ("segmented_audio", segmented_audio()),
        ("empty_audio", empty_audio()),
        ("blank_image", blank_image()),
        ("copied_image", copied_image()),
        ("copied_audio", copied_audio()),
    ]
}

/// A chunk with a right checksum, whatever its code and payload.
pub fn chunk(code: &[u8], payload: &[u8]) -> Vec<u8> {
    chunk_of_length(code, payload.len() as u64, payload)
}

/// A chunk that gives any length for its payload, with the checksum of what is there.
pub fn chunk_of_length(code: &[u8], length: u64, payload: &[u8]) -> Vec<u8> {
    let covered = [code, &varint(length), payload].concat();
    let checksum = crc32c(&covered).to_le_bytes();
    [&covered[..], &checksum].concat()
}

/// A file of these chunks.
pub fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    [&SIGNATURE[..], &chunks.concat()].concat()
}

/// An `IMGH` chunk with these fields, in range or not.
pub fn raw_image_header(version: u64, field: u16, width: u64, height: u64) -> Vec<u8> {
    let fields =
        [&varint(version), &field.to_le_bytes()[..], &varint(width), &varint(height), &WEIGHTS.0].concat();
    chunk(b"IMGH", &fields)
}

/// An `AUDH` chunk with these fields, in range or not.
pub fn raw_audio_header(field: u16, rate: u64, channels: u64, segment_frames: u64) -> Vec<u8> {
    let numbers = [rate, channels, segment_frames].map(varint).concat();
    chunk(b"AUDH", &[&[1][..], &field.to_le_bytes(), &numbers, &WEIGHTS.0].concat())
}

/// A chunk that begins with these numbers and their check.
pub fn checked(code: &[u8], numbers: &[u64], rest: &[u8]) -> Vec<u8> {
    let fields: Vec<u8> = numbers.iter().flat_map(|&number| varint(number)).collect();
    let length = fields.len() + 4 + rest.len();
    let check = crc32c(&[code, &varint(length as u64), &fields].concat()).to_le_bytes();
    chunk(code, &[&fields[..], &check, rest].concat())
}

/// A `SEGT` chunk with these fields and the length that it has.
pub fn segment_table(frames: u64, first: u64, lengths: &[u64]) -> Vec<u8> {
    let table = |back: u32| {
        let lengths: Vec<u8> = lengths.iter().flat_map(|&length| varint(length)).collect();
        checked(
            b"SEGT",
            &[frames, lengths.len() as u64, first],
            &[&lengths, &back.to_le_bytes()[..]].concat(),
        )
    };
    table(table(0).len() as u32)
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// CRC-32C bit by bit from its definition, to hold the crate's against.
pub fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}
