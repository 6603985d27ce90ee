//! Files whose checksums are right and whose content is not: every rule, every limit at its edge, every error.

mod support;

use support::{
    audio_header, chunk, chunk_of_length, code, crc32c, file, image_header, raw_audio_header,
    raw_image_header, segment_table, varint,
};
use wavern_bitstream::{
    AudioHeader, ChunkCode, Container, ContainerBuilder, Error, Fault, Header, ImageHeader, Limits,
    SIGNATURE, SoundBuilder, describe,
};

fn parse(bytes: &[u8]) -> Result<Header, Error> {
    Container::parse(bytes, &Limits::default()).map(|container| *container.header())
}

fn message(chunks: &[Vec<u8>]) -> String {
    parse(&file(chunks)).expect_err("a refusal").to_string()
}

fn image() -> Vec<u8> {
    raw_image_header(1, 0, 64, 64)
}

/// A picture of four tiles of 256 × 256.
fn tiled() -> Vec<u8> {
    raw_image_header(1, 1 << 12, 512, 512)
}

fn data(payload: &[u8]) -> Vec<u8> {
    chunk(b"DATA", payload)
}

/// A table that gives these lengths and the checksums of zeros.
fn table(lengths: &[u64]) -> Vec<u8> {
    let entries = lengths
        .iter()
        .map(|&n| [varint(n), crc32c(&vec![0; n.min(99) as usize]).to_le_bytes().to_vec()].concat());
    chunk(b"TABL", &entries.collect::<Vec<_>>().concat())
}

#[test]
fn the_files_below_differ_from_these() {
    parse(&file(&[image(), data(b"")])).unwrap();
    parse(&file(&[tiled(), table(&[1, 2, 0, 4]), data(&[0; 7])])).unwrap();
    parse(&file(&[raw_audio_header(5 << 10, 1, 1, 1), segment_table(0, 0, &[])])).unwrap();
}

#[test]
fn order_and_number_of_chunks() {
    let [alpha, icc, riff] = [b"ALPH", b"iccp", b"riff"].map(|code| chunk(code, b"1"));
    let sound = raw_audio_header(0, 8000, 1, 9);
    for (chunks, expected) in [
        (vec![], "chunk code at byte 8 needs 4 bytes, 0 are left"),
        (vec![image()], "chunk code at byte 28 needs 4 bytes, 0 are left"),
        (vec![data(b"")], "malformed at byte 8: the first chunk is DATA (expected IMGH or AUDH)"),
        (vec![icc.clone(), image()], "malformed at byte 8: the first chunk is iccp (expected IMGH or AUDH)"),
        (
            vec![chunk(b"VIDH", b"")],
            "unsupported at byte 8: content of kind VIDH; a newer version may read it",
        ),
        (
            vec![image(), chunk(b"LAYR", b""), data(b"")],
            "unsupported at byte 28: critical chunk LAYR; a newer version may read it",
        ),
        (vec![image(), image(), data(b"")], "malformed at byte 28: a second IMGH chunk"),
        (vec![image(), sound.clone(), data(b"")], "malformed at byte 28: a second AUDH chunk"),
        (vec![image(), icc.clone(), icc.clone(), data(b"")], "malformed at byte 38: a second iccp chunk"),
        (vec![image(), alpha.clone(), alpha.clone(), data(b"")], "malformed at byte 38: a second ALPH chunk"),
        (
            vec![sound.clone(), alpha.clone(), segment_table(0, 0, &[])],
            "malformed at byte 30: an ALPH chunk in an audio file",
        ),
        (vec![sound.clone(), data(b"")], "malformed at byte 30: a DATA chunk in an audio file"),
        (vec![image(), segment_table(0, 0, &[])], "malformed at byte 28: a SEGT chunk in a picture"),
        (vec![image(), data(b"1"), icc.clone()], "malformed at byte 38: 10 bytes after the last chunk"),
        (vec![image(), data(b"1"), data(b"1")], "malformed at byte 38: 10 bytes after the last chunk"),
        (
            vec![image(), vec![b'I', b'C', 0xc3, b'1', 0]],
            "malformed at byte 28: chunk code [49, 43, c3, 31] (expected four ASCII letters)",
        ),
    ] {
        assert_eq!(message(&chunks), expected);
    }
    parse(&file(&[sound, riff.clone(), icc, riff, segment_table(0, 0, &[])])).unwrap();
}

