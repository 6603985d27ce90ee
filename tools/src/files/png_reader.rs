//! Bytes of a PNG in, an [`Image`] out: row by row, so that a file that ends too early gives those that are there.

use super::cut::Cut;
use super::raster::{self, check_size, zeroed};
use super::{Loaded, Reading, png_chunks};
use crate::error::{Error, ErrorKind, Result};
use png::{BitDepth, ColorType, DecodingError, Transformations};
use std::io::{BufRead, Cursor, Seek};
use wavern::rows::PictureInfo;
use wavern::{Color, Metadata, Samples};
use wavern_bitstream::Limits;

/// Reads a picture.
pub fn read(bytes: &[u8], reading: &Reading) -> Result<Loaded> {
    let limits = &reading.limits;
    let mut notes = Vec::new();
    let (mut reader, metadata) = open(Cursor::new(bytes), bytes.len() as u64, limits, &mut notes)?;
    let (color, has_alpha, depth) = form(&reader)?;
    let (width, height) = reader.info().size();
    let channels = color.channels() + usize::from(has_alpha);
    let row = width as usize * channels * usize::from(depth / 8);
    let mut pixels = zeroed::<u8>(row * height as usize)?;
    let mut cut = None;
    if reader.info().interlaced {
        interlaced(&mut reader, &mut pixels, row, width, reading.partial, &mut notes)?;
    } else {
        for (index, row) in pixels.chunks_exact_mut(row).enumerate() {
            if let Err(error) = next(&mut reader, row) {
                cut = Some((index as u32, error));
                break;
            }
        }
    }
    let samples = match depth {
        8 => Samples::U8(pixels),
        _ => Samples::U16(pixels.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect()),
    };
    let image = raster::image((width, height), color, has_alpha, samples)?;
    let image = match cut {
        None => image,
        Some((rows, error)) => {
            let cut = Cut::behind("PNG", rows, height);
            if error.kind() != ErrorKind::Corrupt {
                return Err(error);
            }
            if !reading.partial || rows == 0 {
                return Err(cut.because(&error));
            }
            cut.take(image, true, &mut notes)?
        }
    };
    Ok(Loaded { signal: image.with_metadata(metadata).into(), notes })
}

/// All passes of a picture, each of which makes it finer: what is missing at the end leaves it coarse.
fn interlaced<R: BufRead + Seek>(
    reader: &mut png::Reader<R>,
    pixels: &mut [u8],
    row: usize,
    width: u32,
    partial: bool,
    notes: &mut Vec<String>,
) -> Result<()> {
    let bits = (row / width as usize * 8) as u8;
    let mut rows = 0;
    loop {
        match reader.next_interlaced_row() {
            Ok(Some(next)) => {
                if let png::InterlaceInfo::Adam7(info) = next.interlace() {
                    png::splat_interlaced_row(pixels, row, next.data(), info, bits);
                }
                rows += 1;
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                let (error, place) = (explain(error), format!("in row {rows} of its passes"));
                if error.kind() != ErrorKind::Corrupt || !partial || rows == 0 {
                    return Err(Error::new(
                        error.kind(),
                        format!("{error}, {place} (--partial takes what is there)"),
                    ));
                }
                notes.push(format!("{error}, {place}: coarser than it was"));
                return Ok(());
            }
        }
    }
}

/// What the decoder says of a file that is cut.
const ENDS: &str = "PNG ends too early";

/// A row into its place.
pub fn next<R: BufRead + Seek>(reader: &mut png::Reader<R>, row: &mut [u8]) -> Result<()> {
    reader.read_row(row).map_err(explain)?.map(drop).ok_or_else(|| Error::corrupt(ENDS))
}

/// What the header and the metadata of a file say, and notes on them; `None` if its rows need a conversion.
pub fn info(
    file: impl BufRead + Seek,
    bytes: u64,
    limits: &Limits,
) -> Result<Option<(PictureInfo, Vec<String>)>> {
    let mut notes = Vec::new();
    let (reader, metadata) = open(file, bytes, limits, &mut notes)?;
    let (color, has_alpha, depth) = form(&reader)?;
    if has_alpha || reader.info().interlaced {
        return Ok(None);
    }
    let (width, height) = reader.info().size();
    let mut info = PictureInfo::new(width, height, color, depth);
    info.metadata = metadata;
    Ok(Some((info, notes)))
}

/// The rows of a file that [`info`] knows.
pub fn rows<R: BufRead + Seek>(file: R, limits: &Limits) -> Result<png::Reader<R>> {
    let mut decoder = decoder(file, limits);
    decoder.set_ignore_iccp_chunk(true);
    decoder.read_info().map_err(explain)
}

fn decoder<R: BufRead + Seek>(file: R, limits: &Limits) -> png::Decoder<R> {
    let memory = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(file, png::Limits { bytes: memory });
    decoder.set_ignore_text_chunk(true);
    decoder
}

/// Reads up to the pixels.
fn open<R: BufRead + Seek>(
    mut file: R,
    bytes: u64,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Result<(png::Reader<R>, Metadata)> {
    let mut metadata = Metadata::default();
    png_chunks::read(&mut file, &mut metadata, notes, limits)?;
    file.rewind().map_err(Error::failed)?;
    let mut decoder = decoder(file, limits);
    // Palettes, single bits and a transparent colour become samples of their own.
    decoder.set_transformations(Transformations::EXPAND);
    let before = |error| match explain(error) {
        error if error.to_string() == ENDS => Error::corrupt("PNG ends before its pixels"),
        error => error,
    };
    let size = decoder.read_header_info().map_err(before)?.size();
    check_size(size, u64::from(size.0) * u64::from(size.1), bytes, limits)?;
    let reader = decoder.read_info().map_err(before)?;
    check_size(size, reader.output_buffer_size().unwrap_or(usize::MAX) as u64, bytes, limits)?;
    let info = reader.info();
    if let Some(animation) = info.animation_control {
        let count = animation.num_frames;
        notes.push(format!("an animated PNG of {count} frames: only the still picture is taken"));
    }
    metadata.icc = info.icc_profile.as_ref().map(|icc| icc.to_vec()).filter(|icc| !icc.is_empty());
    Ok((reader, metadata))
}

fn form<R: BufRead + Seek>(reader: &png::Reader<R>) -> Result<(Color, bool, u8)> {
    let (color, depth) = reader.output_color_type();
    let (color, has_alpha) = match color {
        ColorType::Grayscale => (Color::Gray, false),
        ColorType::GrayscaleAlpha => (Color::Gray, true),
        ColorType::Rgb => (Color::Rgb, false),
        ColorType::Rgba => (Color::Rgb, true),
        ColorType::Indexed => return Err(Error::corrupt("malformed PNG: a palette that is none")),
    };
    match depth {
        BitDepth::Eight => Ok((color, has_alpha, 8)),
        BitDepth::Sixteen => Ok((color, has_alpha, 16)),
        _ => Err(Error::corrupt("malformed PNG: a depth that is none")),
    }
}

/// An error of the library, with its place among the exit codes.
pub fn explain(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::corrupt(ENDS)
        }
        DecodingError::IoError(error) => Error::failed(error),
        DecodingError::LimitsExceeded => Error::limit("PNG needs too much memory"),
        error => Error::corrupt(format!("malformed PNG: {error}")),
    }
}
