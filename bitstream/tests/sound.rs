//! Sounds: segments that are found again after damage, cut streams, jumps, and what no sound may hold.

#![allow(clippy::unwrap_used)] // a helper of a test may fail it

mod support;

use support::{
    audio_header, checked, chunk, copied_audio, file, raw_audio_header, segment_table, segmented_audio,
};
use wavern_bitstream::{
    ChunkCode, Container, Error, Fault, Header, Limits, SegmentTable, SoundBuilder, SoundParser, Step,
    describe,
};

/// A sound of ten segments; the payloads hold what looks like a segment but for its check.
fn ten() -> Vec<u8> {
    let mut out = Vec::new();
    let mut builder = SoundBuilder::new(audio_header(1_000), &Limits::default(), &mut out).unwrap();
    for index in 0..9u8 {
        builder.segment(1000, &[&b"SEGM\x09\x02\x00"[..], &[index; 20]].concat(), &mut out).unwrap();
    }
    builder.last_segment(1000, b"last", 1_000, &mut out).unwrap();
    builder.finish(&mut out).unwrap();
    out
}

fn whole(bytes: &[u8]) -> Vec<u64> {
    let container = Container::parse_damaged(bytes, &Limits::default()).unwrap();
    container.segments().iter().map(|segment| segment.index).collect()
}

#[test]
fn damage_anywhere_costs_the_segment_that_it_hits() {
    let bytes = ten();
    let chunks: Vec<_> = describe(&bytes).unwrap().map(Result::unwrap).collect();
    for (place, chunk) in chunks.iter().enumerate().skip(1) {
        let end = chunks.get(place + 1).map_or(bytes.len() as u64, |next| next.offset);
        // Any byte of it, the length field and the checks too, and all of it.
        let ranges = (chunk.offset..end).map(|byte| byte..byte + 1);
        for range in ranges.chain(std::iter::once(chunk.offset..end)) {
            let mut changed = bytes.clone();
            for byte in range.clone() {
                changed[byte as usize] = !changed[byte as usize];
            }
            assert!(Container::parse(&changed, &Limits::default()).is_err(), "{range:?}");
            let expected: Vec<u64> = (0..10).filter(|index| index + 1 != place as u64).collect();
            assert_eq!(whole(&changed), expected, "{range:?}");
            let container = Container::parse_damaged(&changed, &Limits::default()).unwrap();
            assert_eq!(container.tile_count(), 10);
            assert_eq!(container.frames(), Some(10_000));
        }
    }
}

#[test]
fn bytes_that_went_missing_or_came_in_between_cost_one_segment() {
    let bytes = ten();
    let chunks: Vec<_> = describe(&bytes).unwrap().map(Result::unwrap).collect();
    let third = chunks[3].offset as usize;
    for (remove, insert) in [(0, &b"??"[..]), (5, b""), (1, b"SEGMSEGMSEGTSEGM")] {
        let mut changed = bytes.clone();
        changed.splice(third + 8..third + 8 + remove, insert.iter().copied());
        assert_eq!(whole(&changed), [0, 1, 3, 4, 5, 6, 7, 8, 9]);
    }
}

