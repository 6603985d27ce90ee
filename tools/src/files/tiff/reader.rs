//! Bytes of a TIFF in, an [`Image`] out.

use super::pages::{self, Pages};
use super::samples::{self, Form};
use super::tags;
use crate::error::{Error, ErrorKind, Result};
use crate::files::cut::{self, Cut};
use crate::files::raster::check_size;
use crate::files::{Loaded, Reading};
use ::tiff::decoder::{ChunkType, Decoder, DecodingResult};
use ::tiff::tags::Tag;
use ::tiff::{ColorType, TiffError};
use std::borrow::Cow;
use std::io::Cursor;
use wavern::Image;
use wavern_bitstream::Limits;

/// Reads a picture.
pub fn read(bytes: &[u8], reading: &Reading) -> Result<Loaded> {
    let mut notes = Vec::new();
    let pages = pages::find(bytes, &mut notes)?;
    let mut metadata = tags::metadata(pages.layout, bytes, &pages.page, &reading.limits, &mut notes)?;
    let form = Form::of(pages.layout, &pages.page);
    let file = readable(bytes, &pages, &form);
    let limits = &reading.limits;
    let icc = metadata.icc.clone();
    let whole = |file: &[u8]| -> Result<(Image, Vec<String>)> {
        let mut decoder = open(file, &pages, &form, limits)?;
        let (size, color) = size(&mut decoder)?;
        let mut samples = DecodingResult::U8(Vec::new());
        let layout = decoder.read_image_to_buffer(&mut samples).map_err(explain)?;
        if layout.planes > 1 {
            samples = samples::interleaved(samples, color.bit_depth(), layout.planes)?;
        }
        let mut notes = Vec::new();
        let image = samples::image(samples, color, size, &form, icc.as_deref(), &mut notes)?;
        Ok((image, notes))
    };
    let image = match whole(&file) {
        Ok((image, more)) => {
            notes.extend(more);
            image
        }
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            let again = |file: &[u8]| whole(file).map(|(image, _)| image);
            let missing = missing(&file, &pages, &form, limits)?;
            match cut::decode(&file, "TIFF", missing, reading, &mut notes, &again) {
                Err(again) if again == error => {
                    strips(&file, &pages, &form, icc.as_deref(), reading, error, &mut notes)?
                }
                image => image?,
            }
        }
        Err(error) => return Err(error),
    };
    form.correct(&mut metadata);
    Ok(Loaded { signal: image.with_metadata(metadata).into(), notes })
}

/// The file as the library reads it: to it an index into a palette is gray, and so is a byte of packed samples.
fn readable<'a>(bytes: &'a [u8], pages: &Pages<'_>, form: &Form) -> Cow<'a, [u8]> {
    if let Some(packed) = form.packed {
        return Cow::Owned(packed.disguised(bytes, pages.layout, &pages.page));
    }
    match (form.palette.is_empty(), pages.page.find(262)) {
        (false, Some(entry)) => {
            let mut copy = bytes.to_vec();
            copy[entry.value_at..entry.value_at + 2].copy_from_slice(&pages.layout.bytes::<2>(1));
            Cow::Owned(copy)
        }
        _ => Cow::Borrowed(bytes),
    }
}

fn open<'a>(
    file: &'a [u8],
    pages: &Pages<'_>,
    form: &Form,
    limits: &Limits,
) -> Result<Decoder<Cursor<&'a [u8]>>> {
    let mut decoder = Decoder::new(Cursor::new(file)).map_err(explain)?;
    if pages.index > 0 {
        decoder.seek_to_image(pages.index).map_err(explain)?;
    }
    let (size, color) = size(&mut decoder)?;
    let samples = decoder.find_tag_unsigned::<u16>(Tag::SamplesPerPixel).map_err(explain)?.unwrap_or(1);
    let bits = u64::from(size.0) * u64::from(size.1) * u64::from(samples) * u64::from(color.bit_depth());
    let width = form.packed.map_or(size.0, |packed| packed.width);
    check_size((width, size.1), bits.div_ceil(8), file.len() as u64, limits)?;
    let room = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    let mut bounds = ::tiff::decoder::Limits::default();
    bounds.decoding_buffer_size = room;
    bounds.intermediate_buffer_size = room;
    bounds.ifd_value_size = room;
    Ok(decoder.with_limits(bounds))
}

fn size(decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<((u32, u32), ColorType)> {
    let size = decoder.dimensions().map_err(explain)?;
    Ok((size, decoder.colortype().map_err(explain)?))
}

/// An upper bound on the bytes that a file without compression may lack.
fn missing(file: &[u8], pages: &Pages<'_>, form: &Form, limits: &Limits) -> Result<u64> {
    let mut decoder = open(file, pages, form, limits)?;
    Ok(decoder.image_buffer_layout().map_err(explain)?.complete_len as u64)
}

/// The strips of a file that are whole, if it has several.
fn strips(
    file: &[u8],
    pages: &Pages<'_>,
    form: &Form,
    icc: Option<&[u8]>,
    reading: &Reading,
    error: Error,
    notes: &mut Vec<String>,
) -> Result<Image> {
    let mut decoder = open(file, pages, form, &reading.limits)?;
    let (size, color) = size(&mut decoder)?;
    let layout = decoder.image_buffer_layout().map_err(explain)?;
    if decoder.get_chunk_type() != ChunkType::Strip || layout.planes != 1 {
        return Err(error);
    }
    let mut whole = DecodingResult::U8(Vec::new());
    decoder.read_chunk_to_buffer(&mut whole, 0, size.0 as usize).map_err(|_| error.clone())?;
    whole.resize_to(&layout, &::tiff::decoder::Limits::default()).map_err(explain)?;
    let row = layout.row_stride.map_or(0, usize::from);
    let (count, rows) = (decoder.strip_count().map_err(explain)?, decoder.chunk_dimensions().1);
    let mut there = 0;
    for strip in 0..count {
        let from = row * there as usize;
        let mut buffer = whole.as_buffer(0);
        let Some(place) = buffer.as_bytes_mut().get_mut(from..) else { break };
        if decoder.read_chunk_bytes(strip, place).is_err() {
            break;
        }
        there = (there + rows).min(size.1);
    }
    if there == 0 || there == size.1 {
        return Err(error);
    }
    let image = samples::image(whole, color, size, form, icc, notes)?;
    Cut::behind("TIFF", there, size.1).take(image, reading.partial, notes)
}

/// An error of the library, with its place among the exit codes.
fn explain(error: TiffError) -> Error {
    match error {
        TiffError::UnsupportedError(what) => Error::unsupported(format!("TIFF that cannot be read: {what}")),
        TiffError::LimitsExceeded => Error::limit("TIFF needs too much memory"),
        TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::corrupt("TIFF ends too early")
        }
        error => Error::corrupt(format!("malformed TIFF: {error}")),
    }
}
