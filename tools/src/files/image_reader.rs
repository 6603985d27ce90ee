//! Bytes of a PNG, JPEG, WebP, TIFF, BMP or PNM in, an [`Image`] out.
//!
//! Palettes and depths below 8 bits are expanded, CMYK becomes RGB. An EXIF orientation is not applied: pixels and tag
//! both stay as they are.

use super::guard::guarded;
use super::limits::PIXELS_FREE;
use super::{Loaded, Reading, png_chunks};
use crate::error::{Error, Result};
use image::codecs::{bmp, jpeg, png, pnm, tiff, webp};
use image::error::LimitErrorKind;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat};
use std::fmt::Display;
use std::io::{BufRead, Cursor, ErrorKind, Seek};
use wavern::rows::PictureInfo;
use wavern::{Color, Image, Metadata, Samples};
use wavern_bitstream::Limits;

type Source<'a> = Cursor<&'a [u8]>;

/// Reads a picture of this format.
pub fn read(bytes: &[u8], format: ImageFormat, reading: &Reading) -> Result<Loaded> {
    let (name, limits) = (name(format), &reading.limits);
    guarded(name, || {
        let mut notes = Vec::new();
        let mut decoder = open(Cursor::new(bytes), format, limits, &mut notes)?;
        // The TIFF decoder would bound the metadata by the size of the picture, so there the bounds come after it.
        let bounds_first = format != ImageFormat::Tiff;
        if bounds_first {
            decoder.set_limits(decoder_limits(limits)).map_err(|error| explain(name, error))?;
        }
        let metadata = match format {
            ImageFormat::WebP => webp_metadata(bytes, &mut notes)?,
            ImageFormat::Png => {
                let mut metadata = metadata(decoder.as_mut(), &mut notes);
                png_chunks::read(Cursor::new(bytes), &mut metadata, &mut notes, limits)?;
                metadata
            }
            _ => metadata(decoder.as_mut(), &mut notes),
        };
        if !bounds_first {
            decoder.set_limits(decoder_limits(limits)).map_err(|error| explain(name, error))?;
        }
        let image = decode(decoder, name)?.with_metadata(metadata);
        Ok(Loaded { signal: image.into(), notes })
    })
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Pnm => "PNM",
        _ => "picture",
    }
}

fn decoder_limits(limits: &Limits) -> image::Limits {
    let mut bounds = image::Limits::no_limits();
    bounds.max_image_width = Some(limits.side);
    bounds.max_image_height = Some(limits.side);
    bounds.max_alloc = Some(limits.memory_bytes);
    bounds
}

fn open<'a>(
    source: Source<'a>,
    format: ImageFormat,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Result<Box<dyn ImageDecoder + 'a>> {
    let name = name(format);
    let source_bytes = source.get_ref().len() as u64;
    let explain = |error| explain(name, error);
    let animated = || Err(Error::unsupported(format!("animated {name} (expected a single picture)")));
    let decoder: Box<dyn ImageDecoder + 'a> = match format {
        ImageFormat::Png => {
            let decoder = png::PngDecoder::with_limits(source, decoder_limits(limits)).map_err(explain)?;
            if decoder.is_apng().map_err(explain)? {
                return animated();
            }
            Box::new(decoder)
        }
        ImageFormat::WebP => {
            let decoder = webp::WebPDecoder::new(source).map_err(explain)?;
            if decoder.has_animation() {
                return animated();
            }
            Box::new(decoder)
        }
        ImageFormat::Tiff => {
            if has_more_pages(source.clone()) {
                notes.push("only the first page of this TIFF is read".to_owned());
            }
            Box::new(tiff::TiffDecoder::new(source).map_err(explain)?)
        }
        ImageFormat::Jpeg => Box::new(jpeg::JpegDecoder::new(source).map_err(explain)?),
        ImageFormat::Bmp => Box::new(bmp::BmpDecoder::new(source).map_err(explain)?),
        ImageFormat::Pnm => Box::new(pnm::PnmDecoder::new(source).map_err(explain)?),
        _ => return Err(Error::unsupported(format!("{format:?} pictures cannot be read"))),
    };
    check_size(decoder.as_ref(), source_bytes, limits)?;
    // The decoders cannot say that memory ran out: they end the process. So it is asked for here, all that they need
    // at their worst (progressive JPEG), and given back at once.
    reserved::<u8>((decoder.total_bytes() as usize).saturating_mul(4))?;
    Ok(decoder)
}

