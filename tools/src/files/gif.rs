//! Bytes of a GIF in, its first picture as an [`Image`] out.

use super::cut::Cut;
use super::raster::{self, zeroed};
use super::{Loaded, Reading};
use crate::error::{Error, ErrorKind, Result};
use ::gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};
use std::num::NonZeroU64;
use wavern::{Color, Image, Metadata, Samples};

/// Reads the first picture of a file.
pub fn read(bytes: &[u8], reading: &Reading) -> Result<Loaded> {
    let limits = &reading.limits;
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    if let Some(room) = NonZeroU64::new(limits.memory_bytes) {
        options.set_memory_limit(MemoryLimit::Bytes(room));
    }
    let mut decoder = options.read_info(bytes).map_err(explain)?;
    let size = (u32::from(decoder.width()), u32::from(decoder.height()));
    let pixels = u64::from(size.0) * u64::from(size.1);
    raster::check_size(size, pixels * 4, bytes.len() as u64, limits)?;
    let frame = decoder
        .next_frame_info()
        .map_err(explain)?
        .ok_or_else(|| Error::corrupt("a GIF without a picture"))?;
    let [left, top, width, height] = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
    let interlaced = frame.interlaced;
    raster::check_size(
        (width as u32, height as u32),
        (width * height * 4) as u64,
        bytes.len() as u64,
        limits,
    )?;
    let mut pixels = zeroed::<u8>(width * height * 4)?;
    let mut cut = None;
    if interlaced {
        decoder.read_into_buffer(&mut pixels).map_err(explain)?;
    } else {
        for (row, samples) in pixels.chunks_exact_mut(width.max(1) * 4).enumerate() {
            match decoder.fill_buffer(samples) {
                Ok(true) => {}
                Ok(false) => cut = Some((row, Error::corrupt("GIF ends too early"))),
                Err(error) => cut = Some((row, explain(error))),
            }
            if cut.is_some() {
                break;
            }
        }
    }
    let (metadata, mut notes) = blocks(bytes, &decoder);
    let canvas = placed(&pixels, [left, top, width, height], size)?;
    let image = opaque(raster::image(size, Color::Rgb, true, Samples::U8(canvas))?)?;
    let image = match cut {
        None => image,
        Some((_, error)) if error.kind() != ErrorKind::Corrupt => return Err(error),
        Some((row, error)) => {
            let cut = Cut::behind("GIF", (top + row).min(size.1 as usize) as u32, size.1);
            if !reading.partial || row == 0 {
                return Err(cut.because(&error));
            }
            cut.take(image, true, &mut notes)?
        }
    };
    Ok(Loaded { signal: image.with_metadata(metadata).into(), notes })
}

/// A frame in its place on the canvas, which is transparent elsewhere.
fn placed(frame: &[u8], [left, top, width, height]: [usize; 4], size: (u32, u32)) -> Result<Vec<u8>> {
    let size = (size.0 as usize, size.1 as usize);
    if (left, top, width, height) == (0, 0, size.0, size.1) {
        return Ok(frame.to_vec());
    }
    let mut canvas = zeroed::<u8>(size.0 * size.1 * 4)?;
    let columns = width.min(size.0.saturating_sub(left));
    for (row, samples) in frame.chunks_exact(width.max(1) * 4).enumerate().take(size.1.saturating_sub(top)) {
        canvas[((top + row) * size.0 + left) * 4..][..columns * 4].copy_from_slice(&samples[..columns * 4]);
    }
    Ok(canvas)
}

/// Without alpha, if every pixel can be seen.
fn opaque(image: Image) -> Result<Image> {
    match image.alpha() {
        Some(Samples::U8(alpha)) if alpha.iter().all(|&alpha| alpha == 255) => {
            let (width, height, color) = (image.width(), image.height(), image.color());
            Image::new(width, height, color, image.into_parts().0).map_err(Error::corrupt)
        }
        _ => Ok(image),
    }
}

/// Comments, and how many pictures there are; profile and XMP from the decoder.
fn blocks(bytes: &[u8], decoder: &::gif::Decoder<&[u8]>) -> (Metadata, Vec<String>) {
    let mut metadata = Metadata::default();
    metadata.icc = decoder.icc_profile().map(<[u8]>::to_vec);
    metadata.xmp = decoder.xmp_metadata().map(<[u8]>::to_vec);
    let (mut notes, mut pictures) = (Vec::new(), 0);
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + bytes.get(10).map_or(0, |&flags| table(flags));
    while let Some(&kind) = bytes.get(at) {
        match kind {
            0x2C => {
                pictures += 1;
                let Some(&flags) = bytes.get(at + 9) else { break };
                at = blocks_end(bytes, at + 11 + table(flags));
            }
            0x21 => {
                let (label, start) = (bytes.get(at + 1), at + 2);
                at = blocks_end(bytes, start);
                if label == Some(&0xFE) {
                    let text = joined(bytes, start);
                    if !text.is_empty() && !text.contains(&0) {
                        metadata.png.push([b"tEXtComment\0", &text[..]].concat());
                    }
                }
            }
            _ => break,
        }
    }
    if pictures > 1 {
        notes.push(format!("an animated GIF of {pictures} pictures: only the first is taken"));
    }
    (metadata, notes)
}

/// Behind the last of some blocks, each with its length in front.
fn blocks_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&length) = bytes.get(at) {
        at += 1 + usize::from(length);
        if length == 0 {
            break;
        }
    }
    at
}

/// What they hold.
fn joined(bytes: &[u8], mut at: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(length @ 1..) = bytes.get(at).copied() {
        out.extend_from_slice(bytes.get(at + 1..at + 1 + usize::from(length)).unwrap_or_default());
        at += 1 + usize::from(length);
    }
    out
}

fn explain(error: DecodingError) -> Error {
    match error {
        DecodingError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::corrupt("GIF ends too early")
        }
        DecodingError::UnexpectedEof => Error::corrupt("GIF ends too early"),
        DecodingError::OutOfMemory | DecodingError::MemoryLimit => Error::limit("GIF needs too much memory"),
        error => Error::corrupt(format!("malformed GIF: {error}")),
    }
}
