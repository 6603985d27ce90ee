//! Bytes of a picture in, an [`Image`] out; the one place that knows which reader takes which format.
//!
//! Palettes and depths below 8 bits are expanded, CMYK becomes RGB. An EXIF orientation is not applied: pixels and tag
//! both stay as they are.

use super::guard::guarded;
use super::kind::PictureFormat;
use super::raster::{self, block, check_decoder, decoder_limits, explain, without_prefix};
use super::{Loaded, Reading, bmp, cut, gif, jpeg, jxl, png_reader, tiff};
use crate::error::{Error, ErrorKind, Result};
use image::ImageDecoder;
use image::codecs::{pnm, webp};
use std::borrow::Cow;
use std::io::Cursor;
use wavern::{Color, Image, Metadata, Samples};
use wavern_bitstream::Limits;

/// Reads a picture of this format.
pub fn read(bytes: &[u8], format: PictureFormat, reading: &Reading) -> Result<Loaded> {
    use PictureFormat::{Bmp, Gif, Jpeg, Jxl, Png, Pnm, Qoi, Tiff, Webp};
    guarded(format.name(), || match format {
        Png => png_reader::read(bytes, reading),
        Jpeg => jpeg::read(bytes, reading),
        Tiff => tiff::read(bytes, reading),
        Gif => gif::read(bytes, reading),
        Jxl => jxl::read(bytes, reading),
        Webp | Bmp | Pnm | Qoi => simple(bytes, format, reading),
    })
}

/// Formats whose decoders give all pixels or none, and that hold little else.
fn simple(bytes: &[u8], format: PictureFormat, reading: &Reading) -> Result<Loaded> {
    let (mut notes, limits) = (Vec::new(), &reading.limits);
    let metadata = match format {
        PictureFormat::Webp => webp_metadata(bytes, &mut notes)?,
        PictureFormat::Bmp => bmp::metadata(bytes),
        PictureFormat::Qoi => qoi_metadata(bytes),
        _ => Metadata::default(),
    };
    let decode = |bytes: &[u8]| match format {
        PictureFormat::Webp => webp_pixels(bytes, limits),
        PictureFormat::Qoi => qoi_pixels(bytes, limits),
        PictureFormat::Bmp => {
            let decoder = ::image::codecs::bmp::BmpDecoder::new(Cursor::new(bytes));
            pixels(decoder.map_err(|error| explain("BMP", error))?, "BMP", bytes.len(), limits)
        }
        _ => {
            let decoder = pnm::PnmDecoder::new(Cursor::new(bytes));
            pixels(decoder.map_err(|error| explain("PNM", error))?, "PNM", bytes.len(), limits)
        }
    };
    let missing = missing(bytes, format);
    let image = cut::decode(bytes, format.name(), missing, reading, &mut notes, &decode)?;
    Ok(Loaded { signal: image.with_metadata(metadata).into(), notes })
}

/// An upper bound on the bytes that a file may lack.
fn missing(bytes: &[u8], format: PictureFormat) -> u64 {
    let samples = match format {
        PictureFormat::Webp => return webp_length(bytes).saturating_sub(bytes.len() as u64),
        PictureFormat::Qoi => qoi::decode_header(bytes).map(|header| header.encode_max_len() as u64).ok(),
        PictureFormat::Bmp => ::image::codecs::bmp::BmpDecoder::new(Cursor::new(bytes))
            .map(|decoder| decoder.total_bytes())
            .ok(),
        _ => pnm::PnmDecoder::new(Cursor::new(bytes)).map(|decoder| decoder.total_bytes()).ok(),
    };
    // Rows may be filled up to whole words, and samples written in words.
    samples.unwrap_or(0).saturating_mul(2).saturating_add(1 << 12)
}

fn pixels(mut decoder: impl ImageDecoder, name: &str, bytes: usize, limits: &Limits) -> Result<Image> {
    check_decoder(&decoder, bytes as u64, limits)?;
    decoder.set_limits(decoder_limits(limits)).map_err(|error| explain(name, error))?;
    raster::decode(Box::new(decoder), name)
}

/// Bytes that a file says it has.
fn webp_length(bytes: &[u8]) -> u64 {
    let length = |length: &[u8]| u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    bytes.get(4..8).map_or(0, |bytes| u64::from(length(bytes)) + 8)
}

/// What announces a profile, EXIF and XMP, in the flags of an extended WebP.
const METADATA: u8 = 0x2C;

/// The first picture, if there are several.
fn webp_pixels(bytes: &[u8], limits: &Limits) -> Result<Image> {
    // The decoder wants every block of metadata that is announced; pixels come without.
    let extended =
        bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & METADATA != 0);
    let mut bytes = Cow::Borrowed(bytes);
    if extended {
        bytes.to_mut()[20] &= !METADATA;
    }
    let decoder = webp::WebPDecoder::new(Cursor::new(&bytes[..])).map_err(|error| explain("WebP", error));
    match decoder.and_then(|decoder| pixels(decoder, "WebP", bytes.len(), limits)) {
        // The decoder takes what is missing for all kinds of faults.
        Err(error) if error.kind() == ErrorKind::Corrupt && webp_length(&bytes) > bytes.len() as u64 => {
            Err(Error::corrupt("WebP ends too early"))
        }
        pixels => pixels,
    }
}

