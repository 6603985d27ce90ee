//! The bytes themselves. They change only with a format version.

mod support;

use std::{env, fs, path::PathBuf};

use support::{crc32c, files, small_image};
use wavern_bitstream::{Container, Limits, SIGNATURE};

#[test]
fn small_picture_byte_for_byte() {
    #[rustfmt::skip]
    let expected = [
        0x97, b'W', b'V', b'N', 0x0d, 0x0a, 0x1a, 0x0a, // signature
        b'I', b'M', b'G', b'H', 11,                     // header, 11 bytes of payload
        1,                                              // format version
        0xbc, 0x06,                                     // level 700, RGB, 8 bit, one tile
        64, 64,                                         // width, height
        0xd1, 0x5e, 0xa5, 0xed, 0xca, 0xfe,             // weights id
        0xef, 0x8d, 0x72, 0x7a,                         // CRC-32C
        b'D', b'A', b'T', b'A', 7,                      // tiles, 7 bytes of payload
        b'p', b'a', b'y', b'l', b'o', b'a', b'd',
        0x90, 0x0e, 0x70, 0x6d,                         // CRC-32C
    ];
    let bytes = small_image();
    assert_eq!(bytes, expected, "{bytes:02x?}");
    assert_eq!(crc32c(&bytes[8..24]).to_le_bytes(), bytes[24..28]);
    assert_eq!(crc32c(&bytes[28..40]).to_le_bytes(), bytes[40..44]);
}

#[test]
fn fixed_cost_of_a_small_picture() {
    // The format promises fewer than 40 bytes around the coded pixels of a small picture.
    let fixed = small_image().len() - b"payload".len();
    assert_eq!(fixed, SIGNATURE.len() + (4 + 1 + 11 + 4) + (4 + 1 + 4));
    assert_eq!(fixed, 37);
}

#[test]
fn checksum_is_crc32c() {
    // The check value of the catalogue of CRC algorithms.
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}

#[test]
fn format_md_shows_the_same_bytes() {
    let text = include_str!("../../FORMAT.md");
    let (_, example) = text.split_once("### Example").expect("the example");
    let dump = example.split("```").nth(1).expect("its dump");
    let mut bytes = Vec::new();
    for line in dump.lines().filter(|line| !line.is_empty()) {
        let (offset, fields) = line.split_once("  ").expect("an offset");
        assert_eq!(usize::from_str_radix(offset, 16), Ok(bytes.len()));
        let hex = fields.split("  ").next().unwrap_or_default();
        bytes.extend(hex.split(' ').map_while(|byte| u8::from_str_radix(byte, 16).ok()));
    }
    assert_eq!(bytes, small_image());
}

/// With `GENERATE_GOLDEN=1` the files are written instead; the diff is then for a person to judge.
#[test]
fn files_as_they_were() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, bytes) in files() {
        let path = folder.join(name).with_extension("wvn");
        if env::var_os("GENERATE_GOLDEN").is_some() {
            fs::write(&path, &bytes).expect("writable golden file");
        }
        let stored = fs::read(&path).expect("golden file");
        assert_eq!(stored, bytes, "{name}");
        Container::parse(&stored, &Limits::default()).expect("a golden file reads");
    }
}