#[test]
fn tile_tables() {
    let cut = chunk(b"TABL", &[9; 19]);
    for (chunks, expected) in [
        (vec![tiled(), data(b"")], "malformed at byte 30: DATA without a tile table for 4 tiles"),
        (
            vec![image(), table(&[1]), data(&[0])],
            "malformed at byte 28: a tile table for 1 tiles (expected one exactly when there are 2 or more)",
        ),
        (
            vec![tiled(), table(&[1, 2, 0, 4]), table(&[1, 2, 0, 4])],
            "malformed at byte 59: a second TABL chunk",
        ),
        (
            vec![tiled(), table(&[1, 2, 3]), data(&[0; 6])],
            "tile table at byte 35 needs 20 bytes, 15 are left",
        ),
        (vec![tiled(), cut, data(b"")], "tile table at byte 35 needs 20 bytes, 19 are left"),
        (
            vec![tiled(), table(&[1, 1, 1, 128]), data(b"")],
            "malformed at byte 60: the tile table adds up to 131 bytes, DATA holds 0",
        ),
        (
            vec![tiled(), table(&[0; 5]), data(b"")],
            "malformed at byte 55: 5 bytes after the last field of TABL",
        ),
        (
            vec![tiled(), table(&[1, 2, 0, 4]), data(&[0; 8])],
            "malformed at byte 59: the tile table adds up to 7 bytes, DATA holds 8",
        ),
    ] {
        assert_eq!(message(&chunks), expected);
    }
    let overflow = parse(&file(&[tiled(), table(&[1, u64::MAX, 1, 1]), data(b"")])).unwrap_err();
    assert!(
        matches!(overflow, Error::Malformed { fault: Fault::TableSum { table: u64::MAX, .. }, .. }),
        "{overflow}"
    );

    // Tiles whose checksums are wrong though that of DATA is right: a faulty writer, found tile by tile.
    let bytes = file(&[tiled(), table(&[1, 2, 0, 4]), data(&[0, 0, 7, 0, 0, 0, 0])]);
    let container = Container::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(container.tile(0).unwrap(), [0]);
    assert!(matches!(container.tile(1), Err(Error::TileChecksum { tile: 1, .. })));
    assert_eq!(container.tile(3).unwrap(), [0; 4]);
    assert_eq!(container.tile(4).unwrap_err().to_string(), "tile index 4 (expected less than 4)");
}

#[test]
fn header_fields() {
    let with = |chunk: Vec<u8>| message(&[chunk, data(b"")]);
    let newer = "unsupported at byte 13: format version 2 (this is 1); a newer version may read it";
    assert_eq!(with(raw_image_header(2, 0, 64, 64)), newer);
    assert_eq!(with(chunk(b"AUDH", &[2])), newer);
    let draft = "unsupported at byte 13: format version 0, a draft from before version 1";
    assert_eq!(with(raw_image_header(0, 0, 64, 64)), draft);
    assert_eq!(
        with(raw_image_header(1, 0, 0, 64)),
        "malformed at byte 16: image width is 0 (expected at least 1)"
    );
    assert_eq!(
        with(raw_image_header(1, 0, 64, 0)),
        "malformed at byte 17: image height is 0 (expected at least 1)"
    );
    assert_eq!(
        with(raw_audio_header(0, 0, 1, 1)),
        "malformed at byte 16: sample rate is 0 (expected at least 1)"
    );
    assert_eq!(
        with(raw_audio_header(0, 1, 0, 1)),
        "malformed at byte 17: channels is 0 (expected at least 1)"
    );
    assert_eq!(
        with(raw_audio_header(6 << 10, 1, 1, 1)),
        "unsupported at byte 14: sample format 6; a newer version may read it"
    );
    for bit in [14, 15] {
        let error = with(raw_audio_header(1 << bit, 1, 1, 1));
        assert!(error.starts_with("unsupported at byte 14: reserved bits "), "{error}");
    }
    for level in [0, 1] {
        let error = with(raw_audio_header(1 << 13 | level, 1, 1, 1));
        assert!(
            error.starts_with("unsupported at byte 14: a sound without loss that has a level or"),
            "{error}"
        );
    }
    let fields = &raw_image_header(1, 0, 64, 64)[5..16];
    assert_eq!(with(chunk(b"IMGH", &fields[..8])), "weights id at byte 18 needs 6 bytes, 3 are left");
    assert_eq!(with(chunk(b"IMGH", &[])), "format version at byte 13 needs 1 bytes, 0 are left");
    let longer = [fields, b"!"].concat();
    assert_eq!(with(chunk(b"IMGH", &longer)), "malformed at byte 24: 1 bytes after the last field of IMGH");
}