/// What the header and the metadata of a PNG say, and notes on them; `None` if its rows cannot be read one after the
/// other.
pub(super) fn png_info(
    mut file: impl BufRead + Seek,
    bytes: u64,
    limits: &Limits,
) -> Result<Option<(PictureInfo, Vec<String>)>> {
    let failed = |error| explain(name(ImageFormat::Png), error);
    let mut decoder = png::PngDecoder::with_limits(&mut file, decoder_limits(limits)).map_err(failed)?;
    let (color, depth) = match decoder.color_type() {
        ColorType::L8 => (Color::Gray, 8),
        ColorType::L16 => (Color::Gray, 16),
        ColorType::Rgb8 => (Color::Rgb, 8),
        ColorType::Rgb16 => (Color::Rgb, 16),
        _ => return Ok(None),
    };
    if decoder.is_apng().map_err(failed)? {
        return Ok(None);
    }
    check_size(&decoder, bytes, limits)?;
    let mut notes = Vec::new();
    let mut metadata = metadata(&mut decoder, &mut notes);
    let (width, height) = decoder.dimensions();
    drop(decoder);
    png_chunks::read(file, &mut metadata, &mut notes, limits)?;
    let mut info = PictureInfo::new(width, height, color, depth);
    info.metadata = metadata;
    Ok(Some((info, notes)))
}

fn has_more_pages(source: Source<'_>) -> bool {
    ::tiff::decoder::Decoder::new(source).is_ok_and(|decoder| decoder.more_images())
}

fn check_size(decoder: &dyn ImageDecoder, file_bytes: u64, limits: &Limits) -> Result<()> {
    let (width, height) = decoder.dimensions();
    if width > limits.side || height > limits.side {
        let bound = limits.side;
        return Err(Error::limit(format!(
            "{width}x{height} pixels (expected at most {bound} along each side; --limit-side raises it)"
        )));
    }
    let (pixels, bytes) = (u64::from(width) * u64::from(height), decoder.total_bytes());
    if pixels > limits.pixels || bytes > limits.memory_bytes {
        let (most, room) = (limits.pixels, limits.memory_bytes);
        let bound = format!(
            "expected at most {most} pixels and {room} bytes of samples; --limit-pixels and --limit-memory raise it"
        );
        return Err(Error::limit(format!("{width}x{height} pixels, {bytes} bytes of samples ({bound})")));
    }
    let most = PIXELS_FREE.max(file_bytes.saturating_mul(limits.work_per_byte));
    if pixels > most {
        let what = format!("{width}x{height} pixels in a file of {file_bytes} bytes");
        return Err(Error::limit(format!("{what} (expected at most {most}; --limit-work raises it)")));
    }
    Ok(())
}

fn decode(decoder: Box<dyn ImageDecoder + '_>, name: &str) -> Result<Image> {
    let (width, height) = decoder.dimensions();
    use ColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
    let color_type = decoder.color_type();
    let (color, depth, has_alpha) = match color_type {
        L8 => (Color::Gray, 8, false),
        La8 => (Color::Gray, 8, true),
        L16 => (Color::Gray, 16, false),
        La16 => (Color::Gray, 16, true),
        Rgb8 => (Color::Rgb, 8, false),
        Rgba8 => (Color::Rgb, 8, true),
        Rgb16 => (Color::Rgb, 16, false),
        Rgba16 => (Color::Rgb, 16, true),
        _ => {
            let what = format!("{name} with samples of type {color_type:?}");
            return Err(Error::unsupported(format!("{what} (expected integers of at most 16 bits)")));
        }
    };
    // Within the limit on memory, but possibly more than this machine has.
    let count = (decoder.total_bytes() / (depth / 8)) as usize;
    let (samples, alpha) = if depth == 8 {
        let mut buffer = zeroed::<u8>(count)?;
        decoder.read_image_boxed(&mut buffer).map_err(|error| explain(name, error))?;
        let (samples, alpha) = split(buffer, color.channels(), has_alpha);
        (Samples::U8(samples), alpha.map(Samples::U8))
    } else {
        let mut buffer = zeroed::<u16>(count)?;
        let bytes = bytemuck::cast_slice_mut(&mut buffer);
        decoder.read_image_boxed(bytes).map_err(|error| explain(name, error))?;
        let (samples, alpha) = split(buffer, color.channels(), has_alpha);
        (Samples::U16(samples), alpha.map(Samples::U16))
    };
    let image = Image::new(width, height, color, samples).map_err(Error::corrupt)?;
    match alpha {
        Some(alpha) => image.with_alpha(alpha).map_err(Error::corrupt),
        None => Ok(image),
    }
}

fn reserved<T>(count: usize) -> Result<Vec<T>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(count).map_err(|_| Error::limit("picture does not fit in memory"))?;
    Ok(buffer)
}

fn zeroed<T: Clone + Default>(count: usize) -> Result<Vec<T>> {
    let mut buffer = reserved(count)?;
    buffer.resize(count, T::default());
    Ok(buffer)
}

/// Colour samples and the plane of alpha, from pixels that hold both.
fn split<T: Copy>(pixels: Vec<T>, channels: usize, has_alpha: bool) -> (Vec<T>, Option<Vec<T>>) {
    if !has_alpha {
        return (pixels, None);
    }
    let mut samples = Vec::with_capacity(pixels.len() / (channels + 1) * channels);
    let mut alpha = Vec::with_capacity(pixels.len() / (channels + 1));
    for pixel in pixels.chunks_exact(channels + 1) {
        samples.extend_from_slice(&pixel[..channels]);
        alpha.push(pixel[channels]);
    }
    (samples, Some(alpha))
}

