//! What is left of a damaged picture is decoded, and what is not is told.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use wavern::{Color, Samples};
use wavern::{DecodeOptions, Decoder, EncodeOptions, Encoder, Error, Image, Quality};
use wavern_bitstream::{Container, ContainerBuilder, Header, ImageHeader, Limits, describe};

const SIDE: usize = 256;
/// Tiles along each side.
const TILES: usize = 10;

fn decoder() -> Decoder {
    Decoder::new(Default::default()).unwrap()
}

/// A picture of 100 tiles. Each is coded as a picture of its own, since the streams of tiles know nothing of each other.
fn hundred_tiles() -> Vec<u8> {
    let quality = Quality::new(20.0).unwrap();
    let encoder = Encoder::new(EncodeOptions::new().quality(quality)).unwrap();
    let coded: Vec<Vec<u8>> = (0..4)
        .map(|kind| {
            let shade = |at: usize| (((at % SIDE) * (kind + 1) / 2 + at / SIDE) % 256) as u8;
            let pixels = Samples::U8((0..SIDE * SIDE).map(shade).collect());
            encoder.encode_image(&Image::new(256, 256, Color::Gray, pixels).unwrap()).unwrap().bytes
        })
        .collect();
    let limits = Limits::default();
    let parts: Vec<Container<'_>> =
        coded.iter().map(|bytes| Container::parse(bytes, &limits).unwrap()).collect();
    let Header::Image(header) = *parts[0].header() else { panic!("a picture") };
    let (width, height) = ((SIDE * TILES) as u32, (SIDE * TILES) as u32);
    let header = ImageHeader { tile_log2: 1, width, height, ..header };
    let tiles = (0..TILES * TILES).map(|index| parts[index % 4].tile(0).unwrap());
    ContainerBuilder::new(header).tiles(tiles).build(&limits).unwrap()
}

/// Where the bytes of tile `index` begin in the file, and how many there are.
fn place(bytes: &[u8], index: usize) -> (usize, usize) {
    let container = Container::parse(bytes, &Limits::default()).unwrap();
    let tile = container.tile(index).unwrap();
    (tile.as_ptr() as usize - bytes.as_ptr() as usize, tile.len())
}

fn bytes_of(image: &Image) -> &[u8] {
    let Samples::U8(samples) = image.samples() else { panic!("8 bits") };
    samples
}

#[test]
fn one_tile_of_a_hundred_is_lost_and_the_others_are_as_they_were() {
    let bytes = hundred_tiles();
    let whole = decoder().decode_view(&bytes, Default::default()).unwrap();
    let (image, damage) = decoder().decode_partial(&bytes, Default::default()).unwrap();
    assert!(damage.is_empty() && image == whole);

    for lost in [0, 47, 99] {
        let mut changed = bytes.clone();
        let (start, length) = place(&bytes, lost);
        changed[start..start + length].fill(0x5a);
        assert!(decoder().decode(&changed).is_err());
        let (image, damage) = decoder().decode_partial(&changed, Default::default()).unwrap();
        assert_eq!(damage.tile_count, 100);
        let [tile] = &damage.tiles[..] else { panic!("{:?}", damage.tiles) };
        let area = (tile.area.x as usize, tile.area.y as usize, tile.area.width, tile.area.height);
        assert_eq!((tile.index, area), (lost, (lost % TILES * SIDE, lost / TILES * SIDE, 256, 256)));
        let verified = decoder().verify_picture(&changed).unwrap();
        assert_eq!(verified.tiles.iter().map(|tile| tile.index).collect::<Vec<_>>(), [lost]);
        // The transforms see a little across the borders of tiles.
        let near = |at: usize, tile: usize| at + 128 >= tile * SIDE && at < (tile + 1) * SIDE + 128;
        let width = image.width() as usize;
        for (at, (have, want)) in bytes_of(&image).iter().zip(bytes_of(&whole)).enumerate() {
            let touched = near(at % width, lost % TILES) && near(at / width, lost / TILES);
            assert!(touched || have == want, "pixel {at} with tile {lost} lost");
        }
    }
}

#[test]
fn a_destroyed_header_and_table_are_taken_from_the_copy() {
    let bytes = hundred_tiles();
    let whole = decoder().decode_view(&bytes, Default::default()).unwrap();
    let data = describe(&bytes).unwrap().flatten().find(|chunk| chunk.code.to_string() == "DATA").unwrap();
    for (from, to) in [(0, 8), (8, 40), (0, data.offset as usize)] {
        let mut changed = bytes.clone();
        changed[from..to].fill(0xee);
        assert!(decoder().decode(&changed).is_err());
        let (image, damage) = decoder().decode_partial(&changed, Default::default()).unwrap();
        assert!(!damage.faults.is_empty() && damage.tiles.is_empty(), "{damage:?}");
        assert!(image == whole);
    }
}

#[test]
fn half_a_file_is_half_a_picture() {
    let bytes = hundred_tiles();
    let whole = decoder().decode_view(&bytes, Default::default()).unwrap();
    let (image, damage) = decoder().decode_partial(&bytes[..bytes.len() / 2], Default::default()).unwrap();
    let lost: Vec<usize> = damage.tiles.iter().map(|tile| tile.index).collect();
    assert!((45..=55).contains(&lost.len()), "{lost:?}");
    assert_eq!(lost, (100 - lost.len()..100).collect::<Vec<_>>());
    // Whole rows of tiles, but for what sees across to the first one that is lost.
    let rows = (100 - lost.len()) / TILES * SIDE - 128;
    let count = rows * image.width() as usize;
    assert_eq!(bytes_of(&image)[..count], bytes_of(&whole)[..count]);
}

#[test]
fn other_symbols_in_whole_bytes_are_told_apart_from_damage() {
    let bytes = hundred_tiles();
    let limits = Limits::default();
    let container = Container::parse(&bytes, &limits).unwrap();
    let mut tiles: Vec<Vec<u8>> = (0..100).map(|index| container.tile(index).unwrap().to_vec()).collect();
    tiles[3][0] ^= 1; // the check value
    let Header::Image(header) = *container.header() else { panic!("a picture") };
    let changed = ContainerBuilder::new(header).tiles(tiles).build(&limits).unwrap();
    let error = decoder().decode(&changed).unwrap_err();
    assert!(
        matches!(error, Error::Symbols { unit: "tile", index: 3, stored, computed } if stored ^ computed == 1),
        "{error}"
    );
}

#[test]
fn memory_is_bounded_before_it_is_set_aside() {
    let bytes = hundred_tiles();
    let mut limits = Limits::default();
    limits.memory_bytes = 2560 * 2560 - 1;
    let error = Decoder::new(DecodeOptions::new().limits(limits)).unwrap().decode(&bytes).unwrap_err();
    assert!(error.to_string().starts_with("bytes of memory for"), "{error}");
}
