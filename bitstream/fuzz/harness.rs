//! What must hold for any bytes. Shared by the fuzz target and by `tests/corpus.rs`, which replays the corpus.

use wavern_bitstream::{
    Container, ContainerBuilder, Error, Header, Limits, SIGNATURE, SoundBuilder, SoundParser, Step, describe,
};

#[path = "repair.rs"]
mod repair;
pub use repair::repaired;

/// Reads `bytes` as they are, then with signature and checksums put right: a fuzzer would not guess those.
pub fn container(bytes: &[u8]) {
    check(bytes);
    check(&repaired(bytes));
}

fn check(bytes: &[u8]) {
    let mut end = SIGNATURE.len() as u64;
    for chunk in describe(bytes).into_iter().flatten().flatten() {
        assert_eq!(chunk.offset, end);
        end = chunk.payload_offset.saturating_add(chunk.length).saturating_add(4);
        assert!(!chunk.intact || end <= bytes.len() as u64);
    }

    let limits = Limits::default();
    let damaged = Container::parse_damaged(bytes, &limits);
    let Ok(whole) = Container::parse(bytes, &limits) else {
        let reported = damaged.map_or(true, |container| !container.damage().is_empty());
        assert!(reported, "a fault was passed over in silence");
        return;
    };
    let damaged = damaged.expect("a whole file reads as a damaged one");
    assert!(damaged.damage().is_empty());
    assert_eq!((whole.header(), whole.metadata()), (damaged.header(), damaged.metadata()));
    let tiles: Result<Vec<_>, _> = (0..whole.tile_count()).map(|index| whole.tile(index)).collect();
    for index in 0..whole.tile_count() {
        assert_eq!(whole.tile(index), damaged.tile(index));
    }
    // What reads can be written again, and then reads the same. Only a fill chunk may get lost and another be made.
    let Ok(tiles) = tiles else { return };
    let written = match whole.header() {
        Header::Image(header) => {
            assert_eq!(whole.tile_count() as u64, header.tile_count());
            let mut builder = ContainerBuilder::new(*header).tiles(tiles.iter().copied());
            for chunk in whole.metadata().chunks() {
                builder = builder.metadata(chunk.code, chunk.payload);
            }
            if let Some(alpha) = whole.alpha() {
                builder = builder.alpha(alpha);
            }
            builder.build(&limits)
        }
        Header::Audio(header) => {
            let frames = whole.frames().expect("a whole sound ends");
            assert_eq!(whole.tile_count() as u64, header.segment_count(frames));
            assert_eq!(whole.segments().len(), tiles.len());
            assert_eq!(streamed(bytes, 7), streamed(bytes, bytes.len()));
            rewritten(&whole, header, &limits)
        }
    };
    let written = written.expect("what was read is in range");
    let again = Container::parse(&written, &limits).expect("what was built reads");
    assert_eq!((whole.header(), whole.metadata()), (again.header(), again.metadata()));
    assert_eq!((whole.alpha(), whole.frames()), (again.alpha(), again.frames()));
    assert_eq!(whole.segments(), again.segments());
    tiles.iter().enumerate().for_each(|(index, tile)| assert_eq!(again.tile(index), Ok(*tile)));
}

/// A sound once more, all metadata in front.
fn rewritten(
    sound: &Container<'_>,
    header: &wavern_bitstream::AudioHeader,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut builder = SoundBuilder::new(*header, limits, &mut out)?;
    for chunk in sound.metadata().chunks() {
        builder.metadata(chunk.code, chunk.payload, &mut out)?;
    }
    for segment in sound.segments() {
        match segment.last {
            None => builder.segment(segment.level, segment.payload, &mut out)?,
            Some(frames) => builder.last_segment(segment.level, segment.payload, frames, &mut out)?,
        }
    }
    builder.finish(&mut out)?;
    Ok(out)
}

/// What a parser makes of a sound that comes in pieces.
fn streamed(bytes: &[u8], piece: usize) -> Vec<String> {
    let mut parser = SoundParser::new(&Limits::default());
    let mut steps = Vec::new();
    for piece in bytes.chunks(piece.max(1)).chain([&[][..]]) {
        parser.feed(piece);
        loop {
            match parser.step() {
                Ok(Step::More) => break,
                Ok(Step::End) => return steps,
                Ok(step) => steps.push(format!("{step:?}")),
                Err(error) => {
                    steps.push(error.to_string());
                    return steps;
                }
            }
        }
    }
    steps
}