/// The decoder of `image` would allocate whatever length a chunk claims to have; no chunk is longer than the file.
fn webp_metadata(bytes: &[u8], notes: &mut Vec<String>) -> Result<Metadata> {
    let mut metadata = Metadata::default();
    // What is wrong is for the decoder of the pixels to say.
    let Ok(mut decoder) = image_webp::WebPDecoder::new(Cursor::new(bytes)) else { return Ok(metadata) };
    decoder.set_memory_limit(bytes.len());
    let (icc, exif, xmp) = (decoder.icc_profile(), decoder.exif_metadata(), decoder.xmp_metadata());
    metadata.icc = block("ICC profile", icc, notes);
    metadata.exif = block("EXIF", exif, notes).map(without_prefix);
    metadata.xmp = block("XMP", xmp, notes);
    if webp_length(bytes) > bytes.len() as u64 {
        notes.push("the end of the WebP is missing".to_owned());
    }
    if decoder.is_animated() {
        let count = decoder.num_frames();
        notes.push(format!("an animated WebP of {count} frames: only the first is taken"));
    }
    Ok(metadata)
}

fn qoi_error(error: qoi::Error) -> Error {
    match error {
        qoi::Error::UnexpectedBufferEnd => Error::corrupt("QOI ends too early"),
        error => Error::corrupt(format!("malformed QOI: {error}")),
    }
}

fn qoi_pixels(bytes: &[u8], limits: &Limits) -> Result<Image> {
    let header = qoi::decode_header(bytes).map_err(qoi_error)?;
    let size = (header.width, header.height);
    let samples = u64::from(size.0) * u64::from(size.1) * u64::from(header.channels.as_u8());
    raster::check_size(size, samples, bytes.len() as u64, limits)?;
    let mut pixels = raster::zeroed::<u8>(samples as usize)?;
    match qoi::decode_to_buf(&mut pixels, bytes) {
        // All pixels are there, and something else stands where the end mark should.
        Ok(_) | Err(qoi::Error::InvalidPadding) => {}
        Err(error) => return Err(qoi_error(error)),
    }
    raster::image(size, Color::Rgb, header.channels.is_rgba(), Samples::U8(pixels))
}

/// QOI says of its samples that they are sRGB or light.
fn qoi_metadata(bytes: &[u8]) -> Metadata {
    match qoi::decode_header(bytes) {
        Ok(header) if header.colorspace == qoi::ColorSpace::Linear => {
            Metadata::default().with_png_chunk(*b"gAMA", &100_000u32.to_be_bytes())
        }
        _ => Metadata::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern::Signal;

    fn image(bytes: &[u8], format: PictureFormat) -> Image {
        match read(bytes, format, &Reading::default()).unwrap().signal {
            Signal::Image(image) => image,
            Signal::Audio(_) => unreachable!("read() makes images"),
        }
    }

    #[test]
    fn samples_of_a_pnm_are_scaled_to_the_full_range() {
        let gray = image(b"P5\n3 1\n15\n\x00\x07\x0f", PictureFormat::Pnm);
        assert_eq!((gray.color(), gray.samples()), (Color::Gray, &Samples::U8(vec![0, 119, 255])));
        let bits = image(b"P1\n2 2\n0 1\n1 0\n", PictureFormat::Pnm);
        assert_eq!(bits.samples(), &Samples::U8(vec![255, 0, 0, 255]));
        let deep = image(b"P5\n1 1\n1023\n\x03\xff", PictureFormat::Pnm);
        assert_eq!(deep.samples(), &Samples::U16(vec![65535]));
    }

    #[test]
    fn alpha_is_taken_out_of_the_pixels() {
        let header = b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n";
        let file = [&header[..], &[1, 2, 3, 100, 4, 5, 6, 200]].concat();
        let picture = image(&file, PictureFormat::Pnm);
        assert_eq!(picture.samples(), &Samples::U8(vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(picture.alpha(), Some(&Samples::U8(vec![100, 200])));
    }

    #[test]
    fn a_picture_beyond_the_limits_is_refused_before_its_samples_are_allocated() {
        let pnm = |bytes: &[u8]| read(bytes, PictureFormat::Pnm, &Reading::default()).unwrap_err();
        let error = pnm(b"P6\n2000000 1\n255\n");
        assert_eq!(
            error.to_string(),
            "2000000x1 pixels (expected at most 1048576 along each side; --limit-side raises it)"
        );
        assert_eq!(error.exit_code(), 6);
        let error = pnm(b"P6\n30000 30000\n65535\n");
        assert!(error.to_string().starts_with("30000x30000 pixels, 5400000000 bytes of samples"), "{error}");
        let error = pnm(b"P5\n16000 16000\n255\n");
        let expected =
            "16000x16000 pixels in a file of 19 bytes (expected at most 33554432; --limit-work raises it)";
        assert_eq!((error.exit_code(), error.to_string()), (6, expected.to_owned()));
    }

    #[test]
    fn a_file_that_ends_early_says_where() {
        let reading = |partial| Reading { partial, ..Reading::default() };
        let file = b"P6\n2 10\n127\nabcdefghijklmnop";
        let error = read(file, PictureFormat::Pnm, &reading(false)).unwrap_err();
        let expected = "PNM ends too early, in row 2 of 10 (--partial takes what is there)";
        assert_eq!((error.exit_code(), error.to_string()), (4, expected.to_owned()));
        let part = read(file, PictureFormat::Pnm, &reading(true)).unwrap();
        assert_eq!(part.notes, ["PNM ends too early: rows 2 to 9 of 10 are gray"]);
    }
}
