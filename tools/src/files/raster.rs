//! What the readers of all picture formats share: bounds before anything is allocated, decoders of the library `image`,
//! and pixels taken apart.

use crate::error::{Error, Result};
use crate::files::limits::PIXELS_FREE;
use image::error::LimitErrorKind;
use image::{ColorType, ImageDecoder, ImageError};
use std::fmt::Display;
use std::io::ErrorKind;
use wavern::{Color, Image, Samples};
use wavern_bitstream::Limits;

/// The bounds as the library takes them.
pub fn decoder_limits(limits: &Limits) -> image::Limits {
    let mut bounds = image::Limits::no_limits();
    bounds.max_image_width = Some(limits.side);
    bounds.max_image_height = Some(limits.side);
    bounds.max_alloc = Some(limits.memory_bytes);
    bounds
}

/// Holds what a header declares against the limits: pixels, and bytes of samples, in a file of
/// `file_bytes`.
///
/// # Errors
/// Which bound is exceeded, and the option that raises it.
pub fn check_size((width, height): (u32, u32), bytes: u64, file_bytes: u64, limits: &Limits) -> Result<()> {
    if width > limits.side || height > limits.side {
        let bound = limits.side;
        return Err(Error::limit(format!(
            "{width}x{height} pixels (expected at most {bound} along each side; --limit-side raises it)"
        )));
    }
    let pixels = u64::from(width) * u64::from(height);
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
    // The decoders cannot say that memory ran out: they end the process. So it is asked for here, all that they need
    // at their worst (progressive JPEG), and given back at once.
    reserved::<u8>((bytes as usize).saturating_mul(4)).map(drop)
}

/// [`check_size`] of what a decoder has read.
pub fn check_decoder(decoder: &dyn ImageDecoder, file_bytes: u64, limits: &Limits) -> Result<()> {
    check_size(decoder.dimensions(), decoder.total_bytes(), file_bytes, limits)
}

/// The pixels of a decoder whose size was checked.
pub fn decode(decoder: Box<dyn ImageDecoder + '_>, name: &str) -> Result<Image> {
    use ColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
    let (size, color_type) = (decoder.dimensions(), decoder.color_type());
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
    let samples = if depth == 8 {
        let mut buffer = zeroed::<u8>(count)?;
        decoder.read_image_boxed(&mut buffer).map_err(|error| explain(name, error))?;
        Samples::U8(buffer)
    } else {
        let mut buffer = zeroed::<u16>(count)?;
        let bytes = bytemuck::cast_slice_mut(&mut buffer);
        decoder.read_image_boxed(bytes).map_err(|error| explain(name, error))?;
        Samples::U16(buffer)
    };
    image(size, color, has_alpha, samples)
}

/// A picture of interleaved samples, alpha last.
pub fn image((width, height): (u32, u32), color: Color, has_alpha: bool, samples: Samples) -> Result<Image> {
    let (samples, alpha) = match samples {
        Samples::U8(samples) => {
            let (samples, alpha) = split(samples, color.channels(), has_alpha);
            (Samples::U8(samples), alpha.map(Samples::U8))
        }
        Samples::U16(samples) => {
            let (samples, alpha) = split(samples, color.channels(), has_alpha);
            (Samples::U16(samples), alpha.map(Samples::U16))
        }
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

/// This many zeros, or an error if there is no room for them.
pub fn zeroed<T: Clone + Default>(count: usize) -> Result<Vec<T>> {
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

/// Metadata that cannot be read is no reason to refuse the pixels, but it is a reason to say so.
pub fn block<E: Display>(
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
pub fn without_prefix(exif: Vec<u8>) -> Vec<u8> {
    exif.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec).unwrap_or(exif)
}

/// Colours that were multiplied by alpha, divided by it.
pub fn divided(image: Image) -> Result<Image> {
    let (size, color) = ((image.width(), image.height()), image.color());
    let channels = color.channels();
    let (samples, alpha, metadata) = image.into_parts();
    let divide = |value: u32, alpha: u32, most: u32| ((value * most + alpha / 2) / alpha.max(1)).min(most);
    let samples = match (samples, &alpha) {
        (Samples::U8(mut samples), Some(Samples::U8(alpha))) => {
            for (pixel, &alpha) in samples.chunks_exact_mut(channels).zip(alpha) {
                pixel.iter_mut().for_each(|value| *value = divide((*value).into(), alpha.into(), 255) as u8);
            }
            Samples::U8(samples)
        }
        (Samples::U16(mut samples), Some(Samples::U16(alpha))) => {
            for (pixel, &alpha) in samples.chunks_exact_mut(channels).zip(alpha) {
                pixel
                    .iter_mut()
                    .for_each(|value| *value = divide((*value).into(), alpha.into(), 65535) as u16);
            }
            Samples::U16(samples)
        }
        (samples, _) => samples,
    };
    let image = Image::new(size.0, size.1, color, samples).map_err(Error::corrupt)?.with_metadata(metadata);
    match alpha {
        Some(alpha) => image.with_alpha(alpha).map_err(Error::corrupt),
        None => Ok(image),
    }
}

/// An error of the library, with its place among the exit codes.
pub fn explain(name: &str, error: ImageError) -> Error {
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
