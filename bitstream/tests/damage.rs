//! Every cut and every changed byte of small files is reported, and costs no more than the part it hit.

mod support;

use support::{copied_image, files, small_image, tiled_image};
use wavern_bitstream::{Container, Error, Limits, describe};

/// Every tile as read, `None` where damaged.
fn tiles<'a>(container: &Container<'a>) -> Vec<Option<&'a [u8]>> {
    (0..container.tile_count()).map(|index| container.tile(index).ok()).collect()
}

#[test]
fn every_cut_is_an_error() {
    let limits = Limits::default();
    for (name, bytes) in files() {
        let whole = tiles(&Container::parse(&bytes, &limits).unwrap()).concat_lengths();
        for cut in 0..bytes.len() {
            let error = Container::parse(&bytes[..cut], &limits).unwrap_err();
            assert!(matches!(error, Error::Truncated { .. }), "{name} cut at {cut}: {error}");
            if let Ok(container) = Container::parse_damaged(&bytes[..cut], &limits) {
                assert!(!container.damage().is_empty(), "{name} cut at {cut} unnoticed");
                assert!(tiles(&container).concat_lengths() <= whole);
            }
            // The list of chunks ends with the chunk that was cut, if its name and length are still there.
            if cut >= 8 {
                let all_whole =
                    describe(&bytes[..cut]).unwrap().all(|chunk| chunk.is_ok_and(|chunk| chunk.intact));
                let at_border = describe(&bytes).unwrap().any(|chunk| chunk.unwrap().offset == cut as u64);
                assert_eq!(all_whole, at_border, "{name} cut at {cut}");
            }
        }
    }
}

trait ConcatLengths {
    fn concat_lengths(&self) -> usize;
}

