//! Signals → files.

use crate::arrays::{self, Beside};
use crate::error::Failure;
use crate::models;
use crate::options::{self, Encoding};
use crate::pool;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wavern::errors::ContainerError;
use wavern::search::Watch;
use wavern::{Encoder, Kind, Signal, Tune};

/// Refuses a picture beyond the limits, before anything is copied.
#[pyfunction]
pub fn check_size(height: u64, width: u64, limits: Vec<(String, u64)>) -> PyResult<()> {
    let limits = options::limits(&limits)?;
    let within = |what, asked, allowed| match asked {
        asked if asked > allowed => Err(Failure::from(ContainerError::Limit { what, asked, allowed })),
        _ => Ok(()),
    };
    within("image width", width, limits.side.into())?;
    within("image height", height, limits.side.into())?;
    Ok(within("image pixels", width.saturating_mul(height), limits.pixels)?)
}

/// The file of a picture: pixels `[height, width]` or `[height, width, 3]`, alpha `[height, width]`.
#[pyfunction]
pub fn encode_image<'py>(
    py: Python<'py>,
    pixels: &Bound<'py, PyAny>,
    alpha: Option<Bound<'py, PyAny>>,
    metadata: Beside,
    options: Encoding,
) -> PyResult<Bound<'py, PyBytes>> {
    let image = arrays::image(pixels, alpha.as_ref())?.with_metadata(metadata.into());
    encode(py, Signal::Image(image), &options)
}

/// The file of a sound: samples `[channels, frames]` of float32.
#[pyfunction]
pub fn encode_audio<'py>(
    py: Python<'py>,
    samples: &Bound<'py, PyAny>,
    sample_rate: u32,
    format: &str,
    metadata: Beside,
    options: Encoding,
) -> PyResult<Bound<'py, PyBytes>> {
    let audio = arrays::audio(samples, sample_rate, arrays::format_named(format)?)?;
    encode(py, Signal::Audio(audio.with_metadata(metadata.into())), &options)
}

fn encode<'py>(py: Python<'py>, signal: Signal, options: &Encoding) -> PyResult<Bound<'py, PyBytes>> {
    let weights = match signal {
        Signal::Image(_) => models::encoding(py, Kind::Image, options.tune()?)?,
        Signal::Audio(_) => models::encoding(py, Kind::Audio, Tune::default())?,
    };
    let watch = Watch::default();
    let encoder = Encoder::new(options.options(&watch)?.weights(weights)).map_err(Failure::from)?;
    let hidden = options.keeps_hidden();
    let stop = || watch.stop();
    let encoded = pool::run(py, options.threads, stop, move |_| match signal {
        Signal::Image(image) if hidden => encoder.encode_image(&image),
        Signal::Image(image) => encoder.encode_image(&image.with_hidden_colors_extended()),
        Signal::Audio(audio) => encoder.encode_audio(&audio),
    })?;
    Ok(PyBytes::new(py, &encoded.map_err(Failure::from)?.bytes))
}