#[test]
fn huge_lengths() {
    for length in [1 << 20, u64::from(u32::MAX), 1 << 62, u64::MAX] {
        let expected =
            |at: u64, left| format!("chunk payload at byte {at} needs {length} bytes, {left} are left");
        let width = varint(length).len() as u64;
        // What stands after the length is a checksum of four bytes, taken for payload.
        assert_eq!(message(&[image(), chunk_of_length(b"DATA", length, b"")]), expected(32 + width, 4));
        assert_eq!(message(&[chunk_of_length(b"IMGH", length, b"")]), expected(12 + width, 4));
        assert_eq!(message(&[image(), chunk_of_length(b"TABL", length, b"")]), expected(32 + width, 4));
        assert_eq!(message(&[image(), chunk_of_length(b"note", length, b"")]), expected(32 + width, 4));
    }
    let long = [&b"DATA"[..], &[0xff; 12]].concat();
    assert_eq!(message(&[image(), long]), "malformed at byte 32: a varint over 64 bits");
    let superfluous = [&b"DATA"[..], &[0x80, 0x00]].concat();
    assert_eq!(message(&[image(), superfluous]), "malformed at byte 32: a varint with superfluous bytes");
}

/// What the header alone asks for, before any chunk after it is looked at.
fn header_limit(chunk: Vec<u8>, limits: &Limits) -> Option<(&'static str, u64, u64)> {
    match Container::parse(&file(&[chunk]), limits) {
        Err(Error::Limit { what, asked, allowed }) => Some((what, asked, allowed)),
        Err(Error::Truncated { what: "chunk code", .. }) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_of_the_header_at_the_edge() {
    let defaults = Limits::default();
    let picture = |width, height| header_limit(raw_image_header(1, 0, width, height), &defaults);
    assert_eq!(picture(1 << 20, 1 << 8), None);
    assert_eq!(picture((1 << 20) + 1, 1), Some(("image width", (1 << 20) + 1, 1 << 20)));
    assert_eq!(picture(1, (1 << 20) + 1), Some(("image height", (1 << 20) + 1, 1 << 20)));
    assert_eq!(picture(1, u64::MAX), Some(("image height", u64::MAX, 1 << 20)));
    assert_eq!(picture(1 << 14, 1 << 14), None);
    assert_eq!(picture(1 << 14, (1 << 14) + 1), Some(("image pixels", (1 << 28) + (1 << 14), 1 << 28)));

    let sound =
        |rate, channels, segment| header_limit(raw_audio_header(0, rate, channels, segment), &defaults);
    assert_eq!(sound(768_000, 32, 1 << 20), None);
    assert_eq!(sound(768_001, 1, 1), Some(("sample rate", 768_001, 768_000)));
    assert_eq!(sound(1, 33, 1), Some(("channels", 33, 32)));
    assert_eq!(sound(1, 2, (1 << 20) + 1), Some(("segment frames", (1 << 20) + 1, 1 << 20)));
    assert_eq!(sound(1, 2, u64::MAX), Some(("segment frames", u64::MAX, 1 << 20)));

    let mut tight = Limits::default();
    (tight.side, tight.pixels, tight.channels, tight.segment_frames, tight.sample_rate) =
        (10, 50, 1, 70, 8000);
    assert_eq!(header_limit(raw_image_header(1, 0, 10, 5), &tight), None);
    assert_eq!(header_limit(raw_image_header(1, 0, 11, 1), &tight), Some(("image width", 11, 10)));
    assert_eq!(header_limit(raw_image_header(1, 0, 10, 6), &tight), Some(("image pixels", 60, 50)));
    assert_eq!(header_limit(raw_audio_header(0, 8000, 1, 70), &tight), None);
    assert_eq!(header_limit(raw_audio_header(0, 8000, 1, 71), &tight), Some(("segment frames", 71, 70)));
    assert_eq!(header_limit(raw_audio_header(0, 8001, 1, 1), &tight), Some(("sample rate", 8001, 8000)));
}

#[test]
fn limits_of_the_file_at_the_edge() {
    let mut limits = Limits::default();
    limits.metadata_bytes = 10;
    let with = |sizes: [usize; 2]| {
        file(&[
            image(),
            chunk(b"aaaa", &vec![0; sizes[0]]),
            chunk(b"fill", &[0; 99]),
            chunk(b"exif", &vec![0; sizes[1]]),
            data(b""),
        ])
    };
    Container::parse(&with([4, 6]), &limits).unwrap();
    let error = Container::parse(&with([5, 6]), &limits).unwrap_err();
    assert_eq!(error.to_string(), "metadata bytes 11 is over the limit of 10");

    let mut limits = Limits::default();
    limits.chunks = 5;
    Container::parse(&with([0, 0]), &limits).unwrap();
    limits.chunks = 4;
    let error = Container::parse(&with([0, 0]), &limits).unwrap_err();
    assert_eq!(error.to_string(), "chunks 5 is over the limit of 4");

    // The default number of chunks, all but two of them fill.
    let copy = chunk(b"COPY", &image());
    let many = |count: usize| {
        [file(&[image()]), chunk(b"fill", b"").repeat(count), data(b""), copy.clone()].concat()
    };
    parse(&many((1 << 16) - 2)).unwrap();
    let error = parse(&many((1 << 16) - 1)).unwrap_err();
    assert_eq!(error, Error::Limit { what: "chunks", asked: 65_537, allowed: 65_536 });
}

#[test]
fn a_copy_follows_exactly_the_files_that_are_not_small() {
    let [header, table] = [tiled(), table(&[4034, 0, 0, 0])];
    let fill = |bytes| chunk(b"fill", &vec![0; bytes]);
    let copy = |parts: &[Vec<u8>]| chunk(b"COPY", &parts.concat());
    let large = |copy: Vec<u8>| file(&[header.clone(), table.clone(), data(&[0; 4034]), copy]);
    parse(&large(copy(&[header.clone(), table.clone()]))).unwrap();
    for (copy, expected) in [
        (vec![], "chunk code at byte 4104 needs 4 bytes, 0 are left"),
        (
            copy(std::slice::from_ref(&header)),
            "malformed at byte 4109: COPY is not a copy of the header and the tile table",
        ),
        (
            copy(&[table.clone(), header.clone()]),
            "malformed at byte 4109: COPY is not a copy of the header and the tile table",
        ),
        (fill(1), "malformed at byte 4104: a chunk fill in place of COPY"),
        (
            [copy(&[header.clone(), table.clone()]), b"x".to_vec()].concat(),
            "malformed at byte 4165: 1 bytes after the last chunk",
        ),
    ] {
        assert_eq!(parse(&large(copy)).unwrap_err().to_string(), expected);
    }

    // 4,095 bytes up to the end of DATA, and one more.
    let sized = |bytes: usize, more: &[Vec<u8>]| [&[image(), fill(bytes), data(b"")][..], more].concat();
    assert_eq!(file(&sized(4_048, &[])).len(), 4_095);
    parse(&file(&sized(4_048, &[]))).unwrap();
    assert!(parse(&file(&sized(4_048, &[copy(&[image()])]))).is_err());
    assert!(parse(&file(&sized(4_049, &[]))).is_err());
    parse(&file(&sized(4_049, &[copy(&[image()])]))).unwrap();
}

#[test]
fn a_small_file_cannot_ask_for_much_work() {
    // 41 bytes carry 41 × 65,536 pixels, 328 rows of 8,192, and not one row more.
    let bytes = |height| file(&[raw_image_header(1, 0, 1 << 13, height), data(b"12")]);
    assert_eq!(bytes(328).len(), 41);
    parse(&bytes(328)).unwrap();
    let error = parse(&bytes(329)).unwrap_err();
    let (asked, allowed) = (329 << 13, 41 << 16);
    assert_eq!(error, Error::Limit { what: "pixels or samples for the size of the file", asked, allowed });

    let mut limits = Limits::default();
    limits.work_per_byte = u64::MAX;
    Container::parse(&bytes(329), &limits).unwrap();
}

#[test]
fn the_builder_refuses_what_the_reader_would() {
    let limits = Limits::default();
    let picture = image_header(64, 64);
    let sound = audio_header(10);
    let images = [
        (ImageHeader { level: 1024, ..picture }, "level 1024 (expected 0..=1023)"),
        (ImageHeader { tile_log2: 16, ..picture }, "tile_log2 16 (expected 0..=15)"),
        (ImageHeader { width: 0, ..picture }, "image width 0 (expected at least 1)"),
        (ImageHeader { height: 0, ..picture }, "image height 0 (expected at least 1)"),
        (ImageHeader { width: 1 << 21, ..picture }, "image width 2097152 is over the limit of 1048576"),
        (ImageHeader { height: 1 << 21, ..picture }, "image height 2097152 is over the limit of 1048576"),
        (
            ImageHeader { width: 1 << 20, height: 257, ..picture },
            "image pixels 269484032 is over the limit of 268435456",
        ),
    ];
    let sounds = [
        (AudioHeader { level: u16::MAX, ..sound }, "level 65535 (expected 0..=1023)"),
        (AudioHeader { level: 1, lossless: true, ..sound }, "level without loss 1 (expected 0)"),
        (AudioHeader { sample_rate: 0, ..sound }, "sample rate 0 (expected at least 1)"),
        (AudioHeader { sample_rate: 768_001, ..sound }, "sample rate 768001 is over the limit of 768000"),
        (AudioHeader { channels: 0, ..sound }, "channels 0 (expected at least 1)"),
        (AudioHeader { channels: 33, ..sound }, "channels 33 is over the limit of 32"),
        (AudioHeader { segment_frames: 0, ..sound }, "segment frames 0 (expected at least 1)"),
        (
            AudioHeader { segment_frames: 1 << 21, ..sound },
            "segment frames 2097152 is over the limit of 1048576",
        ),
    ];
    for (header, expected) in images {
        let error = ContainerBuilder::new(header).tile(&b""[..]).build(&limits).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    for (header, expected) in sounds {
        assert_eq!(SoundBuilder::new(header, &limits, &mut Vec::new()).unwrap_err().to_string(), expected);
    }

    let picture = ContainerBuilder::new(picture);
    let tile = &b""[..];
    let builders = [
        (picture.clone(), "number of tiles 0 (expected 1)"),
        (picture.clone().tile(tile).tile(tile), "number of tiles 2 (expected 1)"),
        (
            picture.clone().tile(tile).metadata(ChunkCode::DATA, tile),
            "metadata code DATA (expected a skippable chunk other than fill)",
        ),
        (
            picture.clone().tile(tile).metadata(ChunkCode::FILL, tile),
            "metadata code fill (expected a skippable chunk other than fill)",
        ),
        (
            picture.clone().tile(tile).metadata(ChunkCode::XMP, tile).metadata(ChunkCode::XMP, tile),
            "metadata code xmpd (expected at most one of it)",
        ),
    ];
    for (builder, expected) in builders {
        assert_eq!(builder.build(&limits).unwrap_err().to_string(), expected);
    }

    let mut tight = Limits::default();
    tight.chunks = 4;
    let four = picture.clone().tile(tile).alpha(tile).metadata(ChunkCode::ICC, &b"12345"[..]);
    assert!(four.clone().build(&tight).is_ok());
    let five = four.clone().metadata(ChunkCode::EXIF, tile);
    assert_eq!(five.build(&tight).unwrap_err().to_string(), "chunks 5 is over the limit of 4");
    tight.metadata_bytes = 4;
    assert_eq!(four.build(&tight).unwrap_err().to_string(), "metadata bytes 5 is over the limit of 4");
    let mut tight = Limits::default();
    tight.work_per_byte = 100;
    let error = picture.tile(tile).build(&tight).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pixels or samples for the size of the file 4096 is over the limit of 3700"
    );
}

#[test]
fn listing_chunks_of_any_version() {
    let newer = file(&[chunk(b"VIDH", &[9, 9, 9]), chunk(b"frme", b""), vec![1, 2, 3, 4, 5, 6, 7]]);
    let chunks: Vec<_> = describe(&newer).unwrap().collect();
    assert_eq!(chunks.len(), 3);
    let first = chunks[0].clone().unwrap();
    assert_eq!((first.code, first.offset, first.payload_offset, first.length), (code(b"VIDH"), 8, 13, 3));
    assert!(first.intact && chunks[1].clone().unwrap().intact);
    let noise = Error::Malformed { offset: 29, fault: Fault::ChunkCode([1, 2, 3, 4]) };
    assert_eq!(chunks[2], Err(noise));

    assert!(describe(b"RIFF....WAVE").is_err());
    assert_eq!(describe(&SIGNATURE).unwrap().count(), 0);
    assert_eq!(ChunkCode::new(*b"ab1d"), None);
}
