//! Bytes of a JPEG in, an [`Image`] out.

use super::segments::Segments;
use crate::error::{Error, Result};
use crate::files::cut::{self, Cut};
use crate::files::raster::{self, check_decoder, explain};
use crate::files::{Loaded, Reading, cmyk};
use ::image::ImageDecoder;
use ::image::codecs::jpeg::JpegDecoder;
use jpeg_decoder::PixelFormat;
use std::io::Cursor;
use wavern::{Color, Image, Samples};
use wavern_bitstream::Limits;

/// Reads a picture.
pub fn read(bytes: &[u8], reading: &Reading) -> Result<Loaded> {
    let mut segments = Segments::of(bytes);
    if let Some(what) = segments.unsupported {
        return Err(Error::unsupported(format!(
            "{what} (expected baseline or progressive, 8 bits, Huffman coding)"
        )));
    }
    let mut notes = std::mem::take(&mut segments.notes);
    let mut metadata = std::mem::take(&mut segments.metadata);
    let image = match segments.end {
        Some(_) => pixels(bytes, &segments, &mut notes, &reading.limits)?,
        None => incomplete(bytes, &segments, &mut notes, reading)?,
    };
    let image = match image {
        Pixels::Ready(image) => *image,
        Pixels::Inks(width, height, inks) => {
            let (rgb, note) = cmyk::to_rgb(&inks, metadata.icc.take().as_deref())?;
            notes.push(note);
            Image::new(width, height, Color::Rgb, Samples::U8(rgb)).map_err(Error::corrupt)?
        }
    };
    Ok(Loaded { signal: image.with_metadata(metadata).into(), notes })
}

/// What a decoder gives.
enum Pixels {
    Ready(Box<Image>),
    /// Width, height, and four inks for each pixel: 0 for none.
    Inks(u32, u32, Vec<u8>),
}

fn pixels(bytes: &[u8], segments: &Segments, notes: &mut Vec<String>, limits: &Limits) -> Result<Pixels> {
    let mut decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(|error| explain("JPEG", error))?;
    check_decoder(&decoder, bytes.len() as u64, limits)?;
    if segments.components == 4 || segments.separate_and_subsampled {
        return other_pixels(bytes, segments, limits);
    }
    decoder.set_limits(raster::decoder_limits(limits)).map_err(|error| explain("JPEG", error))?;
    if segments.components == 2 {
        notes.push("a JPEG of two components: the second is left out".to_owned());
    }
    raster::decode(Box::new(decoder), "JPEG").map(|image| Pixels::Ready(Box::new(image)))
}

/// Through the other decoder: it gives inks as they are, and puts the components of separate scans together rightly.
fn other_pixels(bytes: &[u8], segments: &Segments, limits: &Limits) -> Result<Pixels> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX));
    let mut samples = decoder.decode().map_err(|error| match error {
        jpeg_decoder::Error::Unsupported(what) => {
            Error::unsupported(format!("JPEG that cannot be read: {what:?}"))
        }
        error => Error::corrupt(format!("malformed JPEG: {error}")),
    })?;
    let info = decoder.info().ok_or_else(|| Error::corrupt("a JPEG without a frame"))?;
    let (width, height) = (info.width.into(), info.height.into());
    let ready = |color, samples| {
        let image = Image::new(width, height, color, Samples::U8(samples)).map_err(Error::corrupt)?;
        Ok(Pixels::Ready(Box::new(image)))
    };
    match info.pixel_format {
        PixelFormat::L8 => ready(Color::Gray, samples),
        PixelFormat::RGB24 => ready(Color::Rgb, samples),
        PixelFormat::CMYK32 => {
            // The decoder takes all inks for inverted, which they are if Adobe's marker is there.
            if !segments.adobe {
                samples.iter_mut().for_each(|ink| *ink = 255 - *ink);
            }
            Ok(Pixels::Inks(width, height, samples))
        }
        PixelFormat::L16 => Err(Error::unsupported("a JPEG of 16 bits (expected 8)")),
    }
}

/// A file without its end marker.
fn incomplete(
    bytes: &[u8],
    segments: &Segments,
    notes: &mut Vec<String>,
    reading: &Reading,
) -> Result<Pixels> {
    if segments.scan == 0 {
        return Err(Error::corrupt("JPEG ends before its pixels"));
    }
    // Programs that load a file in pieces leave zeros where one did not arrive.
    let bytes = &bytes[..segments.whole.max(segments.scan)];
    let zeros = bytes.iter().rev().take_while(|&&byte| byte == 0).count();
    let body = &bytes[..if zeros >= 64 { bytes.len() - zeros } else { bytes.len() }];
    if segments.components == 4 || segments.separate_and_subsampled {
        return Err(Error::corrupt(format!("JPEG ends too early, in scan {}", segments.scans)));
    }
    let decode = |file: &[u8]| match pixels(file, segments, &mut Vec::new(), &reading.limits)? {
        Pixels::Ready(image) => Ok(*image),
        Pixels::Inks(..) => Err(Error::corrupt("JPEG ends too early")),
    };
    let image = decode(body)?;
    // The decoder fills up what is missing. What follows a cut changes only what was not there.
    let rows = [0, 0xAA, 0x5B].into_iter().filter_map(|filling| {
        let continued = [body, &[filling; 1 << 12], &[0xFF, 0xD9]].concat();
        Some(cut::difference(&image, &decode(&continued).ok()?).start)
    });
    let rows = rows.min().unwrap_or(0);
    if rows == image.height() && !segments.progressive {
        notes.push("the end marker of the JPEG is missing; all pixels are there".to_owned());
        return Ok(Pixels::Ready(Box::new(image)));
    }
    let cut = Cut::behind("JPEG", rows, image.height());
    if segments.progressive {
        let (scan, height) = (segments.scans, image.height());
        let place = match rows == height {
            true => format!("behind scan {scan}"),
            false => format!("in scan {scan} at row {rows} of {height}"),
        };
        if !reading.partial {
            return Err(Error::corrupt(format!(
                "JPEG ends too early, {place} (--partial takes what is there)"
            )));
        }
        notes.push(format!("JPEG ends too early, {place}: coarser than it was"));
        return Ok(Pixels::Ready(Box::new(image)));
    }
    cut.take(image, reading.partial, notes).map(|image| Pixels::Ready(Box::new(image)))
}
