//! Samples of a TIFF, in the forms that it has for them → 8 or 16 bits, gray or RGB.

use super::packed::{Packed, unpacked};
use crate::error::{Error, Result};
use crate::files::cmyk;
use crate::files::ifd::{Directory, Layout};
use crate::files::raster;
use ::tiff::ColorType;
use ::tiff::decoder::DecodingResult;
use wavern::{Color, Image, Metadata, Samples};

/// What the tags say about samples that the library does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Reds, then greens, then blues, of 16 bits; empty without a palette.
    pub palette: Vec<u16>,
    /// What further samples are: 1 alpha that colours are multiplied by, 2 alpha, 0 something else.
    extra: Option<u64>,
    /// Luma of red, green and blue, of YCbCr.
    luma: [f64; 3],
    /// Inks, which become RGB.
    inks: bool,
    /// Floats, which mean light and not code values.
    linear: bool,
    /// Samples that the library sees as bytes.
    pub packed: Option<Packed>,
}

impl Form {
    /// From the directory of a picture.
    pub fn of(layout: Layout, page: &Directory<'_>) -> Self {
        let integer = |tag| page.find(tag).and_then(|entry| entry.integer(layout));
        let palette = match (integer(262), page.find(320)) {
            (Some(3), Some(map)) => {
                map.bytes.chunks_exact(2).map(|value| layout.number(value) as u16).collect()
            }
            _ => Vec::new(),
        };
        let luma = page.find(529).filter(|entry| entry.bytes.len() == 24 && entry.kind == 5).map(|entry| {
            let at = |index: usize| {
                let part = &entry.bytes[index * 8..];
                layout.number(&part[..4]) as f64 / layout.number(&part[4..8]) as f64
            };
            [at(0), at(1), at(2)]
        });
        let luma = luma.filter(|luma| luma.iter().all(|part| (0.01..1.0).contains(part)));
        Self {
            palette,
            extra: integer(338),
            luma: luma.unwrap_or([0.299, 0.587, 0.114]),
            inks: integer(262) == Some(5),
            linear: integer(339) == Some(3),
            packed: Packed::of(layout, page),
        }
    }

    /// What the metadata of a picture of this form must not, or must, say of its samples as they are now.
    pub fn correct(&self, metadata: &mut Metadata) {
        if self.inks {
            metadata.icc = None;
        }
        if self.linear && metadata.icc.is_none() {
            metadata.png.push(b"gAMA\0\x01\x86\xa0".to_vec());
        }
    }
}

/// Samples as the library gives them, as a picture.
pub fn image(
    samples: DecodingResult,
    color: ColorType,
    size: (u32, u32),
    form: &Form,
    icc: Option<&[u8]>,
    notes: &mut Vec<String>,
) -> Result<Image> {
    if let Some(packed) = form.packed {
        return packed.image(samples, size.1);
    }
    let (channels, bits, alpha) = match color {
        ColorType::Gray(bits) => (1, bits, false),
        ColorType::RGB(bits) | ColorType::YCbCr(bits) => (3, bits, false),
        ColorType::RGBA(bits) => (3, bits, true),
        ColorType::CMYK(bits) => (4, bits, false),
        ColorType::CMYKA(bits) => (4, bits, true),
        ColorType::Multiband { bit_depth, num_samples: 2 } => (1, bit_depth, true),
        other => {
            return Err(Error::unsupported(format!(
                "TIFF of the form {other:?} (expected gray, RGB, CMYK or YCbCr)"
            )));
        }
    };
    let stored = channels + usize::from(alpha);
    let samples = integers(samples, bits, size.0 as usize * stored, form, notes)?;
    if samples.len() != size.0 as usize * size.1 as usize * stored {
        return Err(Error::unsupported("TIFF with more samples than it says"));
    }
    let samples = match color {
        _ if !form.palette.is_empty() => painted(&samples, bits, &form.palette)?,
        ColorType::YCbCr(_) => colored(samples, form.luma)?,
        ColorType::CMYK(_) | ColorType::CMYKA(_) => return inked(samples, alpha, size, icc, notes),
        _ => samples,
    };
    let color = if channels == 1 && form.palette.is_empty() { Color::Gray } else { Color::Rgb };
    let image = raster::image(size, color, alpha, samples)?;
    match (form.extra, alpha) {
        (Some(1), true) => raster::divided(image),
        (Some(0), true) => {
            notes.push("the TIFF does not say what its last channel is: taken for alpha".to_owned());
            Ok(image)
        }
        _ => Ok(image),
    }
}

/// Planes that stand one after the other, as pixels.
pub fn interleaved(samples: DecodingResult, bits: u8, planes: usize) -> Result<DecodingResult> {
    fn pixels<T: Copy>(samples: &[T], planes: usize) -> Vec<T> {
        let length = samples.len() / planes;
        (0..length * planes).map(|at| samples[at % planes * length + at / planes]).collect()
    }
    Ok(match samples {
        DecodingResult::U8(samples) if bits == 8 => DecodingResult::U8(pixels(&samples, planes)),
        DecodingResult::U16(samples) => DecodingResult::U16(pixels(&samples, planes)),
        DecodingResult::U32(samples) => DecodingResult::U32(pixels(&samples, planes)),
        DecodingResult::F16(samples) => DecodingResult::F16(pixels(&samples, planes)),
        DecodingResult::F32(samples) => DecodingResult::F32(pixels(&samples, planes)),
        DecodingResult::F64(samples) => DecodingResult::F64(pixels(&samples, planes)),
        _ => return Err(Error::unsupported(format!("TIFF of {bits} bits in planes (expected 8, 16 or 32)"))),
    })
}