fn metadata(decoder: &mut dyn ImageDecoder, notes: &mut Vec<String>) -> Metadata {
    let (icc, exif, xmp) = (decoder.icc_profile(), decoder.exif_metadata(), decoder.xmp_metadata());
    let mut metadata = Metadata::default();
    metadata.icc = block("ICC profile", icc, notes);
    metadata.exif = block("EXIF", exif, notes).map(without_prefix);
    metadata.xmp = block("XMP", xmp, notes);
    metadata
}

/// The decoder of `image` would allocate whatever length a chunk claims to have; no chunk is longer than the file.
fn webp_metadata(bytes: &[u8], notes: &mut Vec<String>) -> Result<Metadata> {
    let malformed = |error| Error::corrupt(format!("malformed WebP: {error}"));
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).map_err(malformed)?;
    decoder.set_memory_limit(bytes.len());
    let (icc, exif, xmp) = (decoder.icc_profile(), decoder.exif_metadata(), decoder.xmp_metadata());
    let mut metadata = Metadata::default();
    metadata.icc = block("ICC profile", icc, notes);
    metadata.exif = block("EXIF", exif, notes).map(without_prefix);
    metadata.xmp = block("XMP", xmp, notes);
    Ok(metadata)
}

/// Metadata that cannot be read is no reason to refuse the pixels, but it is a reason to say so.
fn block<E: Display>(
    what: &str,
    block: std::result::Result<Option<Vec<u8>>, E>,
    notes: &mut Vec<String>,
) -> Option<Vec<u8>> {
    match block {
        Ok(block) => block.filter(|block| !block.is_empty()),
        Err(error) => {
            notes.push(format!("{what} left out: {error}"));
            None
        }
    }
}

/// Some writers put the prefix of the JPEG marker in front of the TIFF header in other containers too.
fn without_prefix(exif: Vec<u8>) -> Vec<u8> {
    exif.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec).unwrap_or(exif)
}

fn explain(name: &str, error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) => Error::unsupported(format!("{name} that cannot be read: {error}")),
        ImageError::Limits(error) => match error.kind() {
            LimitErrorKind::DimensionError => Error::limit(format!("{name} is too large: {error}")),
            _ => Error::limit(format!("{name} needs too much memory: {error}")),
        },
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Error::corrupt(format!("{name} ends too early"))
        }
        error => Error::corrupt(format!("malformed {name}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavern::Signal;

    fn image(bytes: &[u8], format: ImageFormat) -> Image {
        match read(bytes, format, &Reading::default()).unwrap().signal {
            Signal::Image(image) => image,
            Signal::Audio(_) => unreachable!("read() makes images"),
        }
    }

    #[test]
    fn samples_of_a_pnm_are_scaled_to_the_full_range() {
        let gray = image(b"P5\n3 1\n15\n\x00\x07\x0f", ImageFormat::Pnm);
        assert_eq!((gray.color(), gray.samples()), (Color::Gray, &Samples::U8(vec![0, 119, 255])));
        let bits = image(b"P1\n2 2\n0 1\n1 0\n", ImageFormat::Pnm);
        assert_eq!(bits.samples(), &Samples::U8(vec![255, 0, 0, 255]));
        let deep = image(b"P5\n1 1\n1023\n\x03\xff", ImageFormat::Pnm);
        assert_eq!(deep.samples(), &Samples::U16(vec![65535]));
    }

    #[test]
    fn alpha_is_taken_out_of_the_pixels() {
        let header = b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n";
        let file = [&header[..], &[1, 2, 3, 100, 4, 5, 6, 200]].concat();
        let picture = image(&file, ImageFormat::Pnm);
        assert_eq!(picture.samples(), &Samples::U8(vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(picture.alpha(), Some(&Samples::U8(vec![100, 200])));
    }

    #[test]
    fn a_picture_beyond_the_limits_is_refused_before_its_samples_are_allocated() {
        let error = read(b"P6\n2000000 1\n255\n", ImageFormat::Pnm, &Reading::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2000000x1 pixels (expected at most 1048576 along each side; --limit-side raises it)"
        );
        assert_eq!(error.exit_code(), 6);
        let error = read(b"P6\n30000 30000\n65535\n", ImageFormat::Pnm, &Reading::default()).unwrap_err();
        assert!(error.to_string().starts_with("30000x30000 pixels, 5400000000 bytes of samples"), "{error}");
        let error = read(b"P5\n16000 16000\n255\n", ImageFormat::Pnm, &Reading::default()).unwrap_err();
        let expected =
            "16000x16000 pixels in a file of 19 bytes (expected at most 33554432; --limit-work raises it)";
        assert_eq!((error.exit_code(), error.to_string()), (6, expected.to_owned()));
    }

    #[test]
    fn a_file_that_ends_early_is_corrupt() {
        let error = read(b"P6\n20 10\n255\nabc", ImageFormat::Pnm, &Reading::default()).unwrap_err();
        assert_eq!((error.exit_code(), error.to_string()), (4, "PNM ends too early".to_owned()));
    }
}
