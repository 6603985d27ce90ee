//! What must hold for any bytes. Shared by the fuzz target and by `tests/corpus.rs`, which replays the corpus.

use wavern_bitstream::{Container, ContainerBuilder, Header, Limits, SIGNATURE, describe};

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
    assert_eq!(whole.tile_count() as u64, whole.header().tile_count());

    let tiles: Result<Vec<_>, _> = (0..whole.tile_count()).map(|index| whole.tile(index)).collect();
    for index in 0..whole.tile_count() {
        assert_eq!(whole.tile(index), damaged.tile(index));
        let within = match whole.header() {
            Header::Image(image) => image.tile_rect(index as u64).is_some(),
            Header::Audio(audio) => audio.segment_range(index as u64).is_some(),
        };
        assert!(within);
    }
    // What reads can be written again, and then reads the same. Only a fill chunk may get lost and another be made.
    let Ok(tiles) = tiles else { return };
    let mut builder = ContainerBuilder::new(*whole.header()).tiles(tiles.iter().copied());
    for chunk in whole.metadata().chunks() {
        builder = builder.metadata(chunk.code, chunk.payload);
    }
    if let Some(alpha) = whole.alpha() {
        builder = builder.alpha(alpha);
    }
    let written = builder.build(&limits).expect("what was read is in range");
    let again = Container::parse(&written, &limits).expect("what was built reads");
    assert_eq!((whole.header(), whole.metadata()), (again.header(), again.metadata()));
    assert_eq!(whole.alpha(), again.alpha());
    tiles.iter().enumerate().for_each(|(index, tile)| assert_eq!(again.tile(index), Ok(*tile)));
}

/// `bytes` with the signature in front, if it is not there, and the checksum of every whole chunk put right.
pub fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut file = if bytes.starts_with(&SIGNATURE) { Vec::new() } else { SIGNATURE.to_vec() };
    file.extend_from_slice(bytes);
    let chunks: Vec<_> = describe(&file).into_iter().flatten().flatten().collect();
    for chunk in chunks {
        let end = chunk.payload_offset.saturating_add(chunk.length);
        if end.saturating_add(4) <= file.len() as u64 {
            let (start, end) = (chunk.offset as usize, end as usize);
            let checksum = crc32c::crc32c(&file[start..end]);
            file[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
        }
    }
    file
}