#[test]
fn a_cut_leaves_the_segments_before_it() {
    let bytes = ten();
    let chunks: Vec<_> = describe(&bytes).unwrap().map(Result::unwrap).collect();
    for cut in chunks[1].offset as usize..bytes.len() {
        let ends = chunks[1..11].iter().map(|chunk| chunk.payload_offset + chunk.length + 4);
        let expected: Vec<u64> =
            ends.enumerate().filter(|(_, end)| *end <= cut as u64).map(|(index, _)| index as u64).collect();
        assert_eq!(whole(&bytes[..cut]), expected);
        let container = Container::parse_damaged(&bytes[..cut], &Limits::default()).unwrap();
        // The last segment tells how long the sound is, without the table.
        assert_eq!(container.frames(), (expected.len() == 10).then_some(10_000));
        let error = Container::parse(&bytes[..cut], &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{error}");
    }
}

/// All steps of a parser that is fed in pieces, those without a meaning left out.
fn steps(parser: &mut SoundParser, bytes: &[u8], piece: usize) -> Vec<String> {
    let mut steps = Vec::new();
    for piece in bytes.chunks(piece).chain([&[][..]]) {
        parser.feed(piece);
        loop {
            match parser.step().unwrap() {
                Step::More => break,
                Step::End => return steps,
                step => steps.push(format!("{step:?}")),
            }
        }
    }
    panic!("no end: {steps:?}");
}

#[test]
fn a_destroyed_header_is_taken_from_the_copy() {
    let (bytes, limits) = (copied_audio(), Limits::default());
    let whole = Container::parse(&bytes, &limits).unwrap();
    let chunks: Vec<_> = describe(&bytes).unwrap().map(Result::unwrap).collect();
    let place =
        |code: &[u8; 4]| chunks.iter().find(|chunk| chunk.code.bytes() == *code).unwrap().offset as usize;
    let (metadata, first) = (place(b"riff"), place(b"SEGM"));
    for (range, insert) in [
        (0..8, 8),
        (8..12, 4),
        (12..metadata, metadata - 12),
        (0..metadata, metadata),
        (9..20, 3),
        (0..first, 0),
    ] {
        let mut changed = bytes.clone();
        changed.splice(range.clone(), vec![0xee; insert]);
        assert!(Container::parse(&changed, &limits).is_err(), "{range:?}");
        let left = Container::parse_damaged(&changed, &limits).unwrap();
        assert_eq!(left.header(), whole.header());
        assert!(left.segments() == whole.segments(), "{range:?}");
        assert!(!left.damage().is_empty());
        // Metadata in front stays too, where it was not moved.
        if range.end <= metadata && insert == range.len() {
            assert_eq!(left.metadata(), whole.metadata(), "{range:?}");
        }
        let mut parser = SoundParser::new(&limits);
        parser.feed(&changed);
        parser.feed(&[]);
        assert!(parser.step().is_err());
        assert_eq!(Header::Audio(parser.recover().unwrap()), *whole.header());
        let mut segments = 0;
        while let step = parser.step().unwrap()
            && step != Step::End
        {
            segments += usize::from(matches!(step, Step::Segment(_)));
        }
        assert_eq!(segments, 5, "{range:?}");
    }
    // Nothing in front, nothing behind.
    let mut changed = bytes.clone();
    changed[10] ^= 1;
    changed[place(b"COPY") + 8] ^= 1;
    assert!(Container::parse_damaged(&changed, &limits).is_err());
    let mut parser = SoundParser::new(&limits);
    parser.feed(&changed);
    assert_eq!(parser.recover(), Err(Error::Malformed { offset: 0, fault: Fault::NoCopy }));
}

#[test]
fn a_copy_has_its_place() {
    let header = raw_audio_header(1000, 44_100, 2, 1_000);
    let copy = chunk(b"COPY", &header);
    let message = |chunks: &[Vec<u8>]| match Container::parse(&file(chunks), &Limits::default()) {
        Ok(_) => "read".to_owned(),
        Err(error) => error.to_string(),
    };
    let (end, fill) = (segment_table(0, 0, &[]), chunk(b"fill", &[0; 4100]));
    for (chunks, expected) in [
        (vec![end.clone()], "read"),
        (vec![fill.clone(), copy.clone(), end.clone()], "read"),
        (vec![fill.clone(), end.clone()], "malformed at byte 4142: a chunk SEGT in place of COPY"),
        (
            vec![copy.clone(), end.clone()],
            "malformed at byte 65: a COPY elsewhere than in front of SEGT, or in a small file",
        ),
        (
            vec![fill.clone(), copy.clone(), copy.clone(), end.clone()],
            "malformed at byte 4175: a COPY elsewhere than in front of SEGT, or in a small file",
        ),
        (
            vec![fill.clone(), copy.clone(), fill.clone(), end.clone()],
            "malformed at byte 4175: a COPY elsewhere than in front of SEGT, or in a small file",
        ),
        (
            vec![fill.clone(), copy.clone(), checked(b"SEGM", &[1, 9, 0], b"")],
            "malformed at byte 4175: a COPY elsewhere than in front of SEGT, or in a small file",
        ),
        (
            vec![fill.clone(), checked(b"SEGM", &[0, 0], b""), copy, end.clone()],
            "malformed at byte 4157: a COPY elsewhere than in front of SEGT, or in a small file",
        ),
        (
            vec![fill, chunk(b"COPY", &raw_audio_header(1000, 44_101, 2, 1_000)), end],
            "malformed at byte 4142: COPY is not a copy of the header and the tile table",
        ),
    ] {
        assert_eq!(message(&[&[header.clone()][..], &chunks].concat()), expected);
    }
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for original in [segmented_audio(), ten(), copied_audio()] {
        for damaged in [None, Some(60), Some(original.len() / 2), Some(original.len() - 6)] {
            let mut bytes = original.clone();
            damaged.into_iter().for_each(|byte| bytes[byte] ^= 1);
            let parser = || SoundParser::new(&Limits::default());
            let expected = steps(&mut parser(), &bytes, bytes.len());
            for piece in [1, 2, 7, 64] {
                assert_eq!(steps(&mut parser(), &bytes, piece), expected);
            }
        }
    }
}

#[test]
fn a_segment_comes_out_as_soon_as_it_is_there() {
    let bytes = ten();
    let chunks: Vec<_> = describe(&bytes).unwrap().map(Result::unwrap).collect();
    let mut parser = SoundParser::new(&Limits::default());
    let (mut fed, mut found) = (0, 0);
    for chunk in &chunks[2..11] {
        // Up to the end of the segment before this one, and not a byte more.
        parser.feed(&bytes[fed..chunk.offset as usize]);
        fed = chunk.offset as usize;
        while let step = parser.step().unwrap()
            && step != Step::More
        {
            found += u64::from(matches!(step, Step::Segment(_)));
        }
        assert_eq!(found + 1, chunks.iter().position(|other| other.offset == chunk.offset).unwrap() as u64);
    }
}

#[test]
fn the_table_leads_to_every_segment() {
    let (bytes, limits) = (ten(), Limits::default());
    let Header::Audio(header) = *Container::parse(&bytes, &limits).unwrap().header() else {
        panic!("a sound")
    };
    let trailer = *bytes.last_chunk().unwrap();
    let start = SegmentTable::locate(trailer, bytes.len() as u64).unwrap();
    let table = SegmentTable::read(&bytes[start as usize..], start, &header, &limits).unwrap();
    assert_eq!((table.frames, table.offsets.len()), (10_000, 11));
    for index in 0..10 {
        let mut parser = SoundParser::new(&limits);
        parser.feed(&bytes[..40]);
        assert!(matches!(parser.step(), Ok(Step::Header(_))));
        parser.resume(table.offsets[index], index as u64);
        let steps = steps(&mut parser, &bytes[table.offsets[index] as usize..], 9);
        assert_eq!(steps.len(), 10 - index + 1, "{steps:?}");
        assert!(steps[0].starts_with(&format!("Segment(Segment {{ index: {index},")), "{}", steps[0]);
        assert!(steps.iter().all(|step| !step.starts_with("Lost")), "{steps:?}");
    }
}

fn message(chunks: &[Vec<u8>]) -> String {
    let chunks = [&[raw_audio_header(0, 8000, 1, 100)], chunks].concat();
    Container::parse(&file(&chunks), &Limits::default()).expect_err("a refusal").to_string()
}

/// Segment `index`, the last one with a length, at the level of the header.
fn segment(index: u64, last: Option<u64>) -> Vec<u8> {
    let numbers = [Some(2 * index + u64::from(last.is_some())), last, Some(0)];
    checked(b"SEGM", &numbers.into_iter().flatten().collect::<Vec<_>>(), b"")
}

#[test]
fn rules_of_segments() {
    const START: u64 = 30;
    let size = segment(0, None).len() as u64;
    let end = segment(1, Some(50)).len() as u64;
    let table = |frames, lengths: &[u64]| segment_table(frames, START, lengths);
    let good = [segment(0, None), segment(1, Some(50)), table(150, &[size, end])];
    let all = [&[raw_audio_header(0, 8000, 1, 100)], &good[..]].concat();
    Container::parse(&file(&all), &Limits::default()).unwrap();

    let riff = chunk(b"riff", b"1");
    for (chunks, expected) in [
        (vec![segment(1, None)], "malformed at byte 30: segment 1 (expected 0, or none after the last)"),
        (
            vec![segment(0, None), segment(0, None)],
            "malformed at byte 45: segment 0 (expected 1, or none after the last)",
        ),
        (
            vec![segment(0, Some(9)), segment(1, None)],
            "malformed at byte 46: segment 1 (expected 1, or none after the last)",
        ),
        (
            vec![segment(0, Some(0))],
            "malformed at byte 30: the last segment has no frames, or more than others",
        ),
        (
            vec![segment(0, Some(101))],
            "malformed at byte 30: the last segment has no frames, or more than others",
        ),
        (
            vec![checked(b"SEGM", &[0, 1], b"")],
            "malformed at byte 30: a segment changes the level beyond its range",
        ),
        (
            vec![checked(b"SEGM", &[0, 0], &vec![0; 8 * 4196 + 1])],
            "malformed at byte 30: a segment of more than 33568 bytes",
        ),
        (vec![segment(0, None), riff.clone()], "malformed at byte 45: a riff chunk among the segments"),
        (
            vec![segment(0, None), table(100, &[size])],
            "malformed at byte 45: the segment table contradicts the segments or itself",
        ),
        (
            vec![segment(0, Some(100)), table(99, &[size + 1])],
            "malformed at byte 46: the segment table contradicts the segments or itself",
        ),
        (
            vec![segment(0, Some(100)), table(100, &[size])],
            "malformed at byte 46: the segment table contradicts the segments or itself",
        ),
        (
            vec![segment(0, Some(100)), table(100, &[size + 1]), riff.clone()],
            "malformed at byte 67: 10 bytes after the last chunk",
        ),
        (
            vec![segment(0, Some(100)), riff, segment(1, None)],
            "malformed at byte 56: segment 1 (expected 1, or none after the last)",
        ),
        (
            vec![segment(0, Some(100)), chunk(b"LAYR", b"")],
            "unsupported at byte 46: critical chunk LAYR; a newer version may read it",
        ),
    ] {
        assert_eq!(message(&chunks), expected);
    }
}

#[test]
fn a_few_bytes_cannot_ask_for_much_silence() {
    // A segment far away, behind something that was lost: 100 frames a segment, 65,536 for each of the bytes before its end.
    let bytes = |index| file(&[raw_audio_header(0, 8000, 1, 100), b"????".to_vec(), segment(index, None)]);
    let reach = (bytes(1000).len() as u64 * 65_536) / 100 - 1;
    let limits = Limits::default();
    let container =
        |index| Container::parse_damaged(&bytes(index), &limits).map(|container| container.tile_count());
    assert_eq!(container(1000), Ok(1001));
    assert_eq!(container(reach / 2), Ok(reach as usize / 2 + 1));
    assert!(matches!(container(reach + 1000), Err(Error::Limit { .. })));
    assert!(matches!(container(1 << 50), Err(Error::Limit { .. })));
    let table = file(&[raw_audio_header(0, 8000, 1, 100), segment_table(1 << 41, 0, &[])]);
    assert!(matches!(Container::parse(&table, &limits), Err(Error::Limit { .. })));
}

#[test]
fn the_builder_keeps_the_rules() {
    let (limits, mut out) = (Limits::default(), Vec::new());
    let mut builder = SoundBuilder::new(audio_header(100), &limits, &mut out).unwrap();
    builder.metadata(ChunkCode::ICC, b"1", &mut out).unwrap();
    let error = |result: Result<(), Error>| result.unwrap_err().to_string();
    let written = out.len();
    assert_eq!(
        error(builder.metadata(ChunkCode::ICC, b"1", &mut out)),
        "metadata code iccp (expected at most one of it)"
    );
    assert_eq!(
        error(builder.metadata(ChunkCode::DATA, b"1", &mut out)),
        "metadata code DATA (expected a skippable chunk other than fill)"
    );
    assert_eq!(error(builder.segment(1024, b"", &mut out)), "level 1024 (expected 0..=1023)");
    assert_eq!(
        error(builder.last_segment(0, b"", 101, &mut out)),
        "frames of the last segment 101 (expected 1..=100)"
    );
    assert_eq!(out.len(), written);
    builder.segment(0, b"", &mut out).unwrap();
    assert_eq!(
        error(builder.metadata(ChunkCode::RIFF, b"1", &mut out)),
        "metadata code riff (expected none between segments)"
    );
    assert_eq!(
        error(builder.clone().finish(&mut Vec::new())),
        "segments 1 (expected the last one to be marked)"
    );
    builder.last_segment(0, b"", 1, &mut out).unwrap();
    assert_eq!(error(builder.segment(0, b"", &mut out)), "segment 2 (expected none after the last)");
    builder.finish(&mut out).unwrap();
    Container::parse(&out, &limits).unwrap();

    // 32 channels of the longest segments: silence is filled up as it comes.
    let mut out = Vec::new();
    let long = wavern_bitstream::AudioHeader { channels: 32, ..audio_header(1 << 20) };
    let mut builder = SoundBuilder::new(long, &limits, &mut out).unwrap();
    for _ in 0..5 {
        builder.segment(0, b"", &mut out).unwrap();
        let samples =
            describe(&out).unwrap().filter(|chunk| chunk.as_ref().unwrap().code == ChunkCode::SEGMENT);
        assert!(out.len() as u64 >= samples.count() as u64 * 32 * 16);
    }
    builder.last_segment(0, b"", 1, &mut out).unwrap();
    builder.finish(&mut out).unwrap();
    Container::parse(&out, &limits).unwrap();
    assert!(matches!(SoundParser::new(&limits).step(), Ok(Step::More)));
    let mut parser = SoundParser::new(&limits);
    parser.feed(&support::small_image());
    let picture = Error::Malformed { offset: 8, fault: Fault::NotASound };
    assert_eq!(parser.step(), Err(picture));
}
