//! What is written comes back, whatever the content; whatever the bytes, reading ends in order.

use super::*;

/// Numbers that look random, the same everywhere.
struct Noise(u64);

impl Noise {
    fn next(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 33) * u64::from(below)) >> 31) as u32
    }
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Noise,
    Flat,
    Ramps,
    Text,
    /// A ramp with some noise: differences of all sizes.
    Speckle,
}

const CONTENTS: [Content; 5] =
    [Content::Noise, Content::Flat, Content::Ramps, Content::Text, Content::Speckle];

fn tile(content: Content, width: usize, height: usize, bits: u32, planes: usize) -> Planes {
    let mut noise = Noise((width * 31 + height) as u64 ^ u64::from(bits) << 20);
    let top = (1_u32 << bits) - 1;
    let glyphs: Vec<u32> = (0..64).map(|_| noise.next(top + 1)).collect();
    let mut plane = |c: usize| {
        let sample = |i: usize| {
            let (x, y) = (i % width, i / width);
            let value = match content {
                Content::Noise => noise.next(top + 1),
                Content::Flat => top / 3 * (c as u32 + 1),
                Content::Ramps => (x * (c + 1) + 2 * y) as u32 * (top / 64 + 1),
                // Four glyphs of 4 × 4 on a ground, in an order that repeats.
                Content::Text if (x / 5 + y / 5 * 3) % 7 < 4 && x % 5 < 4 && y % 5 < 4 => {
                    glyphs[(x / 5 + y / 5 * 3) % 7 * 16 + y % 5 * 4 + x % 5] >> c
                }
                Content::Text => top,
                Content::Speckle => (x + y) as u32 + (noise.next(top + 1) >> noise.next(bits + 1)),
            };
            (value & top) as u16
        };
        (0..width * height).map(sample).collect()
    };
    Planes { width, height, bits, planes: (0..planes).map(&mut plane).collect() }
}

fn returns(tile: &Planes, bytes: &[u8], what: &str) {
    let decoded = decode(bytes, tile.width, tile.height, tile.bits, tile.planes.len());
    assert!(
        decoded.as_ref() == Ok(tile),
        "{what}: {}×{}, {} bits: {:?}",
        tile.width,
        tile.height,
        tile.bits,
        decoded.err()
    );
}

#[test]
fn every_small_shape_comes_back() {
    for width in 1..=20 {
        for height in 1..=20 {
            // All contents, depths and numbers of planes in turn.
            for (i, content) in CONTENTS.into_iter().enumerate() {
                let bits = [1, 2, 4, 8, 10, 16][(width + 5 * height + i) % 6];
                let tile = tile(content, width, height, bits, 1 + (width * 3 + height + i) % 4);
                returns(&tile, &encode(&tile, Tables::Small), "small");
            }
        }
    }
}

#[test]
fn every_kind_comes_back_with_all_settings() {
    for content in CONTENTS {
        for bits in [1, 2, 4, 8, 10, 12, 16] {
            for planes in 1..=4 {
                let tile = tile(content, 67, 41, bits, planes);
                for settings in Settings::all(9 + planes as u32) {
                    returns(&tile, &encode_with(&tile, settings), "settings");
                }
                let raw = raw(&tile);
                assert_eq!(raw.len(), 1 + tile.shape().raw_bytes());
                returns(&tile, &raw, "raw");
            }
        }
    }
}

#[test]
fn nothing_grows_and_what_repeats_shrinks() {
    for bits in [1, 4, 8, 16] {
        for planes in 1..=4 {
            let size = |content| encode(&tile(content, 128, 96, bits, planes), Tables::Small).len();
            let raw = tile(Content::Noise, 128, 96, bits, planes).shape().raw_bytes();
            assert!(size(Content::Noise) <= raw + 1);
            assert!(
                size(Content::Flat) < 24 + planes * bits as usize / 4,
                "flat {bits} {planes} {}",
                size(Content::Flat)
            );
            assert!(size(Content::Text) < 500 + raw / 100, "text {bits} {planes} {}", size(Content::Text));
        }
    }
    // A ramp that the predictors know: far below a bit a pixel.
    assert!(encode(&tile(Content::Ramps, 128, 96, 10, 3), Tables::Small).len() < 1000);
    assert!(encode(&tile(Content::Noise, 1, 1, 8, 3), Tables::Large).len() <= 4);
}

