//! What the writers of all picture formats share: samples side by side, and what a format cannot hold.

use super::OutputFormat;
use crate::error::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::fmt;
use wavern::rows::Pixels;
use wavern::{Image, Samples};

/// The error for a picture that does not fit into a format.
pub fn cannot_hold(format: OutputFormat, what: impl fmt::Display) -> Error {
    Error::usage(format!("{format} cannot hold {what} (png can hold every picture)"))
}

/// The error for an encoder that failed.
pub fn failed(format: &str) -> impl Fn(&dyn fmt::Display) -> Error + '_ {
    move |error| Error::new(ErrorKind::Failed, format!("writing {format}: {error}"))
}

/// Pixels with all their channels side by side; with `as_rgb`, gray becomes three equal channels.
fn interleave<T: Copy>(samples: &[T], alpha: Option<&[T]>, channels: usize, as_rgb: bool) -> Vec<T> {
    let copies = if as_rgb && channels == 1 { 3 } else { 1 };
    let pixels = samples.len() / channels;
    let mut out = Vec::with_capacity(pixels * (channels * copies + usize::from(alpha.is_some())));
    for (index, pixel) in samples.chunks_exact(channels).enumerate() {
        for _ in 0..copies {
            out.extend_from_slice(pixel);
        }
        out.extend(alpha.map(|plane| plane[index]));
    }
    out
}

/// [`interleave`] for either depth, without a copy where there is nothing to do.
pub fn pixels(image: &Image, as_rgb: bool) -> Cow<'_, Samples> {
    let channels = image.color().channels();
    if image.alpha().is_none() && !(as_rgb && channels == 1) {
        return Cow::Borrowed(image.samples());
    }
    Cow::Owned(match (image.samples(), image.alpha()) {
        (Samples::U8(samples), Some(Samples::U8(alpha))) => {
            Samples::U8(interleave(samples, Some(alpha), channels, as_rgb))
        }
        (Samples::U16(samples), Some(Samples::U16(alpha))) => {
            Samples::U16(interleave(samples, Some(alpha), channels, as_rgb))
        }
        // `Image` keeps alpha as deep as colour, so what is left has no alpha.
        (Samples::U8(samples), _) => Samples::U8(interleave(samples, None, channels, as_rgb)),
        (Samples::U16(samples), _) => Samples::U16(interleave(samples, None, channels, as_rgb)),
    })
}

/// [`pixels`] of a picture for a format that has no more than 8 bits.
pub fn bytes_of(image: &Image, format: OutputFormat, as_rgb: bool) -> Result<Vec<u8>> {
    match pixels(image, as_rgb).into_owned() {
        Samples::U8(bytes) => Ok(bytes),
        Samples::U16(_) => Err(cannot_hold(format, "16-bit samples")),
    }
}

/// Samples as PNG and PNM have them.
pub fn big_endian(samples: Pixels<'_>) -> Cow<'_, [u8]> {
    match samples {
        Pixels::U8(bytes) => Cow::Borrowed(bytes),
        Pixels::U16(words) => Cow::Owned(words.iter().flat_map(|word| word.to_be_bytes()).collect()),
    }
}
