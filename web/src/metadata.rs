//! Metadata beside a signal, as names and lengths in a head and bytes in a body.

use crate::failure::Failure;
use serde_json::{Value, json};
use wavern::Metadata;

/// Appends all metadata to `body`; the list of name, offset in `body`, and length.
pub fn append(metadata: &Metadata, body: &mut Vec<u8>) -> Value {
    let mut list = Vec::new();
    let mut add = |name: &str, bytes: &[u8]| {
        list.push(json!({ "name": name, "offset": body.len(), "length": bytes.len() }));
        body.extend_from_slice(bytes);
    };
    for (name, block) in
        [("icc", &metadata.icc), ("exif", &metadata.exif), ("xmp", &metadata.xmp), ("iptc", &metadata.iptc)]
    {
        block.iter().for_each(|bytes| add(name, bytes));
    }
    for (name, blocks) in [("png", &metadata.png), ("riff", &metadata.riff), ("flac", &metadata.flac)] {
        blocks.iter().for_each(|bytes| add(name, bytes));
    }
    list.into()
}

/// Metadata of a picture, from `bytes` that hold the blocks of `list` one after the other.
pub fn read(list: &[(String, usize)], mut bytes: &[u8]) -> Result<Metadata, Failure> {
    let mut metadata = Metadata::default();
    for (name, length) in list {
        let missing =
            || Failure::option("metadata", format!("{name} of {length} bytes, which are not there"));
        let (block, rest) = bytes.split_at_checked(*length).ok_or_else(missing)?;
        bytes = rest;
        metadata = match name.as_str() {
            "icc" => metadata.with_icc(block.to_vec()),
            "exif" => metadata.with_exif(block.to_vec()),
            "xmp" => metadata.with_xmp(block.to_vec()),
            _ => return Err(Failure::option("metadata", format!("{name} (expected icc, exif or xmp)"))),
        };
    }
    if !bytes.is_empty() {
        return Err(Failure::option("metadata", format!("{} bytes that nothing names", bytes.len())));
    }
    Ok(metadata)
}
