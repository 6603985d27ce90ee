//! An [`Image`] in, bytes of a JPEG out. Its pixels are coded with loss once more, at a quality that is chosen.

use crate::error::{At, Error, Result};
use crate::files::density::{of_chunk, per_inch};
use crate::files::held::{self, ICC_PART, SEGMENT};
use crate::files::pixels::{bytes_of, cannot_hold, failed};
use crate::files::{OutputFormat, png_chunks};
use ::image::ExtendedColorType;
use ::image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use std::io::Write;
use wavern::{Color, Image};

/// Writes a picture at this quality, 1 to 100.
pub fn write(image: &Image, quality: u8, out: &mut dyn Write) -> Result<()> {
    if image.alpha().is_some() {
        return Err(cannot_hold(OutputFormat::Jpeg, "alpha"));
    }
    let (width, height) = (image.width(), image.height());
    if width > 65_535 || height > 65_535 {
        let what = format!("{width}x{height} pixels: at most 65535 along each side");
        return Err(cannot_hold(OutputFormat::Jpeg, what));
    }
    let samples = bytes_of(image, OutputFormat::Jpeg, false)?;
    let color = if image.color() == Color::Gray { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, quality);
    if let Some([x, y]) = image.metadata().png_chunk(*b"pHYs").and_then(of_chunk) {
        encoder.set_pixel_density(density(x, y));
    }
    encoder.encode(&samples, width, height, color).map_err(|error| failed("JPEG")(&error))?;
    // Behind the start of the file and JFIF's segment, where every reader looks.
    let jfif = file.get(4..6).map_or(0, |length| usize::from(u16::from_be_bytes([length[0], length[1]])));
    let (front, rest) =
        file.split_at_checked(4 + jfif).ok_or_else(|| Error::failed("writing JPEG: no header"))?;
    for part in [front, &segments(image), rest] {
        out.write_all(part).at("writing JPEG")?;
    }
    Ok(())
}

/// Pixels per inch, or per centimetre if that alone is an integer.
fn density(x: u32, y: u32) -> PixelDensity {
    let narrow = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
    let inches = [per_inch(x), per_inch(y)];
    let in_centimetres =
        x.is_multiple_of(100) && y.is_multiple_of(100) && inches.iter().any(|&(_, below)| below > 1);
    let (density, unit) = if in_centimetres {
        ((narrow(x / 100), narrow(y / 100)), PixelDensityUnit::Centimeters)
    } else {
        let [x, y] = inches.map(|(above, below)| narrow((above + below / 2) / below));
        ((x, y), PixelDensityUnit::Inches)
    };
    PixelDensity { density, unit }
}

/// The metadata that JPEG carries.
fn segments(image: &Image) -> Vec<u8> {
    let (metadata, mut out) = (image.metadata(), Vec::new());
    let held = held::held(metadata);
    let carried = |thing| held.iter().any(|held| held.thing == thing && held::fits(OutputFormat::Jpeg, held));
    if let Some(exif) =
        metadata.exif.as_ref().filter(|_| carried(held::Thing::Exif) || carried(held::Thing::ExifBytes))
    {
        put(0xE1, &[b"Exif\0\0", exif], &mut out);
    }
    if let Some(xmp) = &metadata.xmp
        && (carried(held::Thing::Xmp) || carried(held::Thing::XmpBytes))
    {
        put(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", xmp], &mut out);
    }
    if let Some(icc) = metadata.icc.as_ref().filter(|_| carried(held::Thing::Icc)) {
        let parts = icc.chunks(ICC_PART);
        let count = parts.len() as u8;
        for (index, part) in parts.enumerate() {
            put(0xE2, &[b"ICC_PROFILE\0", &[index as u8 + 1, count], part], &mut out);
        }
    }
    if let Some(resources) = &metadata.iptc {
        for part in resources.chunks(SEGMENT - 14) {
            put(0xED, &[b"Photoshop 3.0\0", part], &mut out);
        }
    }
    for text in metadata.png.iter().filter_map(|chunk| png_chunks::comment(chunk)) {
        for part in text.chunks(SEGMENT) {
            put(0xFE, &[part], &mut out);
        }
    }
    out
}

fn put(marker: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.extend([0xFF, marker]);
    out.extend((length as u16 + 2).to_be_bytes());
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
