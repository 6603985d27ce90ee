//! An [`Image`] in; bytes of an uncompressed TIFF out.
//!
//! The file begins with the EXIF block of the picture as it is, so that every offset in it stays true, those in the
//! notes of camera makers too, which no library that writes tags one by one can promise. Its first directory is
//! replaced by one that describes the pixels too.

use super::tags::describes;
use crate::error::{At, Result};
use crate::files::density::{of_chunk, per_inch};
use crate::files::ifd::{self, Field, Layout, Value};
use crate::files::pixels::{cannot_hold, pixels};
use crate::files::{OutputFormat, exif, photoshop};
use std::io::Write;
use wavern::{Color, Image, Metadata, Samples};

/// Writes a picture.
pub fn write(image: &Image, out: &mut dyn Write) -> Result<()> {
    // Few readers know gray with alpha in a TIFF.
    let as_rgb = image.alpha().is_some();
    let samples = pixels(image, as_rgb);
    let color = if as_rgb { Color::Rgb } else { image.color() };
    let bytes = samples.len() as u64 * u64::from(image.depth() / 8);
    let (layout, head) = head(image, color, bytes)?;
    out.write_all(&head).at("writing TIFF")?;
    match samples.as_ref() {
        Samples::U8(samples) => out.write_all(samples).at("writing TIFF"),
        Samples::U16(samples) => samples.chunks(1 << 15).try_for_each(|part| {
            let part: Vec<u8> = part.iter().flat_map(|&word| layout.bytes::<2>(word.into())).collect();
            out.write_all(&part).at("writing TIFF")
        }),
    }
}

/// All but the pixels, which follow it, and the order of their bytes.
fn head(image: &Image, color: Color, bytes: u64) -> Result<(Layout, Vec<u8>)> {
    let metadata = image.metadata();
    let known = metadata.exif.as_deref().and_then(|exif| Some((exif, exif::first(exif)?)));
    let (layout, mut file, mut fields) = match known {
        Some((exif, (layout, directory))) => {
            let kept = directory.entries.iter().filter(|entry| describes(entry.tag));
            let fields = kept.map(|entry| {
                let value = exif[entry.place + 8..entry.place + 12].try_into().unwrap_or_default();
                Field { tag: entry.tag, kind: entry.kind, count: entry.count, value: Value::InPlace(value) }
            });
            (layout, exif.to_vec(), fields.collect())
        }
        None => (Layout { big_endian: false, wide: false }, b"II*\0\0\0\0\0".to_vec(), Vec::new()),
    };
    describe(metadata, layout, &mut fields);
    let depth = u16::from(image.depth());
    let channels = color.channels() + usize::from(image.alpha().is_some());
    let interpretation = if color == Color::Gray { 1 } else { 2 };
    fields.extend([
        Field::long(layout, 256, image.width()),
        Field::long(layout, 257, image.height()),
        Field::shorts(layout, 258, &vec![depth; channels]),
        Field::shorts(layout, 259, &[1]),
        Field::shorts(layout, 262, &[interpretation]),
        Field::shorts(layout, 277, &[channels as u16]),
        Field::long(layout, 278, image.height()),
        Field::shorts(layout, 284, &[1]),
    ]);
    if image.alpha().is_some() {
        // Colours are not multiplied by it.
        fields.push(Field::shorts(layout, 338, &[2]));
    }
    // The pixels follow the directory, whose length does not depend on where they are.
    let directory = |file: &mut Vec<u8>, at: u32| {
        let mut fields = fields.clone();
        fields.push(Field::long(layout, 273, at));
        fields.push(Field::long(layout, 279, bytes as u32));
        let offset = ifd::write(layout, fields, file);
        file[4..8].copy_from_slice(&layout.bytes::<4>(offset.into()));
        file.resize(file.len().next_multiple_of(8), 0);
    };
    let mut trial = file.clone();
    directory(&mut trial, 0);
    let start = trial.len() as u64;
    if start + bytes > u64::from(u32::MAX) {
        let what = format!("{bytes} bytes of samples: at most 2^32 in the whole file");
        return Err(cannot_hold(OutputFormat::Tiff, what));
    }
    directory(&mut file, start as u32);
    Ok((layout, file))
}

/// Metadata with a tag of its own.
fn describe(metadata: &Metadata, layout: Layout, fields: &mut Vec<Field>) {
    if let Some(xmp) = &metadata.xmp {
        fields.push(Field::bytes(700, 1, xmp));
    }
    if let Some(icc) = &metadata.icc {
        fields.push(Field::bytes(34675, 7, icc));
    }
    if let Some(resources) = &metadata.iptc {
        // Once: where it stands alone, or among other resources.
        match photoshop::iptc(resources).filter(|iptc| photoshop::resources(iptc) == *resources) {
            Some(iptc) => fields.push(Field::bytes(33723, 7, iptc)),
            None => fields.push(Field::bytes(34377, 1, resources)),
        }
    }
    let has_density = fields.iter().any(|field| field.tag == 282);
    if let (Some([x, y]), false) = (metadata.png_chunk(*b"pHYs").and_then(of_chunk), has_density) {
        for (tag, per_metre) in [(282, x), (283, y)] {
            let (above, below) = per_inch(per_metre);
            fields.push(Field::fraction(layout, tag, above, below));
        }
        fields.push(Field::shorts(layout, 296, &[2]));
    }
}