impl ConcatLengths for Vec<Option<&[u8]>> {
    fn concat_lengths(&self) -> usize {
        self.iter().flatten().map(|tile| tile.len()).sum()
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    let limits = Limits::default();
    for (name, bytes) in files() {
        let original = Container::parse(&bytes, &limits).unwrap();
        let mut changed = bytes.clone();
        for position in 0..bytes.len() {
            // Every bit; of small files every other value too.
            let flips = (1..=255u8).filter(|flip| bytes.len() < 1000 || flip.is_power_of_two());
            for flip in flips {
                changed[position] = bytes[position] ^ flip;
                let place = || format!("{name}, byte {position} ^ {flip:#04x}");
                assert!(Container::parse(&changed, &limits).is_err(), "{} unnoticed", place());
                if let Ok(container) = Container::parse_damaged(&changed, &limits) {
                    assert!(!container.damage().is_empty(), "{} unreported", place());
                    assert_eq!(container.header(), original.header(), "{}", place());
                    for (index, tile) in tiles(&container).into_iter().enumerate() {
                        assert!(tile.is_none_or(|tile| tile == original.tile(index).unwrap()), "{}", place());
                    }
                }
            }
            changed[position] = bytes[position];
        }
    }
}

#[test]
fn a_changed_tile_leaves_the_others() {
    let limits = Limits::default();
    let bytes = tiled_image();
    let original = Container::parse(&bytes, &limits).unwrap();
    let data = describe(&bytes).unwrap().map(Result::unwrap).last().unwrap();
    let mut position = data.payload_offset as usize;
    for index in 0..original.tile_count() {
        for _ in 0..original.tile(index).unwrap().len() {
            let mut changed = bytes.clone();
            changed[position] ^= 0x10;
            position += 1;
            let container = Container::parse_damaged(&changed, &limits).unwrap();
            assert!(matches!(container.damage(), [Error::ChunkChecksum { .. }]));
            for other in 0..original.tile_count() {
                match container.tile(other) {
                    Ok(tile) => assert!(other != index && tile == original.tile(other).unwrap()),
                    Err(Error::TileChecksum { tile, offset, .. }) => {
                        assert_eq!((tile, other), (index, index));
                        assert!((offset..=offset + 64).contains(&(position as u64 - 1)));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    assert_eq!(position as u64, data.payload_offset + data.length);
}

#[test]
fn a_cut_leaves_the_tiles_before_it() {
    let limits = Limits::default();
    let bytes = tiled_image();
    let data = describe(&bytes).unwrap().map(Result::unwrap).last().unwrap();
    // Tiles of 0, 3, 6, 9, 12 and 15 bytes, the cut four bytes into the fourth.
    let cut = data.payload_offset as usize + 3 + 6 + 4;
    let container = Container::parse_damaged(&bytes[..cut], &limits).unwrap();
    assert!(matches!(
        container.damage(),
        [Error::Truncated { what: "chunk payload", needed: 45, left: 13, .. }]
    ));
    for tile in 0..3u8 {
        assert_eq!(container.tile(tile.into()).unwrap(), vec![tile; 3 * usize::from(tile)]);
    }
    assert!(matches!(container.tile(3), Err(Error::Truncated { what: "tile", needed: 9, left: 4, .. })));
    assert!(matches!(container.tile(4), Err(Error::Truncated { what: "tile", needed: 12, left: 0, .. })));
    assert_eq!(container.alpha(), Some(&b"alpha"[..]));
}

#[test]
fn a_changed_length_of_data_leaves_all_tiles() {
    let limits = Limits::default();
    let bytes = tiled_image();
    let original = Container::parse(&bytes, &limits).unwrap();
    let data = describe(&bytes).unwrap().map(Result::unwrap).last().unwrap();
    for length in [0, 44, 46, 100] {
        let mut changed = bytes.clone();
        changed[data.payload_offset as usize - 1] = length;
        assert!(Container::parse(&changed, &limits).is_err());
        let container = Container::parse_damaged(&changed, &limits).unwrap();
        assert!(!container.damage().is_empty());
        assert_eq!(tiles(&container), tiles(&original), "length {length}");
    }
}

#[test]
fn damaged_alpha_and_metadata_are_left_out() {
    let limits = Limits::default();
    let bytes = tiled_image();
    let original = Container::parse(&bytes, &limits).unwrap();
    for chunk in describe(&bytes).unwrap().map(Result::unwrap) {
        let code = chunk.code.to_string();
        let mut changed = bytes.clone();
        changed[chunk.payload_offset as usize] ^= 1;
        match Container::parse_damaged(&changed, &limits) {
            Ok(container) => {
                assert!(matches!(container.damage(), [Error::ChunkChecksum { .. }]));
                assert_eq!(container.alpha().is_none(), code == "ALPH");
                let left_out = original.metadata().chunks().len() - container.metadata().chunks().len();
                assert_eq!(left_out, usize::from(!chunk.code.is_critical()));
            }
            Err(Error::ChunkChecksum { code: refused, .. }) => {
                assert_eq!(refused, chunk.code);
                assert!(["IMGH", "TABL"].contains(&code.as_str()), "{code}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn the_only_tile_is_checked_by_its_chunk() {
    let mut bytes = small_image();
    let payload = bytes.len() - 4 - 7;
    bytes[payload] ^= 1;
    let container = Container::parse_damaged(&bytes, &Limits::default()).unwrap();
    let error = container.tile(0).unwrap_err();
    assert!(matches!(error, Error::ChunkChecksum { offset: 28, .. }));
    assert_eq!(container.damage(), [error]);
}

#[test]
fn a_copy_takes_the_place_of_a_damaged_front() {
    let limits = Limits::default();
    let bytes = copied_image();
    let original = Container::parse(&bytes, &limits).unwrap();
    let data = describe(&bytes).unwrap().map(Result::unwrap).find(|chunk| chunk.code.to_string() == "DATA");
    let data = data.unwrap().offset as usize;
    for position in 0..data {
        for damaged in [[0xff; 12], [0; 12], [b'A'; 12]] {
            let mut changed = bytes.clone();
            let end = data.min(position + damaged.len());
            changed[position..end].copy_from_slice(&damaged[..end - position]);
            if changed == bytes {
                continue;
            }
            assert!(Container::parse(&changed, &limits).is_err());
            let container = Container::parse_damaged(&changed, &limits).unwrap();
            assert!(!container.damage().is_empty());
            assert_eq!(container.header(), original.header());
            assert_eq!(tiles(&container), tiles(&original), "from byte {position}: {:?}", container.damage());
        }
    }
}

#[test]
fn a_damaged_copy_harms_nothing() {
    let limits = Limits::default();
    let bytes = copied_image();
    let original = Container::parse(&bytes, &limits).unwrap();
    let copy = describe(&bytes).unwrap().map(Result::unwrap).last().unwrap().offset as usize;
    for position in copy..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x41;
        for file in [&changed[..], &bytes[..position]] {
            let container = Container::parse_damaged(file, &limits).unwrap();
            assert_eq!(container.damage().len(), 1, "byte {position}: {:?}", container.damage());
            assert_eq!(tiles(&container), tiles(&original));
        }
    }
}