/// Any samples as integers of 8 or 16 bits over their full range.
fn integers(
    samples: DecodingResult,
    bits: u8,
    row: usize,
    form: &Form,
    notes: &mut Vec<String>,
) -> Result<Samples> {
    match samples {
        DecodingResult::U8(bytes) if bits == 8 => Ok(Samples::U8(bytes)),
        DecodingResult::U8(bytes) => {
            // An index stays what it is; a value fills its range.
            let scale = if form.palette.is_empty() { 255 / ((1 << bits) - 1) } else { 1 };
            let rows = bytes.chunks_exact((row * usize::from(bits)).div_ceil(8));
            Ok(Samples::U8(
                rows.flat_map(|bytes| unpacked(bytes, bits.into(), row))
                    .map(|value| value as u8 * scale)
                    .collect(),
            ))
        }
        DecodingResult::U16(words) if bits == 16 => Ok(Samples::U16(words)),
        DecodingResult::U32(values) if bits == 32 => {
            notes.push("integers of 32 bits became 16 bits".to_owned());
            Ok(Samples::U16(values.into_iter().map(|value| (value >> 16) as u16).collect()))
        }
        DecodingResult::F16(values) => floats(values.into_iter().map(f32::from), notes),
        DecodingResult::F32(values) => floats(values.into_iter(), notes),
        DecodingResult::F64(values) => floats(values.into_iter().map(|value| value as f32), notes),
        _ => Err(Error::unsupported(format!(
            "TIFF of signed integers or of {bits} bits (expected at most 16)"
        ))),
    }
}

/// Light from 0 to 1.
fn floats(values: impl Iterator<Item = f32>, notes: &mut Vec<String>) -> Result<Samples> {
    let mut outside = 0u64;
    let words = values.map(|value| {
        outside += u64::from(!(0.0..=1.0).contains(&value));
        (value.clamp(0.0, 1.0) * 65535.0 + 0.5) as u16
    });
    let words: Vec<u16> = words.collect();
    notes.push("floats became integers of 16 bits".to_owned());
    if outside > 0 {
        notes.push(format!("{outside} samples outside of 0 to 1 were clipped"));
    }
    Ok(Samples::U16(words))
}

/// Colours of a palette.
fn painted(indices: &Samples, bits: u8, palette: &[u16]) -> Result<Samples> {
    let count = 1usize << bits.min(16);
    let Samples::U8(indices) = indices else {
        return Err(Error::unsupported("TIFF with a palette of more than 256 colours"));
    };
    if palette.len() != count * 3 {
        return Err(Error::corrupt(format!(
            "{} values in the palette (expected {})",
            palette.len(),
            count * 3
        )));
    }
    // Many writers put 8 bits where 16 belong.
    let shift = if palette.iter().all(|&value| value < 256) { 0 } else { 8 };
    let color = |index: usize| [0, 1, 2].map(|channel| (palette[channel * count + index] >> shift) as u8);
    Ok(Samples::U8(indices.iter().flat_map(|&index| color(usize::from(index))).collect()))
}

/// YCbCr of 8 bits over the full range.
fn colored(samples: Samples, [red, green, blue]: [f64; 3]) -> Result<Samples> {
    let Samples::U8(mut samples) = samples else {
        return Err(Error::unsupported("TIFF with YCbCr of more than 8 bits"));
    };
    for pixel in samples.chunks_exact_mut(3) {
        let [y, cb, cr] = [f64::from(pixel[0]), f64::from(pixel[1]) - 128.0, f64::from(pixel[2]) - 128.0];
        let r = y + cr * (2.0 - 2.0 * red);
        let b = y + cb * (2.0 - 2.0 * blue);
        let g = (y - red * r - blue * b) / green;
        for (value, sample) in [r, g, b].into_iter().zip(pixel) {
            *sample = value.round().clamp(0.0, 255.0) as u8;
        }
    }
    Ok(Samples::U8(samples))
}

fn inked(
    samples: Samples,
    alpha: bool,
    size: (u32, u32),
    icc: Option<&[u8]>,
    notes: &mut Vec<String>,
) -> Result<Image> {
    let samples = match samples {
        Samples::U8(samples) => samples,
        Samples::U16(samples) => {
            notes.push("inks of 16 bits became 8 bits".to_owned());
            samples.into_iter().map(|ink| (ink >> 8) as u8).collect()
        }
    };
    let stored = 4 + usize::from(alpha);
    let inks: Vec<u8> = samples.chunks_exact(stored).flat_map(|pixel| pixel[..4].iter().copied()).collect();
    let (rgb, note) = cmyk::to_rgb(&inks, icc)?;
    notes.push(note);
    let image = Image::new(size.0, size.1, Color::Rgb, Samples::U8(rgb)).map_err(Error::corrupt)?;
    if !alpha {
        return Ok(image);
    }
    let alpha = samples.chunks_exact(stored).map(|pixel| pixel[4]).collect();
    image.with_alpha(Samples::U8(alpha)).map_err(Error::corrupt)
}