#[test]
fn the_estimate_is_near() {
    for content in CONTENTS {
        let tile = tile(content, 300, 200, 8, 3);
        let bits = 8 * encode(&tile, Tables::Small).len() as u64;
        let estimate = estimate(&tile, Tables::Small);
        assert!(
            estimate < 5 * bits + 4000 && bits < 2 * estimate + 1000,
            "{content:?}: {estimate} for {bits}"
        );
    }
}

#[test]
fn both_sizes_of_tables_come_back() {
    let tile = tile(Content::Text, 400, 300, 8, 3);
    for tables in [Tables::Small, Tables::Large] {
        let bytes = encode(&tile, tables);
        assert_eq!(
            Settings::from_byte(bytes[0]).map(|settings| settings.tables),
            Some(if tables == Tables::Small { 16 } else { 17 })
        );
        returns(&tile, &bytes, "tables");
    }
}

#[test]
fn damage_is_an_error_or_other_samples() {
    let mut noise = Noise(1);
    for content in CONTENTS {
        let tile = tile(content, 40, 30, 8, 3);
        let bytes = encode(&tile, Tables::Small);
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            let at = noise.next(damaged.len() as u32) as usize;
            damaged[at] ^= 1 << noise.next(8);
            if noise.next(3) == 0 {
                damaged.truncate(noise.next(damaged.len() as u32 + 1) as usize);
            }
            if let Ok(decoded) = decode(&damaged, 40, 30, 8, 3) {
                assert!(decoded.planes.iter().flatten().all(|&sample| sample < 256));
            }
        }
    }
    for length in 0..200 {
        let bytes: Vec<u8> = (0..length).map(|_| noise.next(256) as u8).collect();
        for bits in [1, 7, 16] {
            let _ = decode(&bytes, 33, 20, bits, 4);
        }
    }
}

#[test]
fn impossible_shapes_and_settings_are_refused() {
    let bytes = encode(&tile(Content::Text, 9, 9, 8, 3), Tables::Small);
    for (width, height, bits, planes) in [
        (0, 9, 8, 3),
        (9, 0, 8, 3),
        (9, 9, 0, 3),
        (9, 9, 17, 3),
        (9, 9, 8, 0),
        (9, 9, 8, 5),
        (usize::MAX, 2, 8, 3),
    ] {
        let error = decode(&bytes, width, height, bits, planes).unwrap_err();
        assert!(matches!(error, Error::Parameter { .. }), "{error:?}");
    }
    assert_eq!(decode(&[], 9, 9, 8, 3), Err(Error::UnexpectedEnd));
    for first in [11 << 2, 0x3e, 0x40, 0xff] {
        assert_eq!(decode(&[first, 0], 9, 9, 8, 3), Err(Error::Malformed { what: "settings of a tile" }));
    }
    assert!(decode(&[Settings::RAW, 0], 9, 9, 8, 3).is_err());
}

/// The format must not change by accident: a change of any table, context or rate shows here.
#[test]
fn the_bytes_are_those_of_the_format() {
    let mut found = Vec::new();
    for (content, bits, planes) in [
        (Content::Text, 8, 3),
        (Content::Ramps, 8, 4),
        (Content::Text, 1, 1),
        (Content::Ramps, 16, 3),
        (Content::Speckle, 10, 2),
    ] {
        let tile = tile(content, 120, 90, bits, planes);
        for settings in Settings::all(12) {
            let bytes = encode_with(&tile, settings);
            found.push((bytes.len(), crc32c::crc32c(&bytes)));
        }
    }
    assert_eq!(found, GOLDEN);
}

/// Length and CRC-32C of each.
const GOLDEN: [(usize, u32); 20] = [
    (352, 0x9c12ad6d),
    (5674, 0x9e31d7d8),
    (446, 0x4969ba39),
    (836, 0x1dc3af78),
    (320, 0xd9c5bbc8),
    (566, 0x4118588f),
    (390, 0x5aea1c8c),
    (522, 0xa12a044f),
    (184, 0x22b98ee6),
    (656, 0x3ca7b18a),
    (184, 0x89c371cc),
    (544, 0x20ff76fe),
    (538, 0xa296118d),
    (1562, 0x84caea63),
    (794, 0x72b1b946),
    (1170, 0x1cf725e6),
    (25282, 0x970dbd38),
    (25498, 0x52020cda),
    (25490, 0x92c54b3f),
    (25280, 0xd509ed0c),
];
